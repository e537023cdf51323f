/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/switch_aarch64 - leave one stack, go on at another.
 *
 * void fiber_switch(void **save, void *load): x19-x30 and d8-d15, which a
 * called function keeps by the procedure call standard, stay on the stack that
 * is left.  fiber_entry is where a new stack begins: x19 is the argument, x20
 * the function.  `hint #34` is the landing pad "bti c", a no-op on older cores.
 */
	.text
	.globl fiber_switch
	.hidden fiber_switch
	.type fiber_switch, %function
	.p2align 4
fiber_switch:
	.cfi_startproc
	hint #34
	sub sp, sp, #160
	.cfi_adjust_cfa_offset 160
	stp x19, x20, [sp, #0]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	.cfi_rel_offset x29, 80
	.cfi_rel_offset x30, 88
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	mov sp, x1
	ldp x19, x20, [sp, #0]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	.cfi_adjust_cfa_offset -160
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size fiber_switch, .-fiber_switch

	.globl fiber_entry
	.hidden fiber_entry
	.type fiber_entry, %function
	.p2align 4
fiber_entry:
	.cfi_startproc
	.cfi_undefined x30
	hint #34
	mov x0, x19
	blr x20
	brk #1
	.cfi_endproc
	.size fiber_entry, .-fiber_entry

	.section .note.gnu.property, "a"
	.p2align 3
	.long 4
	.long 16
	.long 5
	.asciz "GNU"
	.long 0xc0000000
	.long 4
	.long 1
	.long 0
	.section .note.GNU-stack, "", %progbits

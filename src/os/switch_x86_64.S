/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/switch_x86_64 - leave one stack, go on at another.
 *
 * void fiber_switch(void **save, void *load): the callee-saved registers of the
 * System V ABI, and the control words of SSE and x87, are kept on the stack
 * that is left.  fiber_entry is where a new stack begins: r12 is the argument,
 * r13 the function.  Marked for indirect branch tracking (endbr64) and not for
 * shadow stacks, which such a switch would have to swap too: the linker then
 * turns those off for the program.
 */
	.text
	.globl fiber_switch
	.hidden fiber_switch
	.type fiber_switch, @function
	.p2align 4
fiber_switch:
	.cfi_startproc
	endbr64
	pushq %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq %r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq %r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq %r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq %r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq $8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr (%rsp)
	fnstcw 4(%rsp)
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	ldmxcsr (%rsp)
	fldcw 4(%rsp)
	addq $8, %rsp
	.cfi_adjust_cfa_offset -8
	popq %r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq %r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq %r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq %r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size fiber_switch, .-fiber_switch

	.globl fiber_entry
	.hidden fiber_entry
	.type fiber_entry, @function
	.p2align 4
fiber_entry:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	movq %r12, %rdi
	call *%r13
	ud2
	.cfi_endproc
	.size fiber_entry, .-fiber_entry

	.section .note.gnu.property, "a"
	.p2align 3
	.long 4
	.long 16
	.long 5
	.asciz "GNU"
	.long 0xc0000002
	.long 4
	.long 1
	.long 0
	.section .note.GNU-stack, "", @progbits

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Cross-builds the fibers for aarch64 and runs them under qemu-user.
# Argument: the source folder.  Exit status 77 (skipped) without the tools.
set -eu
root=$1
compiler=aarch64-linux-gnu-gcc
command -v "$compiler" >/dev/null && command -v qemu-aarch64 >/dev/null || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$compiler" -D_GNU_SOURCE= -static -std=gnu17 -O2 -g -Wall -Wextra \
	-mbranch-protection=standard -I"$root/src" -o "$out/fibers" \
	"$root/test/unit/os/fiber_plain.c" \
	"$root/src/os/fiber.c" "$root/src/os/loop.c" "$root/src/os/switch.c" \
	"$root/src/os/switch_aarch64.S" "$root/src/os/sim.c" \
	"$root/src/os/sim_sock.c" "$root/src/os/sim_fault.c" "$root/src/os/world.c" "$root/src/os/addr.c" \
	"$root/src/base/heap.c" "$root/src/base/ensure.c" "$root/src/base/buf.c" \
	"$root/src/os/file.c" "$root/src/base/span.c"
qemu-aarch64 "$out/fibers"

# SPDX-License-Identifier: Apache-2.0
# The front door; meson and ninja do the work.  Only `make` writes to build/.
#
#   make                 what is needed to build, and a release build in build/
#   make check           everything that can be tested here
#   make check-long      the slow rest, check-fresh included
#   make check-mutants   do the crash tests see what they are for?
#   make check-fresh     the README's commands, typed in a new Debian 12
#   make demo [ONCE=1]   a whole server in a throw-away folder
#   make fuzz MINUTES=n  every parser's fuzzer for that long in all
#   make fuzz-cover      how much of each parser the fuzzers reach; 85 % at least
#   make bench [PEER=p]  figures, beside those of a peer such as postfix+dovecot
#   make install         DESTDIR= is honoured; PREFIX= counts when first built
#   make clean

PREFIX ?= /usr/local
MINUTES ?= 10
ONCE ?=
PEER ?=

all:
	@tool/packages install
	@said=$$(meson setup build --prefix=$(PREFIX) \
		$(if $(wildcard build/build.ninja),--reconfigure) 2>&1) || \
		{ echo "$$said"; exit 1; }
	@ninja -C build

check:
	@tool/packages install --test
	@tool/check

check-long:
	@tool/packages install --test
	@tool/check --long

check-mutants:
	@tool/packages install --test
	@tool/check mutants

check-fresh:
	@tool/fresh

demo: all
	@ONCE=$(ONCE) tool/demo

fuzz:
	@tool/check --minutes $(MINUTES) fuzz

fuzz-cover:
	@tool/packages install --test
	@tool/fuzzcover

bench: all
	@test/bench/run $(addprefix --peer ,$(PEER))

install: all
	@meson install -C build --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))

clean:
	rm -rf build build-check build-clang build-fuzz build-cover build-bench

.PHONY: all check check-long check-mutants check-fresh demo fuzz fuzz-cover bench install clean

# ccvm: `make` builds everything into build/, runnable from there without installing.
# `make run` and `make check` also install what they need (mk/deps.sh) and build the guest image.
# The whole build is this file and mk/*.mk; there is no configure step.

include mk/flags.mk
include mk/programs.mk
include mk/guest.mk
include mk/tests.mk

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
all: programs guest

run: deps-run
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@mk/run.sh

check: deps-check
	@$(MAKE) --no-print-directory -j$$(nproc) all tests
	@mk/check.sh

bench: deps-bench
	@$(MAKE) --no-print-directory all
	@mk/bench.sh

# The dependencies come first and alone: pkg-config and headers may be among them.
deps-build:
	@mk/deps.sh build
deps-run: deps-build
	@mk/deps.sh image run
deps-check: deps-build
	@mk/deps.sh image run check
deps-bench: deps-build
	@mk/deps.sh image run check bench

# Into DESTDIR, below PREFIX (default /usr/local). Nothing is built or fetched beyond `make`.
install: all
	mk/install.sh install
uninstall:
	mk/install.sh uninstall
export DESTDIR PREFIX ZSHDIR PARTS

# What takes long and needs the mirror: the packages in new roots of Debian 12 and 13 (root only), and an image that is built twice.
# `mk/fresh.sh readme` and `mk/fresh.sh quick` do the README's commands in such roots.
check-fresh:
	mk/fresh.sh packages
	guest/image/reprotest.sh

# Moves the pinned Claude Code to the newest version, or to CLAUDE_VERSION.
pin:
	guest/image/update-pin.sh $(CLAUDE_VERSION)

clean:
	rm -rf build

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: all run check check-fresh bench install uninstall pin deps-build deps-run deps-check deps-bench clean format

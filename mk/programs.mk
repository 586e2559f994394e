# Host programs. A folder of src/ is a module set; a program lists the folders it may use, lowest first
# (tests/rules.toml says who may include whom).
B := build
BIN := $(B)/bin
LIBEXEC := $(B)/libexec/ccvm
SHARE := $(B)/share/ccvm

pkg_cflags = $(shell pkg-config --cflags $(1) 2>/dev/null)
pkg_libs = $(shell pkg-config --libs $(1) 2>/dev/null)

area_srcs = $(sort $(wildcard $(addsuffix /*.c,$(addprefix src/,$(1)))))
objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

HOST_CFLAGS = $(BASE_CFLAGS) $(HARDEN) -fPIE -DCCVM_VERSION='"$(VERSION)"' $(CFLAGS)
HOST_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
VERSION := $(shell sed -n 's/^\#\# \([0-9][0-9.]*\).*/\1/p' CHANGELOG.md 2>/dev/null | head -1)

$(B)/obj/%.o: %.c mk/flags.mk
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

# A folder of src/ is a static library; src/cmd has the mains.
AREAS := $(filter-out cmd,$(patsubst src/%/,%,$(wildcard src/*/)))
ALL_PKGS := libuv libssh slirp libseccomp ncursesw libcares libidn2 vterm termkey libxxhash libcrypto
$(B)/obj/%.o: PKG_CFLAGS = $(call pkg_cflags,$(ALL_PKGS))
define area_library
# The folder itself, since a file that went leaves no other trace.
$(B)/lib/lib$(1).a: $(call objs,$(call area_srcs,$(1))) src/$(1)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcs $$@ $$(filter %.o,$$^)
-include $(patsubst %.o,%.d,$(call objs,$(call area_srcs,$(1))))
endef
$(foreach a,$(AREAS),$(eval $(call area_library,$(a))))

# program = libraries, packages. tests/rules.toml says which folders may include which.
ccvm_LIBS := client clip conf vm sandbox loop proto base
ccvm_PKGS := libuv libidn2
ccvmctl_LIBS := ctl client clip conf vm net sandbox loop proto base
ccvmctl_PKGS := libuv libxxhash ncursesw libidn2
ccvm-tui_LIBS := ui client clip conf loop proto base
ccvm-tui_PKGS := libuv ncursesw termkey libidn2
ccvm-session_LIBS := session ssh clip seed vm conf sandbox loop proto base
ccvm-session_PKGS := libuv libssh libseccomp libxxhash libidn2 libcrypto
ccvm-template_LIBS := template vm sandbox loop proto base
ccvm-template_PKGS := libuv libseccomp libxxhash libidn2 libcrypto
ccvm-net_LIBS := net sandbox proto base
ccvm-net_PKGS := slirp libseccomp libcares
ccvm-term_LIBS := term sandbox proto base
ccvm-term_PKGS := vterm libseccomp
ccvm-fs_LIBS := fs sandbox proto base
ccvm-fs_PKGS := libseccomp
ccvm-clip_LIBS := clip proto base
ccvm-clip_PKGS :=

define program
$(2)/$(1): $(call objs,src/cmd/$(1).c) $(patsubst %,$(B)/lib/lib%.a,$($(1)_LIBS))
	@mkdir -p $$(@D)
	$$(CC) $$(HOST_LDFLAGS) -o $$@ $$^ $$(call pkg_libs,$$($(1)_PKGS))
programs: $(2)/$(1)
-include $(patsubst %.o,%.d,$(call objs,src/cmd/$(1).c))
endef
$(eval $(call program,ccvm,$(BIN)))
$(eval $(call program,ccvmctl,$(BIN)))
$(eval $(call program,ccvm-tui,$(BIN)))
$(eval $(call program,ccvm-session,$(LIBEXEC)))
$(eval $(call program,ccvm-net,$(LIBEXEC)))
$(eval $(call program,ccvm-term,$(LIBEXEC)))
$(eval $(call program,ccvm-fs,$(LIBEXEC)))
$(eval $(call program,ccvm-clip,$(LIBEXEC)))
$(eval $(call program,ccvm-template,$(LIBEXEC)))

# What an old QEMU loads: position-independent, of no library, and without the checks that would call one.
programs: $(LIBEXEC)/ccvm-ram.so
$(LIBEXEC)/ccvm-ram.so: src/cmd/ccvm-ram.c src/vm/qemu_args.h mk/flags.mk
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(HARDEN) -fno-stack-protector -fPIC -fvisibility=hidden -shared -nostdlib -Wl,-z,relro,-z,now $(CFLAGS) $(LDFLAGS) -o $@ $<

# The image builder is used from build/ in place.
programs: $(SHARE)/image
$(SHARE)/image:
	@mkdir -p $(SHARE)
	ln -sfn ../../../guest/image $@

# Man pages, where man(1) finds them beside build/bin, and completions. Options, commands and keys stand in the programs'
# own tables, and mk/pages.sh reads them from there.
MAN := $(B)/share/man
COMPLETIONS := $(B)/share/completions
PAGES := ccvm.1 ccvm-tui.1 ccvmctl.1 ccvm-config.5 ccvm-guest.7 ccvm-security.7
PAGE_FILES := $(foreach p,$(PAGES),$(MAN)/man$(subst .,,$(suffix $(p)))/$(p))
COMPLETION_FILES := $(addprefix $(COMPLETIONS)/,ccvm.bash _ccvm ccvm.fish)
TABLES := $(addprefix $(BIN)/,ccvm ccvmctl ccvm-tui)
programs: $(PAGE_FILES) $(COMPLETION_FILES)

$(MAN)/man1/%: man/%.in mk/pages.sh $(TABLES)
	@mkdir -p $(@D)
	mk/pages.sh page $(BIN) $< >$@
$(MAN)/man5/%: man/%.in mk/pages.sh $(TABLES)
	@mkdir -p $(@D)
	mk/pages.sh page $(BIN) $< >$@
$(MAN)/man7/%: man/%.in mk/pages.sh $(TABLES)
	@mkdir -p $(@D)
	mk/pages.sh page $(BIN) $< >$@
$(COMPLETIONS)/%: completions/%.in mk/pages.sh $(TABLES)
	@mkdir -p $(@D)
	mk/pages.sh completion $(BIN) $< >$@

.PHONY: programs

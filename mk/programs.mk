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

# program = areas, packages
ccvm_AREAS := base proto loop conf client
ccvm_PKGS := libuv libidn2
# pure modules of src/clip that a client uses
CLIENT_CLIP := $(patsubst %,src/clip/clip_%.c,hold image kitty path request typed)
ccvm_FILES := src/vm/image.c $(CLIENT_CLIP)
ccvm-session_AREAS := base proto loop conf seed vm ssh clip session
ccvm-clip_AREAS := base clip
ccvm-clip_PKGS :=
ccvm-clip_FILES := src/proto/wire.c src/proto/message.c
ccvm-session_PKGS := libuv libssh libseccomp libxxhash libidn2 libcrypto
ccvm-template_AREAS := base proto loop vm template
ccvm-template_PKGS := libuv libseccomp libxxhash libcrypto
ccvm-net_AREAS := base net
ccvm-net_PKGS := slirp libseccomp libcares
ccvm-term_AREAS := base term
ccvm-term_PKGS := vterm libseccomp
ccvm-term_FILES := src/proto/message.c src/proto/wire.c src/proto/view.c src/proto/links.c
ccvm-tui_AREAS := base proto loop conf client ui
ccvm-tui_PKGS := libuv ncursesw termkey libidn2
ccvmctl_AREAS := base proto loop conf client ctl
ccvmctl_PKGS := libuv libxxhash ncursesw libidn2
ccvm-tui_FILES := $(CLIENT_CLIP)
ccvmctl_FILES := $(CLIENT_CLIP) $(addprefix src/vm/,accel.c callfilter.c checked.c image.c jail.c qemu.c qemu_args.c ramfile.c template.c) src/net/net_rules.c src/net/net_reach.c src/net/net_address.c

define program
$(1)_OBJS := $$(call objs,src/$(1).c $$($(1)_FILES) $$(call area_srcs,$$($(1)_AREAS)))
$$($(1)_OBJS): PKG_CFLAGS = $$(call pkg_cflags,libuv libssh slirp libseccomp ncursesw libcares libidn2 vterm termkey)
$(2)/$(1): $$($(1)_OBJS)
	@mkdir -p $$(@D)
	$$(CC) $$(HOST_LDFLAGS) -o $$@ $$^ $$(call pkg_libs,$$($(1)_PKGS))
programs: $(2)/$(1)
-include $$($(1)_OBJS:.o=.d)
endef
$(eval $(call program,ccvm,$(BIN)))
$(eval $(call program,ccvmctl,$(BIN)))
$(eval $(call program,ccvm-tui,$(BIN)))
$(eval $(call program,ccvm-session,$(LIBEXEC)))
$(eval $(call program,ccvm-net,$(LIBEXEC)))
$(eval $(call program,ccvm-term,$(LIBEXEC)))
$(eval $(call program,ccvm-clip,$(LIBEXEC)))
$(eval $(call program,ccvm-template,$(LIBEXEC)))

# What an old QEMU loads: position-independent, of no library, and without the checks that would call one.
programs: $(LIBEXEC)/ccvm-ram.so
$(LIBEXEC)/ccvm-ram.so: src/ccvm-ram.c src/vm/qemu_args.h mk/flags.mk
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

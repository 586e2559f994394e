# Guest programs: static, so that the same files run in any guest image, packed into a small cpio archive
# that ccvm-session puts behind the image's modules as the initramfs. A change here reaches the next guest
# without rebuilding the image.
G := $(B)/guest
GUEST_CFLAGS = $(BASE_CFLAGS) $(HARDEN) -Iguest -ffunction-sections -fdata-sections
STRIP ?= strip
GUEST_LDFLAGS = -static -Wl,--gc-sections

$(G)/obj/%.o: %.c mk/flags.mk
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

GUEST_BASE := $(patsubst %.c,$(G)/obj/%.o,$(wildcard src/base/*.c) src/proto/line.c src/proto/guest.c)
define guest_program
$(G)/bin/$(1): $$(patsubst %.c,$(G)/obj/%.o,$$(wildcard guest/$(2)/*.c)) $$(GUEST_BASE)
	@mkdir -p $$(@D)
	$$(CC) $$(GUEST_LDFLAGS) -o $$@ $$^
-include $$(patsubst %.c,$(G)/obj/%.d,$$(wildcard guest/$(2)/*.c))
endef
$(eval $(call guest_program,ccvm-init,init))
$(eval $(call guest_program,ccvm-launch,launch))
$(eval $(call guest_program,ccvm-report,report))
$(eval $(call guest_program,ccvm-hook,hook))
$(eval $(call guest_program,ccvm-clip,clip))

# The one program that is linked with the image's own libraries: Debian has no static libcryptsetup. An image whose libraries are where
# its linker does not look (nix/guest.nix) names them in /usr/lib/ccvm.
$(G)/obj/guest/pool/%.o: GUEST_CFLAGS += -fPIE $(call pkg_cflags,libcryptsetup)
$(G)/bin/ccvm-pool: $(patsubst %.c,$(G)/obj/%.o,$(wildcard guest/pool/*.c)) $(G)/obj/pie/mem.o
	@mkdir -p $(@D)
	$(CC) -pie -Wl,-z,relro,-z,now -Wl,-rpath,/usr/lib/ccvm -o $@ $^ $(call pkg_libs,libcryptsetup)
$(G)/obj/pie/mem.o: src/base/mem.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -fPIE -MMD -MP -c -o $@ $<
-include $(patsubst %.c,$(G)/obj/%.d,$(wildcard guest/pool/*.c)) $(G)/obj/pie/mem.d

# The archive: /init and /bin/*.
GUEST_BIN := ccvm-launch ccvm-report ccvm-hook ccvm-clip ccvm-pool
$(LIBEXEC)/guest.cpio: $(addprefix $(G)/bin/,ccvm-init $(GUEST_BIN))
	@mkdir -p $(@D) $(G)/root/bin
	@cp $(G)/bin/ccvm-init $(G)/root/init
	@cp $(addprefix $(G)/bin/,$(GUEST_BIN)) $(G)/root/bin/
	@$(STRIP) $(G)/root/init $(G)/root/bin/*
	@chmod 0755 $(G)/root $(G)/root/bin $(G)/root/init $(G)/root/bin/*
	@touch -d @$${SOURCE_DATE_EPOCH:-0} $(G)/root/init $(G)/root/bin/* $(G)/root/bin
	cd $(G)/root && printf '%s\n' init bin $(addprefix bin/,$(GUEST_BIN)) | \
		cpio --quiet -o -H newc -R 0:0 --reproducible > ../guest.cpio.tmp
	@mv $(G)/guest.cpio.tmp $@

guest: $(LIBEXEC)/guest.cpio
.PHONY: guest

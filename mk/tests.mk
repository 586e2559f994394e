# Unit tests (cmocka) and fuzz targets, both built with ASan and UBSan. A test file tests/unit/NAME_test.c
# says in a comment `areas: base conf` which libraries (folders of src/) it links; so does tests/fuzz/NAME.c.
# Single modules are named in full, on a line of their own: ` * files: guest/init/stage.c src/vm/qmp.c`.
T := $(B)/test
TEST_CFLAGS = $(BASE_CFLAGS) $(SAN_CFLAGS) -DCCVM_VERSION='"test"' -Iguest -Itests $(CFLAGS)
TEST_PKGS := libcjson libuv libssh slirp libseccomp libxxhash libcares libidn2 libcrypto vterm termkey ncursesw cmocka

note = $(shell sed -n 's,^\(/\*\| \*\) $(1): \([a-z0-9_/. -]*[a-z0-9_]\).*,\2,p' $(2) | head -1)
test_srcs = $(1) $(call note,files,$(1))
test_libs = $(patsubst %,$(T)/lib/lib%.a,$(call note,areas,$(1)))

$(T)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(TEST_PKG_CFLAGS) -MMD -MP -c -o $@ $<
$(T)/obj/%.o: TEST_PKG_CFLAGS = $(call pkg_cflags,$(TEST_PKGS))

define test_library
$(T)/lib/lib$(1).a: $(patsubst %.c,$(T)/obj/%.o,$(call area_srcs,$(1))) src/$(1)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcs $$@ $$(filter %.o,$$^)
-include $(patsubst %.c,$(T)/obj/%.d,$(call area_srcs,$(1)))
endef
$(foreach a,$(AREAS),$(eval $(call test_library,$(a))))

define test_program
$(2)_OBJS := $$(patsubst %.c,$(T)/obj/%.o,$$(call test_srcs,$(1)) $(3))
$(2)_LIBS := $$(call test_libs,$(1))
$(2): $$($(2)_OBJS) $$($(2)_LIBS)
	@mkdir -p $$(@D)
	$$(CC) $$(SAN_CFLAGS) $$(LDFLAGS) -o $$@ $$($(2)_OBJS) -Wl,--start-group $$($(2)_LIBS) -Wl,--end-group -Wl,--as-needed $$(call pkg_libs,$$(TEST_PKGS))
tests: $(2)
-include $$($(2)_OBJS:.o=.d)
endef
UNIT_TESTS := $(wildcard tests/unit/*_test.c)
FUZZ_TARGETS := $(filter-out %/fuzz_main.c,$(wildcard tests/fuzz/*.c))
$(foreach t,$(UNIT_TESTS),$(eval $(call test_program,$(t),$(T)/unit/$(basename $(notdir $(t))))))
# fuzz_main.c replays corpus files through LLVMFuzzerTestOneInput; `make fuzz-NAME` links libFuzzer instead, and leaves what it finds in
# build/, from where a case that is worth keeping is moved to the corpus by hand.
$(foreach t,$(FUZZ_TARGETS),$(eval $(call test_program,$(t),$(T)/fuzz/$(basename $(notdir $(t))),tests/fuzz/fuzz_main.c)))

fuzz-%: tests/fuzz/%.c
	@mkdir -p $(T)/libfuzzer/found/$* tests/fuzz/corpus/$*
	clang $(TEST_CFLAGS) $(call pkg_cflags,$(TEST_PKGS)) -fsanitize=fuzzer -o $(T)/libfuzzer/$* \
		$(call test_srcs,tests/fuzz/$*.c) $(call area_srcs,$(call note,areas,tests/fuzz/$*.c)) -Wl,--as-needed $(call pkg_libs,$(TEST_PKGS))
	$(T)/libfuzzer/$* -max_total_time=$(or $(FUZZ_SECONDS),60) -artifact_prefix=$(T)/libfuzzer/ $(T)/libfuzzer/found/$* tests/fuzz/corpus/$*

# A tool that mounts ccvm-fs on this machine by the guest's relay.
$(T)/fs/fsmount: $(B)/obj/tests/fs/fsmount.o $(B)/obj/guest/init/fsrelay.o $(B)/obj/guest/init/fstouch.o $(B)/lib/libbase.a
	@mkdir -p $(@D)
	$(CC) $(HOST_LDFLAGS) -o $@ $^
$(B)/obj/tests/fs/fsmount.o $(B)/obj/guest/init/fsrelay.o $(B)/obj/guest/init/fstouch.o: HOST_CFLAGS += -Iguest
# One that shows what ccvm-fs takes for keys of git's configuration.
$(T)/fs/gitconfig: $(B)/obj/tests/fs/gitconfig.o $(B)/lib/libfs.a $(B)/lib/libbase.a
	@mkdir -p $(@D)
	$(CC) $(HOST_LDFLAGS) -o $@ $^
# One that shows the list of a journal.
$(T)/fs/journal: $(B)/obj/tests/fs/journal.o $(B)/lib/libfs.a $(B)/lib/libbase.a
	@mkdir -p $(@D)
	$(CC) $(HOST_LDFLAGS) -o $@ $^
tests: $(T)/fs/fsmount $(T)/fs/gitconfig $(T)/fs/journal
-include $(B)/obj/tests/fs/fsmount.d $(B)/obj/tests/fs/gitconfig.d $(B)/obj/tests/fs/journal.d $(B)/obj/guest/init/fsrelay.d $(B)/obj/guest/init/fstouch.d

unit: tests
	tests/run.py --no-system
.PHONY: tests unit

# docs/protocols, from the tables of src/proto.
build/tools/protocols: $(B)/obj/tools/protocols.o $(B)/lib/libproto.a $(B)/lib/libbase.a
	@mkdir -p $(@D)
	$(CC) $(HOST_LDFLAGS) -o $@ $^
-include $(B)/obj/tools/protocols.d
programs: build/tools/protocols
protocols: build/tools/protocols
	@mkdir -p docs/protocols
	build/tools/protocols docs/protocols
.PHONY: protocols

# The programs once more, with the hooks that make guests fail for tests (conf/env.c reads them, proto/hostenv.c hands them on);
# everything else is what `make` made.
H := build/hooks
HOOKED := $(H)/bin/ccvm $(H)/bin/ccvmctl $(H)/libexec/ccvm/ccvm-session $(H)/libexec/ccvm/ccvm-template
HOOK_OBJS := $(H)/conf/env.o $(H)/proto/hostenv.o
$(HOOK_OBJS): $(H)/%.o: src/%.c mk/flags.mk
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -DCCVM_TEST_HOOKS -MMD -MP -c -o $@ $<
-include $(HOOK_OBJS:.o=.d)
define hooked_program
$(1): $(call objs,src/cmd/$(notdir $(1)).c) $(HOOK_OBJS) $(patsubst %,$(B)/lib/lib%.a,$($(notdir $(1))_LIBS))
	@mkdir -p $$(@D)
	$$(CC) $$(HOST_LDFLAGS) -o $$@ $$^ $$(call pkg_libs,$$($(notdir $(1))_PKGS))
endef
$(foreach p,$(HOOKED),$(eval $(call hooked_program,$(p))))
$(H)/complete: $(HOOKED) all
	@for f in $(B)/bin/* $(B)/libexec/ccvm/*; do \
		case " $(HOOKED) " in *" $(H)/$${f#$(B)/} "*) ;; *) cp -f "$$f" "$(H)/$${f#$(B)/}" ;; esac; \
	done
	@touch $@
tests: $(H)/complete

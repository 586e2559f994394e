/* areas: base
 * files: src/vm/qemu_args.c
 * The QEMU command line: two whole ones, and what holds for every one. */
#include "unit/unit.h"

#include "vm/qemu_args.h"

static const struct accel tcg = {"auto", "tcg", "max", false};
static const struct accel kvm = {"kvm", "kvm", "host", true};

static const struct qemu_spec plain = {
	.program = "qemu-system-x86_64",
	.machine = "microvm",
	.accel = &tcg,
	.tsc_khz = 2400000,
	.memory_mib = 4096,
	.cores = 2,
	.kernel = "/image/vmlinuz",
	.root_image = "/image/root.squashfs",
	.sandbox = true,
};

#define SANDBOX "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
#define KERNEL_LINE                                                                                \
	"console=ttyS0 quiet loglevel=4 panic=-1 reboot=t no_timer_check random.trust_cpu=on "     \
	"8250.nr_uarts=1 "                                                                         \
	"cryptomgr.notests rcupdate.rcu_expedited=1 nohibernate"

/* clang-format off */
static const char *const plain_argv[] = {
	"qemu-system-x86_64", "-name", "ccvm", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
	"-parallel", "none",
	"-sandbox", SANDBOX,
	"-machine", "microvm,acpi=on,rtc=on,pit=on,pic=on,ioapic2=off,pcie=off,usb=off,mem-merge=off", "-accel", "tcg,tb-size=256",
	"-cpu", "max", "-smp", "2", "-m", "4096M",
	"-kernel", "/image/vmlinuz", "-initrd", "/proc/self/fd/8",
	"-append", KERNEL_LINE " mitigations=off norandmaps no5lvl maxcpus=1 noreplace-smp no_ipi_broadcast=1 tsc=reliable tsc_early_khz=2400000 lpj=9600000",
	"-chardev", "socket,id=qmp,fd=3", "-mon", "chardev=qmp,mode=control",
	"-chardev", "socket,id=console,fd=4", "-serial", "chardev:console",
	"-device", "virtio-serial-device,id=ports,max_ports=4",
	"-chardev", "socket,id=ctl,fd=5", "-device", "virtserialport,bus=ports.0,nr=1,chardev=ctl,name=ccvm.ctl",
	"-chardev", "socket,id=ssh,fd=6", "-device", "virtserialport,bus=ports.0,nr=2,chardev=ssh,name=ccvm.ssh",
	"-chardev", "socket,id=fs,fd=13", "-device", "virtserialport,bus=ports.0,nr=3,chardev=fs,name=ccvm.fs",
	"-blockdev",
	"driver=raw,node-name=root,read-only=on,file.driver=file,file.filename=/image/root.squashfs,file.locking=off",
	"-device", "virtio-blk-device,drive=root,serial=ccvm-root",
	"-netdev", "stream,id=net,server=off,addr.type=fd,addr.str=7",
	"-device", "virtio-net-device,netdev=net,mac=52:54:00:12:34:56,host_mtu=16000",
	"-object", "rng-builtin,id=rng", "-device", "virtio-rng-device,rng=rng",
};

/* Everything the other way: KVM on a PCI machine, locked memory, commas. */
static const char *const full_argv[] = {
	"qemu-system-x86_64", "-name", "ccvm", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
	"-parallel", "none",
	"-machine", "q35,mem-merge=off", "-accel", "kvm",
	"-cpu", "host", "-smp", "1", "-m", "512M", "-overcommit", "mem-lock=on",
	"-kernel", "/i,1/vmlinuz", "-initrd", "/proc/self/fd/8", "-append", KERNEL_LINE,
	"-chardev", "socket,id=qmp,fd=3", "-mon", "chardev=qmp,mode=control",
	"-chardev", "socket,id=console,fd=4", "-serial", "chardev:console",
	"-device", "virtio-serial-pci,id=ports,max_ports=4",
	"-chardev", "socket,id=ctl,fd=5", "-device", "virtserialport,bus=ports.0,nr=1,chardev=ctl,name=ccvm.ctl",
	"-chardev", "socket,id=ssh,fd=6", "-device", "virtserialport,bus=ports.0,nr=2,chardev=ssh,name=ccvm.ssh",
	"-chardev", "socket,id=fs,fd=13", "-device", "virtserialport,bus=ports.0,nr=3,chardev=fs,name=ccvm.fs",
	"-blockdev",
	"driver=raw,node-name=root,read-only=on,file.driver=file,file.filename=/i,,1/root,file.locking=off",
	"-device", "virtio-blk-pci,drive=root,serial=ccvm-root",
	"-netdev", "stream,id=net,server=off,addr.type=fd,addr.str=7",
	"-device", "virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,host_mtu=16000",
	"-object", "rng-builtin,id=rng", "-device", "virtio-rng-pci,rng=rng",
};
/* clang-format on */

static void expect_argv(const struct qemu_spec *s, const char *const *wanted, size_t n)
{
	AUTO_STRV struct strv got = {0};

	qemu_args_build(s, &got);
	for (size_t i = 0; i < got.n || i < n; i++) {
		const char *a = i < got.n ? got.v[i] : "(nothing)",
			   *b = i < n ? wanted[i] : "(nothing)";

		if (strcmp(a, b) != 0)
			fail_msg("argument %zu:\n  got    %s\n  wanted %s", i, a, b);
	}
	assert_null(got.v[got.n]);
}

static void test_microvm_tcg(void **state)
{
	(void)state;
	expect_argv(&plain, plain_argv, ARRAY_LEN(plain_argv));
}

/* A clone boots nothing: one file stands in for kernel and initramfs. */
static void test_stub(void **state)
{
	const char *wanted[ARRAY_LEN(plain_argv)];
	struct qemu_spec s = plain;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain_argv); i++)
		wanted[i] = strcmp(plain_argv[i], "/image/vmlinuz") == 0 ? "/proc/self/fd/8"
									 : plain_argv[i];
	s.kernel = NULL;
	expect_argv(&s, wanted, ARRAY_LEN(wanted));
}

/* The second disk adds these, behind the first. */
static void test_pool(void **state)
{
	static const char *const more[] = {
		"-add-fd",
		"set=1,fd=11",
		"-blockdev",
		"driver=raw,node-name=pool,discard=unmap,file.driver=file,file.filename=/dev/fdset/"
		"1,file.discard=unmap,file.locking=off",
		"-device",
		"virtio-blk-device,drive=pool,serial=ccvm-scratch"};
	const char *wanted[ARRAY_LEN(plain_argv) + ARRAY_LEN(more)];
	struct qemu_spec s = plain;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain_argv); i++) {
		wanted[n++] = plain_argv[i];
		if (strstr(plain_argv[i], "serial=ccvm-root"))
			for (size_t k = 0; k < ARRAY_LEN(more); k++)
				wanted[n++] = more[k];
	}
	s.pool = true;
	expect_argv(&s, wanted, n);
}

static void test_pci_kvm(void **state)
{
	struct qemu_spec s = plain;

	(void)state;
	s.machine = "q35";
	s.accel = &kvm;
	s.memory_mib = 512;
	s.cores = 1;
	s.kernel = "/i,1/vmlinuz";
	s.root_image = "/i,1/root";
	s.sandbox = false;
	s.lock_memory = true;
	expect_argv(&s, full_argv, ARRAY_LEN(full_argv));
}

/* ---- what holds for every one ---- */

/* The value that follows an option and starts with these words; NULL when there is none. */
static const char *find(const struct strv *a, const char *option, const char *start)
{
	for (size_t i = 0; i + 1 < a->n; i++)
		if (strcmp(a->v[i], option) == 0 && strncmp(a->v[i + 1], start, strlen(start)) == 0)
			return a->v[i + 1];
	return NULL;
}

static void check_fds(const struct strv *a)
{
	bool seen[QEMU_FD_END] = {false};
	AUTO_FREE char *net = mem_format("stream,id=net,server=off,addr.type=fd,addr.str=%d",
					 QEMU_FD_NET);
	AUTO_FREE char *initrd = mem_format("/proc/self/fd/%d", QEMU_FD_INITRD);

	for (size_t i = 0; i + 1 < a->n; i++) {
		const char *fd = strcmp(a->v[i], "-chardev") == 0 ? strstr(a->v[i + 1], ",fd=")
								  : NULL;
		int n = fd ? atoi(fd + 4) : 0;

		if (strcmp(a->v[i], "-chardev") != 0)
			continue;
		if (!fd || n < QEMU_FD_QMP || n >= QEMU_FD_END || n == QEMU_FD_NET ||
		    n == QEMU_FD_INITRD || seen[n])
			fail_msg("-chardev %s: not an fd of its own", a->v[i + 1]);
		seen[n] = true;
	}
	assert_non_null(find(a, "-netdev", net));
	assert_non_null(find(a, "-initrd", initrd));
}

/* Takes the given paths out of every argument: no slash may be left. */
static void check_paths(const struct strv *a, const struct qemu_spec *s)
{
	const char *const known[] = {s->kernel,		 s->root_image,	     "/proc/self/fd/8",
				     "/proc/self/fd/9",	 "/proc/self/fd/13", "/proc/self/fd/14",
				     "/proc/self/fd/15", "/dev/fdset/1"};

	for (size_t i = 1; i < a->n; i++) {
		AUTO_FREE char *rest = mem_strdup(a->v[i]);

		assert_true(rest[0] != '\0');
		for (size_t k = 0; k < ARRAY_LEN(known); k++) {
			char *at = known[k] ? strstr(rest, known[k]) : NULL;

			if (at)
				memmove(at, at + strlen(known[k]),
					strlen(at + strlen(known[k])) + 1);
		}
		if (strchr(rest, '/'))
			fail_msg("a path nobody gave: %s", a->v[i]);
	}
}

/* A clone can write to nothing that another session maps, and waits for its state. */
static void check_ram(const struct strv *a, enum qemu_ram ram)
{
	const char *backend = find(a, "-object", "memory-backend-file,");

	assert_int_equal(backend != NULL, ram != QEMU_RAM_ANONYMOUS);
	assert_int_equal(find(a, "-machine", "memory-backend=ram") != NULL, backend != NULL);
	assert_int_equal(find(a, "-incoming", "defer") != NULL,
			 ram == QEMU_RAM_CLONED || ram == QEMU_RAM_CLONED_OLD);
	if (!backend)
		return;
	assert_int_equal(strstr(backend, ",share=on") != NULL, ram == QEMU_RAM_SAVED);
	assert_int_equal(strstr(backend, ",share=off") != NULL, ram != QEMU_RAM_SAVED);
	assert_int_equal(strstr(backend, ",readonly=on,rom=off") != NULL, ram == QEMU_RAM_CLONED);
}

static void check_spec(const struct qemu_spec *s)
{
	AUTO_STRV struct strv a = {0};
	bool microvm = strcmp(s->machine, "microvm") == 0;
	const char *machine;
	size_t bus = 0;

	qemu_args_build(s, &a);
	check_fds(&a);
	check_paths(&a, s);
	for (size_t i = 0; i + 1 < a.n; i++)
		if (strcmp(a.v[i], "-device") == 0 && strncmp(a.v[i + 1], "virtio-", 7) == 0) {
			assert_int_equal(strstr(a.v[i + 1], "-device,") != NULL, microvm);
			assert_int_equal(strstr(a.v[i + 1], "-pci,") != NULL, !microvm);
			bus++;
		}
	assert_int_equal(bus, 4 + s->pool); /* whatever is shared: a template fits each session */
	machine = find(&a, "-machine", s->machine);
	assert_non_null(machine);
	assert_int_equal(strstr(machine, "pit=off,pic=off") != NULL, microvm && s->accel->kvm);
	assert_int_equal(strstr(machine, "pit=on,pic=on") != NULL, microvm && !s->accel->kvm);
	assert_null(find(&a, "-fsdev", "")); /* no file of the user's is QEMU's */
	check_ram(&a, s->ram);
	assert_int_equal(find(&a, "-sandbox", "on") != NULL, s->sandbox);
	assert_int_equal(find(&a, "-overcommit", "mem-lock=on") != NULL, s->lock_memory);
	assert_non_null(find(&a, "-cpu", s->accel->cpu));
}

static void test_every_combination(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 256; bits++) {
		struct qemu_spec s = plain;

		s.machine = bits & 1 ? "microvm" : "pc";
		s.accel = bits & 2 ? &kvm : &tcg;
		s.tsc_khz = bits & 4 ? 3000000 : 0;
		s.sandbox = bits & 8;
		s.lock_memory = bits & 16;
		s.ram = bits >> 5 & 3;
		s.pool = bits & 128;
		check_spec(&s);
	}
}

static void test_kernel_line(void **state)
{
	static const struct {
		const struct accel *accel;
		unsigned khz;
		const char *line;
	} cases[] = {
		{&tcg, 0,
		 KERNEL_LINE
		 " mitigations=off norandmaps no5lvl maxcpus=1 noreplace-smp no_ipi_broadcast=1"},
		{&tcg, 1,
		 KERNEL_LINE " mitigations=off norandmaps no5lvl maxcpus=1 noreplace-smp "
			     "no_ipi_broadcast=1 tsc=reliable tsc_early_khz=1 lpj=4"},
		{&kvm, 0, KERNEL_LINE},
		{&kvm, 2400000, KERNEL_LINE}, /* KVM has a clock of its own */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct qemu_spec s = plain;
		AUTO_FREE char *got = NULL;

		s.accel = cases[i].accel;
		s.tsc_khz = cases[i].khz;
		got = qemu_args_kernel_line(&s);
		assert_string_equal(got, cases[i].line);
		assert_null(strchr(got, '/'));	 /* nothing of the host's */
		assert_true(strlen(got) < 2048); /* COMMAND_LINE_SIZE of the kernel */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_microvm_tcg),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_stub),
		cmocka_unit_test(test_pci_kvm),
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_kernel_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "vm/qemu_args.h"
#include "base/buf.h"
#include "proto/names.h"

#include <stdio.h>
#include <string.h>

/* QEMU splits option values at commas; a comma is written twice (qemu(1), "-drive"). */
static char *qemu_args_escape(const char *value)
{
	struct buf out = {0};

	for (; *value; value++) {
		buf_add(&out, value, 1);
		if (*value == ',')
			buf_add(&out, ",", 1);
	}
	(void)buf_text(&out);
	return (char *)out.bytes;
}

/* CONFIG_HZ of Debian's kernels. Where an image's kernel has another, only the short waits of its
 * drivers get longer or shorter. */
#define QEMU_ARGS_GUEST_HZ 250

/* The size of the translated code of an emulated guest at which QEMU discards it. QEMU's own bound
 * is 1 GiB, which a session that runs for days would fill; below 64 MiB a start of the agent costs
 * more. */
#define QEMU_ARGS_TRANSLATED_MIB 256

static bool qemu_args_is_microvm(const struct qemu_spec *s)
{
	return strcmp(s->machine, "microvm") == 0;
}

/* virtio-mmio on microvm, PCI elsewhere. */
static const char *qemu_args_bus(const struct qemu_spec *s)
{
	return qemu_args_is_microvm(s) ? "device" : "pci";
}

static void qemu_args_ram(const struct qemu_spec *s, struct strv *a)
{
	static const char *const options[] = {
		[QEMU_RAM_SAVED] = "share=on",
		[QEMU_RAM_CLONED] = "share=off,readonly=on,rom=off",
		[QEMU_RAM_CLONED_OLD] = "share=off",
	};

	if (s->ram == QEMU_RAM_ANONYMOUS)
		return;
	strv_add(a, "-object");
	strv_addf(a, "memory-backend-file,id=ram,size=%uM,mem-path=/proc/self/fd/%d,%s",
		  s->memory_mib, QEMU_FD_RAM, options[s->ram]);
	strv_add(a, "-machine");
	strv_add(a, "memory-backend=ram");
	if (s->ram != QEMU_RAM_SAVED) {
		strv_add(a, "-incoming");
		strv_add(a, "defer");
	}
}

static void qemu_args_machine(const struct qemu_spec *s, struct strv *a)
{
	strv_add(a, "-machine");
	/* acpi announces the virtio-mmio devices. Under TCG the guest hangs silently without pit
	 * and pic. */
	if (qemu_args_is_microvm(s))
		strv_addf(a,
			  "microvm,acpi=on,rtc=on,pit=%s,pic=%s,ioapic2=off,pcie=off,usb=off,mem-"
			  "merge=off",
			  s->accel->kvm ? "off" : "on", s->accel->kvm ? "off" : "on");
	else
		strv_addf(a, "%s,mem-merge=off", s->machine);
	strv_add(a, "-accel");
	if (s->accel->kvm)
		strv_add(a, s->accel->accel);
	else
		strv_addf(a, "%s,tb-size=%d", s->accel->accel, QEMU_ARGS_TRANSLATED_MIB);
	strv_add(a, "-cpu");
	strv_add(a, s->accel->cpu);
	strv_add(a, "-smp");
	strv_addf(a, "%u", s->cores);
	strv_add(a, "-m");
	strv_addf(a, "%uM", s->memory_mib);
	if (s->lock_memory) {
		strv_add(a, "-overcommit");
		strv_add(a, "mem-lock=on");
	}
}

char *qemu_args_kernel_line(const struct qemu_spec *s)
{
	struct buf line = {0};

	buf_addf(&line, "console=ttyS0 quiet loglevel=4 panic=-1 reboot=t no_timer_check "
			"random.trust_cpu=on "
			"8250.nr_uarts=1 cryptomgr.notests rcupdate.rcu_expedited=1 nohibernate");
	/* An emulated processor does not speculate. It translates the same code anew for each
	 * address that a process has it at, so that layouts at random double what a process's start
	 * costs; and it walks page tables by hand, a level less is faster. init starts the other
	 * processors (guest/init/cpus.c says why). */
	if (!s->accel->kvm)
		buf_addf(&line, " mitigations=off norandmaps no5lvl maxcpus=1 noreplace-smp "
				"no_ipi_broadcast=1");
	/* lpj, how long a tick of the counter is: measuring it takes the kernel up to half a second
	 * for each further processor. */
	if (!s->accel->kvm && s->tsc_khz)
		buf_addf(&line, " tsc=reliable tsc_early_khz=%u lpj=%u", s->tsc_khz,
			 s->tsc_khz * 1000 / QEMU_ARGS_GUEST_HZ);
	if (s->ram == QEMU_RAM_SAVED)
		buf_addf(&line, " " NAME_KERNEL_WARM_UP);
	if (s->kernel_words && s->kernel_words[0])
		buf_addf(&line, " %s", s->kernel_words);
	(void)buf_text(&line);
	return (char *)line.bytes;
}

static void qemu_args_kernel(const struct qemu_spec *s, struct strv *a)
{
	strv_add(a, "-kernel");
	if (s->kernel)
		strv_add(a, s->kernel);
	else
		strv_addf(a, "/proc/self/fd/%d", QEMU_FD_INITRD);
	strv_add(a, "-initrd");
	strv_addf(a, "/proc/self/fd/%d", QEMU_FD_INITRD);
	strv_add(a, "-append");
	strv_take(a, qemu_args_kernel_line(s));
}

static void qemu_args_socket(struct strv *a, const char *id, int fd)
{
	strv_add(a, "-chardev");
	strv_addf(a, "socket,id=%s,fd=%d", id, fd);
}

static void qemu_args_channels(const struct qemu_spec *s, struct strv *a)
{
	static const struct {
		const char *id, *port;
		int fd;
	} ports[] = {{"ctl", NAME_PORT_CTL, QEMU_FD_CTL},
		     {"ssh", NAME_PORT_SSH, QEMU_FD_SSH},
		     {"fs", NAME_PORT_FS, QEMU_FD_FS}};

	qemu_args_socket(a, "qmp", QEMU_FD_QMP);
	strv_add(a, "-mon");
	strv_add(a, "chardev=qmp,mode=control");
	qemu_args_socket(a, "console", QEMU_FD_CONSOLE);
	strv_add(a, "-serial");
	strv_add(a, "chardev:console");
	strv_add(a, "-device");
	strv_addf(a, "virtio-serial-%s,id=ports,max_ports=4", qemu_args_bus(s));
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		qemu_args_socket(a, ports[i].id, ports[i].fd);
		strv_add(a, "-device");
		strv_addf(a, "virtserialport,bus=ports.0,nr=%zu,chardev=%s,name=%s", i + 1,
			  ports[i].id, ports[i].port);
	}
}

/* The file has no name: QEMU opens a duplicate of the fd it was given. Discarded blocks leave the
 * file (discard=unmap on both layers). With a full file system on the host QEMU stops the guest
 * (its default, werror=enospc) and says so, so that nothing is lost; the session lets it go on when
 * there is space. */
static void qemu_args_pool(const struct qemu_spec *s, struct strv *a)
{
	if (!s->pool)
		return;
	strv_add(a, "-add-fd");
	strv_addf(a, "set=1,fd=%d", QEMU_FD_POOL);
	strv_add(a, "-blockdev");
	strv_add(a, "driver=raw,node-name=pool,discard=unmap,file.driver=file,file.filename=/dev/"
		    "fdset/1,file.discard=unmap,"
		    "file.locking=off");
	strv_add(a, "-device");
	strv_addf(a, "virtio-blk-%s,drive=pool,serial=" NAME_DISK_SCRATCH, qemu_args_bus(s));
}

static void qemu_args_devices(const struct qemu_spec *s, struct strv *a)
{
	AUTO_FREE char *root = qemu_args_escape(s->root_image);
	const char *bus = qemu_args_bus(s);

	strv_add(a, "-blockdev");
	strv_addf(a,
		  "driver=raw,node-name=root,read-only=on,file.driver=file,file.filename=%s,file."
		  "locking=off",
		  root);
	strv_add(a, "-device");
	strv_addf(a, "virtio-blk-%s,drive=root,serial=" NAME_DISK_ROOT, bus);
	qemu_args_pool(s, a);
	strv_add(a, "-netdev");
	strv_addf(a, "stream,id=net,server=off,addr.type=fd,addr.str=%d", QEMU_FD_NET);
	strv_add(a, "-device");
	strv_addf(a, "virtio-net-%s,netdev=net,mac=52:54:00:12:34:56,host_mtu=%d", bus,
		  NAME_GUEST_MTU);
	strv_add(a, "-object");
	strv_add(a, "rng-builtin,id=rng");
	strv_add(a, "-device");
	strv_addf(a, "virtio-rng-%s,rng=rng", bus);
}

void qemu_args_build(const struct qemu_spec *s, struct strv *argv)
{
	static const char *const fixed[] = {
		"-name", "ccvm",      "-nodefaults", "-no-user-config", "-no-reboot", "-display",
		"none",	 "-parallel", "none"};

	strv_add(argv, s->program);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		strv_add(argv, fixed[i]);
	if (s->sandbox) {
		strv_add(argv, "-sandbox");
		strv_add(argv,
			 "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	}
	qemu_args_machine(s, argv);
	qemu_args_ram(s, argv);
	qemu_args_kernel(s, argv);
	qemu_args_channels(s, argv);
	qemu_args_devices(s, argv);
}

#include "vm/machine.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "vm/initrd.h"
#include "vm/qemu.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#define MACHINE_PROGRAMS_MAX (64 << 20)
#define MACHINE_CPUINFO_MAX  (4 << 20)
#define MACHINE_MEMORY_HANGS 2048

/* An installed QEMU changes with its package: size and time of change tell builds apart without
 * starting it. */
static int machine_add_qemu(const struct machine *m, struct buf *text, struct err *e)
{
	AUTO_FREE char *real = realpath(m->program, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return err_sys(e, "%s", m->program);
	buf_addf(text, "qemu %s %lld %lld.%09ld\n", real, (long long)st.st_size,
		 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return 0;
}

/* Model and features of the first processor: a guest's kernel has adapted itself to them. */
static void machine_add_cpu(struct buf *text)
{
	static const char *const fields[] = {"vendor_id",  "cpu family", "model\t",
					     "model name", "stepping",	 "flags"};
	AUTO_BUF struct buf info = {0};
	struct err ignored;

	if (file_read(AT_FDCWD, "/proc/cpuinfo", MACHINE_CPUINFO_MAX, &info, &ignored) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *at = strstr(buf_text(&info), fields[i]);

		if (at)
			buf_addf(text, "%.*s\n", (int)strcspn(at, "\n"), at);
	}
}

static int machine_add_programs(const struct machine *m, struct buf *text, struct err *e)
{
	AUTO_BUF struct buf cpio = {0};

	if (file_read(AT_FDCWD, m->programs, MACHINE_PROGRAMS_MAX, &cpio, e) < 0)
		return -1;
	buf_addf(text, "programs %016llx\n",
		 (unsigned long long)XXH3_64bits(buf_data(&cpio), buf_len(&cpio)));
	return 0;
}

/* The command line with every path of a session's or a host's replaced: what remains is the device
 * set. */
static void machine_add_devices(const struct machine *m, struct buf *text)
{
	AUTO_STRV struct strv argv = {0};
	struct qemu_spec spec = machine_spec(m);

	spec.program = "qemu";
	spec.kernel = spec.root_image = "x";
	spec.sandbox = false;
	qemu_args_build(&spec, &argv);
	for (size_t i = 0; i < argv.n; i++)
		buf_addf(text, "%s\n", argv.v[i]);
}

static int machine_make_key(struct machine *m, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	XXH128_hash_t hash;

	buf_addf(&text, "format 2\nimage %s %lld\n", m->image->id, (long long)m->image->root_size);
	if (machine_add_qemu(m, &text, e) < 0 || machine_add_programs(m, &text, e) < 0)
		return -1;
	machine_add_cpu(&text);
	machine_add_devices(m, &text);
	hash = XXH3_128bits(buf_data(&text), buf_len(&text));
	snprintf(m->key, sizeof(m->key), "%016llx%016llx", (unsigned long long)hash.high64,
		 (unsigned long long)hash.low64);
	return 0;
}

int machine_open(struct machine *m, const struct hostenv *host, const struct image *image,
		 const char *libexec, const struct accel *accel, struct machine_size size,
		 struct err *e)
{
	memset(m, 0, sizeof(*m));
	m->host = host;
	m->image = image;
	m->accel = *accel;
	m->size = size;
	/* A microvm of exactly 2 GiB hangs at its first disk access: "virtio-blk missing headers"
	 * (seen with QEMU 10.0; issue 171 of microvm.nix has it since 8.1). A MiB more or less
	 * boots. */
	if (m->size.memory_mib == MACHINE_MEMORY_HANGS)
		m->size.memory_mib++;
	m->kernel = mem_format("%s/%s", image->path, IMAGE_KERNEL);
	m->modules = mem_format("%s/%s", image->path, IMAGE_MODULES);
	m->root = mem_format("%s/%s", image->path, IMAGE_ROOT);
	m->programs = mem_format("%s/guest.cpio", libexec);
	m->program = qemu_find(host, e);
	if (m->program && machine_make_key(m, e) == 0)
		return 0;
	machine_fini(m);
	return -1;
}

void machine_fini(struct machine *m)
{
	free(m->program);
	free(m->kernel);
	free(m->modules);
	free(m->root);
	free(m->programs);
	memset(m, 0, sizeof(*m));
}

int machine_initrd(const struct machine *m, struct err *e)
{
	return initrd_join(m->modules, m->programs, e);
}

int machine_stub(const struct machine *m, struct err *e)
{
	return initrd_stub(m->kernel, e);
}

struct qemu_spec machine_spec(const struct machine *m)
{
	return (struct qemu_spec){
		.program = m->program,
		.machine = m->host->machine,
		.accel = &m->accel,
		.memory_mib = m->size.memory_mib,
		.cores = m->size.cores,
		.pool = m->size.pool,
		.kernel = m->kernel,
		.kernel_words = m->host->kernel_words,
		.root_image = m->root,
		.sandbox = m->host->qemu_sandbox,
	};
}

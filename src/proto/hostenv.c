#include "proto/hostenv.h"
#include "base/file.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HOSTENV_BYTES(member, words) DOCUMENT_BYTES_FIELD(hostenv, member, HOSTENV_TEXT_MAX, words)
/* A document as long as a frame may be. */
#define HOSTENV_DOCUMENT_MAX ((size_t)8 << 20)

/* What only the tests' build of the programs takes. */
#ifdef CCVM_TEST_HOOKS
#define HOSTENV_HOOKS                                                                              \
	, HOSTENV_BYTES(kernel_words, "more for the guest kernel's command line"),                 \
		DOCUMENT_FIELD(hostenv, disk_bytes, DOCUMENT_LONG, "size of the encrypted disk")
#else
#define HOSTENV_HOOKS
#endif

DOCUMENT_SHAPE(
	hostenv, HOSTENV_BYTES(home, "HOME"), HOSTENV_BYTES(path, "PATH"),
	HOSTENV_BYTES(runtime, "XDG_RUNTIME_DIR"), HOSTENV_BYTES(config_home, "XDG_CONFIG_HOME"),
	HOSTENV_BYTES(config_file, "configuration file"),
	HOSTENV_BYTES(cache, "ccvm's directory of the user's cache; has to be there"),
	HOSTENV_BYTES(state, "ccvm's directory of the user's state"),
	HOSTENV_BYTES(claude_dir, "CLAUDE_CONFIG_DIR, or ~/.claude"),
	DOCUMENT_FIELD(hostenv, claude_dir_is_set, DOCUMENT_FLAG, "CLAUDE_CONFIG_DIR is set"),
	HOSTENV_BYTES(image, "CCVM_IMAGE"),
	HOSTENV_BYTES(templates, "directory of saved guests; has to be there"),
	HOSTENV_BYTES(scratch, "directory for the encrypted disk; has to be there"),
	DOCUMENT_FIELD(hostenv, scratch_may_be_tmpfs, DOCUMENT_FLAG,
		       "that directory may be on tmpfs"),
	HOSTENV_BYTES(qemu, "CCVM_QEMU"),
	HOSTENV_BYTES(machine, "type of the machine; has to be there"),
	HOSTENV_BYTES(kvm_device, "KVM device; has to be there"),
	DOCUMENT_FIELD(hostenv, qemu_sandbox, DOCUMENT_FLAG, "QEMU gets its own sandbox"),
	HOSTENV_BYTES(boot_timeout, "CCVM_BOOT_TIMEOUT; has to be there"),
	DOCUMENT_INT_FIELD(hostenv, template_mode, HOSTENV_TEMPLATES_MAKE, HOSTENV_TEMPLATES_OFF,
			   "saved guests: 0 made and used, 1 used, 2 not used"),
	HOSTENV_BYTES(git_global, "GIT_CONFIG_GLOBAL"),
	HOSTENV_BYTES(git_system, "GIT_CONFIG_SYSTEM"),
	HOSTENV_BYTES(git_nosystem, "GIT_CONFIG_NOSYSTEM"),
	HOSTENV_BYTES(wayland_display, "WAYLAND_DISPLAY"), HOSTENV_BYTES(display, "DISPLAY"),
	HOSTENV_BYTES(xauthority, "XAUTHORITY") HOSTENV_HOOKS);

bool hostenv_is_whole(const struct hostenv *h)
{
	return h->cache && h->templates && h->scratch && h->machine && h->kvm_device &&
	       h->boot_timeout;
}

void hostenv_fini(struct hostenv *h)
{
	free(mem_steal_ptr(&h->kernel_words)); /* in no document but that of the tests' build */
	document_fini(&hostenv_shape, h);
	memset(h, 0, sizeof(*h));
}

/* ---- for a child ---- */

int hostenv_to_fd(const struct hostenv *h, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("ccvm-host", MFD_CLOEXEC);
	AUTO_BUF struct buf text = {0};

	document_put(&hostenv_shape, h, &text);
	if (fd < 0)
		return err_sys(e, "memfd_create");
	if (file_write_all(fd, buf_data(&text), buf_len(&text), e) < 0)
		return -1;
	return lseek(fd, 0, SEEK_SET) < 0 ? err_sys(e, "lseek") : mem_steal_fd(&fd);
}

int hostenv_from_fd(struct hostenv *h, int fd, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	*h = (struct hostenv)HOSTENV_INIT;
	if (file_read_fd(fd, HOSTENV_DOCUMENT_MAX, &text, e) < 0)
		return -1;
	if (document_get(&hostenv_shape, buf_data(&text), buf_len(&text), h) < 0 ||
	    !hostenv_is_whole(h))
		return err_set(e, "malformed settings of this computer");
	return 0;
}

/* ---- variables of other programs ---- */

struct hostenv_variable {
	const char *name;
	const char *value; /* NULL: not set */
};

static void hostenv_add(const struct hostenv_variable *v, size_t n, struct strv *env)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].value)
			strv_addf(env, "%s=%s", v[i].name, v[i].value);
}

void hostenv_display(const struct hostenv *h, struct strv *env)
{
	const struct hostenv_variable all[] = {
		{"HOME", h->home}, /* ~/.Xauthority; converters look for their configuration */
		{"PATH", h->path}, /* the tools are found along it */
		{"XDG_RUNTIME_DIR", h->runtime}, /* Wayland's socket is there */
		{"WAYLAND_DISPLAY", h->wayland_display},
		{"DISPLAY", h->display},
		{"XAUTHORITY", h->xauthority},
	};

	hostenv_add(all, ARRAY_LEN(all), env);
}

void hostenv_git(const struct hostenv *h, struct strv *env)
{
	const struct hostenv_variable all[] = {
		{"PATH", h->path},
		{"XDG_CONFIG_HOME", h->config_home},
		{"GIT_CONFIG_GLOBAL", h->git_global},
		{"GIT_CONFIG_SYSTEM", h->git_system},
		{"GIT_CONFIG_NOSYSTEM", h->git_nosystem},
	};

	hostenv_add(all, ARRAY_LEN(all), env);
}

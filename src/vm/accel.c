#include "vm/accel.h"
#include "base/bootid.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ACCEL_RECORD_MAX 4096

static void accel_explain(const char *device, struct err *e)
{
	err_sys(e, "acceleration=kvm, but %s cannot be used", device);
	if (e->sys == EACCES)
		err_remedy(e,
			   "add yourself to the group that owns %s (often: sudo usermod -aG kvm "
			   "$USER, then log in "
			   "again), or use acceleration auto or tcg",
			   device);
	else
		err_remedy(e, "turn on virtualization in the firmware and load the kvm module "
			      "(modprobe kvm_intel or "
			      "kvm_amd), or use acceleration auto or tcg");
	err_exit_code(e, ERR_EXIT_POLICY);
}

/* ---- the record: the id of the host's boot, a line feed, why ---- */

char *accel_record_path(const struct hostenv *host)
{
	return mem_format("%s/kvm-failed", host->cache);
}

void accel_record(const char *path, const char *why)
{
	AUTO_FREE char *dir = mem_strdup(path);
	char id[BOOTID_SIZE];
	struct err ignored;

	*strrchr(dir, '/') = '\0';
	(void)unlink(path);
	if (bootid_read(id) && file_mkdirs(dir, 0700, &ignored) == 0)
		(void)file_createf(AT_FDCWD, path, 0600, &ignored, "%s\n%s\n", id, why);
}

char *accel_recorded(const char *path)
{
	AUTO_BUF struct buf text = {0};
	char id[BOOTID_SIZE];
	struct err ignored;
	const char *why;

	if (file_read(AT_FDCWD, path, ACCEL_RECORD_MAX, &text, &ignored) < 0 || !bootid_read(id) ||
	    strncmp(buf_text(&text), id, strlen(id)) != 0 || buf_text(&text)[strlen(id)] != '\n')
		return NULL;
	why = buf_text(&text) + strlen(id) + 1;
	return mem_format("%.*s", (int)strcspn(why, "\n"), why);
}

/* ---- the decision ---- */

/* QEMU's emulator moves a string byte by byte where a processor that says it does so fast has the
 * kernel copy and clear that way. */
#define ACCEL_EMULATED_CPU "max,-erms,-fsrm"

static const struct accel accel_emulation = {"auto", "tcg", ACCEL_EMULATED_CPU, false};

int accel_resolve(enum accel_choice choice, const char *kvm_device, const char *record,
		  struct accel *out, struct err *e)
{
	bool usable = access(kvm_device, R_OK | W_OK) == 0;
	AUTO_FREE char *failed = usable && choice == ACCEL_AUTO ? accel_recorded(record) : NULL;

	switch (choice) {
	case ACCEL_KVM:
		if (!usable) {
			accel_explain(kvm_device, e);
			return -1;
		}
		*out = (struct accel){"kvm", "kvm", "host", true};
		return 0;
	case ACCEL_TCG:
		*out = (struct accel){"tcg", "tcg", ACCEL_EMULATED_CPU, false};
		return 0;
	case ACCEL_AUTO:
		break;
	}
	/* Not kvm:tcg: QEMU would go on emulating with a machine that was made for KVM, on which a
	 * guest wedges. */
	*out = usable && !failed ? (struct accel){"auto", "kvm", "max", true} : accel_emulation;
	return 0;
}

bool accel_fall_back(struct accel *a)
{
	if (!a->kvm || strcmp(a->mode, accel_emulation.mode) != 0)
		return false;
	*a = accel_emulation;
	return true;
}

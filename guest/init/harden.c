/* Kernel settings that every guest gets, before the park point; all cheap, and none in the way of
 * the boot or of the agent's work.
 *
 * Fails closed: the guest's kernel is the image's own, so a setting that cannot be made means that
 * something is wrong. What a kernel was built without (ENOENT) needs no closing. Loading modules
 * and unprivileged user namespaces stay possible on purpose: the guest's programs load modules on
 * demand, and sandboxes (Nix's, for one) are made of namespaces. */
#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <sys/resource.h>

static const struct harden_setting {
	const char *path, *value;
} harden_settings[] = {
	/* no other kernel; hibernation is off by the command line */
	{"/proc/sys/kernel/kexec_load_disabled", "1"},
	{"/proc/sys/kernel/kptr_restrict", "2"},
	{"/proc/sys/kernel/dmesg_restrict", "1"},
	/* for good: only a restart undoes it */
	{"/proc/sys/kernel/unprivileged_bpf_disabled", "1"},
	{"/proc/sys/net/core/bpf_jit_harden", "2"},
	{"/proc/sys/net/ipv4/conf/all/rp_filter", "1"},
	{"/proc/sys/net/ipv4/conf/default/rp_filter", "1"},
	{"/proc/sys/fs/suid_dumpable", "0"},
};

int harden_kernel(struct boot *b, struct err *e)
{
	(void)b;
	for (size_t i = 0; i < ARRAY_LEN(harden_settings); i++)
		if (file_set(harden_settings[i].path, harden_settings[i].value, e) < 0 &&
		    e->sys != ENOENT)
			return -1;
	/* Every process descends from this one: none leaves a core. */
	return setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) < 0 ? err_sys(e, "forbid cores") : 0;
}

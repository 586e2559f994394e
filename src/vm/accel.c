#include "vm/accel.h"

#include <errno.h>
#include <unistd.h>

static void accel_explain(const char *device, struct err *e)
{
	err_sys(e, "acceleration=kvm, but %s cannot be used", device);
	if (e->sys == EACCES)
		err_remedy(e, "add yourself to the group that owns %s (often: sudo usermod -aG kvm $USER, then log in "
			      "again), or use acceleration auto or tcg", device);
	else
		err_remedy(e, "turn on virtualization in the firmware and load the kvm module (modprobe kvm_intel or "
			      "kvm_amd), or use acceleration auto or tcg");
	err_exit_code(e, ERR_EXIT_POLICY);
}

int accel_resolve(enum accel_choice choice, const char *kvm_device, struct accel *out, struct err *e)
{
	bool usable = access(kvm_device, R_OK | W_OK) == 0;

	switch (choice) {
	case ACCEL_KVM:
		if (!usable) {
			accel_explain(kvm_device, e);
			return -1;
		}
		*out = (struct accel){"kvm", "kvm", "host", true};
		return 0;
	case ACCEL_TCG:
		*out = (struct accel){"tcg", "tcg", "max", false};
		return 0;
	case ACCEL_AUTO:
		break;
	}
	*out = usable ? (struct accel){"auto", "kvm:tcg", "max", true} : (struct accel){"auto", "tcg", "max", false};
	return 0;
}

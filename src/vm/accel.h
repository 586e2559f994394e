/* accel: decides between KVM and TCG (DESIGN 12).
 *
 * A device that opens does not mean that KVM works: in a virtual machine it may stop at an
 * instruction that it cannot run for a guest. Only starting a guest shows that. With auto, such a
 * start continues emulated, and a record of the reason keeps later ones from trying until the host
 * reboots. */
#ifndef CCVM_VM_ACCEL_H
#define CCVM_VM_ACCEL_H

#include <stdbool.h>

#include "base/err.h"
#include "proto/hostenv.h"

enum accel_choice { ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG };

struct accel {
	const char *mode;  /* auto, kvm or tcg: what was asked for */
	const char *accel; /* QEMU's accel= value: kvm or tcg */
	const char *cpu;   /* for QEMU's -cpu */
	bool kvm;	   /* the guest will run under KVM */
};

/* kvm_device is /dev/kvm or what CCVM_KVM_DEV names, record the file of accel_record_path. Fails
 * (exit code 126) only for ACCEL_KVM without a usable device, saying why. */
int accel_resolve(enum accel_choice choice, const char *kvm_device, const char *record,
		  struct accel *out, struct err *e);

/* KVM did not run a guest: *a becomes TCG where the user left the choice to us. False where there
 * is none. */
bool accel_fall_back(struct accel *a);

/* Where it is recorded, in the user's cache. Free it. */
char *accel_record_path(const struct hostenv *host);
/* Keeps why KVM did not run a guest, for as long as this host is up. A cache that cannot be written
 * is not an error: the next start finds out again. */
void accel_record(const char *path, const char *why);
/* What is recorded, of this boot of the host only; NULL: nothing. Free it. */
char *accel_recorded(const char *path);

#endif

/* accel: decides between KVM and TCG (DESIGN 12). */
#ifndef CCVM_VM_ACCEL_H
#define CCVM_VM_ACCEL_H

#include <stdbool.h>

#include "base/err.h"

enum accel_choice { ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG };

struct accel {
	const char *mode;  /* auto, kvm or tcg: what was asked for */
	const char *accel; /* QEMU's accel= value: kvm:tcg, kvm or tcg */
	const char *cpu;   /* QEMU's -cpu model */
	bool kvm;          /* the guest will run under KVM */
};

/* kvm_device is /dev/kvm or what CCVM_KVM_DEV names. Fails (exit code 126) only for ACCEL_KVM without a
 * usable device, saying why. */
int accel_resolve(enum accel_choice choice, const char *kvm_device, struct accel *out, struct err *e);

#endif

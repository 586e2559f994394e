/* kvm: what becomes of a session whose KVM is there and does not run the guest (vm/accel.h).
 *
 * It shows in three ways: QEMU ends because it cannot start with KVM; KVM meets what it cannot do and QEMU stops the guest
 * with an internal error, on its console's log only; or the guest never says a word. */
#include "base/json.h"
#include "base/mem.h"
#include "session/state.h"

#include <string.h>

bool kvm_fall_back(struct session *s, const char *what, bool certain)
{
	AUTO_FREE char *why = NULL;
	struct accel emulated = s->accel;

	if (!accel_fall_back(&emulated))
		return false;
	why = mem_format("%s; the guest is emulated, which is slow", what);
	if (!boot_restart(s, why))
		return false;
	s->accel = emulated;
	s->template_refused = false; /* what was refused, if anything was, is another machine's */
	free(s->kvm_failure);
	s->kvm_failure = certain ? mem_strdup(what) : NULL;
	return true;
}

void kvm_record(struct session *s)
{
	AUTO_FREE char *path = accel_record_path();

	if (s->kvm_failure)
		accel_record(path, s->kvm_failure);
}

static void kvm_on_status(void *ctx, struct json_value value, const char *error)
{
	static const char stopped[] = "KVM stopped the guest with an internal error";
	AUTO_FREE char *status = json_text(json_member(value, "status"));
	struct session *s = ctx;
	struct err e;

	if (error || !status || strcmp(status, "internal-error") != 0 || s->ending ||
	    kvm_fall_back(s, stopped, true))
		return;
	err_set(&e, "%s", stopped);
	err_remedy(&e, KVM_REMEDY);
	session_fail_with_cause(s, s->stage, &e);
}

void kvm_on_stop(struct session *s)
{
	if (s->accel.kvm && s->state < SESSION_STOPPING)
		qmp_execute(s->qmp, "query-status", NULL, kvm_on_status, s);
}

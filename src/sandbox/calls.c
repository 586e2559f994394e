#include "sandbox/calls.h"
#include "base/mem.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A call this machine does not have is no error. */
static int calls_add(scmp_filter_ctx ctx, uint32_t action, const struct calls_when *w,
		     struct err *e)
{
	const int number = seccomp_syscall_resolve_name(w->call);
	struct scmp_arg_cmp when[CALLS_ARGUMENTS];
	int rc;

	if (number == __NR_SCMP_ERROR)
		return 0;
	for (size_t i = 0; i < w->n; i++)
		when[i] = (struct scmp_arg_cmp){w->argument[i].n, SCMP_CMP_MASKED_EQ,
						w->argument[i].mask, w->argument[i].value};
	rc = seccomp_rule_add_array(ctx, action, number, (unsigned)w->n, when);
	return rc < 0 && rc != -EDOM ? err_set(e, "seccomp rule for %s: %s", w->call, strerror(-rc))
				     : 0;
}

static int calls_add_names(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n,
			   struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = calls_add(ctx, action, &(struct calls_when){.call = names[i]}, e);
	return rc;
}

static int calls_add_whens(scmp_filter_ctx ctx, const struct calls_when *whens, size_t n,
			   struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = calls_add(ctx, SCMP_ACT_ALLOW, &whens[i], e);
	return rc;
}

static int calls_add_table(scmp_filter_ctx ctx, const struct calls *t, struct err *e)
{
	if (calls_add_names(ctx, SCMP_ACT_ALLOW, t->allowed, t->nallowed, e) < 0 ||
	    calls_add_names(ctx, SCMP_ACT_KILL_PROCESS, t->fatal, t->nfatal, e) < 0)
		return -1;
	return calls_add_whens(ctx, t->when, t->nwhen, e);
}

static int calls_fill(scmp_filter_ctx ctx, const struct calls *tables, size_t n, struct err *e)
{
	const struct calls_when everyone[] = {
		CALLS_WHEN_MASKED("mmap", 2, PROT_EXEC, 0),
		CALLS_WHEN_MASKED("mmap2", 2, PROT_EXEC, 0),
		CALLS_WHEN_MASKED("mprotect", 2, PROT_EXEC, 0),
		CALLS_WHEN("tgkill", 0, (uint64_t)getpid()),
	};
	int rc = calls_add_whens(ctx, everyone, ARRAY_LEN(everyone), e);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = calls_add_table(ctx, &tables[i], e);
	return rc;
}

int calls_restrict(const struct calls *tables, size_t n, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc;

	if (!ctx)
		return err_set(e, "seccomp_init failed");
	/* A search tree instead of a list; libseccomp before 2.5 has none, which is only slower. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0)
		rc = err_set(e, "seccomp_attr_set failed");
	else
		rc = calls_fill(ctx, tables, n, e);
	if (rc == 0 && (rc = seccomp_load(ctx)) < 0)
		rc = err_set(e, "seccomp_load: %s", strerror(-rc));
	seccomp_release(ctx);
	return rc;
}

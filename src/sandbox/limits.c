#include "sandbox/limits.h"
#include "base/mem.h"

#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int limits_close_range(unsigned first, unsigned last)
{
	return first > last ? 0 : (int)syscall(SYS_close_range, first, last, 0);
}

static int limits_compare(const void *a, const void *b)
{
	const int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

int limits_close_all_but(int first, const int *keep, size_t n, struct err *e)
{
	AUTO_FREE int *sorted = mem_alloc_array(n + 1, sizeof(*sorted));
	int next = first, rc = 0;

	memcpy(sorted, keep, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), limits_compare);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (sorted[i] < next)
			continue;
		rc = sorted[i] > next ? limits_close_range((unsigned)next, (unsigned)sorted[i] - 1)
				      : 0;
		next = sorted[i] + 1;
	}
	if (rc == 0)
		rc = limits_close_range((unsigned)next, UINT_MAX);
	return rc < 0 ? err_sys(e, "close inherited descriptors") : 0;
}

int limits_lower(int resource, const char *name, rlim_t most, struct err *e)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return err_sys(e, "getrlimit %s", name);
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) < 0 ? err_sys(e, "setrlimit %s", name) : 0;
}

int limits_hide_memory(struct err *e)
{
	if (limits_lower(RLIMIT_CORE, "core", 0, e) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? err_sys(e, "prctl PR_SET_DUMPABLE") : 0;
}

int limits_no_new_privs(struct err *e)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? err_sys(e, "prctl PR_SET_NO_NEW_PRIVS")
							  : 0;
}

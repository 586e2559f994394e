/* calls: which system calls a process may still make (seccomp(2)), from tables of names.
 *
 * Whatever no table names answers ENOSYS, so that a libc of the future falls back to an older call.
 * Always allowed: memory that is not made executable (mmap, mprotect), and a signal to itself
 * (abort(3)). A foreign system call table (32-bit, x32) would bypass the rules: using it ends the
 * process. */
#ifndef CCVM_SANDBOX_CALLS_H
#define CCVM_SANDBOX_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CALLS_ARGUMENTS 3
#define CALLS_EXACTLY	UINT64_MAX /* a mask */

struct calls_argument {
	unsigned n; /* from 0 */
	uint64_t mask, value;
};

/* A call that is allowed when all of its n arguments are: (argument & mask) == value. */
struct calls_when {
	const char *call;
	size_t n;
	struct calls_argument argument[CALLS_ARGUMENTS];
};
#define CALLS_WHEN(call, arg, value)                                                               \
	{                                                                                          \
		call, 1,                                                                           \
		{                                                                                  \
			{                                                                          \
				arg, CALLS_EXACTLY, value                                          \
			}                                                                          \
		}                                                                                  \
	}
#define CALLS_WHEN_MASKED(call, arg, mask, value)                                                  \
	{                                                                                          \
		call, 1,                                                                           \
		{                                                                                  \
			{                                                                          \
				arg, mask, value                                                   \
			}                                                                          \
		}                                                                                  \
	}

/* Names, not numbers: what this libseccomp or this machine does not know is left out. */
struct calls {
	const char *const *allowed; /* whatever the arguments */
	size_t nallowed;
	const struct calls_when *when;
	size_t nwhen;
	const char *const *fatal; /* only an attacker makes them: the process ends */
	size_t nfatal;
};

/* For the rest of this process's life, only the calls of the n tables are allowed. Needs
 * no_new_privs. On failure the caller ends the process. */
int calls_restrict(const struct calls *tables, size_t n, struct err *e);

#endif

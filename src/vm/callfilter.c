/* Theory of operation (seccomp(2), x86-64 system calls).
 *
 * 1. QEMU gets all its sockets as inherited fds. A compromised QEMU must not reach the sockets of
 *    other programs by their paths: connect(2) and sendto(2) with an address ask no Landlock before
 *    its tenth version. So it may make no socket, and connect none; io_uring, which could do both
 *    unseen, is refused.
 * 2. It may send signals only to itself. (Landlock covers them from its sixth version on.)
 * 3. Other processes' fds and memory are out of reach.
 * 4. No file gets a set-user-id bit: the guest's root could leave a program in the workspace that
 *    others run as this user.
 * 5. A call by another table (i386, x32) is refused: its numbers mean something else.
 * Refused calls return EACCES and do not kill: QEMU tries some at its start that it can do
 * without. */
#include "vm/callfilter.h"
#include "base/mem.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLFILTER_REFUSE  (SECCOMP_RET_ERRNO | EACCES)
#define CALLFILTER_NO_MODE (SECCOMP_RET_ERRNO | EPERM)
#define CALLFILTER_NO_CALL (SECCOMP_RET_ERRNO | ENOSYS)
#define CALLFILTER_X32	   0x40000000u

#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what)	BPF_STMT(BPF_RET | BPF_K, what)
#define IF_NOT(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, skip)
/* Refused whatever its arguments. */
#define NEVER(nr) IF_NOT(nr, 1), RETURN(CALLFILTER_REFUSE)
/* Refused when argument n, a file's mode, has the set-user-id bit. */
#define NO_SETUID(nr, n)                                                                           \
	IF_NOT(nr, 4), LOAD(args[n]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, S_ISUID, 0, 1),         \
		RETURN(CALLFILTER_NO_MODE), RETURN(SECCOMP_RET_ALLOW)
/* Refused unless the low half of argument n, masked, is this. */
#define ONLY(nr, n, mask, value)                                                                   \
	IF_NOT(nr, 5), LOAD(args[n]), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask), IF_NOT(value, 1), \
		RETURN(SECCOMP_RET_ALLOW), RETURN(CALLFILTER_REFUSE)
/* Allowed when its first argument is this process (the low half says it: process ids are ints). */
#define TO_SELF(nr, self)                                                                          \
	IF_NOT(nr, 4), LOAD(args[0]), IF_NOT(self, 1), RETURN(SECCOMP_RET_ALLOW),                  \
		RETURN(CALLFILTER_REFUSE)

int callfilter_enter(void)
{
	const unsigned self = (unsigned)getpid();
	struct sock_filter code[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		RETURN(CALLFILTER_REFUSE),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, CALLFILTER_X32, 0, 1),
		RETURN(CALLFILTER_REFUSE),
		NEVER(SYS_socket),
		NEVER(SYS_connect),
		NEVER(SYS_io_uring_setup),
		NEVER(SYS_tkill),
		NEVER(SYS_rt_sigqueueinfo),
		NEVER(SYS_rt_tgsigqueueinfo),
		NEVER(SYS_pidfd_open),
		NEVER(SYS_pidfd_send_signal),
		NEVER(438 /* pidfd_getfd */),
		NEVER(SYS_ptrace),
		NEVER(SYS_process_vm_readv),
		NEVER(SYS_process_vm_writev),
		/* A pair of datagrams could be sent to any named socket; openat2's mode lies in
		 * memory, where no filter sees it. */
		ONLY(SYS_socketpair, 1, 0xf, SOCK_STREAM),
		IF_NOT(437 /* openat2 */, 1),
		RETURN(CALLFILTER_NO_CALL),
		NO_SETUID(SYS_chmod, 1),
		NO_SETUID(SYS_fchmod, 1),
		NO_SETUID(SYS_fchmodat, 2),
		NO_SETUID(452 /* fchmodat2 */, 2),
		NO_SETUID(SYS_openat, 3),
		NO_SETUID(SYS_open, 2),
		NO_SETUID(SYS_creat, 1),
		NO_SETUID(SYS_mknodat, 2),
		NO_SETUID(SYS_mknod, 1),
		TO_SELF(SYS_kill, self),
		TO_SELF(SYS_tgkill, self),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_LEN(code), .filter = code};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Theory of operation.
 *
 * ccvm-net parses whatever a guest's kernel puts on its network card, partly in libslirp, a large
 * body of old C. Assume that a guest takes over this process one day. What it then holds must be
 * worthless: two sockets to its own QEMU and its own session, and connections that a guest may make
 * anyway.
 *
 * The steps, in the order they have to run. Each depends on those before it.
 *
 * 1. ccvm-session starts us with an empty environment, two descriptors, stderr, and the kernel's
 *    promise to kill us when it dies. No secret is in this process at any time.
 * 2. Descriptors (net_confine_fds): what was inherited by mistake is closed; stdin and stdout lead
 *    nowhere.
 * 3. Limits (net_confine_limits): RLIMIT_CORE 0 and PR_SET_DUMPABLE 0 (a dump would hold guest
 *    traffic, and no other process of the user can attach), RLIMIT_NOFILE (each guest connection
 *    costs a descriptor and two buffers), RLIMIT_DATA (ends the process before a guest can exhaust
 *    the host).
 * 4. libslirp is set up: it reads /dev/urandom for its sequence numbers. This comes before the
 *    locks.
 * 5. Capabilities are emptied. They are empty already unless the user is root.
 * 6. PR_SET_NO_NEW_PRIVS: no set-user-ID program gives anything back. Landlock and seccomp ask for
 *    it.
 * 7. Landlock: no file may be opened, written, made or removed, except that the resolver's
 *    configuration may be read. Newer kernels also refuse binding TCP ports (ABI 4), device ioctls
 *    (5), signals to processes and connections to abstract sockets outside (6).
 * 8. seccomp: only the system calls of the table below, some only with the arguments they are
 *    needed with. Sockets are IPv4 and IPv6, stream and datagram; none can listen, accept or be
 *    bound. Calls that only an attacker makes end the process; any other answers ENOSYS, which
 *    makes a future libc fall back to an older call.
 *
 * The first guest byte is read only after that.
 *
 * A kernel without Landlock: step 8 then also refuses to open files, because seccomp cannot tell
 * paths apart and the user's own files must stay out of reach. The resolver's address is read
 * before, once (net_slirp_prime_resolver); later changes are not seen. The session is notified.
 *
 * What remains: stat(2) reveals the name, size and date of files that the user could see (libslirp
 * calls it; Landlock does not cover it). The netlink socket of net_reach, made before, shows
 * interfaces and routes of the host; changing them takes a capability, notifications take
 * setsockopt(2), and a second socket cannot be made. An attacker who takes over this process can
 * connect anywhere, including this host's addresses: net_reach and the rules are code in it. */
#include "net/net_confine.h"
#include "base/mem.h"
#include "sandbox/calls.h"
#include "sandbox/jail.h"
#include "sandbox/limits.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define DESCRIPTORS_MAX 2048
#define DATA_MAX	(768UL * 1024 * 1024) /* 2048 connections with both buffers full, and room */

/* ---- descriptors and limits ---- */

int net_confine_fds(const int *keep, size_t n, struct err *e)
{
	int null;

	if (limits_close_all_but(3, keep, n, e) < 0)
		return -1;
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		return err_sys(e, "open /dev/null");
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || (fcntl(2, F_GETFD) < 0 && dup2(null, 2) < 0))
		return err_sys(e, "replace stdin and stdout");
	if (null > 2)
		close(null);
	return 0;
}

int net_confine_limits(struct err *e)
{
	if (limits_lower(RLIMIT_NOFILE, "nofile", DESCRIPTORS_MAX, e) < 0 ||
	    limits_lower(RLIMIT_DATA, "data", DATA_MAX, e) < 0)
		return -1;
	return limits_hide_memory(e);
}

static int confine_drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}, {0}};

	if (syscall(SYS_capset, &header, none) < 0)
		return err_sys(e, "capset");
	return 0;
}

/* ---- Landlock ---- */

int net_confine_landlock_abi(void)
{
	return jail_kernel_abi();
}

/* Landlock's rules apply to the file, not to its name. The program that maintains the resolver's
 * configuration replaces the file (rename(2)), so if the file is in a directory of its own, the
 * rule covers that directory. /etc never is: after a replaced /etc/resolv.conf libslirp goes on
 * with the address it knew. */
static int confine_allow_resolver(struct jail *j, struct err *e)
{
	static const char *const directories[] = {"/run/systemd/resolve", "/run/resolvconf",
						  "/run/NetworkManager", "/run/connman"};
	AUTO_FREE char *target = realpath("/etc/resolv.conf", NULL);

	if (!target)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		size_t n = strlen(directories[i]);

		if (strncmp(target, directories[i], n) == 0 && target[n] == '/')
			return jail_allow(j, directories[i], JAIL_READ_FILES, e);
	}
	return jail_allow(j, target, JAIL_READ_FILES, e);
}

/* Nothing is renamed here, so the first version of Landlock is enough. */
static int confine_landlock(int abi, struct err *e)
{
	struct jail j;
	int rc;

	jail_init(&j);
	j.abi = abi;
	j.may_connect = true;
	rc = confine_allow_resolver(&j, e);
	if (rc == 0 && jail_enter(&j) < 0)
		rc = err_sys(e, "Landlock");
	jail_fini(&j);
	return rc;
}

/* ---- seccomp ---- */

/* clang-format off */
/* Names, not numbers: what this libseccomp or this machine does not know is left out. Old and new
 * forms of a call stand side by side, so that neither a 32-bit machine nor the next libc ends
 * it. */
static const char *const confine_allowed[] = {
	/* descriptors we have */
	"read", "readv", "write", "writev", "close", "lseek", "_llseek", "poll", "ppoll", "ppoll_time64",
	/* sockets: libslirp's, and ours */
	"connect", "send", "sendto", "recv", "recvfrom", "recvmsg", "shutdown", "getsockopt", "getsockname", "getpeername",
	/* stat of the resolver's configuration, and what stdio asks of what it opened */
	"stat", "stat64", "fstat", "fstat64", "newfstatat", "fstatat64", "statx",
	/* time, where it is not read without the kernel */
	"clock_gettime", "clock_gettime64", "gettimeofday", "time", "restart_syscall",
	/* memory; mmap and mprotect are below */
	"brk", "munmap", "mremap", "madvise", "futex", "futex_time64", "getrandom", "sched_yield",
	/* the end, orderly or by abort(3) */
	"exit", "exit_group", "rt_sigreturn", "sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "getpid", "gettid",
};

/* No version of our libraries calls these. A call means that the process was taken over: it
 * ends. */
static const char *const confine_fatal[] = {
	"execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv", "process_vm_writev",
	"process_madvise", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kcmp", "perf_event_open", "bpf",
	"userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
	"mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "mount_setattr",
	"unshare", "setns", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
	"open_by_handle_at", "name_to_handle_at", "mknod", "mknodat", "symlink", "symlinkat", "link", "linkat",
	"personality", "modify_ldt", "iopl", "ioperm", "reboot", "swapon", "swapoff", "setuid", "setgid",
	"setresuid", "setresgid", "capset", "ioprio_set", "memfd_create", "memfd_secret",
};

#define OPTION(level, option) \
	{"setsockopt", 2, {{1, CALLS_EXACTLY, level}, {2, CALLS_EXACTLY, option}}}
#define SOCKET_OF(family, type, protocol) \
	{"socket", 3, {{0, CALLS_EXACTLY, family}, {1, 0xf, type}, {2, CALLS_EXACTLY, protocol}}}
#define SOCKET(type, protocol) SOCKET_OF(AF_INET, type, protocol), SOCKET_OF(AF_INET6, type, protocol)

/* Calls that are harmless only with some arguments. */
static const struct calls_when confine_when[] = {
	/* not F_SETOWN: it sends signals */
	CALLS_WHEN("fcntl", 1, F_GETFD), CALLS_WHEN("fcntl", 1, F_SETFD),
	CALLS_WHEN("fcntl", 1, F_GETFL), CALLS_WHEN("fcntl", 1, F_SETFL),
	CALLS_WHEN("fcntl64", 1, F_GETFD), CALLS_WHEN("fcntl64", 1, F_SETFD),
	CALLS_WHEN("fcntl64", 1, F_GETFL), CALLS_WHEN("fcntl64", 1, F_SETFL),
	CALLS_WHEN("ioctl", 1, FIONREAD), CALLS_WHEN("ioctl", 1, FIONBIO),
	OPTION(SOL_SOCKET, SO_REUSEADDR), OPTION(SOL_SOCKET, SO_OOBINLINE),
	OPTION(SOL_SOCKET, SO_SNDBUF), OPTION(SOL_SOCKET, SO_RCVBUF),
	OPTION(IPPROTO_TCP, TCP_NODELAY),
	OPTION(IPPROTO_IP, IP_TTL), OPTION(IPPROTO_IP, IP_TOS), OPTION(IPPROTO_IP, IP_RECVERR),
	OPTION(IPPROTO_IPV6, IPV6_V6ONLY), OPTION(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
	OPTION(IPPROTO_IPV6, IPV6_RECVERR), OPTION(IPPROTO_IPV6, IPV6_TCLASS),
	SOCKET(SOCK_STREAM, 0), SOCKET(SOCK_STREAM, IPPROTO_TCP),
	SOCKET(SOCK_DGRAM, 0), SOCKET(SOCK_DGRAM, IPPROTO_UDP),
	/* ping(8) without privilege */
	SOCKET(SOCK_DGRAM, IPPROTO_ICMP), SOCKET(SOCK_DGRAM, IPPROTO_ICMPV6),
};

/* Where Landlock says which files: reading the resolver's configuration. */
#define CONFINE_WRITING (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)
static const struct calls_when confine_open[] = {
	CALLS_WHEN_MASKED("open", 1, CONFINE_WRITING, O_RDONLY),
	CALLS_WHEN_MASKED("openat", 2, CONFINE_WRITING, O_RDONLY),
};

/* clang-format on */

static int confine_calls(bool may_open, struct err *e)
{
	const struct calls tables[] = {
		{
			.allowed = confine_allowed,
			.nallowed = ARRAY_LEN(confine_allowed),
			.when = confine_when,
			.nwhen = ARRAY_LEN(confine_when),
			.fatal = confine_fatal,
			.nfatal = ARRAY_LEN(confine_fatal),
		},
		{.when = confine_open, .nwhen = ARRAY_LEN(confine_open)},
	};

	return calls_restrict(tables, may_open ? 2 : 1, e);
}

int net_confine_enter(int landlock_abi, struct err *e)
{
	if (confine_drop_capabilities(e) < 0)
		return -1;
	if (limits_no_new_privs(e) < 0)
		return -1;
	if (landlock_abi > 0 && confine_landlock(landlock_abi, e) < 0)
		return -1;
	return confine_calls(landlock_abi > 0, e);
}

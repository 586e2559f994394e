/* Theory of operation.
 *
 * ccvm-net parses whatever a guest's kernel puts on its network card, partly in libslirp, a large body of old
 * C. It is assumed that a guest takes over this process some day. What it then holds must be worth nothing:
 * two sockets to its own QEMU and its own session, and connections that a guest may make anyway.
 *
 * The steps, in the order that works. Each stands on those before it.
 *
 * 1. ccvm-session starts us with an empty environment, two descriptors, stderr, and the kernel's promise to
 * kill us when it dies. No secret is in this process at any time.
 * 2. Descriptors (net_confine_fds): what was inherited by mistake is closed; stdin and stdout lead nowhere.
 * 3. Limits (net_confine_limits): RLIMIT_CORE 0 and PR_SET_DUMPABLE 0 (a dump would hold guest traffic, and
 * no other process of the user can attach), RLIMIT_NOFILE (each guest connection costs a descriptor and two
 *    buffers), RLIMIT_DATA (ends the process before a guest can exhaust the host).
 * 4. libslirp is set up: it reads /dev/urandom for its sequence numbers. This comes before the locks.
 * 5. Capabilities are emptied. They are empty already unless the user is root.
 * 6. PR_SET_NO_NEW_PRIVS: no set-user-ID program gives anything back. Landlock and seccomp ask for it.
 * 7. Landlock: no file may be opened, written, made or removed, except that the resolver's configuration may
 * be read. Newer kernels also refuse binding TCP ports (ABI 4), device ioctls (5), signals to processes and
 *    connections to abstract sockets outside (6).
 * 8. seccomp: only the system calls of the table below, some only with the arguments they are needed with.
 * Sockets are IPv4 and IPv6, stream and datagram; none can listen, accept or be bound. Calls that only an
 * attacker makes end the process; any other answers ENOSYS, which makes a future libc fall back to an older
 * call.
 *
 * Only after that does the first guest byte get read.
 *
 * A kernel without Landlock: step 8 then also refuses to open files, because seccomp cannot tell paths apart
 * and the user's own files must stay out of reach. The resolver's address is read before, once
 * (net_slirp_prime_resolver); a change of it is not seen. The session is told.
 *
 * What remains: stat(2) tells name, size and date of files that the user could see (libslirp calls it;
 * Landlock does not cover it). The netlink socket of net_reach, made before, shows interfaces and routes of the host; to
 * change them takes a capability, to hear of changes setsockopt(2), and a second one cannot be made. Whoever takes this
 * process over connects anywhere, this host's addresses included: net_reach and the rules are code in it. */
#include "net/net_confine.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define DESCRIPTORS_MAX 2048
#define DATA_MAX	(768UL * 1024 * 1024) /* 2048 connections with both buffers full, and room */

/* ---- descriptors and limits ---- */

static int confine_close_range(unsigned first, unsigned last)
{
	return first > last ? 0 : (int)syscall(SYS_close_range, first, last, 0);
}

static int confine_compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int net_confine_fds(const int *keep, size_t n, struct err *e)
{
	AUTO_FREE int *sorted = mem_alloc_array(n + 1, sizeof(*sorted));
	unsigned next = 3;
	int null;

	memcpy(sorted, keep, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), confine_compare_fds);
	for (size_t i = 0; i < n; i++) {
		if (sorted[i] < (int)next)
			continue;
		if (confine_close_range(next, (unsigned)sorted[i] - 1) < 0)
			return err_sys(e, "close inherited descriptors");
		next = (unsigned)sorted[i] + 1;
	}
	if (confine_close_range(next, UINT_MAX) < 0)
		return err_sys(e, "close inherited descriptors");
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		return err_sys(e, "open /dev/null");
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || (fcntl(2, F_GETFD) < 0 && dup2(null, 2) < 0))
		return err_sys(e, "replace stdin and stdout");
	if (null > 2)
		close(null);
	return 0;
}

static int confine_limit(int resource, const char *name, rlim_t most, struct err *e)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return err_sys(e, "getrlimit %s", name);
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(resource, &limit) < 0)
		return err_sys(e, "setrlimit %s", name);
	return 0;
}

int net_confine_limits(struct err *e)
{
	if (confine_limit(RLIMIT_CORE, "core", 0, e) < 0 ||
	    confine_limit(RLIMIT_NOFILE, "nofile", DESCRIPTORS_MAX, e) < 0 ||
	    confine_limit(RLIMIT_DATA, "data", DATA_MAX, e) < 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "prctl PR_SET_DUMPABLE");
	return 0;
}

static int confine_drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}, {0}};

	if (syscall(SYS_capset, &header, none) < 0)
		return err_sys(e, "capset");
	return 0;
}

/* ---- Landlock, by system call (landlock(7)); libc has no wrappers and its headers may be older than the
 * kernel ---- */

#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_ADD_RULE	445
#define LANDLOCK_RESTRICT_SELF	446
#define LANDLOCK_VERSION	1U
#define LANDLOCK_PATH_BENEATH	1

#define LANDLOCK_FS_READ_FILE (1ULL << 2)
#define LANDLOCK_FS_ABI1      ((1ULL << 13) - 1)
#define LANDLOCK_FS_REFER     (1ULL << 13) /* ABI 2 */
#define LANDLOCK_FS_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define LANDLOCK_FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define LANDLOCK_NET_BIND_TCP (1ULL << 0)  /* ABI 4 */
#define LANDLOCK_SCOPE_ALL    3ULL	   /* ABI 6: abstract sockets, signals */

struct confine_ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct confine_path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

int net_confine_landlock_abi(void)
{
	long abi = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* Lets the file be read, or the files of the directory. A path that does not exist grants nothing. */
static int confine_allow_read(int ruleset, const char *path, struct err *e)
{
	struct confine_path_rule rule = {.allowed = LANDLOCK_FS_READ_FILE};
	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return 0;
	rule.fd = fd;
	if (syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_PATH_BENEATH, &rule, 0) < 0)
		return err_sys(e, "landlock_add_rule for %s", path);
	return 0;
}

/* Landlock's rules hold on to the file, not to its name. Who keeps the resolver's configuration replaces the
 * file by another (rename(2)), so where it is in a directory of its own that directory is opened up. /etc
 * never is: after a replaced /etc/resolv.conf libslirp goes on with the address it knew. */
static int confine_allow_resolver(int ruleset, struct err *e)
{
	static const char *const directories[] = {"/run/systemd/resolve", "/run/resolvconf",
						  "/run/NetworkManager", "/run/connman"};
	AUTO_FREE char *target = realpath("/etc/resolv.conf", NULL);

	if (!target)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		size_t n = strlen(directories[i]);

		if (strncmp(target, directories[i], n) == 0 && target[n] == '/')
			return confine_allow_read(ruleset, directories[i], e);
	}
	return confine_allow_read(ruleset, target, e);
}

static int confine_landlock(int abi, struct err *e)
{
	const struct confine_ruleset attr = {
	    .fs = LANDLOCK_FS_ABI1 | (abi >= 2 ? LANDLOCK_FS_REFER : 0) |
		  (abi >= 3 ? LANDLOCK_FS_TRUNCATE : 0) | (abi >= 5 ? LANDLOCK_FS_IOCTL_DEV : 0),
	    .net = abi >= 4 ? LANDLOCK_NET_BIND_TCP : 0,
	    .scoped = abi >= 6 ? LANDLOCK_SCOPE_ALL : 0,
	};
	size_t size = abi >= 6	 ? sizeof(attr)
		      : abi >= 4 ? offsetof(struct confine_ruleset, scoped)
				 : sizeof(attr.fs);
	AUTO_CLOSE int ruleset = (int)syscall(LANDLOCK_CREATE_RULESET, &attr, size, 0);

	if (ruleset < 0)
		return err_sys(e, "landlock_create_ruleset");
	if (confine_allow_resolver(ruleset, e) < 0)
		return -1;
	if (syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) < 0)
		return err_sys(e, "landlock_restrict_self");
	return 0;
}

/* ---- seccomp ---- */

/* clang-format off */
/* Names, not numbers: what this libseccomp or this machine does not know is left out. Old and new forms of a
 * call stand side by side, so that neither a 32-bit machine nor the next libc ends it. */
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

/* No version of our libraries calls these. Whoever does has taken over the process: it ends. */
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

static const struct {
	int level;
	int option;
} confine_socket_options[] = {
	{SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_OOBINLINE}, {SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF},
	{IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_IP, IP_TTL}, {IPPROTO_IP, IP_TOS}, {IPPROTO_IP, IP_RECVERR},
	{IPPROTO_IPV6, IPV6_V6ONLY}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS}, {IPPROTO_IPV6, IPV6_RECVERR},
	{IPPROTO_IPV6, IPV6_TCLASS},
};

static const struct {
	int type;
	int protocol;
} confine_sockets[] = {
	{SOCK_STREAM, 0}, {SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, 0}, {SOCK_DGRAM, IPPROTO_UDP},
	{SOCK_DGRAM, IPPROTO_ICMP}, {SOCK_DGRAM, IPPROTO_ICMPV6}, /* ping(8) without privilege */
};

/* clang-format on */

/* Adds one rule with n argument conditions. A call this machine does not have is no error. */
static int confine_rule(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned n,
			const struct scmp_arg_cmp *conditions, struct err *e)
{
	int number = seccomp_syscall_resolve_name(name);
	int rc;

	if (number == __NR_SCMP_ERROR)
		return 0;
	rc = seccomp_rule_add_array(ctx, action, number, n, conditions);
	if (rc < 0 && rc != -EDOM)
		return err_set(e, "seccomp rule for %s: %s", name, strerror(-rc));
	return 0;
}

#define ALLOW(ctx, name, e, ...)                                                                             \
	confine_rule(ctx, SCMP_ACT_ALLOW, name,                                                              \
		     sizeof((const struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp),       \
		     (const struct scmp_arg_cmp[]){__VA_ARGS__}, e)

static int confine_rules_sockets(scmp_filter_ctx ctx, struct err *e)
{
	static const int families[] = {AF_INET, AF_INET6};

	for (size_t f = 0; f < ARRAY_LEN(families); f++)
		for (size_t i = 0; i < ARRAY_LEN(confine_sockets); i++)
			if (ALLOW(ctx, "socket", e, SCMP_A0(SCMP_CMP_EQ, (unsigned)families[f]),
				  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, (unsigned)confine_sockets[i].type),
				  SCMP_A2(SCMP_CMP_EQ, (unsigned)confine_sockets[i].protocol)) < 0)
				return -1;
	for (size_t i = 0; i < ARRAY_LEN(confine_socket_options); i++)
		if (ALLOW(ctx, "setsockopt", e,
			  SCMP_A1(SCMP_CMP_EQ, (unsigned)confine_socket_options[i].level),
			  SCMP_A2(SCMP_CMP_EQ, (unsigned)confine_socket_options[i].option)) < 0)
			return -1;
	return 0;
}

/* Calls that are harmless only with some arguments. */
static int confine_rules_arguments(scmp_filter_ctx ctx, bool may_open, struct err *e)
{
	static const unsigned controls[] = {F_GETFD, F_SETFD, F_GETFL,
					    F_SETFL}; /* not F_SETOWN: it sends signals */
	static const unsigned ioctls[] = {FIONREAD, FIONBIO};
	const uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(controls); i++) {
		rc = ALLOW(ctx, "fcntl", e, SCMP_A1(SCMP_CMP_EQ, controls[i]));
		if (rc == 0)
			rc = ALLOW(ctx, "fcntl64", e, SCMP_A1(SCMP_CMP_EQ, controls[i]));
	}
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(ioctls); i++)
		rc = ALLOW(ctx, "ioctl", e, SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
	if (rc == 0 && may_open)
		rc = ALLOW(ctx, "open", e, SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
	if (rc == 0 && may_open)
		rc = ALLOW(ctx, "openat", e, SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
	/* No memory becomes code. */
	if (rc == 0)
		rc = ALLOW(ctx, "mmap", e, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = ALLOW(ctx, "mmap2", e, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = ALLOW(ctx, "mprotect", e, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* abort(3) sends itself SIGABRT. */
	if (rc == 0)
		rc = ALLOW(ctx, "tgkill", e, SCMP_A0(SCMP_CMP_EQ, (unsigned)getpid()));
	return rc;
}

static int confine_seccomp_fill(scmp_filter_ctx ctx, bool may_open, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(confine_allowed); i++)
		if (confine_rule(ctx, SCMP_ACT_ALLOW, confine_allowed[i], 0, NULL, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(confine_fatal); i++)
		if (confine_rule(ctx, SCMP_ACT_KILL_PROCESS, confine_fatal[i], 0, NULL, e) < 0)
			return -1;
	if (confine_rules_sockets(ctx, e) < 0)
		return -1;
	return confine_rules_arguments(ctx, may_open, e);
}

static int confine_seccomp(bool may_open, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc = -1;

	if (!ctx)
		return err_set(e, "seccomp_init failed");
	/* A foreign system call table (32-bit, x32) is a way around the rules. */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0) {
		err_set(e, "seccomp_attr_set failed");
		goto out;
	}
	/* A search tree instead of a list; libseccomp before 2.5 has none, which is only slower. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (confine_seccomp_fill(ctx, may_open, e) < 0)
		goto out;
	rc = seccomp_load(ctx);
	if (rc < 0)
		rc = err_set(e, "seccomp_load: %s", strerror(-rc));
out:
	seccomp_release(ctx);
	return rc;
}

int net_confine_enter(int landlock_abi, struct err *e)
{
	if (confine_drop_capabilities(e) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "prctl PR_SET_NO_NEW_PRIVS");
	if (landlock_abi > 0 && confine_landlock(landlock_abi, e) < 0)
		return -1;
	return confine_seccomp(landlock_abi > 0, e);
}

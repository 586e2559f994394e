/* areas: base net proto sandbox
 * The confinement, seen from inside: each attempt runs in a child of its own that is confined as
 * ccvm-net is and ends with _exit (the leak check would need ptrace, which is refused). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "net/net_confine.h"
#include "net/net_reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum outcome {
	WORKS,	 /* the attempt returned 0 */
	REFUSED, /* it returned something else */
	KILLED,	 /* SIGSYS */
};

static const char *const outcome_name[] = {"works", "is refused", "ends the process"};

/* Each returns 0 when it got what it wanted. */
static int try_resolver(void)
{
	char line[64];
	FILE *f = fopen("/etc/resolv.conf", "r");

	return f && fgets(line, sizeof(line), f) ? 0 : -1;
}

static int try_open(const char *path, int flags)
{
	return open(path, flags, 0600) >= 0 ? 0 : -1;
}

static int try_passwd(void)
{
	return try_open("/etc/passwd", O_RDONLY);
}

static int try_relative(void)
{
	return try_open(".", O_RDONLY | O_DIRECTORY);
}

static int try_proc(void)
{
	return try_open("/proc/self/mem", O_RDONLY);
}

static int try_write(void)
{
	return try_open("/etc/resolv.conf", O_WRONLY);
}

static int try_create(void)
{
	return try_open("/tmp/ccvm-net-confine-test", O_WRONLY | O_CREAT);
}

static int try_stat(void)
{
	struct stat st;

	return stat("/etc/resolv.conf", &st);
}

static int try_inet(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
				      .sin_port = htons(1),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int yes = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
		return -1;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -1;
	return connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 && errno != ECONNREFUSED &&
	       errno != EINPROGRESS;
}

static int try_udp6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int n;

	return fd < 0 ? (errno == EAFNOSUPPORT ? 0 : -1) : ioctl(fd, FIONREAD, &n);
}

static int try_socket(int family, int type, int protocol)
{
	return socket(family, type, protocol) >= 0 ? 0 : -1;
}

static int try_unix(void)
{
	return try_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int try_netlink(void)
{
	return try_socket(AF_NETLINK, SOCK_RAW, 0);
}

/* The socket that net_reach opens before. */
static struct net_reach *reach;
static int reach_fd;

static int try_reach(void)
{
	const struct net_address here = net_address_make((const uint8_t[]){192, 0, 2, 1}, 4);

	return net_reach_is_host(reach, &here) ? -1 : 0;
}

/* It gives no right to change anything: a new address for the loopback device. */
static int try_new_address(void)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg address;
		struct rtattr attribute;
		uint8_t bytes[4];
	} q = {.header = {.nlmsg_len = sizeof(q),
			  .nlmsg_type = RTM_NEWADDR,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE},
	       .address = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1},
	       .attribute = {.rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL},
	       .bytes = {192, 0, 2, 77}};
	struct {
		struct nlmsghdr header;
		int error;
		uint8_t rest[200];
	} answer = {0};
	const int fd = reach_fd;

	if (send(fd, &q, sizeof(q), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return -1;
	return answer.header.nlmsg_type == NLMSG_ERROR && answer.error == 0 ? 0 : -1;
}

static int try_packet(void)
{
	return try_socket(AF_PACKET, SOCK_RAW, 0);
}

static int try_raw(void)
{
	return try_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int try_mptcp(void)
{
	return try_socket(AF_INET, SOCK_STREAM, 262);
}

static int try_socketpair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int try_bind(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return bind(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&a, sizeof(a));
}

static int try_listen(void)
{
	return listen(socket(AF_INET, SOCK_STREAM, 0), 1);
}

static int try_exec(void)
{
	char *const argv[] = {(char *)"true", NULL};
	char *const envp[] = {NULL};

	return execve("/bin/true", argv, envp);
}

static int try_fork(void)
{
	return (int)syscall(SYS_fork);
}

static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int try_kill_parent(void)
{
	return kill(getppid(), 0);
}

static int try_tgkill_parent(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int try_signal_by_fcntl(void)
{
	return fcntl(socket(AF_INET, SOCK_STREAM, 0), F_SETOWN, getppid());
}

static int try_code_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
			       MAP_FAILED
		       ? 0
		       : -1;
}

static int try_data_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED && mprotect(p, 4096, PROT_READ) == 0 ? 0 : -1;
}

static int try_make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int try_tty(void)
{
	return ioctl(2, TIOCSTI, "x");
}

static int try_unlink(void)
{
	return unlink("/tmp/ccvm-net-confine-test");
}

static int try_abort(void)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

static const struct {
	const char *name;
	int (*attempt)(void);
	enum outcome with_landlock;
	enum outcome without;
} attempts[] = {
	{"reading the resolver's configuration", try_resolver, WORKS, REFUSED},
	{"stat of it", try_stat, WORKS, WORKS},
	{"a TCP connection", try_inet, WORKS, WORKS},
	{"a UDP socket over IPv6", try_udp6, WORKS, WORKS},
	{"plain memory", try_data_memory, WORKS, WORKS},
	{"opening another file of the same folder", try_passwd, REFUSED, REFUSED},
	{"opening a relative path", try_relative, REFUSED, REFUSED},
	{"opening its own memory", try_proc, REFUSED, REFUSED},
	{"writing the resolver's configuration", try_write, REFUSED, REFUSED},
	{"making a file", try_create, REFUSED, REFUSED},
	{"removing a file", try_unlink, REFUSED, REFUSED},
	{"a local socket", try_unix, REFUSED, REFUSED},
	{"a pair of local sockets", try_socketpair, REFUSED, REFUSED},
	{"a netlink socket", try_netlink, REFUSED, REFUSED},
	{"a route over the netlink socket that is there", try_reach, WORKS, WORKS},
	{"a new address over the netlink socket that is there", try_new_address, REFUSED, REFUSED},
	{"a packet socket", try_packet, REFUSED, REFUSED},
	{"a raw socket", try_raw, REFUSED, REFUSED},
	{"a multipath TCP socket", try_mptcp, REFUSED, REFUSED},
	{"binding a port", try_bind, REFUSED, REFUSED},
	{"listening", try_listen, REFUSED, REFUSED},
	{"a signal to the parent", try_kill_parent, REFUSED, REFUSED},
	{"a thread's signal to the parent", try_tgkill_parent, REFUSED, REFUSED},
	{"a signal by way of a socket's owner", try_signal_by_fcntl, REFUSED, REFUSED},
	{"new code memory", try_code_memory, REFUSED, REFUSED},
	{"memory turned into code", try_make_code, REFUSED, REFUSED},
	{"input into a terminal", try_tty, REFUSED, REFUSED},
	{"starting a program", try_exec, KILLED, KILLED},
	{"fork", try_fork, KILLED, KILLED},
	{"ptrace of the parent", try_ptrace, KILLED, KILLED},
};

static int run_confined(int (*attempt)(void), int landlock_abi)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err e = {0};

		if (net_confine_enter(landlock_abi, &e) < 0) {
			dprintf(2, "%s\n", e.text);
			_exit(99);
		}
		_exit(attempt() == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static enum outcome judge(const char *name, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		fail_msg("%s: the child could not be confined", name);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return KILLED;
	if (!WIFEXITED(status))
		fail_msg("%s: wait status %#x", name, (unsigned)status);
	return WEXITSTATUS(status) == 0 ? WORKS : REFUSED;
}

static void check_attempts(int landlock_abi)
{
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
		enum outcome want = landlock_abi ? attempts[i].with_landlock : attempts[i].without;
		enum outcome got = judge(attempts[i].name,
					 run_confined(attempts[i].attempt, landlock_abi));

		if (got != want)
			fail_msg("%s %s, it should not: %s", attempts[i].name, outcome_name[got],
				 outcome_name[want]);
	}
}

static void test_with_landlock(void **state)
{
	(void)state;
	if (net_confine_landlock_abi() == 0)
		skip();
	check_attempts(net_confine_landlock_abi());
}

/* Every older kernel's Landlock must do as well for what it covers. */
static void test_older_abis(void **state)
{
	(void)state;
	for (int abi = 1; abi < net_confine_landlock_abi(); abi++) {
		assert_int_equal(judge("passwd", run_confined(try_passwd, abi)), REFUSED);
		assert_int_equal(judge("resolver", run_confined(try_resolver, abi)), WORKS);
	}
}

static void test_without_landlock(void **state)
{
	(void)state;
	check_attempts(0);
}

/* libslirp and GLib end by abort(3); that must still work and not turn into another signal. */
static void test_abort(void **state)
{
	int status;

	(void)state;
	status = run_confined(try_abort, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static int run_in_child(int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(attempt() == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Everything works before: otherwise "refused" above says nothing. */
static void test_attempts_can_succeed(void **state)
{
	(void)state;
	assert_int_equal(try_passwd(), 0);
	assert_int_equal(try_unix(), 0);
	assert_int_equal(try_bind(), 0);
	assert_int_equal(run_in_child(try_kill_parent), 0);
	assert_int_equal(try_code_memory(), 0);
}

int main(void)
{
	struct err e;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attempts_can_succeed),
		cmocka_unit_test(test_with_landlock),
		cmocka_unit_test(test_older_abis),
		cmocka_unit_test(test_without_landlock),
		cmocka_unit_test(test_abort),
	};

	reach = net_reach_new(true, false, &e);
	reach_fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (!reach || reach_fd < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

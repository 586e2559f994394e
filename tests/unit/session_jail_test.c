/* areas: base
 * files: src/session/confine.c src/sandbox/jail.c src/proto/rundir.c src/sandbox/calls.c
 * What ccvm-session could do if it were taken over: a process in exactly its confinement tries a
 * table of reaches, those of an attack that had worked among them. */
#include "unit/unit.h"

#include "base/spawn.h"
#include "proto/rundir.h"
#include "session/confine.h"
#include "sandbox/jail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>

/* ---- what there is ---- */

static struct {
	struct rundir own, other;
	char *named, *program, *secret, *tty; /* paths */
	pid_t victim, child;
	int child_pidfd, pair[2], terminal;
	uint16_t port;
} world;

static int open_below(const struct rundir *r, const char *name, int flags)
{
	return openat(r->fd, name, flags | O_CLOEXEC, 0600);
}

static int closed(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

/* ---- what is tried: 0 or more is a success ---- */

static int read_seed(void)
{
	return closed(open_below(&world.other, "seed", O_RDONLY));
}
static int write_status(void)
{
	return closed(open_below(&world.other, "status.json", O_WRONLY));
}
static int make_beside(void)
{
	return closed(openat(world.own.base_fd, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}
static int make_dir_beside(void)
{
	return mkdirat(world.own.base_fd, "newdir", 0700);
}
static int list_base(void)
{
	return closed(openat(world.own.base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
static int lock_base(void)
{
	return flock(world.own.base_fd, LOCK_EX | LOCK_NB);
}
static int remove_other(void)
{
	return unlinkat(world.other.fd, "status.json", 0);
}
static int remove_other_dir(void)
{
	return unlinkat(world.own.base_fd, world.other.id, AT_REMOVEDIR);
}
static int rename_other(void)
{
	return renameat(world.other.fd, "status.json", world.own.fd, "stolen");
}
static int link_other(void)
{
	return linkat(world.other.fd, "status.json", world.own.fd, "linked", 0);
}
static int symlink_own(void)
{
	return symlinkat("/etc/passwd", world.own.fd, "x") < 0
		       ? -1
		       : closed(open_below(&world.own, "x", O_RDONLY));
}
static int read_secret(void)
{
	return closed(open(world.secret, O_RDONLY | O_CLOEXEC));
}
static int append_secret(void)
{
	return closed(open(world.secret, O_WRONLY | O_APPEND | O_CLOEXEC));
}
static int truncate_secret(void)
{
	return truncate(world.secret, 0);
}
static int chmod_secret(void)
{
	return chmod(world.secret, 0666);
}
static int utime_secret(void)
{
	return utimensat(AT_FDCWD, world.secret, NULL, 0);
}
static int xattr_secret(void)
{
	return (int)syscall(SYS_setxattr, world.secret, "user.x", "x", 1, 0);
}
static int read_etc(void)
{
	return closed(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}
static int read_proc(void)
{
	return closed(open("/proc/self/environ", O_RDONLY | O_CLOEXEC));
}
static int open_tty(void)
{
	return closed(open(world.tty, O_RDWR | O_NOCTTY | O_CLOEXEC));
}
static int open_null(void)
{
	return closed(open("/dev/null", O_WRONLY | O_CLOEXEC));
}
static int read_stderr(void)
{
	char c;
	return read(2, &c, 1) >= 0 || errno == EAGAIN ? 0 : -1;
}
static int change_dir(void)
{
	return chdir("/tmp");
}
static int watch_home(void)
{
	const int fd = inotify_init1(IN_CLOEXEC);
	return fd < 0 ? -1 : inotify_add_watch(fd, "/tmp", IN_ALL_EVENTS);
}

static int connect_to(int domain, int type, const void *address, socklen_t n)
{
	const int fd = socket(domain, type, 0);

	return fd < 0 ? -1 : connect(fd, address, n);
}

static int connect_named(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", world.named);
	return connect_to(AF_UNIX, SOCK_STREAM, &un, sizeof(un));
}

/* With a socket that it has. */
static int connect_held(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", world.named);
	return connect(world.pair[0], (struct sockaddr *)&un, sizeof(un));
}

static int connect_tcp(void)
{
	const struct sockaddr_in in = {.sin_family = AF_INET,
				       .sin_port = htons(world.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return connect_to(AF_INET, SOCK_STREAM, &in, sizeof(in));
}

static int send_udp(void)
{
	const struct sockaddr_in in = {.sin_family = AF_INET,
				       .sin_port = htons(9),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? -1 : (int)sendto(fd, "x", 1, 0, (const struct sockaddr *)&in, sizeof(in));
}

static int bind_unix(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "\0ccvm-test"};

	return bind(world.pair[0], (struct sockaddr *)&un, sizeof(un));
}

static int socket_pair(void)
{
	int p[2];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, p);
}
static int socket_netlink(void)
{
	return closed(socket(AF_NETLINK, SOCK_RAW, 0));
}
static int io_uring(void)
{
	char params[256] = {0};
	return (int)syscall(SYS_io_uring_setup, 4, params);
}
static int start_program(void)
{
	char *argv[] = {world.program, NULL}, *envp[] = {NULL};
	return execve(world.program, argv, envp);
}

static int start_child(void)
{
	const pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static void *thread_main(void *ctx)
{
	return ctx;
}
static int start_thread(void)
{
	pthread_t t;
	return pthread_create(&t, NULL, thread_main, NULL) == 0 ? 0 : -1;
}
static int signal_parent(void)
{
	return kill(getppid(), 0);
}
static int signal_victim(void)
{
	return kill(world.victim, 0);
}
static int signal_all(void)
{
	return kill(-1, 0);
}
static int signal_thread(void)
{
	return (int)syscall(SYS_tgkill, world.victim, world.victim, 0);
}
static int signal_by_queue(void)
{
	return (int)syscall(SYS_rt_sigqueueinfo, world.victim, 0, NULL) == 0 ? 0
	       : errno == EFAULT					     ? 0
									     : -1;
}
static int signal_by_owner(void)
{
	return fcntl(world.pair[0], F_SETOWN, world.victim);
}
static int signal_by_ioctl(void)
{
	return ioctl(world.pair[0], FIOSETOWN, &world.victim);
}
static int open_pidfd(void)
{
	return closed((int)syscall(SYS_pidfd_open, world.victim, 0));
}
static int get_pidfd(void)
{
	return closed((int)syscall(438 /* pidfd_getfd */, world.child_pidfd, 0, 0));
}
static int trace_victim(void)
{
	return (int)syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, world.victim, 0, 0);
}
static int limit_victim(void)
{
	return (int)syscall(SYS_prlimit64, world.victim, RLIMIT_NOFILE, NULL, (char[16]){0});
}
static int slow_victim(void)
{
	return setpriority(PRIO_PROCESS, (id_t)world.victim, 19);
}
static int pin_victim(void)
{
	cpu_set_t s;
	CPU_ZERO(&s);
	CPU_SET(0, &s);
	return sched_setaffinity(world.victim, sizeof(s), &s);
}
static int executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}
static int memory_file(void)
{
	return closed((int)syscall(SYS_memfd_create, "x", 0));
}
static int new_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}
static int mount_something(void)
{
	return mount("none", unit_dir, "tmpfs", 0, NULL);
}
static int read_keyring(void)
{
	return (int)syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -4, 0);
}
static int be_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}
static int load_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, (char[128]){0}, 128) >= 0 || errno == EINVAL ? 0 : -1;
}
static int type_on_tty(void)
{
	return ioctl(2, TIOCSTI, "x");
}

/* What has to go on working. */
static int own_file(void)
{
	return closed(open_below(&world.own, "status.json.new", O_WRONLY | O_CREAT));
}
static int own_rename(void)
{
	return renameat(world.own.fd, "status.json.new", world.own.fd, "status.json");
}
static int own_read(void)
{
	return closed(open_below(&world.own, "status.json", O_RDONLY));
}
static int own_dir(void)
{
	return mkdirat(world.own.fd, "empty", 0500);
}
static int own_child(void)
{
	return spawn_signal(world.child_pidfd, SIGKILL) < 0 ||
			       waitpid(world.child, NULL, 0) != world.child
		       ? -1
		       : 0;
}
static int own_socket(void)
{
	return (int)send(world.pair[0], "x", 1, MSG_NOSIGNAL);
}
static int own_memory(void)
{
	return mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}
static int own_log(void)
{
	return (int)write(2, "x", 1);
}
static int own_disk(void)
{
	struct statvfs fs;
	return fstatvfs(world.own.fd, &fs);
} /* how much room the pool's disk has */
static int own_end(void)
{
	rundir_remove(&world.own);
	return 0;
}

#define REACH(fn)                                                                                  \
	{                                                                                          \
#fn, fn                                                                            \
	}
static const struct {
	const char *name;
	int (*fn)(void);
} refused[] =
	{
		REACH(read_seed),
		REACH(write_status),
		REACH(make_beside),
		REACH(make_dir_beside),
		REACH(list_base),
		REACH(lock_base),
		REACH(remove_other),
		REACH(remove_other_dir),
		REACH(rename_other),
		REACH(link_other),
		REACH(symlink_own),
		REACH(read_secret),
		REACH(append_secret),
		REACH(truncate_secret),
		REACH(chmod_secret),
		REACH(utime_secret),
		REACH(xattr_secret),
		REACH(read_etc),
		REACH(read_proc),
		REACH(open_tty),
		REACH(open_null),
		REACH(read_stderr),
		REACH(change_dir),
		REACH(watch_home),
		REACH(connect_named),
		REACH(connect_held),
		REACH(connect_tcp),
		REACH(send_udp),
		REACH(bind_unix),
		REACH(socket_pair),
		REACH(socket_netlink),
		REACH(io_uring),
		REACH(start_child),
		REACH(start_thread),
		REACH(signal_parent),
		REACH(signal_victim),
		REACH(signal_all),
		REACH(signal_thread),
		REACH(signal_by_queue),
		REACH(signal_by_owner),
		REACH(signal_by_ioctl),
		REACH(open_pidfd),
		REACH(get_pidfd),
		REACH(trace_victim),
		REACH(limit_victim),
		REACH(slow_victim),
		REACH(pin_victim),
		REACH(executable_memory),
		REACH(memory_file),
		REACH(new_namespace),
		REACH(mount_something),
		REACH(read_keyring),
		REACH(be_dumpable),
		REACH(load_bpf),
		REACH(type_on_tty),
		REACH(start_program) /* last: it would be another program then */,
},
  works[] = {
	  REACH(own_file),   REACH(own_rename), REACH(own_read), REACH(own_dir),  REACH(own_child),
	  REACH(own_socket), REACH(own_memory), REACH(own_log),	 REACH(own_disk), REACH(own_end),
};

/* ---- the confined process ---- */

/* As ccvm-session: it has its directory, a socket and a child, and gives up the rest. */
static int confined(void *ctx)
{
	const int say = *(const int *)ctx;
	struct err e;

	world.child = fork();
	if (world.child == 0) {
		pause();
		_exit(0);
	}
	world.child_pidfd = (int)syscall(SYS_pidfd_open, world.child, 0);
	if (dup2(world.terminal, 2) < 0 || rundir_create(&world.own, unit_dir, &e) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, world.pair) < 0 || world.child_pidfd < 0)
		return 2;
	if (confine_session(&world.own, &(struct confine_also){-1, -1, -1}, &e) < 0) {
		dprintf(say, "confine: %s\n", e.text);
		return 3;
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (refused[i].fn() >= 0)
			dprintf(say, "reached: %s\n", refused[i].name);
	for (size_t i = 0; i < ARRAY_LEN(works); i++)
		if (works[i].fn() < 0)
			dprintf(say, "does not work: %s: %s\n", works[i].name, strerror(errno));
	return 0;
}

/* ---- the test ---- */

static int make_world(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t n = sizeof(in);
	const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		  named = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct err e;

	if (unit_make_dir(state) < 0 || rundir_create(&world.other, unit_dir, &e) < 0)
		return -1;
	world.named = unit_path("agent.sock");
	world.secret = unit_path("secret");
	world.program = mem_strdup("/bin/true");
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", world.named);
	unit_write(world.secret, "x", 1);
	world.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (grantpt(world.terminal) < 0 || unlockpt(world.terminal) < 0)
		return -1;
	world.tty = mem_strdup(ptsname(world.terminal));
	if (file_create(world.other.fd, "status.json", "x", 1, 0600, &e) < 0 ||
	    mkdirat(world.other.fd, "seed", 0700) < 0 ||
	    bind(tcp, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(tcp, 4) < 0 ||
	    getsockname(tcp, (struct sockaddr *)&in, &n) < 0 ||
	    bind(named, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(named, 4) < 0)
		return -1;
	world.port = ntohs(in.sin_port);
	world.victim = fork();
	if (world.victim == 0) {
		pause();
		_exit(0);
	}
	return 0;
}

static int remove_world(void **state)
{
	kill(world.victim, SIGKILL);
	waitpid(world.victim, NULL, 0);
	return unit_remove_dir(state);
}

static void test_reaches(void **state)
{
	AUTO_BUF struct buf said = {0};
	struct jail j;
	struct err e;
	int report[2], code;

	(void)state;
	jail_init(&j);
	if (!j.abi) {
		print_message("this kernel has no Landlock of version 2: ccvm-session's jail was "
			      "NOT measured\n");
		skip();
	}
	assert_true(ARRAY_LEN(refused) >= 30);
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	code = unit_child(confined, &report[1]);
	close(report[1]);
	assert_int_equal(file_read_fd(report[0], 1 << 16, &said, &e), 0);
	if (buf_len(&said) || code)
		fail_msg("code %d\n%s", code, buf_text(&said));
	close(report[0]);
}

/* Its directory is gone, and another session's is whole. */
static void test_after(void **state)
{
	AUTO_FREE char *base = unit_path("ccvm"), *status = unit_path("ccvm/x");
	AUTO_FREE char *other = mem_format("%s/%s/status.json", base, world.other.id);
	AUTO_FREE char *text = unit_read(other);

	(void)state;
	assert_string_equal(text, "x");
	assert_int_equal(rundir_clean_dead(unit_dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reaches),
					   cmocka_unit_test(test_after)};

	return cmocka_run_group_tests(tests, make_world, remove_world);
}

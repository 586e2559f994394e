/* areas: base
 * files: src/sandbox/jail.c
 * The jail seen from inside: each attempt runs in a child of its own that is confined and ends
 * with _exit (the leak check would need ptrace, which is refused). */
#include "unit/unit.h"

#include "sandbox/jail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Attempts return 0 or an errno. The folder: read/, write/, tree/{a,b}/, exec/, outside/. */
static int try_open_at(const char *name, int flags)
{
	AUTO_FREE char *path = unit_path(name);
	AUTO_CLOSE int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static int result(int rc)
{
	return rc < 0 ? errno : 0;
}

static int try_read(void)
{
	return try_open_at("read/file", O_RDONLY);
}

static int try_list(void)
{
	return try_open_at("read", O_RDONLY | O_DIRECTORY);
}

static int try_read_outside(void)
{
	return try_open_at("outside/file", O_RDONLY);
}

static int try_list_outside(void)
{
	return try_open_at("outside", O_RDONLY | O_DIRECTORY);
}

static int try_read_through_link(void)
{
	return try_open_at("read/link-outside", O_RDONLY);
}

static int try_read_etc(void)
{
	AUTO_CLOSE int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static int try_write_read_rule(void)
{
	return try_open_at("read/file", O_WRONLY);
}

static int try_make_in_read_rule(void)
{
	return try_open_at("read/new", O_WRONLY | O_CREAT);
}

static int try_remove_in_read_rule(void)
{
	AUTO_FREE char *path = unit_path("read/file");

	return result(unlink(path));
}

static int try_write(void)
{
	return try_open_at("write/file", O_RDWR);
}

static int try_truncate(void)
{
	return try_open_at("write/file", O_WRONLY | O_TRUNC);
}

static int try_truncate_read_rule(void)
{
	AUTO_FREE char *path = unit_path("read/file");

	return result(truncate(path, 0));
}

static int try_beside_write_rule(void)
{
	return try_open_at("write/other", O_RDONLY);
}

static int try_remove_write_rule(void)
{
	AUTO_FREE char *path = unit_path("write/file");

	return result(unlink(path));
}

static int try_run(const char *name)
{
	AUTO_FREE char *path = unit_path(name);
	char *argv[] = {path, NULL};
	char *envp[] = {NULL};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(errno);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static int try_execute(void)
{
	return try_run("exec/ours");
}

static int try_execute_read_rule(void)
{
	return try_run("read/program");
}

static int try_execute_in_tree(void)
{
	return try_run("tree/program");
}

static int try_tree_make(void)
{
	AUTO_FREE char *dir = unit_path("tree/a/dir");
	AUTO_FREE char *link = unit_path("tree/a/dir/link");
	AUTO_FREE char *fifo = unit_path("tree/a/dir/fifo");
	struct err e;

	if (mkdir(dir, 0700) < 0 || symlink("x", link) < 0 || mkfifo(fifo, 0600) < 0)
		return errno;
	return file_remove_tree(AT_FDCWD, dir, &e) < 0 ? e.sys : 0;
}

static int try_rename(const char *from, const char *to)
{
	AUTO_FREE char *a = unit_path(from);
	AUTO_FREE char *b = unit_path(to);

	return result(rename(a, b));
}

static int try_rename_across(void)
{
	return try_rename("tree/a/file", "tree/b/file");
}

static int try_rename_directory_across(void)
{
	return try_rename("tree/a", "tree/b/a");
}

static int try_rename_out(void)
{
	return try_rename("tree/kept", "outside/new");
}

static int try_link_in(void)
{
	AUTO_FREE char *a = unit_path("outside/file");
	AUTO_FREE char *b = unit_path("tree/a/hard");

	return result(link(a, b));
}

static int try_device_node(void)
{
	AUTO_FREE char *path = unit_path("tree/a/null");

	return result(mknod(path, S_IFCHR | 0600, 0x103));
}

static int try_tcp_connect(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
				      .sin_port = htons(1),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = result(connect(fd, (const struct sockaddr *)&a, sizeof(a)));

	return rc == ECONNREFUSED ? 0 : rc; /* it got as far as the other side */
}

static int try_tcp_bind(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return result(bind(fd, (const struct sockaddr *)&a, sizeof(a)));
}

static int try_abstract_socket(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%c%s", 0, unit_dir);

	return result(connect(fd, (const struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)));
}

static int try_signal(void)
{
	return result(kill(getppid(), 0));
}

static int try_gain_privileges(void)
{
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");
	int rc = ENOENT;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "NoNewPrivs:\t", 12) == 0)
			rc = line[12] == '1' ? EPERM : 0;
	if (f)
		fclose(f);
	return rc;
}

static const struct {
	const char *name;
	int (*attempt)(void);
	int sys; /* 0: works */
	/* refused from this version of the kernel's Landlock on; before that it works */
	int abi;
	bool keep_signals; /* the jail's option */
} cases[] = {
	{"read a file of a read rule", try_read, 0, 2, false},
	{"list a directory of a read rule", try_list, 0, 2, false},
	{"write a file of a read rule", try_write_read_rule, EACCES, 2, false},
	{"truncate a file of a read rule", try_truncate_read_rule, EACCES, 3, false},
	{"make a file in a read rule", try_make_in_read_rule, EACCES, 2, false},
	{"remove a file in a read rule", try_remove_in_read_rule, EACCES, 2, false},
	{"read outside", try_read_outside, EACCES, 2, false},
	{"list outside", try_list_outside, EACCES, 2, false},
	{"read outside through a link", try_read_through_link, EACCES, 2, false},
	{"read /etc/passwd", try_read_etc, EACCES, 2, false},
	{"write a file of a write rule", try_write, 0, 2, false},
	{"truncate a file of a write rule", try_truncate, 0, 2, false},
	{"read beside a write rule", try_beside_write_rule, EACCES, 2, false},
	{"remove a file of a write rule", try_remove_write_rule, EACCES, 2, false},
	{"start a program of an execute rule", try_execute, 0, 2, false},
	{"start a program of a read rule", try_execute_read_rule, EACCES, 2, false},
	{"start a program of a tree", try_execute_in_tree, EACCES, 2, false},
	{"make and remove in a tree", try_tree_make, 0, 2, false},
	{"rename across directories of a tree", try_rename_across, 0, 2, false},
	{"rename a directory in a tree", try_rename_directory_across, 0, 2, false},
	{"rename out of a tree", try_rename_out, EACCES, 2, false},
	{"link into a tree from outside", try_link_in, EXDEV, 2, false},
	{"make a device in a tree", try_device_node, EACCES, 2, false},
	{"connect by TCP", try_tcp_connect, EACCES, 4, false},
	{"bind a TCP port", try_tcp_bind, EACCES, 4, false},
	{"connect to an abstract socket", try_abstract_socket, EPERM, 6, false},
	{"signal the parent", try_signal, EPERM, 6, false},
	{"signal the parent, when allowed", try_signal, 0, 2, true},
	{"gain privileges by exec", try_gain_privileges, EPERM, 0, false},
};

/* ---- set-up ---- */

static void copy_program(const char *name)
{
	AUTO_FREE char *path = unit_path(name);
	AUTO_BUF struct buf bytes = {0};
	struct err e;

	assert_int_equal(file_read(AT_FDCWD, "/bin/true", 1 << 24, &bytes, &e), 0);
	assert_int_equal(file_create(AT_FDCWD, path, buf_data(&bytes), buf_len(&bytes), 0700, &e),
			 0);
}

static int make_folder(void **state)
{
	static const char *const dirs[] = {"read", "write", "tree/a", "tree/b", "exec", "outside"};
	static const char *const files[] = {"read/file",   "write/file", "write/other",
					    "tree/a/file", "tree/kept",	 "outside/file"};
	AUTO_FREE char *link = NULL;

	if (unit_make_dir(state) < 0)
		return -1;
	unit_make_tree(dirs, ARRAY_LEN(dirs), files, ARRAY_LEN(files));
	link = unit_path("read/link-outside");
	copy_program("exec/ours");
	copy_program("read/program");
	copy_program("tree/program");
	return symlink("../outside/file", link);
}

static void allow(struct jail *j, const char *name, enum jail_access access)
{
	AUTO_FREE char *path = name[0] == '/' ? mem_strdup(name) : unit_path(name);
	struct err e;

	if (jail_allow(j, path, access, &e) < 0)
		fail_msg("%s", e.text);
}

static void make_jail(struct jail *j)
{
	jail_init(j);
	allow(j, "read", JAIL_READ);
	allow(j, "write/file", JAIL_WRITE);
	allow(j, "tree", JAIL_TREE);
	allow(j, "exec", JAIL_EXECUTE);
	allow(j, "missing", JAIL_TREE);
	allow(j, "read/file/missing", JAIL_TREE);
	/* What a program needs to start, and the child's own status. */
	allow(j, "/lib", JAIL_EXECUTE);
	allow(j, "/lib64", JAIL_EXECUTE);
	allow(j, "/usr/lib", JAIL_EXECUTE);
	allow(j, "/nix/store", JAIL_EXECUTE);
	allow(j, "/proc", JAIL_READ);
}

struct attempt {
	struct jail jail;
	int (*run)(void);
};

static int in_jail(void *ctx)
{
	struct attempt *a = ctx;

	if (jail_enter(&a->jail) < 0)
		return 255;
	return a->run();
}

static int abstract_listener(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%c%s", 0, unit_dir);

	assert_int_equal(bind(fd, (const struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
			 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void test_attempts(void **state)
{
	AUTO_CLOSE int listener = abstract_listener();
	AUTO_FREE char *renamed = unit_path("tree/b/a");
	AUTO_FREE char *back = unit_path("tree/a");
	struct attempt a;

	(void)state;
	make_jail(&a.jail);
	if (!a.jail.abi) {
		jail_fini(&a.jail);
		print_message(
			"this kernel has no Landlock of version 2: the jail was NOT tested\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int wanted = a.jail.abi >= cases[i].abi ? cases[i].sys : 0;
		int status;

		a.run = cases[i].attempt;
		a.jail.keep_signals = cases[i].keep_signals;
		status = unit_child(in_jail, &a);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
			fail_msg("%s: wait status %#x (%s), wanted %s", cases[i].name,
				 (unsigned)status, strerror(WEXITSTATUS(status)), strerror(wanted));
		(void)rename(renamed, back);
	}
	jail_fini(&a.jail);
}

/* Without the jail every attempt works: a refusal above is the jail's. */
static int outside_jail(void *ctx)
{
	return ((struct attempt *)ctx)->run();
}

static void test_attempts_work_outside(void **state)
{
	AUTO_CLOSE int listener = abstract_listener();
	struct attempt a = {.run = NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status;

		/* Not what a container may have refused already. */
		if (cases[i].sys == 0 || cases[i].attempt == try_gain_privileges ||
		    (cases[i].attempt == try_device_node && geteuid() != 0))
			continue;
		a.run = cases[i].attempt;
		status = unit_child(outside_jail, &a);
		if (status != 0)
			fail_msg("%s: wait status %#x", cases[i].name, (unsigned)status);
	}
}

static void test_fds(void **state)
{
	struct jail j;
	int fd;

	(void)state;
	jail_init(&j);
	allow(&j, "read", JAIL_READ);
	fd = j.rule[0].fd;
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	jail_fini(&j);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(j.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attempts), cmocka_unit_test(test_fds),
		cmocka_unit_test(test_attempts_work_outside), /* last: it changes the folder */
	};

	return cmocka_run_group_tests(tests, make_folder, unit_remove_dir);
}

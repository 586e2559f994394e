/* areas: base
 * files: src/vm/qemu.c src/vm/qemu_args.c src/sandbox/jail.c src/vm/callfilter.c
 * What QEMU could do if it were taken over: this program is started in its place, by the very
 * function that starts QEMU, and lists everything it can open, make, start, connect to and
 * signal of what is on this machine. The list must hold nothing that is not in the table below. */
#include "unit/unit.h"

#include "vm/callfilter.h"
#include "sandbox/jail.h"
#include "vm/qemu.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define CANDIDATES_MAX 20000

/* ---- in QEMU's place ---- */

static FILE *probe_out;
static char probe_dir[64]; /* the test's folder */

static void probe_open(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0) {
		fprintf(probe_out, "read %s\n", path);
		close(fd);
	}
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return;
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		fprintf(probe_out, "write %s\n", path);
		close(fd);
	}
}

static char *probe_path(const char *name)
{
	return mem_format("%s/%s", probe_dir, name);
}

static void probe_make(const char *name)
{
	AUTO_FREE char *path = probe_path(name);

	if (mkdir(path, 0700) == 0)
		fprintf(probe_out, "make %s\n", name);
}

static void probe_start(const char *path, const char *name)
{
	char *argv[] = {(char *)(uintptr_t)path, NULL}, *envp[] = {NULL};
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(99);
	}
	if (waitpid(pid, &status, 0) == pid && status == 0)
		fprintf(probe_out, "start %s\n", name);
}

/* The saved guest's memory, as the command line names it. */
static void probe_memory(void)
{
	AUTO_FREE char *path = mem_format("/proc/self/fd/%d", QEMU_FD_RAM);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED)
		fprintf(probe_out, "map memory private\n");
	if (fd >= 0 && mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		fprintf(probe_out, "map memory shared\n");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		fprintf(probe_out, "open memory for writing\n");
}

static void probe_say(const char *what, int rc)
{
	if (rc >= 0)
		fprintf(probe_out, "%s\n", what);
}

static void probe_sockets(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	probe_say("connect tcp",
		  connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&in, sizeof(in)));
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/outside/socket", probe_dir);
	probe_say("connect named",
		  connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&un, sizeof(un)));
	probe_say("socket unix", socket(AF_UNIX, SOCK_DGRAM, 0));
	probe_say("socket netlink", socket(AF_NETLINK, SOCK_RAW, 0));
	probe_say("socket inet6", socket(AF_INET6, SOCK_DGRAM, 0));
}

static void probe_processes(void)
{
	const pid_t parent = getppid();

	probe_say("signal parent", kill(parent, 0));
	probe_say("signal everybody", kill(-1, 0));
	probe_say("signal group", kill(0, 0));
	probe_say("signal self", kill(getpid(), 0));
	probe_say("signal own thread", (int)syscall(SYS_tgkill, getpid(), getpid(), 0));
	probe_say("signal parent's thread", (int)syscall(SYS_tgkill, parent, parent, 0));
	probe_say("pidfd", (int)syscall(SYS_pidfd_open, parent, 0));
	probe_say("new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? -1 : 0);
}

/* The kernel is the list of what is tried. The environment is to be empty. */
static int probe(char **argv, char **envp)
{
	AUTO_FREE char *program = NULL;
	const char *list = NULL;
	char line[4096];
	FILE *in;
	int port = 0;

	for (char **a = argv; *a && a[1]; a++)
		if (strcmp(*a, "-kernel") == 0)
			list = a[1];
	if (!list)
		_exit(3);
	snprintf(probe_dir, sizeof(probe_dir), "%.*s", (int)(strlen(list) - strlen("/kernel")),
		 list);
	probe_out = fdopen(QEMU_FD_QMP, "w");
	in = fopen(list, "r");
	if (!in || !fgets(line, sizeof(line), in) || sscanf(line, "%d", &port) != 1)
		_exit(3);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		probe_open(line);
	}
	probe_memory();
	probe_make("workspace/new");
	probe_make("outside/new");
	program = probe_path("workspace/program");
	probe_start("/bin/true", "/bin/true");
	probe_start(program, "workspace/program");
	probe_sockets(port);
	probe_processes();
	if (envp[0])
		fprintf(probe_out, "environment %s\n", envp[0]);
	fprintf(probe_out, "end\n");
	fflush(probe_out);
	_exit(0);
}

/* ---- the machine around it ---- */

/* The image (read) and its sockets, nothing of the user's; the memory of the guest that it comes from
 * (read); and what a program needs to run at all. "%" is the folder. */
/* clang-format off */
static const char *const allowed[] = {
	"read %/kernel", "read %/root", "read /usr/lib", "read /usr/lib64",
	"read /usr/local/lib", "read /lib", "read /lib64", "read /nix/store",
	"read /usr/share/qemu", "read /usr/share/seabios", "read /etc/ld.so.cache",
	"read /etc/ld.so.conf", "read /dev/null", "write /dev/null", "read /dev/random",
	"read /dev/urandom", "read /proc/cpuinfo", "read /sys/devices/system/cpu",
	"read %/cache/ram", "map memory private", "signal self", "signal own thread", "end",
};
/* clang-format on */
/* And these must be: a list of nothing would prove nothing. */
static const char *const required[] = {
	"read %/kernel",   "read %/root", "read %/cache/ram",  "map memory private",
	"write /dev/null", "signal self", "signal own thread", "end"};

static bool matches(const char *line, const char *pattern, bool below)
{
	AUTO_FREE char *whole = NULL;
	const char *at = strchr(pattern, '%');
	size_t n;

	whole = at ? mem_format("%.*s%s%s", (int)(at - pattern), pattern, unit_dir, at + 1)
		   : mem_strdup(pattern);
	n = strlen(whole);
	return strncmp(line, whole, n) == 0 && (line[n] == '\0' || (below && line[n] == '/'));
}

static int listed;

/* Two levels; links and what only makes noise are left alone. */
static void list_below(FILE *out, const char *top, int depth)
{
	DIR *dir = opendir(top);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) && listed < CANDIDATES_MAX) {
		AUTO_FREE char *path = mem_format("%s/%s", strcmp(top, "/") == 0 ? "" : top,
						  entry->d_name);
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strncmp(entry->d_name, "watchdog", 8) == 0 || strchr(entry->d_name, '\n') ||
		    lstat(path, &st) < 0 || S_ISLNK(st.st_mode))
			continue;
		fprintf(out, "%s\n", path);
		listed++;
		if (S_ISDIR(st.st_mode) && depth > 1 && strcmp(path, "/proc") != 0 &&
		    strcmp(path, "/sys") != 0)
			list_below(out, path, depth - 1);
	}
	if (dir)
		closedir(dir);
}

static void write_list(int port)
{
	AUTO_FREE char *path = unit_path("kernel");
	AUTO_FREE char *mine = mem_format("/proc/%d", (int)getpid());
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fprintf(out,
		"%d\n/proc/cpuinfo\n/proc/self/maps\n/proc/kallsyms\n/proc/1/environ\n/proc/keys\n/"
		"sys/kernel\n",
		port);
	list_below(out, unit_dir, 3);
	list_below(out, mine, 1);
	list_below(out, "/", 2);
	fclose(out);
	assert_true(listed > 200); /* a machine has that much */
}

static int listen_on(struct sockaddr *address, socklen_t n)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, address, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static int make_folder(void **state)
{
	static const char *const dirs[] = {"workspace", "outside", "cache"};
	static const char *const files[] = {"workspace/file", "kernel", "root", "outside/secret",
					    "cache/ram"};
	AUTO_FREE char *program = NULL;
	AUTO_BUF struct buf bytes = {0};
	struct err e;

	if (unit_make_dir(state) < 0)
		return -1;
	unit_make_tree(dirs, ARRAY_LEN(dirs), files, ARRAY_LEN(files));
	program = unit_path("workspace/program");
	return file_read(AT_FDCWD, "/bin/true", 1 << 24, &bytes, &e) < 0 ||
			       file_create(AT_FDCWD, program, buf_data(&bytes), buf_len(&bytes),
					   0700, &e) < 0
		       ? -1
		       : 0;
}

/* Everything it wrote, once it has ended. */
static char *run_probe(struct err *e)
{
	static const struct accel tcg = {"auto", "tcg", "max", false};
	AUTO_FREE char *self = realpath("/proc/self/exe", NULL);
	AUTO_FREE char *kernel = unit_path("kernel");
	AUTO_FREE char *root = unit_path("root");
	/* clang-format off */
	const struct qemu_spec spec = {
		.program = self, .machine = "microvm", .accel = &tcg, .memory_mib = 64, .cores = 1,
		.kernel = kernel, .root_image = root,
		.ram = QEMU_RAM_CLONED_OLD,
	};
	/* clang-format on */
	AUTO_FREE char *memory = unit_path("cache/ram");
	AUTO_CLOSE int ram = open(memory, O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct buf said = {0};
	struct qemu q;
	int status = -1;

	if (qemu_start(&q, &spec,
		       &(struct qemu_files){.net = null,
					    .initrd = null,
					    .fs = null,
					    .ram = ram,
					    .pool = -1,
					    .preload = -1},
		       e) < 0)
		return NULL;
	fcntl(q.qmp_fd, F_SETFL, 0);
	assert_int_equal(file_read_fd(q.qmp_fd, 1 << 24, &said, e), 0);
	assert_int_equal(waitpid(q.pid, &status, 0), q.pid);
	assert_int_equal(status, 0);
	(void)buf_text(&said);
	return (char *)said.bytes;
}

static void test_everything(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t n = sizeof(in);
	AUTO_CLOSE int tcp = listen_on((struct sockaddr *)&in, sizeof(in));
	AUTO_CLOSE int named = -1;
	bool seen[ARRAY_LEN(required)] = {false};
	AUTO_FREE char *said = NULL;
	struct jail j;
	struct err e;

	(void)state;
	jail_init(&j);
	if (!j.abi) {
		print_message(
			"this kernel has no Landlock of version 2: QEMU's jail was NOT measured\n");
		skip();
	}
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/outside/socket", unit_dir);
	named = listen_on((struct sockaddr *)&un, sizeof(un));
	assert_int_equal(getsockname(tcp, (struct sockaddr *)&in, &n), 0);
	write_list(ntohs(in.sin_port));
	said = run_probe(&e);
	if (!said)
		fail_msg("%s", e.text);
	for (char *save = NULL, *line = strtok_r(said, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		bool fine = false;

		for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
			fine = fine || matches(line, allowed[i], true);
		if (!fine)
			fail_msg("QEMU could: %s", line);
		for (size_t i = 0; i < ARRAY_LEN(required); i++)
			seen[i] = seen[i] || matches(line, required[i], false);
	}
	for (size_t i = 0; i < ARRAY_LEN(required); i++)
		if (!seen[i])
			fail_msg("the list lacks: %s", required[i]);
}

/* ---- the filter alone, without Landlock's help ---- */

static int in_filter(void *ctx)
{
	const pid_t parent = getppid(), self = getpid();
	AUTO_FREE char *file = unit_path("workspace/file"), *fresh = unit_path("workspace/fresh");
	int pair[2], *made = ctx;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || callfilter_enter() < 0)
		return 100;
	if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EACCES)
		return 1;
	if (connect(*made, (struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX},
		    sizeof(struct sockaddr_un)) == 0 ||
	    errno != EACCES)
		return 2;
	if (kill(parent, 0) == 0 || errno != EACCES)
		return 3;
	if (kill(self, 0) != 0 || syscall(SYS_tgkill, self, self, 0) != 0)
		return 4;
	if (syscall(SYS_tgkill, parent, parent, 0) == 0 || errno != EACCES)
		return 5;
	if (kill(0, 0) == 0 || kill(-1, 0) == 0)
		return 6;
	if (syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno != EACCES)
		return 7;
	if (syscall(SYS_socket | 0x40000000, AF_UNIX, SOCK_STREAM, 0) >= 0)
		return 8;
	if (chmod(file, 04755) == 0 || errno != EPERM || chmod(file, 0755) != 0 ||
	    fchmodat(AT_FDCWD, file, 06755, 0) == 0)
		return 9;
	if (open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 04755) >= 0 ||
	    open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0755) < 0)
		return 10;
	if (mknodat(AT_FDCWD, fresh, S_IFREG | 04755, 0) == 0 || errno != EPERM)
		return 11;
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 || errno != EACCES ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0)
		return 13;
	if (syscall(437 /* openat2 */, AT_FDCWD, fresh,
		    &(uint64_t[3]){O_WRONLY | O_CREAT, 04755, 0}, 24) >= 0 ||
	    errno != ENOSYS)
		return 14;
	/* all else goes on */
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && getpid() == self ? 0 : 12;
}

static void test_filter(void **state)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(unit_child(in_filter, &fd), 0);
}

int main(int argc, char **argv, char **envp)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_everything),
	};

	if (argc > 1 && strcmp(argv[1], "-name") == 0)
		return probe(argv, envp);
	return cmocka_run_group_tests(tests, make_folder, unit_remove_dir);
}

/* areas: base
 * What a child finds: the listed fds and nothing else, the environment as given, its limits; and
 * what the parent gets an error when it cannot start. The children are this program again, under
 * a word of its own. */
#include "unit/unit.h"

#include "base/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEADLINE_MS 10000

/* ---- what the child does ---- */

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void child_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int fds[256];
	size_t n = 0;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir) &&
		    n < ARRAY_LEN(fds))
			fds[n++] = atoi(entry->d_name);
	closedir(dir);
	qsort(fds, n, sizeof(*fds), compare_ints);
	for (size_t i = 0; i < n; i++) {
		char link[64], target[256];
		ssize_t len;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fds[i]);
		len = readlink(link, target, sizeof(target));
		/* Only the last part of a path: pipes and sockets have numbers that differ. */
		for (ssize_t k = len; k-- > 0;)
			if (target[k] == '/' || target[k] == '[') {
				printf("%d=%.*s\n", fds[i],
				       (int)(target[k] == '[' ? k : len - k - 1),
				       target[k] == '[' ? target : target + k + 1);
				break;
			}
	}
}

static void child_env(void)
{
	for (char **p = environ; *p; p++)
		printf("%s\n", *p);
}

static void child_directory(void)
{
	AUTO_FREE char *path = realpath(".", NULL);

	printf("%s\n", path);
}

static void child_state(void)
{
	struct rlimit core;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "SigBlk:", 7) == 0 || strncmp(line, "SigIgn:", 7) == 0)
			fputs(line, stdout);
	if (f)
		fclose(f);
	getrlimit(RLIMIT_CORE, &core);
	printf("core %llu\nleader %d\n", (unsigned long long)core.rlim_cur, getsid(0) == getpid());
}

static void child_pause(void)
{
	/* far beyond the deadline, so that a failed test leaves nobody behind for long */
	alarm(60);
	pause();
}

static void child_many(void)
{
	for (int i = 0; i < 100000; i++)
		puts("0123456789");
}

static void child_seven(void)
{
	puts("seven");
	exit(7);
}

static const struct {
	const char *word;
	void (*run)(void);
} child_words[] = {{"fds", child_fds},	   {"env", child_env},
		   {"state", child_state}, {"directory", child_directory},
		   {"pause", child_pause}, {"many", child_many},
		   {"seven", child_seven}};

static int run_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(child_words); i++)
		if (strcmp(child_words[i].word, word) == 0)
			child_words[i].run();
	return 0;
}

/* ---- the parent's side ---- */

static char *no_env[] = {NULL};

/* Starts the word and collects its output; fds[0] is free for the pipe to its stdout. */
static void output_of(const char *word, struct spawn s, struct spawn_fd *fds, size_t nfds,
		      struct buf *out)
{
	char *argv[] = {"child", (char *)word, NULL};
	struct err e;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fds[0] = (struct spawn_fd){.from = ends[1], .to = 1};
	s.path = "/proc/self/exe";
	s.argv = argv;
	s.envp = s.envp ? s.envp : no_env;
	s.fds = fds;
	s.nfds = nfds;
	pid = spawn_start(&s, NULL, &e);
	close(ends[1]);
	if (pid < 0)
		fail_msg("%s", e.text);
	assert_int_equal(file_read_fd(ends[0], 1 << 20, out, &e), 0);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int open_named(const char *name)
{
	AUTO_FREE char *path = unit_path(name);

	unlink(path);
	return open(path, O_RDWR | O_CREAT,
		    0600); /* without O_CLOEXEC: it must not get through all the same */
}

static void test_fds(void **state)
{
	AUTO_CLOSE int a = open_named("a");
	AUTO_CLOSE int b = open_named("b");
	AUTO_CLOSE int unlisted = open_named("unlisted");
	AUTO_CLOSE int high = fcntl(unlisted, F_DUPFD, 300);
	AUTO_BUF struct buf plain = {0}, crossed = {0}, gaps = {0};
	AUTO_FREE char *wanted = mem_format("0=null\n1=pipe:\n2=null\n%d=%s\n%d=%s\n",
					    a < b ? a : b, a < b ? "b" : "a", a < b ? b : a,
					    a < b ? "a" : "b");

	(void)state;
	output_of("fds", (struct spawn){0}, (struct spawn_fd[1]){{0}}, 1, &plain);
	assert_string_equal(buf_text(&plain), "0=null\n1=pipe:\n2=null\n");
	/* Each one's target is the other one's source. */
	output_of("fds", (struct spawn){0}, (struct spawn_fd[]){{0}, {a, b}, {b, a}}, 3, &crossed);
	assert_string_equal(buf_text(&crossed), wanted);
	/* One fd at two numbers, one in place of stdin, and numbers between that must stay closed. */
	output_of("fds", (struct spawn){0}, (struct spawn_fd[]){{0}, {a, 40}, {a, 20}, {b, 0}}, 4,
		  &gaps);
	assert_string_equal(buf_text(&gaps), "0=b\n1=pipe:\n2=null\n20=a\n40=a\n");
}

/* A parent whose own stdin, stdout and stderr are closed. */
static int start_without_stdio(void *ctx)
{
	struct spawn_fd fds[] = {{.from = *(int *)ctx, .to = 1}};
	char *argv[] = {"child", "fds", NULL};
	const struct spawn s = {
		.path = "/proc/self/exe", .argv = argv, .envp = no_env, .fds = fds, .nfds = 1};
	struct err e;
	int status;
	pid_t pid;

	close(0);
	close(1);
	close(2);
	pid = spawn_start(&s, NULL, &e);
	return pid > 0 && waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 99;
}

static void test_parent_without_stdio(void **state)
{
	AUTO_BUF struct buf got = {0};
	struct err e;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(unit_child(start_without_stdio, &ends[1]), 0);
	close(ends[1]);
	assert_int_equal(file_read_fd(ends[0], 4096, &got, &e), 0);
	close(ends[0]);
	assert_string_equal(buf_text(&got), "0=null\n1=pipe:\n2=null\n");
}

static void test_environment(void **state)
{
	static const struct {
		char *env[3];
		const char *seen;
	} cases[] = {{{NULL}, ""}, {{"A=1", "B=x y=z", NULL}, "A=1\nB=x y=z\n"}};

	(void)state;
	setenv("CCVM_TEST_LEAK", "1", 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf got = {0};

		output_of("env", (struct spawn){.envp = cases[i].env}, (struct spawn_fd[1]){{0}}, 1,
			  &got);
		assert_string_equal(buf_text(&got), cases[i].seen);
	}
	unsetenv("CCVM_TEST_LEAK");
}

static void test_clean_state(void **state)
{
	static const char zeros[] = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n";
	AUTO_BUF struct buf got = {0};
	sigset_t set, old;

	(void)state;
	sigfillset(&set);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, &old);
	output_of("state", (struct spawn){.no_core = true, .new_session = true},
		  (struct spawn_fd[1]){{0}}, 1, &got);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	assert_memory_equal(buf_text(&got), zeros, sizeof(zeros) - 1);
	assert_string_equal(buf_text(&got) + sizeof(zeros) - 1, "core 0\nleader 1\n");
}

static void test_directory(void **state)
{
	AUTO_BUF struct buf ours = {0}, root = {0};
	AUTO_FREE char *here = realpath(".", NULL);

	(void)state;
	buf_addf(&ours, "%s\n", here);
	output_of("directory", (struct spawn){.directory = "/"}, (struct spawn_fd[1]){{0}}, 1,
		  &root);
	assert_string_equal(buf_text(&root), "/\n");
	buf_drop(&root, buf_len(&root));
	output_of("directory", (struct spawn){0}, (struct spawn_fd[1]){{0}}, 1, &root);
	assert_string_equal(buf_text(&root), buf_text(&ours));
}

/* ---- failures ---- */

static int refuse(const void *ctx)
{
	errno = *(const int *)ctx;
	return -1;
}

static void test_failures(void **state)
{
	static const int confine_errno = EDOM;
	AUTO_FREE char *plain = unit_path("not-executable");
	AUTO_FREE char *missing = unit_path("missing");
	const struct {
		struct spawn s;
		int sys;
	} cases[] = {
		{{.path = missing}, ENOENT},
		{{.path = plain}, EACCES},
		{{.path = unit_dir}, EACCES},
		{{.path = "/proc/self/exe", .directory = missing}, ENOENT},
		{{.path = "/proc/self/exe", .confine = refuse, .confine_ctx = &confine_errno},
		 EDOM},
		{{.path = "/proc/self/exe",
		  .nfds = 1,
		  .fds = &(const struct spawn_fd){.from = 999, .to = 1}},
		 EBADF},
	};

	(void)state;
	unit_write(plain, "#!/bin/sh\n", 10);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spawn s = cases[i].s;
		char *argv[] = {"child", "fds", NULL};
		int pidfd = -1;
		struct err e = {0};

		s.argv = argv;
		s.envp = no_env;
		assert_int_equal(spawn_start(&s, &pidfd, &e), -1);
		if (e.sys != cases[i].sys || !strstr(e.text, s.path))
			fail_msg("case %zu: errno %d, %s; wanted errno %d", i, e.sys, e.text,
				 cases[i].sys);
		assert_int_equal(pidfd, -1);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left behind */
	assert_int_equal(errno, ECHILD);
}

/* ---- life and death ---- */

static bool is_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static void test_pidfd(void **state)
{
	char *argv[] = {"child", "pause", NULL};
	const struct spawn s = {
		.path = "/proc/self/exe", .argv = argv, .envp = no_env, .die_with_parent = true};
	int pidfd = -1, status;
	struct err e;
	pid_t pid = spawn_start(&s, &pidfd, &e);

	(void)state;
	assert_true(pid > 0);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	assert_false(is_readable(pidfd, 0));
	kill(pid, SIGTERM);
	assert_true(is_readable(pidfd, DEADLINE_MS));
	close(pidfd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(spawn_exit_code(status), 128 + SIGTERM);
}

/* Starts a child that holds the pipe open and never ends by itself, and goes. */
static int start_and_go(void *ctx)
{
	char *argv[] = {"child", "pause", NULL};
	struct spawn_fd fds[] = {{.from = *(int *)ctx, .to = 5}};
	const struct spawn s = {.path = "/proc/self/exe",
				.argv = argv,
				.envp = no_env,
				.fds = fds,
				.nfds = 1,
				.die_with_parent = true};
	struct err e;

	return spawn_start(&s, NULL, &e) > 0 ? 0 : 1;
}

static void test_die_with_parent(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(unit_child(start_and_go, &ends[1]), 0);
	close(ends[1]);
	/* end of file: nobody holds the other end any more */
	assert_true(is_readable(ends[0], DEADLINE_MS));
	close(ends[0]);
}

static void test_exit_code(void **state)
{
	static const struct {
		int status, code;
	} cases[] = {{0, 0},	     {1 << 8, 1},	    {255 << 8, 255},
		     {SIGKILL, 137}, {SIGSEGV | 0x80, 139}, {SIGINT, 130}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(spawn_exit_code(cases[i].status), cases[i].code);
}

/* ---- PATH ---- */

static void make_program(const char *name, mode_t mode)
{
	AUTO_FREE char *path = unit_path(name);

	unit_write(path, "#!/bin/sh\n", 10);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_find(void **state)
{
	AUTO_FREE char *one = unit_path("one/prog");
	AUTO_FREE char *two = unit_path("two");
	static const struct {
		const char *path; /* @ stands for the folder; NULL: unset */
		const char *name;
		const char *found; /* in the folder */
	} cases[] = {
		{"@/one:@/two", "prog", "two/prog"}, /* a directory of that name is none */
		{"@/two:@/one", "plain", NULL},	     /* no execute permission */
		{":@/none::@/two:", "prog", "two/prog"},
		{"@/two", "other", NULL},
		{"", "prog", NULL},
		{".", "prog", NULL}, /* the current directory has one */
		{":./:.//:../two:", "prog", NULL},
		{".:@/two", "prog", "two/prog"},
		{NULL, "prog", NULL},
		{"@/two", "/etc/passwd", NULL}, /* a path already, of no program */
		{"@/two", "./missing", NULL},
	};
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs(one, 0700, &e) | file_mkdirs(two, 0700, &e), 0);
	make_program("two/prog", 0700);
	make_program("two/plain", 0600);
	assert_int_equal(chdir(two), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf path = {0};
		AUTO_FREE char *wanted = cases[i].found ? unit_path(cases[i].found)
							: mem_strdup("nothing");
		AUTO_FREE char *got = NULL;

		for (const char *p = cases[i].path; p && *p; p++)
			buf_addf(&path, *p == '@' ? "%s" : "%.0s%c", unit_dir, *p);
		got = spawn_find(cases[i].path ? buf_text(&path) : NULL, cases[i].name);
		if (strcmp(got ? got : "nothing", wanted) != 0)
			fail_msg("case %zu: got %s, wanted %s", i, got ? got : "nothing", wanted);
	}
}

static void test_output(void **state)
{
	AUTO_FREE char *self = unit_path("self");
	AUTO_FREE char *path = mem_format("PATH=%s", unit_dir);
	char *const env[] = {path, NULL};
	static const struct {
		const char *program, *word;
		size_t max;
		int code;	  /* -1: fails */
		const char *text; /* output, or part of the error */
	} cases[] = {
		{"self", "seven", 100, 7, "seven\n"},
		{"self", "seven", 6, 7, "seven\n"},
		{"self", "seven", 5, -1, "output of self: larger than 5 bytes"},
		{"self", "many", 1000, -1, "larger than 1000 bytes"}, /* is ended, not waited for */
		{"nothing-of-that-name", "x", 100, -1, "nothing-of-that-name is not installed"},
	};
	char exe[256] = {0};

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_int_equal(symlink(exe, self), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *argv[] = {(char *)cases[i].program, (char *)cases[i].word, NULL};
		AUTO_BUF struct buf out = {0};
		struct err e = {0};
		int status = spawn_output(argv, env, cases[i].max, &out, &e);

		if (cases[i].code < 0 ? status != -1 || !strstr(e.text, cases[i].text)
				      : spawn_exit_code(status) != cases[i].code ||
						strcmp(buf_text(&out), cases[i].text) != 0)
			fail_msg("case %zu: status %d, output \"%s\", error \"%s\"; wanted %d, "
				 "\"%s\"",
				 i, status, buf_text(&out), e.text, cases[i].code, cases[i].text);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fds),	    cmocka_unit_test(test_parent_without_stdio),
		cmocka_unit_test(test_environment), cmocka_unit_test(test_clean_state),
		cmocka_unit_test(test_directory),   cmocka_unit_test(test_failures),
		cmocka_unit_test(test_pidfd),	    cmocka_unit_test(test_die_with_parent),
		cmocka_unit_test(test_exit_code),   cmocka_unit_test(test_find),
		cmocka_unit_test(test_output),
	};

	if (argc > 1)
		return run_word(argv[1]);
	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}

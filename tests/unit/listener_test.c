/* areas: base loop
 * files: src/session/listener.c
 * The socket for other clients: who gets in, and what stops it from being made. */
#include "unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "loop/loop.h"
#include "session/listener.h"

#define PATIENCE_MS 10000

static void on_connection(void *ctx, int fd)
{
	(*(int *)ctx)++;
	close(fd);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The connection is taken, and closed: by on_connection, or before it comes that far. */
static void turn_until_closed(struct loop *loop, int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	for (int i = 0; i < PATIENCE_MS && poll(&p, 1, 0) == 0; i++) {
		loop_turn(loop, false);
		poll(NULL, 0, 1);
	}
	assert_int_equal(read(fd, &(char){0}, 1), 0);
	close(fd);
}

static int connect_as_nobody(void *path)
{
	struct pollfd p = {.events = POLLIN};

	if (setgid(UNIT_NOBODY) < 0 || setuid(UNIT_NOBODY) < 0)
		return 1;
	p.fd = connect_to(path);
	return poll(&p, 1, PATIENCE_MS) == 1 && read(p.fd, &(char){0}, 1) == 0 ? 0 : 2;
}

static void test_who_gets_in(void **state)
{
	AUTO_FREE char *path = unit_path("socket");
	struct loop *loop = loop_new();
	int count = 0, status = -1;
	struct listener *l = listener_new(loop, on_connection, &count);
	struct err e;
	pid_t pid;

	(void)state;
	assert_int_equal(listener_open(l, path, &e), 0);
	turn_until_closed(loop, connect_to(path));
	turn_until_closed(loop, connect_to(path));
	assert_int_equal(count, 2);
	if (geteuid() == 0) { /* somebody else, where directory and socket let everybody through */
		assert_int_equal(chmod(unit_dir, 0755) | chmod(path, 0777), 0);
		pid = fork();
		if (pid == 0)
			_exit(connect_as_nobody(path));
		for (int i = 0; i < PATIENCE_MS && waitpid(pid, &status, WNOHANG) == 0; i++) {
			loop_turn(loop, false);
			poll(NULL, 0, 1);
		}
		assert_int_equal(status, 0);
		assert_int_equal(count, 2);
	}
	listener_free(l);
	assert_int_equal(loop_free(loop), 0);
}

static void test_failures(void **state)
{
	AUTO_FREE char *taken = unit_path("taken");
	struct loop *loop = loop_new();
	struct listener *l = listener_new(loop, on_connection, NULL);
	char longer[200];
	struct err e;

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(listener_open(l, longer, &e), -1);
	assert_non_null(strstr(e.text, "too long for a socket"));
	assert_non_null(strstr(e.remedy, "XDG_RUNTIME_DIR"));
	unit_write(taken, "x", 1);
	assert_int_equal(listener_open(l, taken, &e), -1);
	assert_int_equal(e.sys, EADDRINUSE);
	listener_free(l);
	assert_int_equal(loop_free(loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_gets_in),
					   cmocka_unit_test(test_failures)};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}

/* areas: base
 * files: guest/init/relay.c
 * Bytes between a port and a socket: all of them, in order, both ways, at the pace of the slower
 * side. Sockets stand for both ends. */
#include "unit/unit.h"

#include "init/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUCH (3u << 20)

struct setting {
	int port, socket; /* our ends */
	pid_t relay;
};

static void setting_init(struct setting *t)
{
	int port[2], sock[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, port),
			 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sock),
			 0);
	t->relay = fork();
	assert_true(t->relay >= 0);
	if (t->relay == 0) {
		alarm(60);
		close(port[0]);
		close(sock[0]);
		signal(SIGPIPE, SIG_IGN);
		relay_run(port[1], sock[1]);
		_exit(0);
	}
	close(port[1]);
	close(sock[1]);
	t->port = port[0];
	t->socket = sock[0];
}

static void assert_ended(const struct setting *t)
{
	int status;

	assert_int_equal(waitpid(t->relay, &status, 0), t->relay);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static unsigned char byte_at(size_t i, unsigned seed)
{
	return (unsigned char)((i * 2654435761u + seed) >> 13);
}

struct flow {
	int from, to;
	unsigned seed;
	size_t sent, got;
};

/* A step of each kind, as far as the sockets let us. */
static void flow_step(struct flow *f)
{
	unsigned char bytes[7001];
	size_t n = MUCH - f->sent < sizeof(bytes) ? MUCH - f->sent : sizeof(bytes);
	ssize_t done;

	for (size_t i = 0; i < n; i++)
		bytes[i] = byte_at(f->sent + i, f->seed);
	done = n ? write(f->from, bytes, n) : 0;
	assert_true(done >= 0 || errno == EAGAIN);
	f->sent += done > 0 ? (size_t)done : 0;
	done = read(f->to, bytes, 1 + f->got % sizeof(bytes));
	assert_true(done > 0 || (done < 0 && errno == EAGAIN));
	for (ssize_t i = 0; i < done; i++)
		assert_int_equal(bytes[i], byte_at(f->got + (size_t)i, f->seed));
	f->got += done > 0 ? (size_t)done : 0;
}

static void test_both_ways(void **state)
{
	struct setting t;
	struct flow in, out;

	(void)state;
	setting_init(&t);
	in = (struct flow){.from = t.port, .to = t.socket, .seed = 1};
	out = (struct flow){.from = t.socket, .to = t.port, .seed = 77};
	while (in.got < MUCH || out.got < MUCH) {
		if (in.got < MUCH)
			flow_step(&in);
		if (out.got < MUCH)
			flow_step(&out);
	}
	close(t.socket);
	assert_ended(&t);
	close(t.port);
}

static size_t fill(int fd)
{
	static const char bytes[4096];
	size_t sum = 0;

	for (struct pollfd p = {.fd = fd, .events = POLLOUT}; poll(&p, 1, 300) > 0;) {
		const ssize_t n = write(fd, bytes, sizeof(bytes));

		sum += n > 0 ? (size_t)n : 0;
	}
	return sum;
}

/* Nobody reads at one end: the other is held up, and what went in comes out when somebody does. */
static void test_a_slow_reader(void **state)
{
	struct setting t;
	size_t sent, got = 0;
	char bytes[4096];

	(void)state;
	setting_init(&t);
	sent = fill(t.port);
	assert_in_range(sent, 4096, 4u << 20);
	/* The other way is not held up by it. */
	assert_int_equal(write(t.socket, "hello", 5), 5);
	assert_int_equal(poll(&(struct pollfd){.fd = t.port, .events = POLLIN}, 1, 20000), 1);
	assert_int_equal(read(t.port, bytes, sizeof(bytes)), 5);
	while (got < sent) {
		ssize_t n;

		assert_int_equal(poll(&(struct pollfd){.fd = t.socket, .events = POLLIN}, 1, 20000),
				 1);
		n = read(t.socket, bytes, sizeof(bytes));
		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_int_equal(got, sent);
	close(t.port);
	assert_ended(&t);
	assert_int_equal(read(t.socket, bytes, 1), 0);
	close(t.socket);
}

/* What the program said last arrives though it has ended. */
static void test_last_words(void **state)
{
	struct setting t;
	size_t got = 0, sent;
	ssize_t n;
	char bytes[4096];

	(void)state;
	setting_init(&t);
	sent = fill(t.socket);
	close(t.socket);
	for (struct pollfd p = {.fd = t.port, .events = POLLIN}; poll(&p, 1, 20000) == 1;
	     got += (size_t)n)
		if ((n = read(t.port, bytes, sizeof(bytes))) <= 0)
			break;
	assert_int_equal(got, sent);
	assert_ended(&t);
	close(t.port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_a_slow_reader),
		cmocka_unit_test(test_last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

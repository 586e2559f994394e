/* areas: base ssh
 * SSH's names of signals (RFC 4254 section 6.10); and which of the streams of a server that
 * sends on both are heard. */
#include "unit/unit.h"

#include <libssh/libssh.h>
#include <libssh/server.h>
#include <poll.h>
#include <sys/socket.h>

#include "ssh/sshkey_libssh.h"
#include "ssh/sshlink.h"

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},	 {"HUP", SIGHUP},
	{"ILL", SIGILL},   {"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE},
	{"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"TERM", SIGTERM}, {"USR1", SIGUSR1},
	{"USR2", SIGUSR2},
};

static void test_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		const char *name = sshlink_signal_name(signals[i].number);

		assert_int_equal(sshlink_signal_number(signals[i].name), signals[i].number);
		if (!name || strcmp(name, signals[i].name) != 0)
			fail_msg("%d: got %s, wanted %s", signals[i].number,
				 name ? name : "nothing", signals[i].name);
	}
}

static void test_none(void **state)
{
	static const char *const names[] = {"", "SIGTERM", "term", "TERM ", "STOP", "15", "CHLD"};
	static const int numbers[] = {0, -1, SIGCHLD, SIGSTOP, SIGWINCH, 64, 1000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(sshlink_signal_number(names[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		assert_null(sshlink_signal_name(numbers[i]));
}

/* ---- a server that sends on both streams ---- */

/* Grants every request up to the shell. */
static ssh_channel serve_until_shell(ssh_session s)
{
	ssh_channel channel = NULL;
	ssh_message m;
	bool shell = false;

	while (!shell && (m = ssh_message_get(s))) {
		const int type = ssh_message_type(m), subtype = ssh_message_subtype(m);

		if (type == SSH_REQUEST_AUTH)
			ssh_message_auth_reply_success(m, 0);
		else if (type == SSH_REQUEST_CHANNEL_OPEN)
			channel = ssh_message_channel_request_open_reply_accept(m);
		else if (type == SSH_REQUEST_CHANNEL)
			ssh_message_channel_request_reply_success(m);
		else
			ssh_message_reply_default(m);
		shell = type == SSH_REQUEST_CHANNEL && subtype == SSH_CHANNEL_REQUEST_SHELL;
		ssh_message_free(m);
	}
	return channel;
}

static void serve(int fd, const struct sshkey *host)
{
	ssh_bind b = ssh_bind_new();
	ssh_session s = ssh_new();
	ssh_key key = ssh_key_dup(host->key); /* which the bind takes over */
	ssh_channel channel;

	alarm(60);
	if (ssh_bind_options_set(b, SSH_BIND_OPTIONS_IMPORT_KEY, key) < 0 ||
	    ssh_bind_accept_fd(b, s, fd) != SSH_OK || ssh_handle_key_exchange(s) != SSH_OK ||
	    !(channel = serve_until_shell(s)))
		_exit(1);
	ssh_channel_write_stderr(channel, "unseen", 6);
	ssh_channel_write(channel, "seen", 4);
	ssh_channel_write_stderr(channel, "unseen", 6);
	ssh_channel_request_send_exit_status(channel, 7);
	ssh_channel_close(channel);
	ssh_blocking_flush(s, 20000);
	/* As sshd does: the connection is the client's to end. What it still writes would meet a
	 * closed socket. */
	while (read(fd, &(char){0}, 1) > 0)
		;
	_exit(0);
}

/* ---- and what comes of it ---- */

struct heard {
	struct sshlink *link;
	struct buf stream[2];
	int code;
	bool failed;
};

static void heard_nothing(void *ctx)
{
	(void)ctx;
}

static int heard_due(void *ctx)
{
	(void)ctx;
	return 0;
}

static void heard_in(void *ctx)
{
	sshlink_start_agent(((struct heard *)ctx)->link);
}

static size_t heard_room(void *ctx)
{
	(void)ctx;
	return 65536;
}

static void heard_output(void *ctx, enum sshlink_stream stream, const void *bytes, size_t n)
{
	buf_add(&((struct heard *)ctx)->stream[stream], bytes, n);
}

static void heard_end(void *ctx, int code)
{
	((struct heard *)ctx)->code = code;
}

static void heard_failure(void *ctx, const struct err *e)
{
	print_error("%s\n", e->text);
	((struct heard *)ctx)->failed = true;
}

static void hear(struct heard *h, const struct sshlink_pty *pty)
{
	/* clang-format off */
	const struct sshlink_callbacks cb = {
		.on_authenticated = heard_in, .on_agent_due = heard_due,
		.on_agent_started = heard_nothing, .output_room = heard_room,
		.on_output = heard_output, .on_agent_ended = heard_end, .on_failure = heard_failure,
		.ctx = h,
	};
	/* clang-format on */
	struct err e;
	struct sshkey *client = sshkey_generate(&e), *host = sshkey_generate(&e);
	int pair[2];
	pid_t server;

	assert_true(client && host);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	server = fork();
	if (server == 0) {
		close(pair[0]);
		serve(pair[1], host);
	}
	close(pair[1]);
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	h->code = -1;
	h->link = sshlink_new(pair[0], client, host, &cb, &e);
	assert_non_null(h->link);
	sshlink_plan_agent(h->link, pty, NULL);
	while (h->code < 0 && !h->failed) {
		struct pollfd p = {.fd = pair[0], .events = sshlink_events(h->link)};

		assert_int_equal(poll(&p, 1, 60000), 1);
		sshlink_service(h->link);
	}
	sshlink_free(h->link);
	close(pair[0]);
	waitpid(server, NULL, 0);
	sshkey_free(client);
	sshkey_free(host);
}

static void test_streams(void **state)
{
	static const struct sshlink_pty pty = {"xterm", 80, 24};

	(void)state;
	for (int with = 0; with < 2; with++) {
		struct heard h = {0};

		hear(&h, with ? &pty : NULL);
		assert_false(h.failed);
		assert_int_equal(h.code, 7);
		assert_string_equal(buf_text(&h.stream[SSHLINK_STDOUT]), "seen");
		assert_string_equal(buf_text(&h.stream[SSHLINK_STDERR]),
				    with ? "" : "unseenunseen");
		buf_fini(&h.stream[0]);
		buf_fini(&h.stream[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_ways),
					   cmocka_unit_test(test_none),
					   cmocka_unit_test(test_streams)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Theory of operation. Everything read here comes from an untrusted guest.
 *
 * 1. The connection is a chain of steps (a table); each is tried again on every service until
 *    libssh stops saying "again", then the next one follows. libssh's session is non-blocking
 *    throughout.
 * 2. The host key was made by us for this run and is pinned: another key means a man in the middle.
 * 3. Output is taken as it arrives, by libssh's callback, so nothing stays behind in its buffers
 *    that no wake of the fd would announce. libssh's reading calls are not used: each takes packets
 *    of both streams off the socket, and after the end of output they take none any more, so that
 *    the exit status behind it would never be seen. The fd is read while there is something and the
 *    owner has room.
 * 4. No byte from the guest chooses what is done here: its data goes to on_output, its exit code to
 *    on_agent_ended. It may open connections of the forwarded port, a few at a time (sshforward);
 *    everything else is refused by libssh. */
#include "ssh/sshlink.h"
#include "ssh/sshforward.h"
#include "ssh/sshkey_libssh.h"
#include "proto/clip.h"
#include "proto/names.h"

#include <libssh/callbacks.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

enum sshlink_step_result { SSHLINK_AGAIN, SSHLINK_DONE, SSHLINK_FAILED };

enum sshlink_state {
	SSHLINK_CONNECT,
	SSHLINK_AUTHENTICATE,
	SSHLINK_LISTEN,
	SSHLINK_OPEN_CHANNEL,
	SSHLINK_REQUEST_ENV,
	SSHLINK_REQUEST_PTY,
	SSHLINK_REQUEST_SHELL,
	SSHLINK_RUNNING,
	SSHLINK_ENDED,
	SSHLINK_DEAD,
};

struct sshlink {
	ssh_session session;
	ssh_channel channel;
	ssh_event event; /* from the agent's start on */
	struct ssh_channel_callbacks_struct channel_cb;
	const struct sshkey *client, *host; /* borrowed */
	struct sshlink_callbacks cb;
	enum sshlink_state state;
	bool may_start; /* the agent: behind authentication */
	bool want_pty;
	char *term;
	int cols, rows;
	struct secret *env; /* owned: NAME=value, each ended by NUL; NULL once sent */
	size_t env_next;    /* where the next one begins */
	int exit_code;	    /* -1 until known */
	int forward_port;   /* 0: none */
	struct sshforward *forward;
};

static const struct {
	const char *name;
	int number;
} sshlink_signals[] = {
	{"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},	 {"HUP", SIGHUP},
	{"ILL", SIGILL},   {"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE},
	{"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"TERM", SIGTERM}, {"USR1", SIGUSR1},
	{"USR2", SIGUSR2},
};

int sshlink_signal_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(sshlink_signals); i++)
		if (strcmp(sshlink_signals[i].name, name) == 0)
			return sshlink_signals[i].number;
	return 0;
}

const char *sshlink_signal_name(int number)
{
	for (size_t i = 0; i < ARRAY_LEN(sshlink_signals); i++)
		if (sshlink_signals[i].number == number)
			return sshlink_signals[i].name;
	return NULL;
}

static void sshlink_fail(struct sshlink *l, const char *what)
{
	struct err e;

	err_set(&e, "SSH to the guest: %s: %s", what, ssh_get_error(l->session));
	l->state = SSHLINK_DEAD;
	l->cb.on_failure(l->cb.ctx, &e);
}

static int sshlink_set_options(struct sshlink *l, int fd)
{
	static const bool no_config = false;
	static const int no = 0;
	static const struct {
		enum ssh_options_e option;
		const void *value;
	} fixed[] = {
		/* The user's ssh configuration must not affect the connection to a guest. */
		{SSH_OPTIONS_PROCESS_CONFIG, &no_config},
		{SSH_OPTIONS_HOST, "guest"},
		{SSH_OPTIONS_USER, NAME_AGENT_USER},
		{SSH_OPTIONS_SSH_DIR, "/nonexistent"},
		{SSH_OPTIONS_KNOWNHOSTS, "/dev/null"},
		{SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"},
		{SSH_OPTIONS_KEY_EXCHANGE, NAME_SSH_KEX},
		{SSH_OPTIONS_HOSTKEYS, NAME_SSH_KEY_ALGORITHM},
		{SSH_OPTIONS_CIPHERS_C_S, "chacha20-poly1305@openssh.com"},
		{SSH_OPTIONS_CIPHERS_S_C, "chacha20-poly1305@openssh.com"},
		{SSH_OPTIONS_COMPRESSION, "no"},
		{SSH_OPTIONS_GSSAPI_AUTH, &no},
		{SSH_OPTIONS_PASSWORD_AUTH, &no},
		{SSH_OPTIONS_KBDINT_AUTH, &no},
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (ssh_options_set(l->session, fixed[i].option, fixed[i].value) < 0)
			return -1;
	return ssh_options_set(l->session, SSH_OPTIONS_FD, &fd);
}

struct sshlink *sshlink_new(int fd, const struct sshkey *client, const struct sshkey *host,
			    const struct sshlink_callbacks *callbacks, struct err *e)
{
	struct sshlink *l = mem_alloc(sizeof(*l));

	l->client = client;
	l->host = host;
	l->cb = *callbacks;
	l->exit_code = -1;
	l->session = ssh_new();
	if (!l->session)
		mem_die("out of memory");
	ssh_set_blocking(l->session, 0);
	if (sshlink_set_options(l, fd) < 0) {
		err_set(e, "libssh refused an option: %s", ssh_get_error(l->session));
		sshlink_free(l);
		return NULL;
	}
	return l;
}

static void sshlink_wipe_env(struct sshlink *l)
{
	secret_free(l->env);
	l->env = NULL;
}

void sshlink_free(struct sshlink *l)
{
	if (!l)
		return;
	sshlink_wipe_env(l);
	sshforward_free(l->forward);
	if (l->channel) {
		ssh_remove_channel_callbacks(l->channel, &l->channel_cb);
		ssh_channel_free(l->channel);
	}
	if (l->event) {
		ssh_event_remove_session(l->event, l->session);
		ssh_event_free(l->event);
	}
	ssh_free(l->session);
	free(l->term);
	free(l);
}

static bool sshlink_is_held(const struct sshlink *l)
{
	return l->state > SSHLINK_AUTHENTICATE && l->state < SSHLINK_RUNNING && !l->may_start;
}

void sshlink_start_agent(struct sshlink *l)
{
	l->may_start = true;
}

short sshlink_events(const struct sshlink *l)
{
	short events = sshlink_is_held(l) ? 0 : POLLIN; /* it would not be read */

	if (l->state == SSHLINK_DEAD)
		return 0;
	if (ssh_get_poll_flags(l->session) & SSH_WRITE_PENDING)
		events |= POLLOUT;
	return events;
}

static enum sshlink_step_result sshlink_result(int rc)
{
	return rc == SSH_OK ? SSHLINK_DONE : rc == SSH_AGAIN ? SSHLINK_AGAIN : SSHLINK_FAILED;
}

static enum sshlink_step_result sshlink_connect(struct sshlink *l)
{
	enum sshlink_step_result r = sshlink_result(ssh_connect(l->session));
	ssh_key seen = NULL;

	if (r != SSHLINK_DONE)
		return r;
	if (ssh_get_server_publickey(l->session, &seen) != SSH_OK ||
	    ssh_key_cmp(seen, l->host->key, SSH_KEY_CMP_PUBLIC) != 0)
		r = SSHLINK_FAILED;
	ssh_key_free(seen);
	return r;
}

static enum sshlink_step_result sshlink_authenticate(struct sshlink *l)
{
	int rc = ssh_userauth_publickey(l->session, NULL, l->client->key);

	if (rc == SSH_AUTH_AGAIN)
		return SSHLINK_AGAIN;
	if (rc != SSH_AUTH_SUCCESS)
		return SSHLINK_FAILED;
	return SSHLINK_DONE;
}

/* Image paste is optional: the agent starts without it. */
static enum sshlink_step_result sshlink_listen(struct sshlink *l)
{
	enum sshlink_step_result r;

	if (!l->forward)
		return SSHLINK_DONE;
	r = sshlink_result(
		ssh_channel_listen_forward(l->session, CLIP_ADDRESS, l->forward_port, NULL));
	if (r != SSHLINK_FAILED)
		return r;
	sshforward_free(l->forward);
	l->forward = NULL;
	l->cb.on_forward_refused(l->cb.ctx);
	return SSHLINK_DONE;
}

static void sshlink_on_exit_status(ssh_session session, ssh_channel channel, int status, void *ctx)
{
	struct sshlink *l = ctx;

	(void)session;
	(void)channel;
	l->exit_code = status & 0xff;
}

static void sshlink_on_exit_signal(ssh_session session, ssh_channel channel, const char *name,
				   int core, const char *message, const char *language, void *ctx)
{
	struct sshlink *l = ctx;
	int number = sshlink_signal_number(name);

	(void)session;
	(void)channel;
	(void)core;
	(void)message;
	(void)language;
	l->exit_code = number ? 128 + number : ERR_EXIT_GUEST;
}

/* With a PTY all output comes on one stream: only a compromised sshd sends on the other one, to
 * bypass the filters of the terminal's stream. */
static void sshlink_take_output(struct sshlink *l, enum sshlink_stream stream, const void *bytes,
				size_t n)
{
	if (stream == SSHLINK_STDOUT || !l->want_pty)
		l->cb.on_output(l->cb.ctx, stream, bytes, n);
}

static int sshlink_on_data(ssh_session session, ssh_channel channel, void *bytes, uint32_t n,
			   int is_stderr, void *ctx)
{
	struct sshlink *l = ctx;

	(void)session;
	(void)channel;
	if (l->state != SSHLINK_RUNNING)
		return 0; /* stays in libssh's buffer until the owner knows that the agent runs */
	sshlink_take_output(l, is_stderr ? SSHLINK_STDERR : SSHLINK_STDOUT, bytes, n);
	return (int)n;
}

static enum sshlink_step_result sshlink_open_channel(struct sshlink *l)
{
	if (!l->channel) {
		l->channel = ssh_channel_new(l->session);
		if (!l->channel)
			return SSHLINK_FAILED;
		l->channel_cb.userdata = l;
		l->channel_cb.channel_data_function = sshlink_on_data;
		l->channel_cb.channel_exit_status_function = sshlink_on_exit_status;
		l->channel_cb.channel_exit_signal_function = sshlink_on_exit_signal;
		ssh_callbacks_init(&l->channel_cb);
		ssh_set_channel_callbacks(l->channel, &l->channel_cb);
	}
	return sshlink_result(ssh_channel_open_session(l->channel));
}

static enum sshlink_step_result sshlink_request_env(struct sshlink *l)
{
	while (l->env && l->env_next < secret_size(l->env)) {
		const char *pair = secret_text(l->env) + l->env_next, *value = strchr(pair, '=');
		AUTO_FREE char *name = mem_strndup(pair, value ? (size_t)(value - pair) : 0);

		/* SSH_ERROR: sshd does not take this name. The agent runs without it, as the guest
		 * decided. */
		if (value && ssh_channel_request_env(l->channel, name, value + 1) == SSH_AGAIN)
			return SSHLINK_AGAIN;
		l->env_next += strlen(pair) + 1;
	}
	sshlink_wipe_env(l);
	return SSHLINK_DONE;
}

static enum sshlink_step_result sshlink_request_pty(struct sshlink *l)
{
	if (!l->want_pty)
		return SSHLINK_DONE;
	return sshlink_result(ssh_channel_request_pty_size(l->channel, l->term, l->cols, l->rows));
}

static enum sshlink_step_result sshlink_request_shell(struct sshlink *l)
{
	/* The agent user's shell is ccvm-launch: it starts what the seed says. */
	return sshlink_result(ssh_channel_request_shell(l->channel));
}

static const struct {
	const char *what;
	enum sshlink_step_result (*run)(struct sshlink *l);
} sshlink_steps[] = {
	[SSHLINK_CONNECT] = {"connect", sshlink_connect},
	[SSHLINK_AUTHENTICATE] = {"authentication", sshlink_authenticate},
	[SSHLINK_LISTEN] = {"forward", sshlink_listen},
	[SSHLINK_OPEN_CHANNEL] = {"channel", sshlink_open_channel},
	[SSHLINK_REQUEST_ENV] = {"environment", sshlink_request_env},
	[SSHLINK_REQUEST_PTY] = {"PTY", sshlink_request_pty},
	[SSHLINK_REQUEST_SHELL] = {"agent start", sshlink_request_shell},
};

void sshlink_plan_agent(struct sshlink *l, const struct sshlink_pty *pty, struct secret *env)
{
	l->env = env;
	l->env_next = 0;
	l->want_pty = pty != NULL;
	if (pty) {
		l->term = mem_strdup(pty->term);
		l->cols = pty->cols;
		l->rows = pty->rows;
	}
}

void sshlink_plan_forward(struct sshlink *l, int port)
{
	const struct sshforward_callbacks cb = {l->cb.on_forward_bytes, l->cb.on_forward_end,
						l->cb.ctx};

	l->forward_port = port;
	l->forward = sshforward_new(l->session, &cb);
}

size_t sshlink_forward_write(struct sshlink *l, unsigned id, const void *bytes, size_t n)
{
	return l->forward && l->state == SSHLINK_RUNNING
		       ? sshforward_write(l->forward, id, bytes, n)
		       : 0;
}

void sshlink_forward_close(struct sshlink *l, unsigned id)
{
	if (l->forward)
		sshforward_close(l->forward, id);
}

struct secret *sshlink_reclaim_env(struct sshlink *l)
{
	struct secret *env = l->env;

	l->env = NULL;
	return env;
}

const char *sshlink_step(const struct sshlink *l)
{
	return l->state < SSHLINK_RUNNING ? sshlink_steps[l->state].what : "running";
}

static bool sshlink_can_go_on(const struct sshlink *l)
{
	struct pollfd p = {.fd = ssh_get_fd(l->session)};

	if (l->cb.output_room(l->cb.ctx) > 0)
		p.events |= POLLIN;
	if (ssh_get_poll_flags(l->session) & SSH_WRITE_PENDING)
		p.events |= POLLOUT;
	return p.events && ssh_is_connected(l->session) && poll(&p, 1, 0) > 0;
}

static void sshlink_exchange(struct sshlink *l)
{
	while (sshlink_can_go_on(l))
		if (ssh_event_dopoll(l->event, 0) != SSH_OK)
			return;
}

static void sshlink_check_end(struct sshlink *l)
{
	bool lost = !ssh_is_connected(l->session);

	if (lost && l->exit_code < 0) {
		sshlink_fail(l, "connection lost");
	} else if (lost || ssh_channel_is_closed(l->channel)) {
		l->state = SSHLINK_ENDED;
		l->cb.on_agent_ended(l->cb.ctx, l->exit_code >= 0 ? l->exit_code : ERR_EXIT_GUEST);
	}
}

/* Output that came in the same packet as the answer to the last step. */
static void sshlink_hand_over_early_output(struct sshlink *l)
{
	static const enum sshlink_stream streams[] = {SSHLINK_STDOUT, SSHLINK_STDERR};
	char bytes[4096];

	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		int n;

		while ((n = ssh_channel_read_nonblocking(l->channel, bytes, sizeof(bytes),
							 streams[i] == SSHLINK_STDERR)) > 0)
			sshlink_take_output(l, streams[i], bytes, (size_t)n);
	}
}

/* Until now the steps' own calls read what they waited for. */
static void sshlink_begin_running(struct sshlink *l)
{
	l->event = ssh_event_new();
	if (!l->event)
		mem_die("out of memory");
	if (ssh_event_add_session(l->event, l->session) != SSH_OK) {
		sshlink_fail(l, "event loop");
		return;
	}
	l->cb.on_agent_started(l->cb.ctx);
	sshlink_hand_over_early_output(l);
}

/* Runs steps until one has to wait. */
static void sshlink_advance(struct sshlink *l)
{
	while (l->state < SSHLINK_RUNNING && !sshlink_is_held(l)) {
		enum sshlink_state state = l->state;

		switch (sshlink_steps[state].run(l)) {
		case SSHLINK_AGAIN:
			return;
		case SSHLINK_FAILED:
			sshlink_fail(l, sshlink_steps[state].what);
			return;
		case SSHLINK_DONE:
			l->state++;
		}
		if (state == SSHLINK_AUTHENTICATE)
			l->cb.on_authenticated(l->cb.ctx);
		if (l->state == SSHLINK_REQUEST_SHELL && l->cb.on_agent_due(l->cb.ctx) < 0) {
			l->state = SSHLINK_DEAD;
			return;
		}
		if (state == SSHLINK_REQUEST_SHELL)
			sshlink_begin_running(l);
	}
}

void sshlink_service(struct sshlink *l)
{
	sshlink_advance(l);
	if (l->state != SSHLINK_RUNNING)
		return;
	sshlink_exchange(l);
	if (l->forward)
		sshforward_reap(l->forward);
	sshlink_check_end(l);
}

size_t sshlink_write(struct sshlink *l, const void *bytes, size_t n)
{
	uint32_t window;
	int written;

	/* Bounds what libssh queues: nothing new while the socket has not taken the last packet. */
	if (l->state != SSHLINK_RUNNING || ssh_get_poll_flags(l->session) & SSH_WRITE_PENDING)
		return 0;
	window = ssh_channel_window_size(l->channel);
	if (n > window)
		n = window;
	if (n > 131072)
		n = 131072;
	if (n == 0)
		return 0;
	written = ssh_channel_write(l->channel, bytes, (uint32_t)n);
	return written > 0 ? (size_t)written : 0;
}

void sshlink_send_eof(struct sshlink *l)
{
	if (l->state == SSHLINK_RUNNING)
		ssh_channel_send_eof(l->channel);
}

void sshlink_resize(struct sshlink *l, int cols, int rows)
{
	l->cols = cols;
	l->rows = rows;
	if (l->state == SSHLINK_RUNNING && l->want_pty)
		ssh_channel_change_pty_size(l->channel, cols, rows);
}

void sshlink_signal(struct sshlink *l, const char *name)
{
	if (l->state == SSHLINK_RUNNING)
		ssh_channel_request_send_signal(l->channel, name);
}

/* Theory of operation. Runs as the user, in a process of its own (ccvm-template).
 *
 * 1. The guest is a session's machine without a session: no file of a user's is shared, no network is connected, its memory is a memfd of ours. It boots the image,
 *    warms up and parks.
 * 2. Its processors are stopped, QEMU writes the devices' state into a socket and ends. The
 *    memfd then holds the memory.
 * 3. What QEMU and guest say is read by the same bounded parsers as in a session, and QEMU is in
 *    the same jail: a damaged image can spoil its own template, nothing else.
 * 4. Whatever goes wrong, QEMU is killed and nothing is saved. */
#include "template/make.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "proto/guest.h"
#include "vm/hosttsc.h"
#include "vm/qemu.h"
#include "vm/qmp.h"
#include "vm/template.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAKE_TIMEOUT_MS 300000
#define MAKE_STATE_MAX	(64 << 20)
#define MAKE_SAID_MAX	200
#define MAKE_POOL_SIZE	(64 << 20) /* enough for a file system: making one is rehearsed on it */

struct make {
	const struct make_request *request;
	int state_fd, state_peer; /* ours, and the end that QEMU writes to; -1 once handed over */
	struct loop *loop;
	struct timer *timer;
	struct qemu qemu;
	struct qmp *qmp;
	struct stream *qmp_stream, *console, *ctl, *log, *state_stream;
	struct json_splitter ctl_lines;
	struct buf state;
	struct buf said; /* by QEMU, escaped */
	bool parked, fd_is_due, saved, state_ended;
	bool failed;
	struct err failure;
};

static void make_fail(struct make *m, const char *what)
{
	if (!m->failed)
		err_set(&m->failure, "%s", what);
	m->failed = true;
	loop_stop(m->loop);
}

static void make_on_reply(void *ctx, struct json_value value, const char *error)
{
	(void)value;
	if (error)
		make_fail(ctx, error);
}

/* The reason stands in query-migrate's answer. */
static void make_on_failed_migration(void *ctx, struct json_value value, const char *error)
{
	AUTO_FREE char *reason = json_text(json_member(value, "error-desc"));
	AUTO_FREE char *text = mem_format("QEMU could not save the guest: %s",
					  reason  ? reason
					  : error ? error
						  : "no reason given");

	make_fail(ctx, text);
}

static void make_save(struct make *m)
{
	m->request->on_progress("saving");
	qmp_execute(m->qmp, "stop", NULL, make_on_reply, m);
	qmp_execute(m->qmp, "migrate-set-capabilities", TEMPLATE_QMP_CAPABILITIES, make_on_reply,
		    m);
	/* An fd for writing is taken by name only: it travels with this command (make_qmp_output). */
	m->fd_is_due = true;
	qmp_execute(m->qmp, "getfd", "{\"fdname\":\"state\"}", make_on_reply, m);
	qmp_execute(m->qmp, "migrate", "{\"uri\":\"fd:state\"}", make_on_reply, m);
}

static void make_on_line(void *ctx, const char *line, size_t n)
{
	struct make *m = ctx;
	struct guest_message g;

	guest_parse(line, n, &g);
	if (g.type == GUEST_FAILED)
		make_fail(m, g.reason);
	else if (g.type == GUEST_STAGE)
		m->request->on_progress(g.stage);
	else if (g.type == GUEST_PARKED && !m->parked) {
		m->parked = true;
		make_save(m);
	}
}

static void make_on_ctl(void *ctx, const void *bytes, size_t n)
{
	struct make *m = ctx;

	json_split(&m->ctl_lines, bytes, n, make_on_line, m);
}

static void make_on_qmp(void *ctx, const void *bytes, size_t n)
{
	struct make *m = ctx;
	struct err e;

	if (qmp_feed(m->qmp, bytes, n, &e) < 0)
		make_fail(m, e.text);
}

static void make_on_state(void *ctx, const void *bytes, size_t n)
{
	struct make *m = ctx;

	buf_add(&m->state, bytes, n);
	if (buf_len(&m->state) > MAKE_STATE_MAX)
		make_fail(m, "the devices' state is larger than any can be");
}

static void make_on_log(void *ctx, const void *bytes, size_t n)
{
	struct make *m = ctx;

	if (buf_len(&m->said) < MAKE_SAID_MAX)
		log_escape(&m->said, bytes, n, MAKE_SAID_MAX);
}

static void make_drop(void *ctx, const void *bytes, size_t n)
{
	(void)ctx;
	(void)bytes;
	(void)n;
}

static void make_check_done(struct make *m)
{
	if (m->saved && m->state_ended)
		loop_stop(m->loop);
}

static void make_on_state_end(void *ctx)
{
	struct make *m = ctx;

	m->state_ended = true;
	make_check_done(m);
}

static void make_on_qemu_end(void *ctx)
{
	struct make *m = ctx;

	if (!m->saved)
		make_fail(m, "QEMU ended");
}

static void make_ignore_end(void *ctx)
{
	(void)ctx;
}

static void make_qmp_output(void *ctx, const void *bytes, size_t n)
{
	struct make *m = ctx;

	if (!m->fd_is_due) {
		stream_write(m->qmp_stream, bytes, n);
		return;
	}
	m->fd_is_due = false;
	if (stream_write_fd(m->qmp_stream, bytes, n, m->state_peer) < 0)
		make_fail(m, "QEMU does not take commands");
	close(mem_steal_fd(&m->state_peer));
}

static void make_qmp_event(void *ctx, const char *name, struct json_value data)
{
	struct make *m = ctx;
	AUTO_FREE char *status = json_text(json_member(data, "status"));

	if (strcmp(name, "SHUTDOWN") == 0 && !m->saved)
		make_fail(m, "the guest shut itself down");
	if (strcmp(name, "STOP") == 0 && !m->parked)
		make_fail(m, "KVM stopped the guest with an internal error");
	if (strcmp(name, "MIGRATION") != 0 || !status)
		return;
	if (strcmp(status, "failed") == 0)
		qmp_execute(m->qmp, "query-migrate", NULL, make_on_failed_migration, m);
	if (strcmp(status, "completed") == 0) {
		m->saved = true;
		qmp_execute(m->qmp, "quit", NULL, NULL, NULL);
		make_check_done(m);
	}
}

static void make_on_timeout(void *make)
{
	make_fail(make, "the guest did not reach its park point in time");
}

static void make_open_streams(struct make *m)
{
	const struct qmp_callbacks qmp = {make_qmp_output, make_qmp_event, m};
	const struct {
		struct stream **stream;
		int *fd;
		void (*on_bytes)(void *ctx, const void *bytes, size_t n);
		void (*on_end)(void *ctx);
	} table[] = {
		{&m->qmp_stream, &m->qemu.qmp_fd, make_on_qmp, make_on_qemu_end},
		{&m->console, &m->qemu.console_fd, make_drop, make_ignore_end},
		{&m->ctl, &m->qemu.ctl_fd, make_on_ctl, make_ignore_end},
		{&m->log, &m->qemu.log_fd, make_on_log, make_ignore_end},
		{&m->state_stream, &m->state_fd, make_on_state, make_on_state_end},
	};

	m->qmp = qmp_new(&qmp);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct stream_callbacks cb = {table[i].on_bytes, table[i].on_end, NULL, m};

		*table[i].stream = stream_open(m->loop, mem_steal_fd(table[i].fd), &cb);
	}
}

static void make_close(struct make *m)
{
	struct stream *const all[] = {m->qmp_stream, m->console, m->ctl, m->log, m->state_stream};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		stream_close(all[i]);
	timer_free(m->timer);
	(void)loop_free(m->loop);
	qmp_free(m->qmp);
	if (m->qemu.pid > 0) {
		kill(m->qemu.pid, SIGKILL);
		waitpid(m->qemu.pid, NULL, 0);
		close(m->qemu.pidfd);
	}
	close(m->qemu.ssh_fd);
	if (m->state_peer >= 0)
		close(m->state_peer);
}

/* An empty disk stands in for the session's, whatever its size: the guest sees nothing of it
 * before `go` but that it is there. -1 where the machine has none. */
static int make_pool(const struct qemu_spec *spec, struct err *e)
{
	AUTO_CLOSE int fd = spec->pool ? memfd_create("ccvm-pool", MFD_CLOEXEC) : -1;

	if (spec->pool && (fd < 0 || ftruncate(fd, MAKE_POOL_SIZE) < 0))
		return err_sys(e, "a disk for the guest");
	return mem_steal_fd(&fd);
}

static int make_start(struct make *m, int ram, struct err *e)
{
	struct hosttsc_sample tsc = hosttsc_take();
	struct qemu_spec spec = machine_spec(m->request->machine);
	AUTO_CLOSE int initrd = machine_initrd(m->request->machine, e);
	AUTO_CLOSE int pool = make_pool(&spec, e);
	/* nobody serves network and files: before `go` the guest has neither */
	AUTO_CLOSE int net = -1, net_peer = -1, fs = -1, fs_peer = -1;
	int pair[2];

	if (initrd < 0 || (spec.pool && pool < 0))
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	net = pair[0];
	net_peer = pair[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	fs = pair[0];
	fs_peer = pair[1];
	spec.tsc_khz = spec.accel->kvm ? 0 : hosttsc_khz_since(&tsc);
	spec.ram = QEMU_RAM_SAVED;
	if (qemu_start(&m->qemu, &spec,
		       &(struct qemu_files){.net = net,
					    .initrd = initrd,
					    .fs = fs,
					    .ram = ram,
					    .pool = pool,
					    .preload = -1},
		       e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	m->state_fd = pair[0];
	m->state_peer = pair[1];
	return 0;
}

static int make_ram(const struct machine *machine, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("ccvm-ram", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)machine->size.memory_mib << 20) < 0)
		return err_sys(e, "memory for the guest");
	return mem_steal_fd(&fd);
}

/* "QEMU emulator version 7.2.11 (…)" */
static int make_qemu_version(const struct machine *machine, char out[32], struct err *e)
{
	char *const argv[] = {machine->program, "--version", NULL};
	char *const env[] = {NULL};
	AUTO_BUF struct buf text = {0};
	const char *at;

	if (spawn_output(argv, env, 4096, &text, e) < 0)
		return -1;
	at = strstr(buf_text(&text), "version ");
	if (!at || sscanf(at, "version %31[0-9.]", out) != 1)
		return err_set(e, "%s does not say its version", machine->program);
	return 0;
}

int make_template(const struct make_request *r, struct err *e)
{
	struct make m = {.request = r, .state_fd = -1, .state_peer = -1};
	AUTO_CLOSE int ram = make_ram(r->machine, e);
	char version[32];
	int rc = -1;

	if (ram < 0 || make_qemu_version(r->machine, version, e) < 0)
		return -1;
	r->on_progress("QEMU");
	if (make_start(&m, ram, e) < 0)
		return -1;
	m.loop = loop_new();
	m.timer = timer_new(m.loop, make_on_timeout, &m);
	timer_start(m.timer, MAKE_TIMEOUT_MS, 0);
	make_open_streams(&m);
	loop_run(m.loop);
	make_close(&m);
	if (m.failed) {
		rc = m.parked ? -1 : MAKE_NEVER_PARKED;
		*e = m.failure;
		if (buf_len(&m.said))
			err_set(e, "%s: %s", m.failure.text, buf_text(&m.said));
	} else {
		r->on_progress("writing");
		rc = template_save(r->machine, ram, &m.state, version, e);
		if (rc == 0)
			template_prune(r->machine->host, r->cache_max_bytes, r->machine->key);
	}
	buf_fini(&m.state);
	buf_fini(&m.said);
	return rc;
}

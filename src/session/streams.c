/* streams: the pipes and sockets to QEMU and ccvm-net, and who gets what comes out of them. */
#include "session/state.h"

#include <unistd.h>

static void streams_on_ctl(void *ctx, const void *bytes, size_t n)
{
	struct session *s = ctx;

	json_split(&s->ctl_lines, bytes, n, boot_on_guest_line, s);
}

static void streams_on_console(void *ctx, const void *bytes, size_t n)
{
	logtail_add(&((struct session *)ctx)->console_tail, bytes, n);
}

static void streams_on_log(void *ctx, const void *bytes, size_t n)
{
	logtail_add(&((struct session *)ctx)->qemu_tail, bytes, n);
}

static void streams_on_qmp(void *ctx, const void *bytes, size_t n)
{
	struct session *s = ctx;
	struct err e;

	if (s->qmp && qmp_feed(s->qmp, bytes, n, &e) < 0)
		session_fail(s, "qemu", &e);
}

static void streams_on_net_control(void *ctx, const void *bytes, size_t n)
{
	egress_on_bytes(ctx, bytes, n);
}

static void streams_drop(void *ctx, const void *bytes, size_t n)
{
	(void)ctx;
	(void)bytes;
	(void)n;
}

static void streams_on_end(void *ctx)
{
	(void)ctx; /* the child's end is noticed by its pidfd */
}

static void streams_qmp_output(void *ctx, const void *bytes, size_t n)
{
	stream_write(((struct session *)ctx)->qmp_stream, bytes, n);
}

void streams_open(struct session *s)
{
	const struct qmp_callbacks qmp = {streams_qmp_output, boot_on_qmp_event, s};
	const struct {
		struct stream **stream;
		int *fd;
		void (*on_bytes)(void *ctx, const void *bytes, size_t n);
	} table[] = {
		{&s->qmp_stream, &s->qemu.qmp_fd, streams_on_qmp},
		{&s->console, &s->qemu.console_fd, streams_on_console},
		{&s->ctl, &s->qemu.ctl_fd, streams_on_ctl},
		{&s->qemu_log, &s->qemu.log_fd, streams_on_log},
		{&s->vmstate, &s->qemu.state_fd, streams_drop},
		{&s->net_control, &s->net_control_fd, streams_on_net_control},
		{&s->net_log, &s->net_log_fd, streams_on_log},
	};

	s->qmp = qmp_new(&qmp);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct stream_callbacks cb = {table[i].on_bytes, streams_on_end, NULL, s};

		if (*table[i].fd >= 0)
			*table[i].stream = stream_open(&s->loop, mem_steal_fd(table[i].fd), &cb);
	}
}

void streams_close(struct session *s)
{
	struct stream **const all[] = {&s->qmp_stream, &s->console, &s->ctl, &s->qemu_log, &s->vmstate, &s->net_control, &s->net_log};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		stream_close(*all[i]);
		*all[i] = NULL;
	}
	qmp_free(s->qmp);
	s->qmp = NULL;
	if (s->qemu.ssh_fd >= 0)
		close(mem_steal_fd(&s->qemu.ssh_fd));
}

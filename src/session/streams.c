#include "session/streams.h"
#include "base/json.h"
#include "base/mem.h"
#include "loop/stream.h"
#include "vm/qemu.h"

#include <string.h>
#include <unistd.h>

struct streams {
	struct streams_callbacks cb;
	void *ctx;
	struct loop *loop;
	struct qmp *qmp; /* NULL: closed */
	struct stream *qmp_stream, *console, *ctl, *qemu_log, *vmstate, *net_log, *files;
	int ssh_fd;
	struct json_splitter lines, files_lines; /* of ctl; of ccvm-fs */
};

static void streams_on_ctl(void *ctx, const void *bytes, size_t n)
{
	struct streams *s = ctx;

	json_split(&s->lines, bytes, n, s->cb.on_guest_line, s->ctx);
}

static void streams_on_files(void *ctx, const void *bytes, size_t n)
{
	struct streams *s = ctx;

	json_split(&s->files_lines, bytes, n, s->cb.on_files_line, s->ctx);
}

static void streams_on_console(void *ctx, const void *bytes, size_t n)
{
	struct streams *s = ctx;

	s->cb.on_console(s->ctx, bytes, n);
}

static void streams_on_log(void *ctx, const void *bytes, size_t n)
{
	struct streams *s = ctx;

	s->cb.on_log(s->ctx, bytes, n);
}

static void streams_on_qmp(void *ctx, const void *bytes, size_t n)
{
	struct streams *s = ctx;
	struct err e;

	if (s->qmp && qmp_feed(s->qmp, bytes, n, &e) < 0)
		s->cb.on_qmp_broken(s->ctx, &e);
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
	stream_write(((struct streams *)ctx)->qmp_stream, bytes, n);
}

static void streams_on_qmp_event(void *ctx, const char *name, struct json_value data)
{
	struct streams *s = ctx;

	s->cb.on_qmp_event(s->ctx, name, data);
}

void streams_open(struct streams *s, struct qemu *qemu, int helpers_log_fd, int files_fd)
{
	const struct qmp_callbacks qmp = {streams_qmp_output, streams_on_qmp_event, s};
	const struct {
		struct stream **stream;
		int *fd;
		void (*on_bytes)(void *ctx, const void *bytes, size_t n);
	} table[] = {
		{&s->qmp_stream, &qemu->qmp_fd, streams_on_qmp},
		{&s->console, &qemu->console_fd, streams_on_console},
		{&s->ctl, &qemu->ctl_fd, streams_on_ctl},
		{&s->qemu_log, &qemu->log_fd, streams_on_log},
		{&s->vmstate, &qemu->state_fd, streams_drop},
		{&s->net_log, &helpers_log_fd, streams_on_log},
		{&s->files, &files_fd, streams_on_files},
	};

	streams_close(s);
	memset(&s->lines, 0, sizeof(s->lines));
	memset(&s->files_lines, 0, sizeof(s->files_lines));
	s->qmp = qmp_new(&qmp);
	s->ssh_fd = mem_steal_fd(&qemu->ssh_fd);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct stream_callbacks cb = {table[i].on_bytes, streams_on_end, NULL, s};

		if (*table[i].fd >= 0)
			*table[i].stream = stream_open(s->loop, mem_steal_fd(table[i].fd), &cb);
	}
}

void streams_close(struct streams *s)
{
	struct stream **const all[] = {&s->qmp_stream, &s->console, &s->ctl,  &s->qemu_log,
				       &s->vmstate,    &s->net_log, &s->files};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		stream_close(mem_steal_ptr(all[i]));
	qmp_free(mem_steal_ptr(&s->qmp));
	if (s->ssh_fd >= 0)
		close(mem_steal_fd(&s->ssh_fd));
}

bool streams_are_open(const struct streams *s)
{
	return s->qmp != NULL;
}

void streams_to_guest(struct streams *s, const void *line, size_t n)
{
	if (s->ctl)
		stream_write(s->ctl, line, n);
}

size_t streams_guest_queued(const struct streams *s)
{
	return s->ctl ? stream_queued(s->ctl) : 0;
}

void streams_restore(struct streams *s, const void *bytes, size_t n)
{
	if (s->vmstate)
		stream_write(s->vmstate, bytes, n);
}

void streams_qmp(struct streams *s, const char *command, const char *arguments, qmp_reply *reply,
		 void *ctx)
{
	if (s->qmp)
		qmp_execute(s->qmp, command, arguments, reply, ctx);
}

int streams_ssh_fd(const struct streams *s)
{
	return s->ssh_fd;
}

struct streams *streams_new(struct loop *loop, const struct streams_callbacks *callbacks, void *ctx)
{
	struct streams *s = mem_alloc(sizeof(*s));

	s->cb = *callbacks;
	s->ctx = ctx;
	s->loop = loop;
	s->ssh_fd = -1;
	return s;
}

void streams_free(struct streams *s)
{
	if (!s)
		return;
	streams_close(s);
	free(s);
}

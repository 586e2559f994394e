#include "vm/qmp.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

#define QMP_PENDING_MAX 16

struct qmp {
	struct qmp_callbacks cb;
	struct buf in;
	struct buf queued; /* commands given before the greeting */
	int greeted;
	struct {
		unsigned id;
		qmp_reply *reply;
		void *ctx;
	} pending[QMP_PENDING_MAX];
	size_t npending;
	unsigned next_id;
};

struct qmp *qmp_new(const struct qmp_callbacks *callbacks)
{
	struct qmp *q = mem_alloc(sizeof(*q));

	q->cb = *callbacks;
	q->next_id = 1;
	return q;
}

void qmp_free(struct qmp *q)
{
	if (!q)
		return;
	buf_fini(&q->in);
	buf_fini(&q->queued);
	free(q);
}

void qmp_execute(struct qmp *q, const char *command, const char *arguments, qmp_reply *reply,
		 void *ctx)
{
	AUTO_BUF struct buf line = {0};

	if (q->npending == QMP_PENDING_MAX)
		mem_die("too many open QMP commands");
	buf_addf(&line, "{\"execute\":\"%s\",\"id\":%u%s%s}\n", command, q->next_id,
		 arguments ? ",\"arguments\":" : "", arguments ? arguments : "");
	q->pending[q->npending].id = q->next_id++;
	q->pending[q->npending].reply = reply;
	q->pending[q->npending].ctx = ctx;
	q->npending++;
	if (q->greeted)
		q->cb.on_output(q->cb.ctx, buf_data(&line), buf_len(&line));
	else
		buf_add(&q->queued, buf_data(&line), buf_len(&line));
}

static enum qmp_kind qmp_kind_of(struct json_value json)
{
	static const struct {
		const char *name;
		enum qmp_kind kind;
	} members[] = {{"QMP", QMP_GREETING},
		       {"return", QMP_RETURN},
		       {"error", QMP_ERROR},
		       {"event", QMP_EVENT}};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const struct json_value item = json_member(json, members[i].name);
		AUTO_FREE char *text = json_text(item);

		if (item.text)
			return members[i].kind == QMP_EVENT && !text ? QMP_BAD : members[i].kind;
	}
	return QMP_BAD;
}

/* One whole value and nothing behind it; none when it is not JSON. */
static struct json_value qmp_parse(const char *line, size_t n)
{
	struct json_value json = {0};

	if (n <= QMP_LINE_MAX)
		json_open(line, n, &json);
	return json;
}

enum qmp_kind qmp_classify(const char *line, size_t n)
{
	return qmp_kind_of(qmp_parse(line, n));
}

static void qmp_greet(struct qmp *q)
{
	static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\n";

	if (q->greeted)
		return;
	q->greeted = 1;
	q->cb.on_output(q->cb.ctx, hello, sizeof(hello) - 1);
	if (buf_len(&q->queued))
		q->cb.on_output(q->cb.ctx, buf_data(&q->queued), buf_len(&q->queued));
	buf_fini(&q->queued);
}

static void qmp_answer(struct qmp *q, struct json_value json)
{
	const struct json_value error = json_member(json, "error");
	AUTO_FREE char *desc = json_text(json_member(error, "desc"));
	int64_t id = -1;

	json_int(json_member(json, "id"), 0, INT64_MAX, &id);
	for (size_t i = 0; i < q->npending; i++) {
		qmp_reply *reply = q->pending[i].reply;
		void *ctx = q->pending[i].ctx;

		if ((int64_t)q->pending[i].id != id)
			continue;
		q->pending[i] = q->pending[--q->npending];
		if (reply)
			reply(ctx, json_member(json, "return"),
			      !error.text ? NULL
			      : desc	  ? desc
					  : "unknown error");
		return;
	}
}

static void qmp_tell(struct qmp *q, struct json_value json)
{
	AUTO_FREE char *name = json_member_text(json, "event");

	q->cb.on_event(q->cb.ctx, name, json_member(json, "data"));
}

static int qmp_line(struct qmp *q, const char *line, size_t n, struct err *e)
{
	const struct json_value json = qmp_parse(line, n);

	switch (qmp_kind_of(json)) {
	case QMP_GREETING:
		qmp_greet(q);
		return 0;
	case QMP_RETURN:
	case QMP_ERROR:
		qmp_answer(q, json);
		return 0;
	case QMP_EVENT:
		qmp_tell(q, json);
		return 0;
	case QMP_BAD:
		break;
	}
	return err_set(e, "QEMU sent a malformed QMP message");
}

int qmp_feed(struct qmp *q, const void *bytes, size_t n, struct err *e)
{
	const char *newline;

	buf_add(&q->in, bytes, n);
	while ((newline = memchr(buf_data(&q->in), '\n', buf_len(&q->in)))) {
		const char *line = (const char *)buf_data(&q->in);
		size_t len = (size_t)(newline - line);
		bool empty = len == 0 || (len == 1 && line[0] == '\r');

		if (len > QMP_LINE_MAX)
			break;
		if (!empty && qmp_line(q, line, len, e) < 0)
			return -1;
		buf_drop(&q->in, len + 1);
	}
	if (buf_len(&q->in) > QMP_LINE_MAX)
		return err_set(e, "QEMU sent a line of more than %d bytes", QMP_LINE_MAX);
	return 0;
}

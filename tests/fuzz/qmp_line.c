/* areas: base
 * files: src/vm/qmp.c
 * Any bytes from QEMU: cut in two (the first byte says where) they have the same effects as in
 * one piece, and no line that is no message has any. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "vm/qmp.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void add_json(struct buf *out, struct json_value json)
{
	if (json.text)
		buf_add(out, json.text, json.n);
	else
		buf_addf(out, "nothing");
	buf_add(out, "\n", 1);
}

static void on_output(void *ctx, const void *bytes, size_t n)
{
	buf_addf(ctx, "output ");
	buf_add(ctx, bytes, n);
}

static void on_event(void *ctx, const char *name, struct json_value data)
{
	buf_addf(ctx, "event %s ", name);
	add_json(ctx, data);
}

static void on_reply(void *ctx, struct json_value value, const char *error)
{
	buf_addf(ctx, "reply %s ", error ? error : "fine");
	add_json(ctx, value);
}

/* Everything that came of it, and how it ended. */
static int feed(const uint8_t *data, size_t size, size_t cut, struct buf *log)
{
	struct qmp *q = qmp_new(&(struct qmp_callbacks){on_output, on_event, log});
	struct err e = {0};
	int rc;

	for (int i = 0; i < 3; i++)
		qmp_execute(q, "x", NULL, on_reply, log);
	rc = qmp_feed(q, data, cut, &e);
	if (rc == 0)
		rc = qmp_feed(q, data + cut, size - cut, &e);
	MUST(rc == 0 || (rc == -1 && e.text[0]));
	qmp_free(q);
	return rc;
}

/* The input as one line, once alone and once through the stream: bad ones end the link, and only
 * those. */
static void check_classified(const uint8_t *data, size_t size)
{
	enum qmp_kind kind = qmp_classify((const char *)data, size);
	AUTO_BUF struct buf stream = {0}, log = {0};
	bool empty = size == 0 || (size == 1 && data[0] == '\r');

	if (memchr(data, '\n', size) || size > QMP_LINE_MAX)
		return;
	buf_add(&stream, data, size);
	buf_add(&stream, "\n", 1);
	MUST((feed(buf_data(&stream), buf_len(&stream), 0, &log) == 0) ==
	     (empty || kind != QMP_BAD));
	MUST(kind != QMP_BAD || buf_len(&log) == 0);
	MUST(kind != QMP_GREETING || buf_len(&log) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf whole = {0}, pieces = {0};

	if (!size)
		return 0;
	MUST(feed(data + 1, size - 1, 0, &whole) ==
	     feed(data + 1, size - 1, data[0] * (size - 1) / 256, &pieces));
	MUST(buf_len(&whole) == buf_len(&pieces) &&
	     memcmp(buf_data(&whole), buf_data(&pieces), buf_len(&whole)) == 0);
	check_classified(data + 1, size - 1);
	return 0;
}

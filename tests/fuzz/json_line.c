/* areas: base
 * Any bytes as a line: refused, or fields that are written and read again as the same. And as a
 * stream: cut in two (the first byte says where) it gives the same lines as in one piece. */
#include "fuzz/fuzz.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void write_line(const struct json_line *l, struct buf *out)
{
	json_begin(out);
	for (size_t i = 0; i < l->n; i++) {
		const struct json_field *f = &l->field[i];

		switch (f->kind) {
		case JSON_STRING:
			json_add_string(out, f->name, f->text);
			break;
		case JSON_INT:
			json_add_int(out, f->name, f->number);
			break;
		case JSON_BOOL:
			json_add_bool(out, f->name, f->number);
			break;
		case JSON_NULL:
			json_add_string(out, f->name, NULL);
			break;
		case JSON_SKIPPED:
			json_add_raw(out, f->name, "[{}]");
			break;
		}
	}
	json_end(out);
}

static void check_same(const struct json_line *a, const struct json_line *b)
{
	MUST(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct json_field *x = &a->field[i], *y = &b->field[i];

		MUST(x->kind == y->kind && strcmp(x->name, y->name) == 0);
		MUST(x->kind != JSON_STRING || strcmp(x->text, y->text) == 0);
		MUST((x->kind != JSON_INT && x->kind != JSON_BOOL) || x->number == y->number);
	}
}

static void check_line(const char *line, size_t n)
{
	static struct json_line one, two;
	AUTO_BUF struct buf again = {0};

	if (json_parse_line(line, n, &one) < 0)
		return;
	MUST(n <= JSON_LINE_MAX && one.n <= JSON_FIELDS_MAX && one.used <= sizeof(one.store));
	write_line(&one, &again);
	if (buf_len(&again) > JSON_LINE_MAX) /* escapes are longer than what they stand for */
		return;
	MUST(json_parse_line((const char *)buf_data(&again), buf_len(&again), &two) == 0);
	check_same(&one, &two);
}

static void on_line(void *ctx, const char *line, size_t n)
{
	MUST(n <= JSON_LINE_MAX && !memchr(line, '\n', n));
	buf_add(ctx, &n, sizeof(n));
	buf_add(ctx, line, n);
}

static uint64_t split(const uint8_t *data, size_t size, size_t cut, struct buf *out)
{
	static struct json_splitter s;

	memset(&s, 0, sizeof(s));
	json_split(&s, data, cut, on_line, out);
	json_split(&s, data + cut, size - cut, on_line, out);
	return s.dropped;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf whole = {0}, pieces = {0};

	if (!size)
		return 0;
	check_line((const char *)data + 1, size - 1);
	MUST(split(data + 1, size - 1, 0, &whole) ==
	     split(data + 1, size - 1, data[0] * (size - 1) / 256, &pieces));
	MUST(buf_len(&whole) == buf_len(&pieces) &&
	     memcmp(buf_data(&whole), buf_data(&pieces), buf_len(&whole)) == 0);
	return 0;
}

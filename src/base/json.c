#include "base/json.h"
#include "base/jscan.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* ---- writing ---- */

/* Appends the character or broken byte ahead, and returns how many bytes it was. */
static size_t json_quote_one(struct buf *b, const unsigned char *p, size_t n, bool exact)
{
	uint32_t ch;
	const size_t len = text_get_utf8(p, n, &ch);

	if (!len && exact)
		buf_add(b, p, 1);
	else if (!len)
		buf_add(b, "\xef\xbf\xbd", 3);
	else if (p[0] == '"' || p[0] == '\\')
		buf_addf(b, "\\%c", p[0]);
	else if (p[0] == '\n')
		buf_add(b, "\\n", 2);
	else if (p[0] < 0x20 || p[0] == 0x7f)
		buf_addf(b, "\\u%04x", p[0]);
	else
		buf_add(b, p, len);
	return len ? len : 1;
}

static void json_quote_all(struct buf *b, const unsigned char *p, size_t n, bool exact)
{
	buf_add(b, "\"", 1);
	for (size_t i = 0; i < n;)
		i += json_quote_one(b, p + i, n - i, exact);
	buf_add(b, "\"", 1);
}

void json_quote(struct buf *b, const void *value, size_t n)
{
	json_quote_all(b, value, n, false);
}

void json_quote_exact(struct buf *b, const char *text)
{
	json_quote_all(b, (const unsigned char *)text, strlen(text), true);
}

void json_begin(struct buf *b)
{
	buf_add(b, "{", 1);
}

static void json_add_name(struct buf *b, const char *name)
{
	if (buf_len(b) && b->bytes[b->end - 1] != '{')
		buf_add(b, ",", 1);
	json_quote(b, name, strlen(name));
	buf_add(b, ":", 1);
}

void json_add_bytes(struct buf *b, const char *name, const void *value, size_t n)
{
	json_add_name(b, name);
	json_quote(b, value, n);
}

void json_add_string(struct buf *b, const char *name, const char *value)
{
	if (value)
		json_add_bytes(b, name, value, strlen(value));
	else
		json_add_raw(b, name, "null");
}

void json_add_int(struct buf *b, const char *name, int64_t value)
{
	json_add_name(b, name);
	buf_addf(b, "%" PRId64, value);
}

void json_add_bool(struct buf *b, const char *name, bool value)
{
	json_add_raw(b, name, value ? "true" : "false");
}

void json_add_raw(struct buf *b, const char *name, const char *json)
{
	json_add_name(b, name);
	buf_add(b, json, strlen(json));
}

void json_end(struct buf *b)
{
	buf_add(b, "}", 1);
}

/* ---- reading a line ---- */

/* The string ahead, into the line's store; scratch is empty before and after. */
static const char *json_take_string(struct jscan *s, struct json_line *out, struct buf *scratch)
{
	char *at = out->store + out->used;
	const bool ok = jscan_string(s, scratch) &&
			text_is_utf8(buf_data(scratch), buf_len(scratch)) &&
			buf_len(scratch) < sizeof(out->store) - out->used;

	if (ok) {
		memcpy(at, buf_text(scratch), buf_len(scratch) + 1);
		out->used += buf_len(scratch) + 1;
	}
	buf_cut(scratch, 0);
	return ok ? at : NULL;
}

/* Neither fraction nor exponent, and within int64_t. */
static bool json_is_whole(const char *text, size_t n, int64_t *out)
{
	char copy[24] = "";

	if (n < sizeof(copy))
		memcpy(copy, text, n);
	return number_parse(copy, INT64_MIN, INT64_MAX, out);
}

static bool json_take_field(struct jscan *s, struct json_line *out, struct buf *scratch)
{
	struct json_field *f = &out->field[out->n];
	const char *start;

	*f = (struct json_field){.kind = JSON_SKIPPED};
	f->name = json_take_string(s, out, scratch);
	if (!f->name || !jscan_take(s, ':'))
		return false;
	if (jscan_peek(s) == '"') {
		f->kind = JSON_STRING;
		f->text = json_take_string(s, out, scratch);
		return f->text != NULL;
	}
	start = s->at;
	if (!jscan_value(s, JSON_DEPTH_MAX))
		return false;
	if (*start == '-' || (*start >= '0' && *start <= '9')) {
		f->kind = json_is_whole(start, (size_t)(s->at - start), &f->number) ? JSON_INT
										    : JSON_SKIPPED;
	} else if (*start == 't' || *start == 'f') {
		f->kind = JSON_BOOL;
		f->number = *start == 't';
	} else if (*start == 'n') {
		f->kind = JSON_NULL;
	}
	return true;
}

int json_parse_line(const char *line, size_t n, struct json_line *out)
{
	struct jscan s = {line, line + n};
	AUTO_BUF struct buf scratch = {0};
	enum jscan_step step;

	out->n = out->used = 0;
	if (n > JSON_LINE_MAX || !jscan_take(&s, '{'))
		return -1;
	for (bool first = true; (step = jscan_next(&s, '}', first)) == JSCAN_MORE;
	     first = false, out->n++)
		if (out->n == JSON_FIELDS_MAX || !json_take_field(&s, out, &scratch))
			return -1;
	jscan_peek(&s);
	return step == JSCAN_DONE && s.at == s.end ? 0 : -1;
}

static const struct json_field *json_find(const struct json_line *l, const char *name,
					  enum json_kind kind)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->field[i].name, name) == 0)
			return l->field[i].kind == kind ? &l->field[i] : NULL;
	return NULL;
}

const char *json_get_string(const struct json_line *l, const char *name)
{
	const struct json_field *f = json_find(l, name, JSON_STRING);

	return f ? f->text : NULL;
}

bool json_get_int(const struct json_line *l, const char *name, int64_t *value)
{
	const struct json_field *f = json_find(l, name, JSON_INT);

	if (f)
		*value = f->number;
	return f != NULL;
}

bool json_get_bool(const struct json_line *l, const char *name, bool fallback)
{
	const struct json_field *f = json_find(l, name, JSON_BOOL);

	return f ? f->number != 0 : fallback;
}

/* ---- looking into a document ---- */

bool json_open(const void *text, size_t n, struct json_value *out)
{
	struct jscan s = {text, (const char *)text + n};

	*out = (struct json_value){0};
	if (!jscan_is_valid(text, n, NULL))
		return false;
	jscan_peek(&s);
	*out = (struct json_value){s.at, (size_t)(s.end - s.at)};
	return true;
}

static char json_first(struct json_value v)
{
	return v.text ? v.text[0] : '\0';
}

bool json_is_object(struct json_value v)
{
	return json_first(v) == '{';
}

bool json_is_array(struct json_value v)
{
	return json_first(v) == '[';
}

bool json_is_string(struct json_value v)
{
	return json_first(v) == '"';
}

bool json_is_number(struct json_value v)
{
	return json_first(v) == '-' || (json_first(v) >= '0' && json_first(v) <= '9');
}

bool json_is_bool(struct json_value v)
{
	return json_first(v) == 't' || json_first(v) == 'f';
}

bool json_is_true(struct json_value v)
{
	return json_first(v) == 't';
}

bool json_is_null(struct json_value v)
{
	return json_first(v) == 'n';
}

bool json_next(struct json_value container, struct json_value *item, struct buf *name)
{
	const char closing = json_is_object(container) ? '}' : ']';
	struct jscan s = {container.text, container.text + container.n};

	if (!json_is_object(container) && !json_is_array(container))
		return false;
	s.at = item->text ? item->text + item->n : s.at + 1;
	if (name)
		buf_cut(name, 0);
	if (jscan_next(&s, closing, !item->text) != JSCAN_MORE ||
	    (closing == '}' && !jscan_name(&s, name)))
		return false;
	jscan_peek(&s);
	item->text = s.at;
	jscan_value(&s, JSCAN_DEPTH_MAX);
	item->n = (size_t)(s.at - item->text);
	return true;
}

struct json_value json_member(struct json_value object, const char *name)
{
	struct json_value item = {0};
	AUTO_BUF struct buf found = {0};

	if (json_is_object(object))
		while (json_next(object, &item, &found))
			if (buf_len(&found) == strlen(name) &&
			    memcmp(buf_data(&found), name, strlen(name)) == 0)
				return item;
	return (struct json_value){0};
}

char *json_text(struct json_value v)
{
	struct jscan s = {v.text, v.text ? v.text + v.n : NULL};
	AUTO_BUF struct buf text = {0};

	if (!json_is_string(v) || !jscan_string(&s, &text) ||
	    strlen(buf_text(&text)) != buf_len(&text))
		return NULL;
	for (const char *p = buf_text(&text); (p = strchr(p, 0xed)); p++)
		if ((unsigned char)p[1] >= 0xa0) /* a lone surrogate */
			return NULL;
	return mem_strdup(buf_text(&text));
}

char *json_member_text(struct json_value object, const char *name)
{
	char *text = json_text(json_member(object, name));

	return text ? text : mem_strdup("");
}

/* The digits from p on, added to value; each counts `scale` times what the one before does when
 * that is less than 1. */
static const char *json_digits(const char *p, const char *end, double *value, bool fraction)
{
	double scale = 1;

	for (; p < end && *p >= '0' && *p <= '9'; p++)
		if (fraction)
			*value += (*p - '0') * (scale /= 10);
		else
			*value = *value * 10 + (*p - '0');
	return p;
}

/* Not strtod, which reads the decimal point of the user's locale. */
bool json_number(struct json_value v, double *out)
{
	const char *p = v.text, *end = v.text + v.n;
	double value = 0;
	int64_t exponent = 0;

	if (!json_is_number(v))
		return false;
	p = json_digits(p + (*p == '-'), end, &value, false);
	if (p < end && *p == '.')
		p = json_digits(p + 1, end, &value, true);
	if (p < end) { /* an e */
		char copy[8] = "";

		p += 1 + (p[1] == '+');
		if ((size_t)(end - p) >= sizeof(copy))
			return false;
		memcpy(copy, p, (size_t)(end - p));
		number_take(copy, &exponent);
	}
	for (; exponent > 0 && value != 0 && value < 1e300; exponent--)
		value *= 10;
	for (; exponent < 0 && value != 0; exponent++)
		value /= 10;
	*out = v.text[0] == '-' ? -value : value;
	return true;
}

bool json_int(struct json_value v, int64_t least, int64_t most, int64_t *out)
{
	double number;
	int64_t whole;

	if (!json_is_number(v))
		return false;
	if (!json_is_whole(v.text, v.n, &whole)) { /* 1e3, 2.0 */
		if (!json_number(v, &number) || !(number > -1e15 && number < 1e15) ||
		    number != (double)(int64_t)number)
			return false;
		whole = (int64_t)number;
	}
	if (whole < least || whole > most)
		return false;
	*out = whole;
	return true;
}

/* ---- splitting ---- */

void json_split(struct json_splitter *s, const void *bytes, size_t n,
		void (*on_line)(void *ctx, const char *line, size_t n), void *ctx)
{
	const char *p = bytes;

	while (n) {
		const char *newline = memchr(p, '\n', n);
		size_t part = newline ? (size_t)(newline - p) : n;

		if (part > sizeof(s->line) - s->n)
			s->overlong = true;
		if (!s->overlong) {
			memcpy(s->line + s->n, p, part);
			s->n += part;
		}
		if (!newline)
			return;
		if (s->overlong)
			s->dropped++;
		else
			on_line(ctx, s->line, s->n);
		s->n = 0;
		s->overlong = false;
		p += part + 1;
		n -= part + 1;
	}
}

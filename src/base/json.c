#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* ---- writing ---- */

void json_quote(struct buf *b, const void *value, size_t n)
{
	const unsigned char *p = value;

	buf_add(b, "\"", 1);
	while (n) {
		uint32_t ch;
		size_t len = text_get_utf8(p, n, &ch);

		if (!len) {
			buf_add(b, "\xef\xbf\xbd", 3);
			len = 1;
		} else if (p[0] == '"' || p[0] == '\\') {
			buf_addf(b, "\\%c", p[0]);
		} else if (p[0] == '\n') {
			buf_add(b, "\\n", 2);
		} else if (p[0] < 0x20 || p[0] == 0x7f) {
			buf_addf(b, "\\u%04x", p[0]);
		} else {
			buf_add(b, p, len);
		}
		p += len;
		n -= len;
	}
	buf_add(b, "\"", 1);
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

/* ---- reading ---- */

struct json_reader {
	const char *p;
	const char *end;
	struct json_line *out;
};

static void json_skip_space(struct json_reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\n'))
		r->p++;
}

static bool json_take(struct json_reader *r, char c)
{
	json_skip_space(r);
	if (r->p >= r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool json_store(struct json_reader *r, const void *bytes, size_t n)
{
	if (sizeof(r->out->store) - r->out->used < n)
		return false;
	memcpy(r->out->store + r->out->used, bytes, n);
	r->out->used += n;
	return true;
}

static bool json_read_hex4(struct json_reader *r, uint32_t *value)
{
	*value = 0;
	if (r->end - r->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *r->p++;
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
				 : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
				 : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10) : 16;

		if (digit > 15)
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

static bool json_store_utf8(struct json_reader *r, uint32_t cp)
{
	char out[4];

	if (cp == 0 || (cp >= 0xd800 && cp <= 0xdfff))
		return false;
	if (cp < 0x80) {
		out[0] = (char)cp;
		return json_store(r, out, 1);
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return json_store(r, out, 2);
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return json_store(r, out, 3);
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return json_store(r, out, 4);
}

static bool json_read_escape(struct json_reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	uint32_t cp, low;

	if (r->p >= r->end)
		return false;
	if (*r->p != 'u') {
		at = *r->p ? strchr(from, *r->p) : NULL;
		r->p++;
		return at && json_store(r, &to[at - from], 1);
	}
	r->p++;
	if (!json_read_hex4(r, &cp))
		return false;
	if (cp >= 0xd800 && cp <= 0xdbff) {
		if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u')
			return false;
		r->p += 2;
		if (!json_read_hex4(r, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	}
	return json_store_utf8(r, cp);
}

/* Decodes the string at p into the store; *text points there, NUL-terminated. */
static bool json_read_string(struct json_reader *r, const char **text)
{
	size_t start = r->out->used;

	if (!json_take(r, '"'))
		return false;
	while (r->p < r->end && *r->p != '"') {
		size_t len;
		uint32_t ch;

		if (*r->p == '\\') {
			r->p++;
			if (!json_read_escape(r))
				return false;
			continue;
		}
		len = (unsigned char)*r->p < 0x20 ? 0
						  : text_get_utf8((const unsigned char *)r->p, (size_t)(r->end - r->p), &ch);
		if (!len || !json_store(r, r->p, len))
			return false;
		r->p += len;
	}
	if (r->p >= r->end || !json_store(r, "", 1))
		return false;
	r->p++;
	*text = r->out->store + start;
	return true;
}

static bool json_is_digit(const struct json_reader *r)
{
	return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static bool json_read_number(struct json_reader *r, struct json_field *f)
{
	bool negative = *r->p == '-', whole = true;
	uint64_t v = 0, max = (uint64_t)INT64_MAX + negative;
	const char *first;

	r->p += negative;
	first = r->p;
	for (; json_is_digit(r); r->p++) {
		uint64_t digit = (uint64_t)(*r->p - '0');

		whole = whole && v <= (max - digit) / 10;
		v = whole ? v * 10 + digit : v;
	}
	if (r->p == first || (*first == '0' && r->p - first > 1))
		return false;
	if (r->p < r->end && *r->p == '.') {
		whole = false;
		r->p++;
		if (!json_is_digit(r))
			return false;
		while (json_is_digit(r))
			r->p++;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		whole = false;
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!json_is_digit(r))
			return false;
		while (json_is_digit(r))
			r->p++;
	}
	f->kind = whole ? JSON_INT : JSON_SKIPPED;
	f->number = (int64_t)(negative ? 0 - v : v);
	return true;
}

static bool json_read_word(struct json_reader *r, struct json_field *f)
{
	static const struct {
		const char *word;
		enum json_kind kind;
		int64_t number;
	} words[] = {{"true", JSON_BOOL, 1}, {"false", JSON_BOOL, 0}, {"null", JSON_NULL, 0}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i].word);

		if ((size_t)(r->end - r->p) >= n && memcmp(r->p, words[i].word, n) == 0) {
			r->p += n;
			f->kind = words[i].kind;
			f->number = words[i].number;
			return true;
		}
	}
	return false;
}

static bool json_read_value(struct json_reader *r, struct json_field *f, int depth);

/* Nested values are checked for form and forgotten, so that a later version may send them. */
static bool json_skip_nested(struct json_reader *r, char close, int depth)
{
	struct json_field ignored;
	const char *name;

	if (depth >= JSON_DEPTH_MAX)
		return false;
	r->p++;
	if (json_take(r, close))
		return true;
	do {
		if (close == '}' && !(json_read_string(r, &name) && json_take(r, ':')))
			return false;
		if (!json_read_value(r, &ignored, depth + 1))
			return false;
	} while (json_take(r, ','));
	return json_take(r, close);
}

static bool json_read_value(struct json_reader *r, struct json_field *f, int depth)
{
	memset(f, 0, sizeof(*f));
	json_skip_space(r);
	if (r->p >= r->end)
		return false;
	if (*r->p == '"') {
		f->kind = JSON_STRING;
		return json_read_string(r, &f->text);
	}
	if (*r->p == '-' || json_is_digit(r))
		return json_read_number(r, f);
	if (*r->p == '{' || *r->p == '[') {
		f->kind = JSON_SKIPPED;
		return json_skip_nested(r, *r->p == '{' ? '}' : ']', depth);
	}
	return json_read_word(r, f);
}

int json_parse_line(const char *line, size_t n, struct json_line *out)
{
	struct json_reader r = {.p = line, .end = line + n, .out = out};

	out->n = out->used = 0;
	if (n > JSON_LINE_MAX || !json_take(&r, '{'))
		return -1;
	if (!json_take(&r, '}')) {
		do {
			struct json_field *f = &out->field[out->n];
			const char *name;

			if (out->n == JSON_FIELDS_MAX || !json_read_string(&r, &name) || !json_take(&r, ':') ||
			    !json_read_value(&r, f, 0))
				return -1;
			f->name = name;
			out->n++;
		} while (json_take(&r, ','));
		if (!json_take(&r, '}'))
			return -1;
	}
	json_skip_space(&r);
	return r.p == r.end ? 0 : -1;
}

static const struct json_field *json_find(const struct json_line *l, const char *name, enum json_kind kind)
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

#include "proto/document.h"
#include "base/json.h"

#include <string.h>

/* ---- bytes ---- */

static void document_put_bytes(struct buf *out, const char *name, const char *bytes)
{
	AUTO_BUF struct buf text = {0};

	for (const unsigned char *p = (const unsigned char *)bytes; *p; p++)
		buf_addf(&text, *p < ' ' || *p > '~' || *p == '%' ? "%%%02X" : "%c", *p);
	json_add_bytes(out, name, buf_data(&text), buf_len(&text));
}

/* -1: no digit, as it is written above. */
static int document_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* In place. False: badly written, or longer than `most`. */
static bool document_decode(char *text, int most)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		char byte = *p;

		if (byte == '%') {
			const int high = document_digit(p[1]);
			const int low = high < 0 ? -1 : document_digit(p[2]);

			if (low < 0 || !(high | low))
				return false;
			byte = (char)(high << 4 | low);
			p += 2;
		}
		if (to - text >= most)
			return false;
		*to++ = byte;
	}
	*to = '\0';
	return true;
}

/* ---- writing ---- */

static void document_put_object(const struct document_shape *shape, const void *values,
				struct buf *json);

static void document_put_text(const struct document_field *f, const char *text, struct buf *out)
{
	if (!text)
		return;
	if (f->kind == DOCUMENT_TEXT)
		json_add_bytes(out, f->name, text, strlen(text));
	else if (f->kind == DOCUMENT_BYTES)
		document_put_bytes(out, f->name, text);
	else
		json_add_raw(out, f->name, text);
}

static void document_put_inside(const struct document_field *f, const void *at, struct buf *out)
{
	AUTO_BUF struct buf json = {0};

	document_put_object(f->inside, at, &json);
	json_add_raw(out, f->name, buf_text(&json));
}

static void document_put_field(const struct document_field *f, const void *at, struct buf *out)
{
	switch (f->kind) {
	case DOCUMENT_TEXT:
	case DOCUMENT_OBJECT:
	case DOCUMENT_BYTES:
		document_put_text(f, *(char *const *)at, out);
		return;
	case DOCUMENT_INT:
		json_add_int(out, f->name, *(const int *)at);
		return;
	case DOCUMENT_LONG:
		json_add_int(out, f->name, *(const int64_t *)at);
		return;
	case DOCUMENT_FLAG:
		json_add_bool(out, f->name, *(const bool *)at);
		return;
	case DOCUMENT_INSIDE:
		document_put_inside(f, at, out);
		return;
	}
}

static void document_put_object(const struct document_shape *shape, const void *values,
				struct buf *json)
{
	json_begin(json);
	for (size_t i = 0; i < shape->n; i++)
		document_put_field(&shape->field[i], (const char *)values + shape->field[i].at,
				   json);
	json_end(json);
}

void document_put(const struct document_shape *shape, const void *values, struct buf *out)
{
	AUTO_BUF struct buf json = {0};

	document_put_object(shape, values, &json);
	buf_add(out, buf_data(&json), buf_len(&json));
}

/* ---- reading ---- */

static bool document_get_object(const struct document_shape *shape, struct json_value json,
				void *values);

static bool document_get_bytes(const struct document_field *f, struct json_value v, char **at)
{
	*at = json_text(v);
	return !*at || document_decode(*at, f->most);
}

static bool document_get_field(const struct document_field *f, struct json_value v, void *at)
{
	int64_t number;

	switch (f->kind) {
	case DOCUMENT_TEXT:
		*(char **)at = json_text(v);
		return true;
	case DOCUMENT_OBJECT:
		*(char **)at = json_is_object(v) ? mem_strndup(v.text, v.n) : NULL;
		return true;
	case DOCUMENT_BYTES:
		return document_get_bytes(f, v, at);
	case DOCUMENT_INT:
		if (json_int(v, f->least, f->most, &number))
			*(int *)at = (int)number;
		return true;
	case DOCUMENT_LONG:
		if (json_int(v, INT64_MIN, INT64_MAX, &number))
			*(int64_t *)at = number;
		return true;
	case DOCUMENT_FLAG:
		*(bool *)at = json_is_true(v);
		return true;
	case DOCUMENT_INSIDE:
		return !json_is_object(v) || document_get_object(f->inside, v, at);
	}
	return true;
}

static bool document_get_object(const struct document_shape *shape, struct json_value json,
				void *values)
{
	for (size_t i = 0; i < shape->n; i++)
		if (!document_get_field(&shape->field[i], json_member(json, shape->field[i].name),
					(char *)values + shape->field[i].at))
			return false;
	return true;
}

int document_get(const struct document_shape *shape, const void *text, size_t n, void *values)
{
	struct json_value json;

	if (!json_open(text, n, &json) || !json_is_object(json))
		return -1;
	if (document_get_object(shape, json, values))
		return 0;
	document_fini(shape, values);
	return -1;
}

static bool document_is_owned(enum document_kind kind)
{
	return kind == DOCUMENT_TEXT || kind == DOCUMENT_OBJECT || kind == DOCUMENT_BYTES;
}

void document_fini(const struct document_shape *shape, void *values)
{
	for (size_t i = 0; i < shape->n; i++) {
		const struct document_field *f = &shape->field[i];

		if (document_is_owned(f->kind))
			free(mem_steal_ptr((char **)((char *)values + f->at)));
		else if (f->kind == DOCUMENT_INSIDE)
			document_fini(f->inside, (char *)values + f->at);
	}
}

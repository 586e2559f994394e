#include "clip/clip_kitty.h"
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

#define KITTY_BEGIN    "\033]5522;"
#define KITTY_LIST     "." /* as a type: the list of types */
#define KITTY_LIST_MAX 65536

void clip_kitty_ask(struct clip_kitty *k, enum clip_type wanted, struct buf *out)
{
	const char *mime = wanted == CLIP_NO_TYPE ? KITTY_LIST : clip_type_mime(wanted);

	buf_drop(&k->data, buf_len(&k->data));
	k->active = true;
	k->wanted = wanted;
	k->answered = false;
	k->result = CLIP_KITTY_GOING_ON;
	buf_addf(out, KITTY_BEGIN "type=read;");
	base64_encode(mime, strlen(mime), out);
	buf_addf(out, "\033\\");
}

/* ---- one string ---- */

/* The value of a key among "type=read:status=DATA:mime=…"; NULL: not there. */
static const char *kitty_value(const char *meta, size_t n, const char *key, size_t *size)
{
	const size_t k = strlen(key);

	for (size_t at = 0; at < n;) {
		const char *end = memchr(meta + at, ':', n - at);
		const size_t part = end ? (size_t)(end - meta) - at : n - at;

		if (part > k && memcmp(meta + at, key, k) == 0 && meta[at + k] == '=') {
			*size = part - k - 1;
			return meta + at + k + 1;
		}
		at += part + 1;
	}
	return NULL;
}

static void kitty_fail(struct clip_kitty *k, enum clip_kitty_result result)
{
	buf_drop(&k->data, buf_len(&k->data));
	k->result = result;
	k->active = false;
}

/* Types claude takes of names with blanks between them. */
static void kitty_add_types(struct clip_kitty *k, const char *text, size_t n)
{
	for (size_t at = 0; at < n;) {
		const char *end = memchr(text + at, ' ', n - at);
		const size_t part = end ? (size_t)(end - text) - at : n - at;
		const enum clip_type type = clip_type_of(text + at, part);

		if (type < CLIP_BMP && buf_len(&k->data) < KITTY_LIST_MAX)
			buf_addf(&k->data, "%s\n", clip_type_mime(type));
		at += part + 1;
	}
}

static void kitty_on_data(struct clip_kitty *k, const char *mime, size_t mime_size,
			  const char *payload, size_t n)
{
	AUTO_BUF struct buf name = {0}, bytes = {0};

	if (!base64_decode(mime, mime_size, &name) || !base64_decode(payload, n, &bytes)) {
		kitty_fail(k, CLIP_KITTY_FAILED);
		return;
	}
	if (k->wanted == CLIP_NO_TYPE) { /* the names in one packet's bytes, or a packet for each */
		const bool all = buf_len(&name) == 1 && buf_data(&name)[0] == KITTY_LIST[0];
		const struct buf *names = all ? &bytes : &name;

		kitty_add_types(k, (const char *)buf_data(names), buf_len(names));
	} else if (clip_type_of((const char *)buf_data(&name), buf_len(&name)) == k->wanted) {
		if (buf_len(&k->data) + buf_len(&bytes) > CLIP_IMAGE_MAX)
			kitty_fail(k, CLIP_KITTY_FAILED);
		else
			buf_add(&k->data, buf_data(&bytes), buf_len(&bytes));
	}
}

static bool kitty_is(const char *text, const char *value, size_t n)
{
	return strlen(text) == n && memcmp(text, value, n) == 0;
}

static void kitty_on_string(struct clip_kitty *k)
{
	const char *text = buf_text(&k->string), *end = memchr(text, ';', buf_len(&k->string));
	const size_t meta = end ? (size_t)(end - text) : buf_len(&k->string);
	size_t type_size = 0, status_size = 0, mime_size = 0;
	const char *type = kitty_value(text, meta, "type", &type_size),
		   *status = kitty_value(text, meta, "status", &status_size);
	const char *mime = kitty_value(text, meta, "mime", &mime_size);

	if (!type || !kitty_is("read", type, type_size) || !status)
		return;
	k->answered = true;
	if (kitty_is("DONE", status, status_size)) {
		k->result = CLIP_KITTY_DONE;
		k->active = false;
	} else if (kitty_is("DATA", status, status_size)) {
		if (mime)
			kitty_on_data(k, mime, mime_size, end ? end + 1 : "",
				      end ? buf_len(&k->string) - meta - 1 : 0);
	} else if (!kitty_is("OK", status, status_size)) {
		kitty_fail(k, kitty_is("EPERM", status, status_size) ? CLIP_KITTY_DENIED
								     : CLIP_KITTY_FAILED);
	}
}

/* ---- the stream ---- */

static void kitty_end_string(struct clip_kitty *k)
{
	k->inside = k->escaped = false;
	if (k->too_long)
		kitty_fail(k, CLIP_KITTY_FAILED);
	else if (k->active)
		kitty_on_string(k);
	k->too_long = false;
	buf_drop(&k->string, buf_len(&k->string));
}

static void kitty_inside(struct clip_kitty *k, unsigned char byte)
{
	if (byte == 0x07 || (k->escaped && byte == '\\')) {
		kitty_end_string(k);
		return;
	}
	k->escaped = byte == 0x1b;
	if (k->escaped)
		return;
	if (buf_len(&k->string) < CLIP_KITTY_STRING)
		buf_add(&k->string, &byte, 1);
	else
		k->too_long = true;
}

void clip_kitty_settle(struct clip_kitty *k, struct buf *out)
{
	buf_add(out, KITTY_BEGIN, k->matched);
	k->matched = 0;
}

static void kitty_byte(struct clip_kitty *k, unsigned char byte, struct buf *out)
{
	static const char begin[] = KITTY_BEGIN;

	if (k->inside) {
		kitty_inside(k, byte);
		return;
	}
	if (k->matched && byte != (unsigned char)begin[k->matched])
		clip_kitty_settle(k, out); /* ESC is in it at its beginning alone */
	if ((k->active || k->matched) && byte == (unsigned char)begin[k->matched]) {
		if (++k->matched < sizeof(begin) - 1)
			return;
		k->matched = 0;
		k->inside = true;
		return;
	}
	buf_add(out, &byte, 1);
}

void clip_kitty_feed(struct clip_kitty *k, const void *bytes, size_t n, struct buf *out)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		kitty_byte(k, p[i], out);
}

void clip_kitty_fini(struct clip_kitty *k)
{
	buf_fini(&k->data);
	buf_fini(&k->string);
	*k = (struct clip_kitty){0};
}

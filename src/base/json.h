/* json: one flat JSON object a line (RFC 8259), written and read without allocation surprises.
 *
 * Used where both ends are ours or where a stranger's line has to be read with fixed bounds: the channel to
 * the guest, events, status. Documents that users write are read by cJSON instead (src/conf). */
#ifndef CCVM_BASE_JSON_H
#define CCVM_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* ---- writing: json_begin, any number of json_add_*, json_end (which adds no newline) ---- */
void json_begin(struct buf *b);
void json_add_string(struct buf *b, const char *name, const char *value); /* NULL is written as null */
void json_add_bytes(struct buf *b, const char *name, const void *value, size_t n); /* bad UTF-8 → U+FFFD */
void json_add_int(struct buf *b, const char *name, int64_t value);
void json_add_bool(struct buf *b, const char *name, bool value);
void json_add_raw(struct buf *b, const char *name, const char *json); /* value is JSON already */
void json_end(struct buf *b);
/* Appends a quoted JSON string alone. */
void json_quote(struct buf *b, const void *value, size_t n);

/* ---- reading ---- */
#define JSON_LINE_MAX   4096 /* bytes without the newline */
#define JSON_FIELDS_MAX 48   /* of the object; more are refused */
#define JSON_DEPTH_MAX  8    /* of nested values, which are checked and skipped */

enum json_kind { JSON_STRING, JSON_INT, JSON_BOOL, JSON_NULL, JSON_SKIPPED };

struct json_field {
	const char *name;
	enum json_kind kind;
	const char *text; /* JSON_STRING: NUL-terminated; a line whose string holds U+0000 is refused */
	int64_t number;   /* JSON_INT, JSON_BOOL */
};

struct json_line {
	struct json_field field[JSON_FIELDS_MAX];
	size_t n;
	char store[JSON_LINE_MAX * 2]; /* decoded names and strings */
	size_t used;
};

/* Reads one object. Numbers with a fraction or exponent or beyond int64_t, and nested values, are skipped
 * (JSON_SKIPPED).
 * Returns 0, or -1 for anything that is not one well-formed object within the bounds. Pure. */
int json_parse_line(const char *line, size_t n, struct json_line *out);
const char *json_get_string(const struct json_line *l, const char *name); /* or NULL */
bool json_get_int(const struct json_line *l, const char *name, int64_t *value);
bool json_get_bool(const struct json_line *l, const char *name, bool fallback);

/* ---- splitting a byte stream into lines ---- */
struct json_splitter {
	char line[JSON_LINE_MAX];
	size_t n;
	bool overlong;     /* the current line is too long: its rest is dropped */
	uint64_t dropped;  /* lines that were */
};
/* Calls on_line for each complete line (without newline); lines over JSON_LINE_MAX are dropped whole. */
void json_split(struct json_splitter *s, const void *bytes, size_t n,
		void (*on_line)(void *ctx, const char *line, size_t n), void *ctx);

#endif

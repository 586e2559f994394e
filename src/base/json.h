/* json: the JSON (RFC 8259) reader and writer. Reading uses base/jscan.h, the one parser.
 *
 * Flat lines, one object each, are read with fixed bounds: the channel to the guest, events,
 * status. Documents (configuration, manifests, QEMU's answers) are looked into in place: a value is
 * a piece of the text, no tree is built. */
#ifndef CCVM_BASE_JSON_H
#define CCVM_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* ---- writing: json_begin, any number of json_add_*, json_end (which adds no newline) ---- */
void json_begin(struct buf *b);
/* NULL is written as null */
void json_add_string(struct buf *b, const char *name, const char *value);
/* bad UTF-8 → U+FFFD */
void json_add_bytes(struct buf *b, const char *name, const void *value, size_t n);
void json_add_int(struct buf *b, const char *name, int64_t value);
void json_add_bool(struct buf *b, const char *name, bool value);
void json_add_raw(struct buf *b, const char *name, const char *json); /* value is JSON already */
void json_end(struct buf *b);
/* Appends a quoted JSON string alone. */
void json_quote(struct buf *b, const void *value, size_t n);
/* The same, but invalid UTF-8 is copied as it is: for a reader of ours that needs the original
 * text. */
void json_quote_exact(struct buf *b, const char *text);

/* ---- reading a line ---- */
#define JSON_LINE_MAX                                                                              \
	16384 /* bytes without the newline; status.json with the longest path, all of it escaped, is a line */
#define JSON_FIELDS_MAX 48 /* of the object; more are refused */
#define JSON_DEPTH_MAX	8  /* of nested values, which are checked and skipped */

enum json_kind { JSON_STRING, JSON_INT, JSON_BOOL, JSON_NULL, JSON_SKIPPED };

struct json_field {
	const char *name;
	enum json_kind kind;
	/* JSON_STRING: NUL-terminated; a line whose string holds U+0000 is refused */
	const char *text;
	int64_t number; /* JSON_INT, JSON_BOOL */
};

struct json_line {
	struct json_field field[JSON_FIELDS_MAX];
	size_t n;
	char store[JSON_LINE_MAX * 2]; /* decoded names and strings */
	size_t used;
};

/* Reads one object. Numbers with a fraction or exponent or beyond int64_t, and nested values, are
 * skipped (JSON_SKIPPED). Returns 0, or -1 for anything that is not one well-formed object within
 * the bounds. Pure. */
int json_parse_line(const char *line, size_t n, struct json_line *out);
const char *json_get_string(const struct json_line *l, const char *name); /* or NULL */
bool json_get_int(const struct json_line *l, const char *name, int64_t *value);
bool json_get_bool(const struct json_line *l, const char *name, bool fallback);

/* ---- looking into a document ---- */

/* A value in a text that json_open found to be JSON: borrowed. `text` NULL: there is none; every
 * function accepts that and returns nothing. */
struct json_value {
	const char *text;
	size_t n;
};

/* The whole text as one value; false, and no value, when it is not JSON (or nested deeper than
 * JSCAN_DEPTH_MAX). Pure. */
bool json_open(const void *text, size_t n, struct json_value *out);
bool json_is_object(struct json_value v);
bool json_is_array(struct json_value v);
bool json_is_string(struct json_value v);
bool json_is_number(struct json_value v);
bool json_is_bool(struct json_value v);
bool json_is_true(struct json_value v);
bool json_is_null(struct json_value v);
/* The member of that name of an object; of several the first. */
struct json_value json_member(struct json_value object, const char *name);
/* The elements of an array, or the values of an object's members: starts with *item zero, false
 * behind the last one. `name` (may be NULL) receives the member's, decoded. */
bool json_next(struct json_value container, struct json_value *item, struct buf *name);
/* A string's text; NULL when it is not a string, or holds a lone surrogate or U+0000, which would
 * cut it. Invalid UTF-8 is copied as it is. Free it. */
char *json_text(struct json_value v);
/* The text of an object's member; "" when there is none. Free it. */
char *json_member_text(struct json_value object, const char *name);
/* A number, as near as a double is; false when it is not a number. */
bool json_number(struct json_value v, double *out);
/* A whole number from least to most, both included; 1e3 and 2.0 are whole, too. */
bool json_int(struct json_value v, int64_t least, int64_t most, int64_t *out);

/* ---- splitting a byte stream into lines ---- */
struct json_splitter {
	char line[JSON_LINE_MAX];
	size_t n;
	bool overlong;	  /* the current line is too long: its rest is dropped */
	uint64_t dropped; /* lines that were */
};
/* Calls on_line for each complete line (without newline); lines over JSON_LINE_MAX are dropped
 * whole. */
void json_split(struct json_splitter *s, const void *bytes, size_t n,
		void (*on_line)(void *ctx, const char *line, size_t n), void *ctx);

#endif

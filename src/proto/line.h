/* line: a message as one JSON object a line, described by a table of its fields, as proto/message.h
 * does it for bytes. Its member `type` says what it is. Pure. */
#ifndef CCVM_PROTO_LINE_H
#define CCVM_PROTO_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

/* A member of a struct, and how it is read. */
enum line_kind {
	LINE_TEXT, /* char[size]: has to be there and to fit */
	/* char[size]: for people; escaped, cut, empty when it is missing. Empty: not written */
	LINE_SHOWN,
	LINE_NUMBER, /* int64_t: has to be there and within the bounds */
	LINE_FIGURE, /* int64_t: 0 when it is missing or beyond the bounds */
	LINE_FLAG,   /* bool: false when it is missing */
};

struct line_field {
	const char *name;
	enum line_kind kind;
	size_t at; /* offset in the struct */
	size_t size;
	int64_t least, most;
	const char *help;
};

struct line_shape {
	const char *type;
	const struct line_field *field;
	size_t n;
	const char *help;
};

#define LINE_SIZE(type, member) sizeof(((struct type *)NULL)->member)
#define LINE_TEXT_FIELD(type, name, member, kind, help)                                            \
	{                                                                                          \
		name, kind, offsetof(struct type, member), LINE_SIZE(type, member), 0, 0, help     \
	}
#define LINE_NUMBER_FIELD(type, name, member, kind, least, most, help)                             \
	{                                                                                          \
		name, kind, offsetof(struct type, member), 0, least, most, help                    \
	}
/* field and n of a shape. */
#define LINE_FIELDS(...)                                                                           \
	(const struct line_field[]){__VA_ARGS__},                                                  \
		ARRAY_LEN(((const struct line_field[]){__VA_ARGS__}))
#define LINE_FLAG_FIELD(type, name, member, help)                                                  \
	{                                                                                          \
		name, LINE_FLAG, offsetof(struct type, member), 0, 0, 0, help                      \
	}

/* Appends the line, its newline included. */
void line_put(const struct line_shape *shape, const void *values, struct buf *out);
/* Appends the fields alone, to an object that was begun. */
void line_add(const struct line_shape *shape, const void *values, struct buf *out);
/* Reads the fields; false, with some of them read, when one that has to be there is not. */
bool line_get(const struct line_shape *shape, const struct json_line *l, void *values);
/* Reads a line of one of n shapes, of which the first is none: its index; 0 when it is not one, or
 * not well-formed, with some fields read. */
size_t line_parse(const struct line_shape *shapes, size_t n, const char *line, size_t length,
		  void *values);
/* Copies a text for people: escaped, cut to whole characters and escapes. */
void line_set_shown(char *out, size_t size, const char *text);

#endif

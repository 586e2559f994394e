/* document: a message as one JSON object with texts of any length, described by a table of its
 * fields, as proto/line.h does it for lines within bounds. What is unknown is passed over. Pure. */
#ifndef CCVM_PROTO_DOCUMENT_H
#define CCVM_PROTO_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"

/* A member of a struct. */
enum document_kind {
	DOCUMENT_TEXT, /* char *, owned; NULL: missing, and not written */
	/* char *, owned: a JSON object as it stands; NULL: missing, and not written */
	DOCUMENT_OBJECT,
	/* char *, owned: of any bytes, `most` of them at most; NULL: missing, and not written. As JSON,
	 * what is not printable ASCII, and %, stands as %XX. */
	DOCUMENT_BYTES,
	DOCUMENT_INT,	 /* int within the bounds; else, or missing, the struct keeps what it had */
	DOCUMENT_LONG,	 /* int64_t, the same but for the bounds */
	DOCUMENT_FLAG,	 /* bool; missing: false */
	DOCUMENT_INSIDE, /* a struct with a shape of its own: an object; missing: as it was */
};

struct document_shape;

struct document_field {
	const char *name;
	enum document_kind kind;
	size_t at; /* offset in the struct */
	int least, most;
	const char *help;
	const struct document_shape *inside;
};

struct document_shape {
	const struct document_field *field;
	size_t n;
};

/* clang-format off */
#define DOCUMENT_FIELD(type, member, is, words)                                                    \
	{.name = #member, .kind = is, .at = offsetof(struct type, member), .least = INT32_MIN,     \
	 .most = INT32_MAX, .help = words}
#define DOCUMENT_INT_FIELD(type, member, min, max, words)                                          \
	{.name = #member, .kind = DOCUMENT_INT, .at = offsetof(struct type, member),               \
	 .least = min, .most = max, .help = words}
#define DOCUMENT_BYTES_FIELD(type, member, max, words)                                             \
	{.name = #member, .kind = DOCUMENT_BYTES, .at = offsetof(struct type, member),             \
	 .most = max, .help = words}
#define DOCUMENT_INSIDE_FIELD(type, member, shape, words)                                          \
	{.name = #member, .kind = DOCUMENT_INSIDE, .at = offsetof(struct type, member),            \
	 .help = words, .inside = &shape}
/* clang-format on */
/* Defines NAME_shape of the struct NAME from its fields. */
#define DOCUMENT_SHAPE(name, ...)                                                                  \
	static const struct document_field name##_fields[] = {__VA_ARGS__};                        \
	const struct document_shape name##_shape = {name##_fields, ARRAY_LEN(name##_fields)}

/* Appends the object, without a newline. */
void document_put(const struct document_shape *shape, const void *values, struct buf *out);
/* Reads it into a struct whose texts are NULL and whose numbers are the defaults. -1, and no text
 * kept: it is no object, or has bytes beyond their bound or badly written. document_fini frees the
 * texts. */
int document_get(const struct document_shape *shape, const void *text, size_t n, void *values);
void document_fini(const struct document_shape *shape, void *values);

#endif

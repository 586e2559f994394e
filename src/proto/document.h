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
	DOCUMENT_INT,  /* int within the bounds; else, or missing, the struct keeps what it had */
	DOCUMENT_FLAG, /* bool; missing: false */
};

struct document_field {
	const char *name;
	enum document_kind kind;
	size_t at; /* offset in the struct */
	int least, most;
	const char *help;
};

struct document_shape {
	const struct document_field *field;
	size_t n;
};

#define DOCUMENT_FIELD(type, member, kind, help)                                                   \
	{                                                                                          \
#member, kind, offsetof(struct type, member), INT32_MIN, INT32_MAX, help           \
	}
#define DOCUMENT_INT_FIELD(type, member, least, most, help)                                        \
	{                                                                                          \
#member, DOCUMENT_INT, offsetof(struct type, member), least, most, help            \
	}
/* Defines NAME_shape of the struct NAME from its fields. */
#define DOCUMENT_SHAPE(name, ...)                                                                  \
	static const struct document_field name##_fields[] = {__VA_ARGS__};                        \
	const struct document_shape name##_shape = {name##_fields, ARRAY_LEN(name##_fields)}

/* Appends the object, without a newline. */
void document_put(const struct document_shape *shape, const void *values, struct buf *out);
/* Reads it into a struct whose texts are NULL and whose numbers are the defaults. -1, and
 * nothing read: it is no object. document_fini frees the texts. */
int document_get(const struct document_shape *shape, const void *text, size_t n, void *values);
void document_fini(const struct document_shape *shape, void *values);

#endif

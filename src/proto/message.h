/* message: the layout of a payload, as data. One table describes a message's fields; writing,
 * reading, the fuzz targets and docs/protocols are made from it. Numbers are little-endian.
 * Pure. */
#ifndef CCVM_PROTO_MESSAGE_H
#define CCVM_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"

/* A member of a struct: uint8_t, uint16_t, uint32_t, uint64_t, bool, struct message_bytes. */
enum message_kind {
	MESSAGE_U8,
	MESSAGE_U16,
	MESSAGE_U32,
	MESSAGE_U64,
	MESSAGE_FLAG,	 /* one byte, 0 or 1 */
	MESSAGE_COUNTED, /* two bytes, then so many bytes */
	MESSAGE_REST,	 /* all bytes that are left; the last field */
};

struct message_bytes { /* borrowed */
	const void *p;
	size_t n;
};

struct message_field {
	const char *name;
	enum message_kind kind;
	size_t at; /* offset in the struct */
	const char *help;
};

struct message_shape {
	const struct message_field *field;
	size_t n;
	size_t size; /* of the struct */
};

#define MESSAGE_FIELD(type, member, kind, help)                                                    \
	{                                                                                          \
#member, kind, offsetof(struct type, member), help                                 \
	}
/* Defines NAME_shape of the struct NAME from its fields. */
#define MESSAGE_SHAPE(name, ...)                                                                   \
	static const struct message_field name##_fields[] = {__VA_ARGS__};                         \
	const struct message_shape name##_shape = {name##_fields, ARRAY_LEN(name##_fields),        \
						   sizeof(struct name)}

/* Appends the fields. Counted bytes beyond 65535 are a broken invariant. */
void message_put(const struct message_shape *shape, const void *values, struct buf *out);
/* Reads all of the payload into the struct, whose bytes then point into it. -1: too short, too
 * long, or a flag that is none. */
int message_get(const struct message_shape *shape, const void *payload, size_t n, void *values);

#endif

/* wire: frames between a client (ccvm, ccvmctl, ccvm-tui) and ccvm-session, between ccvm-session
 * and ccvm-term, and between ccvm-session and ccvm-clip, on Unix stream sockets.
 *
 * A frame is 4 bytes length (of the payload), 1 byte type, payload. docs/protocols lists the types,
 * who may send each of them and when, and the payloads: they are made from the table in wire.c.
 * Readers do not trust the sender: a broken client must not take a session down with it, and
 * ccvm-term and ccvm-clip read what a guest says. */
#ifndef CCVM_PROTO_WIRE_H
#define CCVM_PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"
#include "proto/document.h"
#include "proto/message.h"

#define WIRE_HEADER_SIZE 5
#define WIRE_PAYLOAD_MAX (8u << 20) /* data frames are cut smaller */
#define WIRE_CHUNK	 32768u	    /* of a data frame */
#define WIRE_CREDIT_FIRST                                                                          \
	262144u /* bytes of input a client may send before the first WIRE_CREDIT */

_Static_assert(STRLIST_MAX <= WIRE_PAYLOAD_MAX, "a list of arguments fits into a frame");

enum wire_type {
	WIRE_START = 'S',
	WIRE_ARGS = 'A',
	WIRE_ENV = 'E',
	WIRE_BEGIN = 'B',
	WIRE_STDIN = 'i',
	WIRE_STDIN_END = 'z',
	WIRE_RESIZE = 'w',
	WIRE_SIGNAL = 'k',
	WIRE_STOP = 'x',
	WIRE_EGRESS = 'g',
	WIRE_ATTACH = 'a',
	WIRE_AWAY = 'Z',
	WIRE_TYPED = 'y',
	WIRE_RENAME = 'n',
	WIRE_IMAGE_BYTES = 'I',
	WIRE_IMAGE = 'J',
	WIRE_VIEW = 'V',
	WIRE_EVENT = 'e',
	WIRE_STDOUT = 'o',
	WIRE_STDERR = 'r',
	WIRE_ANSWERS = 'W',
	WIRE_CREDIT = 'c',
	WIRE_EGRESS_ROW = 'G',
	WIRE_VIEW_DATA = 'v',
	WIRE_IMAGE_PLACED = 'j',
	WIRE_EXIT = 'q',
	WIRE_VIEW_GONE = 'Q',
	WIRE_TERM_EVENT = 't',
	WIRE_CLIP_ASK = 'C',
	WIRE_CLIP_BYTES = 'D',
	WIRE_CLIP_DONE = 'F',
};

/* ---- payloads that have fields ---- */

struct wire_resize {
	uint16_t cols, rows;
};

struct wire_attach {
	bool filtered; /* no DCS reaches the client's terminal (terminal.filter) */
};

struct wire_answers {
	/* the client's terminal answers what the program asks from here on in WIRE_STDOUT; false
	 * at first */
	bool answers;
};

/* To ccvm-term. */
struct wire_elsewhere {
	bool most; /* queries other than DCS are answered elsewhere */
	bool dcs;  /* DCS is, too */
};

struct wire_credit {
	uint32_t bytes; /* that many more bytes of input may be sent */
};

/* To and from ccvm-term: a message of proto/view.h, with the viewer it is for. */
struct wire_view {
	uint32_t viewer;
	struct message_bytes message;
};

struct wire_gone {
	uint32_t viewer;
};

enum wire_term_event {
	WIRE_TERM_TITLE = 't',
	WIRE_TERM_BELL = 'b',
	WIRE_TERM_NOTIFY = 'n',
	/* the screen as text, without blank lines; of a larger one than WIRE_SCREEN_CELLS its end */
	WIRE_TERM_SCREEN = 's',
};

#define WIRE_SCREEN_CELLS (400u * 120u) /* four bytes and fewer each, and a newline a row */

struct wire_told {
	uint8_t event; /* enum wire_term_event */
	struct message_bytes text;
};

struct wire_ask {
	uint8_t type; /* enum clip_type (clip/clip_request.h); CLIP_NO_TYPE: the list */
};

/* ---- frames ---- */

struct wire_frame {
	enum wire_type type;
	const unsigned char *payload; /* borrowed from the reader's buffer until the next call */
	size_t n;
};

void wire_put(struct buf *out, enum wire_type type, const void *payload, size_t n);

/* Takes the next whole frame from the front of in: 1 and *f, 0 when more bytes are needed, -1 for a
 * length beyond the bound. The caller drops f->n + WIRE_HEADER_SIZE bytes from in when done with
 * the frame. Pure. */
int wire_next(const struct buf *in, struct wire_frame *f);

/* wire_fill_NAME appends a payload; wire_get_NAME reads the frame's, false: malformed. */
#define WIRE_SHAPED(name)                                                                          \
	extern const struct message_shape wire_##name##_shape;                                     \
	static inline void wire_fill_##name(struct buf *payload, struct wire_##name m)             \
	{                                                                                          \
		message_put(&wire_##name##_shape, &m, payload);                                    \
	}                                                                                          \
	static inline bool wire_get_##name(const struct wire_frame *f, struct wire_##name *m)      \
	{                                                                                          \
		return message_get(&wire_##name##_shape, f->payload, f->n, m) == 0;                \
	}
WIRE_SHAPED(resize)
WIRE_SHAPED(attach)
WIRE_SHAPED(answers)
WIRE_SHAPED(elsewhere)
WIRE_SHAPED(credit)
WIRE_SHAPED(view)
WIRE_SHAPED(gone)
WIRE_SHAPED(told)
WIRE_SHAPED(ask)

/* ---- who may send what, and when ---- */

/* The peers of a session. */
enum wire_peer {
	WIRE_STARTER, /* the client on the socket that the session was born with */
	WIRE_CLIENT,  /* any other client */
	WIRE_TERM,
	WIRE_CLIP,
};

enum wire_phase {
	WIRE_BEFORE, /* up to WIRE_BEGIN */
	WIRE_AFTER,
};

/* Whether the session takes a frame of this type from that peer in that phase. Pure. */
bool wire_may_send(enum wire_peer peer, enum wire_phase phase, enum wire_type type);

/* The table itself, for docs/protocols and tests. */
struct wire_row {
	enum wire_type type;
	const char *name;
	/* 1 << enum wire_peer, of those that send it to the session */
	unsigned from;
	unsigned to;			   /* of those that the session sends it to */
	unsigned phases;		   /* 1 << enum wire_phase */
	const struct message_shape *shape; /* NULL: `payload` says what the bytes are */
	const char *payload;
	const char *help;
	/* of a payload that is a JSON object; NULL: no table describes it */
	const struct document_shape *document;
};
extern const struct wire_row wire_rows[];
extern const size_t wire_row_count;

#endif

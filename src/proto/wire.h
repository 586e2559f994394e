/* wire: frames between a client (ccvm, ccvmctl, ccvm-tui) and ccvm-session, on a Unix stream socket.
 *
 * A frame is 4 bytes length (little-endian, of the payload), 1 byte type, payload. Clients are the same user as the
 * session, but frames are read with bounds all the same: a broken client must not take a session with it. */
#ifndef CCVM_PROTO_WIRE_H
#define CCVM_PROTO_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define WIRE_HEADER_SIZE 5
#define WIRE_PAYLOAD_MAX (8u << 20) /* argument lists and environments; data frames are cut smaller */
#define WIRE_CHUNK       32768u     /* of a data frame */
#define WIRE_CREDIT_FIRST 262144u   /* bytes of input a client may send before the first WIRE_CREDIT */

enum wire_type {
	/* client to session; the first four start it, in this order, once, on the socket it was born with */
	WIRE_START = 'S', /* JSON object, see session/request.h */
	WIRE_ARGS = 'A',  /* the agent's arguments, each ended by NUL */
	WIRE_ENV = 'E',   /* NAME=value for the agent, each ended by NUL; holds the API key */
	WIRE_BEGIN = 'B',
	WIRE_STDIN = 'i',
	WIRE_STDIN_END = 'z',
	WIRE_RESIZE = 'w', /* cols, rows: 2 × 2 bytes little-endian */
	WIRE_SIGNAL = 'k', /* name without SIG */
	WIRE_STOP = 'x',   /* end the session */
	WIRE_EGRESS = 'g', /* JSON object, see session/egress.h */
	WIRE_ATTACH = 'a', /* from now on WIRE_STDOUT comes here too; a frame of the screen (WIRE_VIEW_DATA) comes first. 1 byte: 1 when
			    * the client's terminal gets no DCS (terminal.filter) */
	WIRE_TYPED = 'y',  /* bytes for a session's terminal, from a client that did not start it */
	WIRE_RENAME = 'n', /* the session's new name, UTF-8 */
	WIRE_IMAGE_BYTES = 'I', /* of an image file whose path was pasted */
	WIRE_IMAGE = 'J',  /* its path; the bytes are all there. WIRE_IMAGE_PLACED answers */
	WIRE_VIEW = 'V',   /* for ccvm-term, see proto/view.h */
	/* session to client */
	WIRE_EVENT = 'e', /* one JSON object */
	WIRE_STDOUT = 'o',
	WIRE_STDERR = 'r',
	WIRE_ANSWERS = 'W', /* 1 byte: whether the client's terminal answers what the program asks from here on in WIRE_STDOUT; 0 at first.
			     * To ccvm-term: 1 what is no DCS is answered elsewhere, 2 DCS is, too */
	WIRE_CREDIT = 'c', /* 4 bytes little-endian: that many more bytes of input may be sent */
	WIRE_EGRESS_ROW = 'G', /* one JSON object of the answer to WIRE_EGRESS */
	WIRE_VIEW_DATA = 'v', /* from ccvm-term, see proto/view.h */
	WIRE_IMAGE_PLACED = 'j', /* where the image lies in the guest; empty: nowhere */
	WIRE_EXIT = 'q',   /* JSON: code and, for ccvm's own failures, what they were; the last frame */
	/* between session and ccvm-term, beside WIRE_STDOUT (the agent's output), WIRE_STDIN (answers and keys, for the
	 * agent) and WIRE_RESIZE. WIRE_VIEW and WIRE_VIEW_DATA begin with the viewer's number (4 bytes) there. */
	WIRE_VIEW_GONE = 'Q', /* 4 bytes: a viewer that left */
	WIRE_TERM_EVENT = 't', /* 1 byte of enum wire_term_event; text */
	/* between session and ccvm-clip; and a client, whose terminal may be asked where the host has no display */
	WIRE_CLIP_ASK = 'C',   /* 1 byte of enum clip_type (clip/clip_request.h); CLIP_NO_TYPE: the list */
	WIRE_CLIP_BYTES = 'D', /* some of the answer's */
	WIRE_CLIP_DONE = 'F',  /* JSON: ok, reason, no_display; the answer's end */
};

enum wire_term_event {
	WIRE_TERM_TITLE = 't',
	WIRE_TERM_BELL = 'b',
	WIRE_TERM_NOTIFY = 'n',
	WIRE_TERM_SCREEN = 's', /* the screen as text, without blank lines; of a larger one than WIRE_SCREEN_CELLS its end */
};

#define WIRE_SCREEN_CELLS (400u * 120u) /* four bytes and fewer each, and a newline a row */

struct wire_frame {
	enum wire_type type;
	const unsigned char *payload; /* borrowed from the reader's buffer until the next call */
	size_t n;
};

void wire_put(struct buf *out, enum wire_type type, const void *payload, size_t n);
void wire_put_u32(struct buf *out, enum wire_type type, uint32_t value);

/* Takes the next whole frame from the front of in: 1 and *f, 0 when more bytes are needed, -1 for a length beyond
 * the bound. The caller drops f->n + WIRE_HEADER_SIZE bytes from in when done with the frame. Pure. */
int wire_next(const struct buf *in, struct wire_frame *f);

#endif

/* scan: takes a terminal program's output apart: text (with controls), control sequences, strings.
 * libvterm gets the text only; sequences and strings never reach it: its versions write behind the
 * array of parameters when there are more than 16, and 0.1.4 reads through a wild pointer for a DCS
 * of five bytes.
 *
 * Pure and bounded: numbers are capped, of strings longer than SCAN_TEXT_MAX only the beginning is
 * kept, and no sequence is kept beyond its end. (ECMA-48 5.4, and the state machine that VT500
 * terminals have.) */
#ifndef CCVM_TERM_SCAN_H
#define CCVM_TERM_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define SCAN_NUMBERS  32 /* one SGR with three direct colours needs 19 */
#define SCAN_TEXT_MAX 1024

enum scan_kind {
	SCAN_NOTHING, /* the bytes ended */
	SCAN_TEXT,    /* the bytes read are text and controls, without ESC */
	/* the last byte read is a control in the middle of a sequence: it acts at once */
	SCAN_CONTROL,
	SCAN_CSI,
	SCAN_ESCAPE_SEQUENCE, /* ESC, at most one intermediate byte, a final one */
	SCAN_OSC,	      /* the end of an OSC string; overlong: text is its beginning only */
	SCAN_DCS,	      /* the same of a DCS string */
};

struct scan {
	unsigned char state; /* internal */
	char leader;	     /* '?', '>', '<', '=' or 0 */
	char intermediate;   /* or 0 */
	char final;
	int number[SCAN_NUMBERS]; /* parameters; -1: left out */
	bool sub[SCAN_NUMBERS];	  /* stands behind ':' */
	size_t numbers;
	char text[SCAN_TEXT_MAX + 1]; /* of OSC and DCS, NUL-terminated */
	size_t n;
	bool overlong; /* text was cut */
};

/* Whether the bytes read so far end outside of any sequence. */
bool scan_is_outside(const struct scan *s);
/* Reads up to the end of the next thing; returns how many bytes that were (0 is possible for
 * SCAN_OSC). */
size_t scan_next(struct scan *s, const unsigned char *p, size_t n, enum scan_kind *kind);

#endif

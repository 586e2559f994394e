/* scan: finds the sequences in a guest's output that ccvm-term itself takes part in: modes it tracks, queries it
 * answers, titles, notifications, and what libvterm would do wrongly. The others are passed to libvterm. Strings never
 * reach libvterm: 0.1.4 reads through a wild pointer for a DCS of five bytes.
 *
 * Pure and bounded: numbers are capped, of strings longer than SCAN_TEXT_MAX only the beginning is kept, and no sequence is kept
 * beyond its end. */
#ifndef CCVM_TERM_SCAN_H
#define CCVM_TERM_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define SCAN_NUMBERS  32 /* one SGR with three direct colours needs 19 */
#define SCAN_TEXT_MAX 1024

enum scan_kind {
	SCAN_NOTHING, /* the bytes ended */
	SCAN_CSI,
	SCAN_ESCAPE_SEQUENCE, /* ESC, at most one intermediate byte, a final one */
	SCAN_STRING,	 /* a string (OSC, DCS, SOS, PM, APC) begins: the last byte read and all up to its end are not for libvterm */
	SCAN_STRING_END, /* of one that is of no interest */
	SCAN_OSC,	 /* the end of an OSC string; overlong: text is its beginning only */
};

struct scan {
	unsigned char state; /* internal */
	char leader;	     /* '?', '>', '<', '=' or 0 */
	char intermediate;   /* or 0 */
	char final;
	int number[SCAN_NUMBERS]; /* parameters; -1: left out */
	bool sub[SCAN_NUMBERS];	  /* stands behind ':' */
	size_t numbers;
	char text[SCAN_TEXT_MAX + 1]; /* of OSC, NUL-terminated */
	size_t n;
	bool overlong; /* text was cut */
	/* Where the sequence's ESC is in the bytes being read; NULL: it came before them, or a control character stands in
	 * the middle of the sequence. The caller clears it before new bytes. */
	const unsigned char *esc;
};

bool scan_is_in_string(const struct scan *s);
/* Reads up to the end of the next sequence that may be of interest; returns how many bytes that were (0 is
 * possible where *kind is not SCAN_NOTHING). */
size_t scan_next(struct scan *s, const unsigned char *p, size_t n, enum scan_kind *kind);

#endif

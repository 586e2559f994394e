/* termfilter: what a guest's program writes, on its way to the user's own terminal.
 *
 * Text, SGR, modes, titles and links pass as with ssh. Filtered (option terminal.filter): device
 * control strings and their kin (DCS, APC, PM, SOS), operating system commands beyond a list
 * (OSC 52 and the other ways to a clipboard, files and fonts are not on it), control sequences
 * beyond a list, reports of the title, other codings, invalid UTF-8, and all C1 forms of these.
 * Queries pass only to the terminal that is to answer them. What is on at the end is undone.
 *
 * Pure and bounded; cut anywhere, the same bytes come out. A sequence goes on when it is whole. */
#ifndef CCVM_CLIENT_TERMFILTER_H
#define CCVM_CLIENT_TERMFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

#define TERMFILTER_HELD_MAX                                                                        \
	8192 /* of a sequence; a longer one is dropped, or passes piece by piece where nothing is filtered */
#define TERMFILTER_MODES      64  /* kept of what was changed; more do not pass */
#define TERMFILTER_PUSHED_MAX 100 /* of titles, and of the keyboard's flags on each screen */

struct termfilter_mode {
	int number;
	bool ansi; /* without the question mark */
};

struct termfilter { /* all zero but open: at the beginning, where everything is filtered and no query passes */
	bool open; /* nothing is filtered but queries */
	/* no terminal of the guest's behind it: a string that does not end ends with its line,
	 * and takes no other text along */
	bool lines;
	bool answers; /* this terminal answers */
	unsigned char state;
	unsigned char held[TERMFILTER_HELD_MAX];
	size_t n;
	bool overlong;
	struct text_utf8 utf8; /* a character that is not whole */
	/* what is to be undone */
	struct termfilter_mode mode[TERMFILTER_MODES];
	size_t modes;
	int kitty[2]; /* depth of the main and the alternate screen's stack */
	int titles;   /* pushed, with ours */
	bool title_saved, alternate, styled, shaped, keypad, margins, charset, link, progress,
		pointer, kitty_set;
	unsigned char modify; /* bits of XTMODKEYS */
	uint16_t colours;     /* bit 0: the palette; bits 1 to 10: OSC 10 to 19 */
};

void termfilter_feed(struct termfilter *f, const void *bytes, size_t n, struct buf *out);
/* Appends what brings the terminal back to how it was found; f is at the beginning then. */
void termfilter_undo(struct termfilter *f, struct buf *out);

#endif

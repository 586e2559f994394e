/* emu_state: what emu.c (libvterm and the grid) and seq.c (our own reading of sequences) share. Nobody else includes it. */
#ifndef CCVM_TERM_EMU_STATE_H
#define CCVM_TERM_EMU_STATE_H

#include <vterm.h>

#include "base/text.h"
#include "term/emu.h"
#include "term/scan.h"

#define EMU_KITTY_DEPTH 8

struct emu_saved { /* what DECSC keeps */
	struct view_cell pen;
	int row, col;
	bool origin;
	char charset[2];
};

struct emu {
	VTerm *vt;
	struct scan scan;
	struct grid grid;
	struct links links;
	struct emu_callbacks cb;
	struct emu_events events;
	struct view_cell pen;
	struct emu_saved saved[2]; /* of the main and the alternate screen */
	VTermPos cursor;
	VTermPos last;	 /* where the last glyph went */
	uint32_t last_ch; /* which it was; 0: none yet */
	int top, bottom; /* the scroll region: rows [top, bottom) */
	unsigned modes;	 /* enum view_mode */
	uint8_t shape;
	bool replaying; /* libvterm is told what the grid holds already */
	bool origin, no_wrap, insert, margins; /* modes 6, 7, 4, 69 */
	bool synchronized;
	bool mute, mute_dcs; /* queries are answered elsewhere */
	bool begun;	     /* the sequence at hand began when they were not */
	struct text_utf8 utf8; /* a character of which libvterm has nothing yet */
	char charset[2]; /* G0 and G1, as they were designated; 0: ASCII */
	int kitty[EMU_KITTY_DEPTH];
	size_t kitty_depth;
	uint64_t first_gen, title_gen;
};

/* Something of the state changed that viewers see. */
void emu_touch(struct emu *e);
/* Gives libvterm a sequence of ours. */
void emu_tell(struct emu *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts libvterm's cursor to a row and column of the screen. */
void emu_move(struct emu *e, int row, int col);

#endif

/* vt: libvterm and the grid that it draws on: text and sequences of ours in, cells out. It does not
 * know the guest's sequences, which seq reads, nor viewers, which emu serves. Only those two may
 * use the struct's members, since seq changes them. */
#ifndef CCVM_TERM_VT_H
#define CCVM_TERM_VT_H

#include <stdbool.h>
#include <stdint.h>
#include <vterm.h>

#include "base/text.h"
#include "proto/view.h"
#include "term/grid.h"

struct vt_events { /* since the last look; the reader clears the flags */
	bool bell, title, notified;
	char title_text[VIEW_TITLE_MAX]; /* the present one */
	char notify_text[VIEW_TITLE_MAX];
	uint64_t bells, clipboard_refused;
};

#define VT_KITTY_DEPTH 8

struct vt_saved { /* what DECSC keeps */
	struct view_cell pen;
	int row, col;
	bool origin;
	char charset[2];
};

struct vt {
	VTerm *libvterm;
	struct grid grid;
	struct links links;
	struct vt_events events;
	struct view_cell pen;
	struct vt_saved saved[2]; /* of the main and the alternate screen */
	VTermPos cursor;
	VTermPos last;	  /* where the last glyph went */
	uint32_t last_ch; /* which it was; 0: none yet */
	int top, bottom;  /* the scroll region: rows [top, bottom) */
	unsigned modes;	  /* enum view_mode */
	uint8_t shape;
	bool replaying;			       /* libvterm is given what the grid holds already */
	bool origin, no_wrap, insert, margins; /* modes 6, 7, 4, 69 */
	bool synchronized;
	struct text_utf8 utf8; /* a character of which libvterm has nothing yet */
	char charset[2];       /* G0 and G1, as they were designated; 0: ASCII */
	int kitty[VT_KITTY_DEPTH];
	size_t kitty_depth;
	uint64_t first_gen, title_gen;
};

/* *t is zero; the rest as emu_new */
void vt_init(struct vt *t, int cols, int rows, size_t history, uint64_t gen);
void vt_fini(struct vt *t);
/* Clipped to the bounds of view.h. */
void vt_resize(struct vt *t, int cols, int rows);
/* A part of the state that viewers see has changed. */
void vt_touch(struct vt *t);
/* Gives libvterm a sequence of ours. */
void vt_tell(struct vt *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts libvterm's cursor to a row and column of the screen. */
void vt_move(struct vt *t, int row, int col);
/* Text reaches libvterm in whole characters of valid UTF-8. */
void vt_write(struct vt *t, const unsigned char *p, const unsigned char *to);
/* A character that did not end before a sequence or the like becomes U+FFFD. */
void vt_end_partial(struct vt *t);

#endif

/* view: the screen of a terminal, as ccvm-term sends it and viewers (ccvm-tui, ccvmctl) keep it.
 *
 * Rows go as runs of (text, attributes), never as bytes of the guest. A viewer pulls: it names the
 * generation it has, and gets one frame with the rows that changed since, as soon as there are any.
 * So at most one frame is under way to a viewer, and a new viewer (generation 0) gets the whole
 * state.
 *
 * The reader does not trust its input: ccvm-term parses what a guest sends and may be taken over by
 * it. Sizes are bounded, texts must be UTF-8 without control characters, and a run must fit into
 * its row. Integers are little-endian. */
#ifndef CCVM_PROTO_VIEW_H
#define CCVM_PROTO_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/links.h"
#include "proto/message.h"

#define VIEW_COLS_MAX  1000
#define VIEW_ROWS_MAX  500
#define VIEW_MARKS     3 /* combining characters kept of a cell */
#define VIEW_TITLE_MAX 256
#define VIEW_LINES_MAX 500 /* of one answer to VIEW_LINES */

/* Colours: the kind in the top byte. */
#define VIEW_DEFAULT	  0u
#define VIEW_INDEXED(i)	  (0x01000000u | ((uint32_t)(i)&0xffu))
#define VIEW_RGB(r, g, b) (0x02000000u | (uint32_t)(r) << 16 | (uint32_t)(g) << 8 | (uint32_t)(b))
#define VIEW_KIND(c)	  ((c) >> 24)

enum view_attr {
	VIEW_BOLD = 1 << 0,
	VIEW_DIM = 1 << 1,
	VIEW_ITALIC = 1 << 2,
	VIEW_UNDERLINE = 3 << 3, /* 1 single, 2 double, 3 curly */
	VIEW_UNDERLINE_ONE = 1 << 3,
	VIEW_BLINK = 1 << 5,
	VIEW_REVERSE = 1 << 6,
	VIEW_STRIKE = 1 << 7,
	VIEW_CONCEAL = 1 << 8,
	VIEW_WIDE = 1 << 9,  /* takes the next cell too */
	VIEW_TAIL = 1 << 10, /* is that next cell; never on the wire */
	/* on the wire only: the run has a link, whose number follows its header */
	VIEW_LINKED = 1 << 11,
	VIEW_ATTRS = (1 << 10) - 1,
};

struct view_cell {
	uint32_t ch; /* 0: blank */
	uint32_t fg, bg;
	uint32_t link; /* where it leads: a number of struct links; 0: nowhere */
	uint16_t attr;
	uint16_t mark[VIEW_MARKS]; /* combining characters; 0: none */
};

enum view_mode {
	VIEW_CURSOR_VISIBLE = 1 << 0,
	VIEW_ALTERNATE = 1 << 1,
	VIEW_PASTE_BRACKETS = 1 << 2,
	VIEW_FOCUS_EVENTS = 1 << 3,
	VIEW_CURSOR_KEYS = 1 << 4, /* application mode */
	VIEW_MOUSE_CLICK = 1 << 5,
	VIEW_MOUSE_DRAG = 1 << 6,
	VIEW_MOUSE_MOVE = 1 << 7,
	VIEW_MOUSE_SGR = 1 << 8,
	VIEW_KITTY_KEYS = 1 << 9,
	VIEW_WHOLE = 1 << 15, /* of a frame: every row that is not in it is blank */
};

struct view_state {
	uint64_t gen;	/* to name in the next pull */
	uint64_t top;	/* number of the line in screen row 0, counted since the start */
	uint64_t first; /* number of the oldest line that is still kept */
	uint16_t cols, rows, cursor_row, cursor_col;
	uint16_t modes;
	uint8_t shape; /* of the cursor: 0 default, 1 block, 2 underline, 3 bar */
};

/* The first byte of a message, which WIRE_VIEW and WIRE_VIEW_DATA carry. docs/protocols has the
 * fields, from the table in view.c. */
enum view_type {
	/* viewer to ccvm-term */
	VIEW_PULL = 'p',
	VIEW_LINES = 'l',
	VIEW_FIND = 'f',
	VIEW_KEY = 'k',
	VIEW_PASTE = 't',
	VIEW_MOUSE = 'm',
	VIEW_FOCUS = 'c',
	/* ccvm-term to viewer */
	VIEW_FRAME = 'F',
	VIEW_HISTORY = 'L',
	VIEW_FOUND = 'R',
	VIEW_NONE = 'X',
	VIEW_TAKEN = 'T',
};

struct view_pull {
	uint64_t gen; /* that the viewer has; 0: none */
};

struct view_lines {
	uint64_t first;
	uint16_t count;
};

struct view_find {
	uint64_t from; /* line to begin with */
	bool down;
	struct message_bytes text;
};

struct view_pressed {
	uint8_t mods;  /* of enum view_mod */
	uint32_t code; /* a code point or enum view_key */
};

struct view_paste {
	uint8_t part;		   /* VIEW_PASTE_FIRST, VIEW_PASTE_LAST */
	struct message_bytes text; /* whole characters, VIEW_PASTE_PART at most */
};

struct view_mouse {
	uint8_t mods;
	uint8_t button; /* 0 to 2; 64, 65: the wheel */
	uint8_t action; /* 0 press, 1 release, 2 move */
	uint16_t row, col;
};

struct view_focus {
	bool gained;
};

/* What stands before the rows of a frame. */
struct view_head {
	uint64_t gen, top, first;
	uint16_t cols, rows, cursor_row, cursor_col, modes;
	uint8_t shape;
	bool titled; /* the title changed */
	struct message_bytes title, rest;
};

struct view_history {
	uint64_t first; /* line; rows are counted from it */
	struct message_bytes rest;
};

struct view_found {
	uint64_t line; /* UINT64_MAX: none */
	uint16_t col;
};

struct view_taken {
	/* of pastes that are on their way into the program; see VIEW_PASTE_WINDOW */
	uint32_t bytes;
};

/* view_put_NAME appends a message, view_get_NAME reads one; false: another type, or malformed. */
#define VIEW_SHAPED(name, first)                                                                   \
	extern const struct message_shape view_##name##_shape;                                     \
	static inline void view_put_##name(struct buf *out, struct view_##name m)                  \
	{                                                                                          \
		buf_add(out, (const unsigned char[]){first}, 1);                                   \
		message_put(&view_##name##_shape, &m, out);                                        \
	}                                                                                          \
	static inline bool view_get_##name(const void *p, size_t n, struct view_##name *m)         \
	{                                                                                          \
		const unsigned char *bytes = (const unsigned char *)p;                             \
                                                                                                   \
		return n && bytes[0] == (first) &&                                                 \
		       message_get(&view_##name##_shape, bytes + 1, n - 1, m) == 0;                \
	}
VIEW_SHAPED(pull, VIEW_PULL)
VIEW_SHAPED(lines, VIEW_LINES)
VIEW_SHAPED(find, VIEW_FIND)
VIEW_SHAPED(pressed, VIEW_KEY)
VIEW_SHAPED(paste, VIEW_PASTE)
VIEW_SHAPED(mouse, VIEW_MOUSE)
VIEW_SHAPED(focus, VIEW_FOCUS)
VIEW_SHAPED(head, VIEW_FRAME)
VIEW_SHAPED(history, VIEW_HISTORY)
VIEW_SHAPED(found, VIEW_FOUND)
VIEW_SHAPED(taken, VIEW_TAKEN)

/* The type of a message; 0 for no bytes. */
static inline unsigned view_type(const void *p, size_t n)
{
	return n ? *(const unsigned char *)p : 0;
}

struct view_message_row {
	enum view_type type;
	const char *name;
	bool to_term;
	const struct message_shape *shape; /* NULL: no fields */
	const char *help;
};
extern const struct view_message_row view_message_rows[];
extern const size_t view_message_count;

#define VIEW_PASTE_PART 16384u
#define VIEW_PASTE_WINDOW                                                                          \
	65536u /* bytes of pastes that may be under way to a session: a program that does not read stops the paste */
#define VIEW_PASTE_FIRST 1
#define VIEW_PASTE_LAST	 2

/* Adds the message for the part of a paste that begins at text + at, no character of it cut; returns
 * where the next part begins, n: none does. */
size_t view_put_paste_part(struct buf *out, const char *text, size_t n, size_t at);

enum view_mod { VIEW_SHIFT = 1, VIEW_ALT = 2, VIEW_CTRL = 4 };

enum view_key {
	VIEW_KEY_BASE = 0x200000, /* beyond all code points */
	VIEW_KEY_UP = VIEW_KEY_BASE,
	VIEW_KEY_DOWN,
	VIEW_KEY_RIGHT,
	VIEW_KEY_LEFT,
	VIEW_KEY_HOME,
	VIEW_KEY_END,
	VIEW_KEY_INSERT,
	VIEW_KEY_DELETE,
	VIEW_KEY_PAGE_UP,
	VIEW_KEY_PAGE_DOWN,
	VIEW_KEY_ENTER,
	VIEW_KEY_TAB,
	VIEW_KEY_BACKSPACE,
	VIEW_KEY_ESCAPE,
	VIEW_KEY_F1,
	VIEW_KEY_F12 = VIEW_KEY_F1 + 11,
	VIEW_KEY_END_OF_LIST,
};

/* ---- writing; each row is appended with view_put_row, then the count is set by view_end ---- */
/* Starts a frame. title NULL: unchanged. Returns the place of the count for view_end. */
size_t view_begin_frame(struct buf *out, const struct view_state *s, const char *title);
size_t view_begin_history(struct buf *out, uint64_t first);
/* Cells beyond n are blank. Returns false, and writes nothing, for an empty row. */
bool view_put_row(struct buf *out, uint16_t row, const struct view_cell *cells, size_t n);
void view_end(struct buf *out, size_t count_at, uint16_t rows);
/* Behind the rows of a frame or a history come the links that they name (links_put). */

/* ---- reading ---- */
struct view_screen {
	struct view_state s;
	struct view_cell *cells; /* owned; rows × cols */
	uint16_t cols, rows;	 /* of cells */
	char title[VIEW_TITLE_MAX];
	struct links links;
};

void view_screen_fini(struct view_screen *v);
/* Applies a VIEW_FRAME (with its kind byte). -1: malformed; the screen is then valid but
 * meaningless. Pure. */
int view_take_frame(struct view_screen *v, const unsigned char *bytes, size_t n);
/* The rows of a VIEW_HISTORY into a screen of their own, whose number of rows the caller chooses
 * (at most VIEW_LINES_MAX); v->s.top becomes the first line's number. -1: malformed. Pure. */
int view_take_history(struct view_screen *v, uint16_t cols, uint16_t rows,
		      const unsigned char *bytes, size_t n);
const struct view_cell *view_row(const struct view_screen *v, uint16_t row);

/* ---- text ---- */
/* A row as text, without trailing blanks. */
void view_row_text(struct buf *out, const struct view_cell *cells, size_t n);
/* A row as text with SGR sequences, ended by a reset where there was one; with links (OSC 8) where
 * they are given. */
void view_row_ansi(struct buf *out, const struct view_cell *cells, size_t n,
		   const struct links *links);

#endif

/* emu: a terminal: bytes in; a grid, answers and events out. */
#ifndef CCVM_TERM_EMU_H
#define CCVM_TERM_EMU_H

#include <stdbool.h>
#include <stdint.h>

#include "term/vt.h"

struct emu_callbacks {
	/* A query of the program, from a closed list: no byte of it is chosen by the program. */
	void (*on_answer)(void *ctx, const void *bytes, size_t n);
	void *ctx;
};

struct emu;

/* gen: the first generation, larger than any that a predecessor used. */
struct emu *emu_new(int cols, int rows, size_t history, uint64_t gen,
		    const struct emu_callbacks *cb);
void emu_free(struct emu *e);
void emu_feed(struct emu *e, const void *bytes, size_t n);
/* Clipped to the bounds of view.h. */
void emu_resize(struct emu *e, int cols, int rows);
/* Whether queries are answered here, those in DCS and the others, from the next byte on; at first
 * all are. A query that has begun is answered here where it was so before. */
void emu_set_answers(struct emu *e, bool others, bool dcs);
struct vt_events *emu_events(struct emu *e);
struct grid *emu_grid(struct emu *e);
unsigned emu_modes(const struct emu *e);
bool emu_is_synchronized(const struct emu *e); /* the program is in the middle of an update */
void emu_end_synchronized(struct emu *e);
/* Whether a viewer with this generation would get anything new. */
bool emu_has_news(const struct emu *e, uint64_t since);
void emu_put_frame(struct emu *e, struct buf *out, uint64_t since);
/* The screen's rows that are not blank, each ended by a newline, without combining characters: from
 * the last one up, as many as have no more than `cells` cells together. */
void emu_put_text(struct emu *e, struct buf *out, size_t cells);
/* as grid_put_history */
void emu_put_history(const struct emu *e, struct buf *out, uint64_t from, unsigned count);

#endif

/* Theory of operation.
 *
 * 1. scan takes the bytes apart. Text and the controls in it go to vt, where libvterm draws it. seq
 *    carries out the sequences that are known. Strings (OSC, DCS and their kin) are read there
 *    alone.
 * 2. What viewers get is made from vt's grid. */
#include "term/emu.h"
#include "base/mem.h"
#include "base/text.h"
#include "term/seq.h"

#include <string.h>

struct emu {
	struct seq seq;
};

struct emu *emu_new(int cols, int rows, size_t history, uint64_t gen,
		    const struct emu_callbacks *cb)
{
	struct emu *e = mem_alloc(sizeof(*e));

	e->seq.on_answer = cb->on_answer;
	e->seq.ctx = cb->ctx;
	vt_init(&e->seq.vt, cols, rows, history, gen);
	return e;
}

void emu_free(struct emu *e)
{
	if (!e)
		return;
	vt_fini(&e->seq.vt);
	free(e);
}

void emu_feed(struct emu *e, const void *bytes, size_t n)
{
	const unsigned char *p = bytes, *end = p + n;

	while (p < end) {
		enum scan_kind kind;
		const unsigned char *next = p +
					    scan_next(&e->seq.scan, p, (size_t)(end - p), &kind);

		if (kind == SCAN_TEXT)
			vt_write(&e->seq.vt, p, next);
		else if (kind != SCAN_NOTHING)
			vt_end_partial(&e->seq.vt);
		if (kind == SCAN_CONTROL)
			vt_write(&e->seq.vt, next - 1, next);
		else
			seq_act(&e->seq, kind);
		if (scan_is_outside(&e->seq.scan))
			e->seq.begun = false;
		p = next;
	}
}

void emu_set_answers(struct emu *e, bool others, bool dcs)
{
	seq_set_answers(&e->seq, others, dcs);
}

void emu_resize(struct emu *e, int cols, int rows)
{
	vt_resize(&e->seq.vt, cols, rows);
}

struct vt_events *emu_events(struct emu *e)
{
	return &e->seq.vt.events;
}

struct grid *emu_grid(struct emu *e)
{
	return &e->seq.vt.grid;
}

unsigned emu_modes(const struct emu *e)
{
	return e->seq.vt.modes;
}

bool emu_is_synchronized(const struct emu *e)
{
	return e->seq.vt.synchronized;
}

void emu_end_synchronized(struct emu *e)
{
	e->seq.vt.synchronized = false;
}

bool emu_has_news(const struct emu *e, uint64_t since)
{
	return e->seq.vt.grid.changed || since + 1 != e->seq.vt.grid.gen;
}

static uint16_t emu_within(int v, int size)
{
	return (uint16_t)(v < 0 ? 0 : v < size ? v : size - 1);
}

void emu_put_frame(struct emu *e, struct buf *out, uint64_t since)
{
	struct vt *t = &e->seq.vt;
	const bool whole = since < t->first_gen || since >= t->grid.gen;
	struct view_state s = {.shape = t->shape};

	if (whole)
		since = 0;
	s.gen = t->grid.changed ? grid_end_generation(&t->grid) : t->grid.gen - 1;
	s.modes = (uint16_t)(t->modes | (whole ? VIEW_WHOLE : 0));
	s.cursor_row = emu_within(t->cursor.row, t->grid.rows);
	s.cursor_col = emu_within(t->cursor.col, t->grid.cols);
	grid_put_frame(&t->grid, out, &s, since,
		       whole || t->title_gen > since ? t->events.title_text : NULL, &t->links);
}

void emu_put_history(const struct emu *e, struct buf *out, uint64_t from, unsigned count)
{
	grid_put_history(&e->seq.vt.grid, out, from, count, &e->seq.vt.links);
}

/* Cells of a row up to the last that is not blank. */
static int emu_row_length(const struct emu *e, const struct grid_row *r)
{
	int n = r->used < e->seq.vt.grid.cols ? r->used : e->seq.vt.grid.cols;

	while (n > 0 && (!r->cells[n - 1].ch || r->cells[n - 1].ch == ' '))
		n--;
	return n;
}

void emu_put_text(struct emu *e, struct buf *out, size_t cells)
{
	int first = e->seq.vt.grid.rows;

	for (size_t left = cells; first > 0; first--) {
		const size_t n = (size_t)emu_row_length(e, grid_row(&e->seq.vt.grid, first - 1));

		if (n > left)
			break;
		left -= n;
	}
	for (int row = first; row < e->seq.vt.grid.rows; row++) {
		const struct grid_row *r = grid_row(&e->seq.vt.grid, row);
		const int n = emu_row_length(e, r);

		for (int i = 0; i < n; i++)
			if (!(r->cells[i].attr & VIEW_TAIL))
				text_put_utf8(out, r->cells[i].ch ? r->cells[i].ch : ' ');
		if (n)
			buf_add(out, "\n", 1);
	}
}

#include "ui/mouse.h"
#include "ui/command.h"
#include "ui/views.h"

enum mouse_kind { MOUSE_PRESS, MOUSE_RELEASE, MOUSE_MOVE };

#define MOUSE_WHEEL_UP 64 /* buttons from here on are the wheel's */

static void mouse_open_copy(struct model *m)
{
	const struct key open = {'[', 0};

	m->after_prefix = m->mode == MODEL_PANE;
	(void)command_key(m, &open);
}

static void mouse_scroll(struct model *m, unsigned button)
{
	const struct key move = {button == MOUSE_WHEEL_UP ? VIEW_KEY_UP : VIEW_KEY_DOWN, 0};

	if (m->mode != MODEL_COPY && button == MOUSE_WHEEL_UP)
		mouse_open_copy(m);
	for (int i = 0; m->mode == MODEL_COPY && i < 3; i++)
		(void)command_key(m, &move);
}

/* Dragging selects, letting go copies. */
static void mouse_drag(struct mouse *mouse, struct model *m, unsigned kind, int row, int col)
{
	if (kind == MOUSE_PRESS) {
		mouse->row = row;
		mouse->col = col;
		if (m->mode == MODEL_COPY) {
			m->copy_kind = COPY_NOTHING;
			command_copy_point(m, row, col);
		}
	} else if (kind == MOUSE_MOVE) {
		if (m->mode != MODEL_COPY)
			mouse_open_copy(m);
		if (m->mode == MODEL_COPY && m->copy_kind == COPY_NOTHING) {
			command_copy_point(m, mouse->row, mouse->col);
			command_copy_select(m, COPY_CHARS);
		}
		command_copy_point(m, row, col);
	} else if (m->mode == MODEL_COPY && m->copy_kind != COPY_NOTHING) {
		m->wish = WISH_COPY;
	}
}

static void mouse_choose(struct model *m, int pane, const struct model_session *s)
{
	m->active = pane;
	m->chosen = (int)(s - m->session);
	m->mode = s->terminal ? MODEL_PANE : MODEL_LIST;
}

const struct model_session *mouse_take(struct mouse *mouse, struct model *m, int cols, int rows,
				       const struct mouse_event *event, int *in_row, int *in_col)
{
	const int pane = views_pane_at(m, cols, rows, event->row, event->col, in_row, in_col);
	const int listed = views_list_at(m, cols, rows, event->row, event->col);
	const struct model_session *s = pane >= 0 ? model_in_pane(m, pane) : NULL;
	const bool pressed = event->kind == MOUSE_PRESS, wheel = event->button >= MOUSE_WHEEL_UP;

	if (m->mode > MODEL_PANE && m->mode != MODEL_COPY)
		return NULL;
	if (listed >= 0 && pressed) {
		model_choose(m, listed);
		m->mode = MODEL_LIST;
	}
	if (!s)
		return NULL;
	if (!wheel && pressed && m->mode != MODEL_COPY)
		mouse_choose(m, pane, s);
	if (m->mode != MODEL_COPY &&
	    s->screen.s.modes & (VIEW_MOUSE_CLICK | VIEW_MOUSE_DRAG | VIEW_MOUSE_MOVE))
		return s;
	if (wheel && pressed && pane == m->active)
		mouse_scroll(m, event->button);
	else if (event->button == 0 && pane == m->active)
		mouse_drag(mouse, m, event->kind, *in_row, *in_col);
	return NULL;
}

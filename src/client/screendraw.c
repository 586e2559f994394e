#include "client/screendraw.h"
#include "base/mem.h"

#include <string.h>

static const struct {
	unsigned mode;
	const char *on;
} screendraw_modes[] = {
	{VIEW_ALTERNATE, "\033[?1049h"},    {VIEW_CURSOR_KEYS, "\033[?1h"},
	{VIEW_MOUSE_CLICK, "\033[?1000h"},  {VIEW_MOUSE_DRAG, "\033[?1002h"},
	{VIEW_MOUSE_MOVE, "\033[?1003h"},   {VIEW_MOUSE_SGR, "\033[?1006h"},
	{VIEW_FOCUS_EVENTS, "\033[?1004h"}, {VIEW_PASTE_BRACKETS, "\033[?2004h"},
	{VIEW_KITTY_KEYS, "\033[>1u"},
};

void screendraw(const struct view_screen *v, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(screendraw_modes); i++)
		if (v->s.modes & screendraw_modes[i].mode)
			buf_add(out, screendraw_modes[i].on, strlen(screendraw_modes[i].on));
	buf_addf(out, "\033[0m\033[2J");
	for (uint16_t row = 0; row < v->rows; row++) {
		buf_addf(out, "\033[%d;1H", row + 1);
		view_row_ansi(out, view_row(v, row), v->cols, &v->links);
	}
	buf_addf(out, "\033[%d;%dH\033[?25%c", v->s.cursor_row + 1, v->s.cursor_col + 1,
		 v->s.modes & VIEW_CURSOR_VISIBLE ? 'h' : 'l');
}

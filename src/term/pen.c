#include "term/pen.h"
#include "base/mem.h"

static const struct {
	int number;
	uint16_t clear, set;
} pen_attributes[] = {
	{1, 0, VIEW_BOLD},
	{2, 0, VIEW_DIM},
	{3, 0, VIEW_ITALIC},
	{4, VIEW_UNDERLINE, VIEW_UNDERLINE_ONE},
	{5, 0, VIEW_BLINK},
	{6, 0, VIEW_BLINK},
	{7, 0, VIEW_REVERSE},
	{8, 0, VIEW_CONCEAL},
	{9, 0, VIEW_STRIKE},
	{21, VIEW_UNDERLINE, 2 * VIEW_UNDERLINE_ONE},
	{22, VIEW_BOLD | VIEW_DIM, 0},
	{23, VIEW_ITALIC, 0},
	{24, VIEW_UNDERLINE, 0},
	{25, VIEW_BLINK, 0},
	{27, VIEW_REVERSE, 0},
	{28, VIEW_CONCEAL, 0},
	{29, VIEW_STRIKE, 0},
};

static void pen_attribute(struct view_cell *pen, int number)
{
	for (size_t i = 0; i < ARRAY_LEN(pen_attributes); i++)
		if (pen_attributes[i].number == number)
			pen->attr = (uint16_t)((pen->attr & ~pen_attributes[i].clear) |
					       pen_attributes[i].set);
}

/* How many numbers behind `at` belong to it by colons. */
static size_t pen_subs(const struct scan *s, size_t at)
{
	size_t n = 0;

	while (at + 1 + n < s->numbers && s->sub[at + 1 + n])
		n++;
	return n;
}

static bool pen_is_byte(int v)
{
	return v >= 0 && v <= 255;
}

/* The colour of the numbers behind 38, 48 or 58; *used: how many they are. False: none that is
 * known. With colons there may be the number of a colour space before the three of a direct
 * colour. */
static bool pen_extended(const struct scan *s, size_t at, size_t *used, uint32_t *colour)
{
	const size_t subs = pen_subs(s, at), have = s->numbers - at - 1;
	const int *v = &s->number[at + 1];
	const int kind = have ? v[0] : -1;
	const size_t need = kind == 5 ? 2 : kind == 2 ? 4 : 1;

	*used = subs ? subs : have < need ? have : need;
	if (*used < need)
		return false;
	if (kind == 5 && pen_is_byte(v[1])) {
		*colour = VIEW_INDEXED(v[1]);
		return true;
	}
	v += subs >= 5;
	if (kind != 2 || !pen_is_byte(v[1]) || !pen_is_byte(v[2]) || !pen_is_byte(v[3]))
		return false;
	*colour = VIEW_RGB(v[1], v[2], v[3]);
	return true;
}

/* 30 to 37, 39, 90 to 97, and the same 10 higher for the background. */
static void pen_palette(struct view_cell *pen, int number)
{
	const int tens = number / 10, ones = number % 10;
	uint32_t *colour = tens == 3 || tens == 9    ? &pen->fg
			   : tens == 4 || tens == 10 ? &pen->bg
						     : NULL;

	if (colour && ones < 8)
		*colour = VIEW_INDEXED(ones + (tens >= 9 ? 8 : 0));
	else if (colour && ones == 9 && tens < 9)
		*colour = VIEW_DEFAULT;
}

/* 4:0 to 4:5; dotted and dashed are shown as single. */
static void pen_underline(struct view_cell *pen, int style)
{
	static const uint8_t shown[] = {0, 1, 2, 3, 1, 1};

	if (style >= 0 && style < (int)ARRAY_LEN(shown))
		pen->attr = (uint16_t)((pen->attr & ~VIEW_UNDERLINE) |
				       shown[style] * VIEW_UNDERLINE_ONE);
}

void pen_sgr(struct view_cell *pen, const struct scan *s)
{
	if (s->numbers == 0) {
		pen->fg = pen->bg = VIEW_DEFAULT;
		pen->attr = 0;
	}
	for (size_t i = 0; i < s->numbers; i++) {
		const int number = s->number[i];
		size_t used = pen_subs(s, i);
		uint32_t colour;

		if (number <= 0) {
			pen->fg = pen->bg = VIEW_DEFAULT;
			pen->attr = 0;
		} else if (number == 38 || number == 48 || number == 58) {
			const bool known = pen_extended(s, i, &used, &colour);

			if (known && number != 58)
				*(number == 38 ? &pen->fg : &pen->bg) = colour;
		} else if (number == 4 && used) {
			pen_underline(pen, s->number[i + 1]);
		} else if (!used) {
			pen_attribute(pen, number);
			pen_palette(pen, number);
		}
		i += used;
	}
}

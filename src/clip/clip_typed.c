/* Encodings of Ctrl+V: the byte 0x16; kitty's CSI 118;5u with its alternatives (a Cyrillic
 * layout sends another key and 118 as its base layout's, an event type of 1 is a press, 2 a
 * repetition, 3 a release; lock keys are bits 64 and 128 of the modifiers); xterm's
 * modifyOtherKeys CSI 27;5;118~. */
#include "clip/clip_typed.h"

#include <stdio.h>
#include <string.h>

enum { TYPED_GROUND, TYPED_ESCAPE, TYPED_CSI, TYPED_STRING, TYPED_STRING_ESCAPE, TYPED_SS3 };

#define TYPED_CTRL_V 0x16
#define TYPED_ESC    0x1b
#define TYPED_CTRL   4
#define TYPED_LOCKS  (64 | 128)

static bool typed_is_ctrl(int mods)
{
	return mods > 0 && ((mods - 1) & ~TYPED_LOCKS) == TYPED_CTRL;
}

/* "118", "118:86" or "1084::118" */
static bool typed_is_v(const char *key)
{
	const size_t n = strcspn(key, ";");
	const char *base = memchr(key, ':', n);

	if (strncmp(key, "118", 3) == 0 && (key[3] == ':' || key[3] == ';'))
		return true;
	base = base ? memchr(base + 1, ':', (size_t)(key + n - base - 1)) : NULL;
	return base && strncmp(base, ":118;", 5) == 0;
}

static bool typed_is_kitty(const char *csi)
{
	const char *mods = strchr(csi, ';');
	int m = 0, event = 1;

	if (!mods || !typed_is_v(csi))
		return false;
	(void)sscanf(mods, ";%3d:%1d", &m, &event);
	return typed_is_ctrl(m) && event != 3;
}

static bool typed_end_csi(struct clip_typed *t, char final)
{
	t->csi[t->n] = '\0';
	t->state = TYPED_GROUND;
	if (final == '~' && strcmp(t->csi, "200") == 0)
		t->pasting = true;
	else if (final == '~' && strcmp(t->csi, "201") == 0)
		t->pasting = false;
	else if (!t->pasting && final == 'u')
		return typed_is_kitty(t->csi);
	else if (!t->pasting && final == '~')
		return strcmp(t->csi, "27;5;118") == 0;
	return false;
}

static bool typed_csi(struct clip_typed *t, unsigned char ch)
{
	if (ch >= 0x40 && ch <= 0x7e)
		return typed_end_csi(t, (char)ch);
	if (ch < 0x20 || ch > 0x3f || t->n + 1 >= sizeof(t->csi))
		t->state = ch == TYPED_ESC ? TYPED_ESCAPE : TYPED_GROUND;
	else
		t->csi[t->n++] = (char)ch;
	return false;
}

static void typed_escape(struct clip_typed *t, unsigned char ch)
{
	t->n = 0;
	if (ch == '[')
		t->state = TYPED_CSI;
	else if (!t->pasting && (ch == ']' || ch == 'P' || ch == '_' || ch == '^' || ch == 'X'))
		t->state = TYPED_STRING;
	else if (!t->pasting && ch == 'O')
		t->state = TYPED_SS3;
	else
		t->state = ch == TYPED_ESC ? TYPED_ESCAPE : TYPED_GROUND;
}

static bool typed_byte(struct clip_typed *t, unsigned char ch)
{
	switch (t->state) {
	case TYPED_ESCAPE:
		typed_escape(t, ch);
		return false;
	case TYPED_CSI:
		return typed_csi(t, ch);
	case TYPED_STRING:
		t->state = ch == TYPED_ESC ? TYPED_STRING_ESCAPE
			   : ch == 0x07	   ? TYPED_GROUND
					   : TYPED_STRING;
		return false;
	case TYPED_STRING_ESCAPE:
		t->state = ch == '\\' ? TYPED_GROUND : TYPED_STRING;
		return false;
	case TYPED_SS3:
		t->state = TYPED_GROUND;
		return false;
	default:
		if (ch == TYPED_ESC)
			t->state = TYPED_ESCAPE;
		return ch == TYPED_CTRL_V && !t->pasting;
	}
}

bool clip_typed_feed(struct clip_typed *t, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	bool found = false;

	for (size_t i = 0; i < n; i++)
		found = typed_byte(t, p[i]) || found;
	return found;
}

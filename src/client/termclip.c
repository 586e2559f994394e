#include "client/termclip.h"
#include "base/json.h"
#include "proto/wire.h"
#include "conf/env.h"

#include <stdlib.h>
#include <string.h>

#define TERMCLIP_KEY_MS	   50	 /* ESC may be a key */
#define TERMCLIP_LIST_MS   1500	 /* claude waits 3 seconds for its list */
#define TERMCLIP_ANSWER_MS 20000 /* the terminal may ask its user */

static void termclip_answer(struct termclip *t, bool ok, const char *reason)
{
	AUTO_BUF struct buf done = {0};
	const struct buf *data = &t->kitty.data;

	t->asked = false;
	for (size_t at = 0; ok && at < buf_len(data); at += WIRE_CHUNK) {
		const size_t left = buf_len(data) - at;

		t->cb.send(t->cb.ctx, WIRE_CLIP_BYTES, buf_data(data) + at,
			   left < WIRE_CHUNK ? left : WIRE_CHUNK);
	}
	json_begin(&done);
	json_add_bool(&done, "ok", ok);
	json_add_string(&done, "reason", reason);
	json_end(&done);
	t->cb.send(t->cb.ctx, WIRE_CLIP_DONE, buf_data(&done), buf_len(&done));
	buf_fini(&t->kitty.data);
}

/* Linux's console would print what it does not know. */
static bool termclip_may_ask(void)
{
	const char *term = env_get(ENV_TERM);

	return term && strcmp(term, "dumb") != 0 && strncmp(term, "linux", 5) != 0;
}

void termclip_on_ask(struct termclip *t, const void *payload, size_t n)
{
	AUTO_BUF struct buf question = {0};
	struct wire_ask m;
	const unsigned char type = message_get(&wire_ask_shape, payload, n, &m) == 0 ? m.type
										     : CLIP_BMP;

	if (t->asked)
		return;
	if (t->mute || type > CLIP_NO_TYPE || (type >= CLIP_BMP && type != CLIP_NO_TYPE) ||
	    !termclip_may_ask()) {
		termclip_answer(t, false,
				"the host has no display, and the terminal does not hand over its "
				"clipboard");
		return;
	}
	clip_kitty_ask(&t->kitty, (enum clip_type)type, &question);
	t->asked = true;
	t->cb.show(t->cb.ctx, buf_data(&question), buf_len(&question));
}

void termclip_filter(struct termclip *t, const void *bytes, size_t n, struct buf *out)
{
	clip_kitty_feed(&t->kitty, bytes, n, out);
	if (!t->asked || t->kitty.result == CLIP_KITTY_GOING_ON)
		return;
	if (t->kitty.result == CLIP_KITTY_DONE)
		termclip_answer(t, true,
				buf_len(&t->kitty.data)
					? ""
					: "there is no image in the clipboard of the terminal");
	else
		termclip_answer(t, false,
				t->kitty.result == CLIP_KITTY_DENIED
					? "the terminal did not allow its clipboard to be read"
					: "the terminal could not read its clipboard");
}

int termclip_patience_ms(const struct termclip *t)
{
	if (t->kitty.matched)
		return TERMCLIP_KEY_MS;
	if (!t->asked)
		return -1;
	return t->kitty.answered || t->kitty.wanted != CLIP_NO_TYPE ? TERMCLIP_ANSWER_MS
								    : TERMCLIP_LIST_MS;
}

/* An answer that comes later is still taken out of the input. */
void termclip_give_up(struct termclip *t, struct buf *out)
{
	if (t->kitty.matched) {
		clip_kitty_settle(&t->kitty, out);
		return;
	}
	if (!t->asked)
		return;
	t->mute = !t->kitty.answered;
	buf_drop(&t->kitty.data, buf_len(&t->kitty.data));
	termclip_answer(
		t, false,
		"the host has no display, and the terminal does not hand over its clipboard");
}

void termclip_fini(struct termclip *t)
{
	clip_kitty_fini(&t->kitty);
	*t = (struct termclip){.cb = t->cb};
}

/* Theory of operation. Asked is the client that sent the key of the open lease, and nobody else: it shows the question to the
 * terminal that its user sits at. What comes back is bounded, and an image is looked at here as a file's would be. */
#include "session/state.h"
#include "clip/clip_image.h"

#define TERMCLIP_LIST_MS  2300	/* claude waits 3 seconds */
#define TERMCLIP_IMAGE_MS 25000 /* the terminal may ask its user */

static void termclip_finish(struct session *s, bool ok, const char *reason)
{
	uv_timer_stop(&s->termclip.timer);
	s->termclip.client = 0;
	clip_on_answer(s, ok, reason);
	agent_pump(s);
}

static void termclip_on_timeout(uv_timer_t *timer)
{
	termclip_finish(timer->data, false, "the host has no display, and the terminal did not answer");
}

void termclip_init(struct session *s)
{
	uv_timer_init(&s->loop, &s->termclip.timer);
	s->termclip.timer.data = s;
}

void termclip_end(struct session *s)
{
	uv_timer_stop(&s->termclip.timer);
	s->termclip.client = 0;
}

bool termclip_ask(struct session *s)
{
	const uint8_t what = (uint8_t)(s->clip.job_request.list ? CLIP_NO_TYPE : s->clip.job_request.type);
	AUTO_BUF struct buf ask = {0};

	if (!clients_is_there(s, s->clip.lease_client))
		return false;
	s->termclip.client = s->clip.lease_client;
	uv_timer_start(&s->termclip.timer, termclip_on_timeout, what == CLIP_NO_TYPE ? TERMCLIP_LIST_MS : TERMCLIP_IMAGE_MS, 0);
	wire_fill_ask(&ask, (struct wire_ask){what});
	clients_send_to(s, s->termclip.client, WIRE_CLIP_ASK, buf_data(&ask), buf_len(&ask));
	return true;
}

void termclip_on_bytes(struct session *s, uint32_t client, const void *bytes, size_t n)
{
	if (client == s->termclip.client && buf_len(&s->clip.bytes) + n <= CLIP_IMAGE_MAX)
		buf_add(&s->clip.bytes, bytes, n);
}

void termclip_on_done(struct session *s, uint32_t client, const void *json, size_t n)
{
	static struct json_line l;
	const struct buf *bytes = &s->clip.bytes;

	if (client != s->termclip.client)
		return;
	if (json_parse_line(json, n, &l) < 0)
		termclip_finish(s, false, "the client sent a malformed answer");
	else if (!s->clip.job_request.list && json_get_bool(&l, "ok", false) &&
		 !clip_image_is_whole(s->clip.job_request.type, buf_data(bytes), buf_len(bytes)))
		termclip_finish(s, false, "the image of the terminal is not of its stated type, or truncated");
	else
		termclip_finish(s, json_get_bool(&l, "ok", false), json_get_string(&l, "reason") ? json_get_string(&l, "reason") : "");
}

void termclip_forget_client(struct session *s, uint32_t client)
{
	if (s->termclip.client == client)
		termclip_finish(s, false, "the terminal is gone");
}

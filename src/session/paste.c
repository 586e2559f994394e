/* Theory of operation. The bytes come from the user's own client, the questions from a guest nobody trusts.
 *
 * 1. This process has given up its files; the client, which runs as the user, opens what the user named. What it sends is
 *    looked at again here: an image of a type claude takes, whole, 20 MiB at most, or it is not passed on.
 * 2. A path inside of the workspace is the same file in the guest, and stays.
 * 3. The guest is told a token and a suffix and asks for the image over the forward (clip.c); the token is good for one
 *    fetch. Nothing of the host's path goes there.
 * 4. "STORED" ends it, and so do "FAILED", ten seconds, and the client's end. A guest that lies about it has the user's
 *    prompt name a file that is not there. */
#include "session/state.h"
#include "clip/clip_image.h"
#include "clip/clip_path.h"

#include <string.h>
#include <sys/random.h>

#define PASTE_TYPES_END CLIP_BMP /* claude takes no file of this type or a later one */

static void paste_clear(struct paste *p)
{
	uv_timer_stop(&p->timer);
	buf_fini(&p->bytes);
	p->bytes = (struct buf){0};
	p->client = 0;
	p->too_large = p->offered = p->fetched = false;
	secret_wipe(p->token, sizeof(p->token));
}

static void paste_answer(struct session *s, const char *path)
{
	clients_send_to(s, s->paste.client, WIRE_IMAGE_PLACED, path, strlen(path));
	paste_clear(&s->paste);
}

static void paste_refuse(struct session *s, const char *reason)
{
	if (reason)
		clip_tell(s, "refused", s->paste.type, 0, reason, false);
	paste_answer(s, "");
}

static void paste_on_timeout(uv_timer_t *timer)
{
	paste_refuse(timer->data, "the guest did not take the image in time");
}

void paste_init(struct session *s)
{
	uv_timer_init(&s->loop, &s->paste.timer);
	s->paste.timer.data = s;
}

void paste_end(struct session *s)
{
	paste_clear(&s->paste);
}

void paste_on_bytes(struct session *s, uint32_t client, const void *bytes, size_t n)
{
	struct paste *p = &s->paste;

	if ((p->client && p->client != client) || p->offered)
		return;
	p->client = client;
	p->too_large = p->too_large || buf_len(&p->bytes) + n > CLIP_IMAGE_MAX;
	if (!p->too_large)
		buf_add(&p->bytes, bytes, n);
}

static void paste_offer(struct session *s)
{
	struct paste *p = &s->paste;
	AUTO_BUF struct buf line = {0};
	unsigned char random[CLIP_TOKEN / 2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		paste_refuse(s, "no random numbers on the host");
		return;
	}
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(p->token + 2 * i, 3, "%02x", random[i]);
	p->offered = true;
	json_begin(&line);
	json_add_string(&line, "op", "paste");
	json_add_string(&line, "token", p->token);
	json_add_string(&line, "suffix", clip_type_suffix(p->type));
	json_end(&line);
	buf_add(&line, "\n", 1);
	stream_write(s->ctl, buf_data(&line), buf_len(&line));
	uv_timer_start(&p->timer, paste_on_timeout, PASTE_MS, 0);
}

/* NULL: it may go. Empty: it stays, and there is nothing to say about it. */
static const char *paste_why_not(struct session *s, const char *path)
{
	struct paste *p = &s->paste;

	p->type = clip_image_type(buf_data(&p->bytes), buf_len(&p->bytes));
	if (clip_path_is_below(path, s->workspace) || p->type >= PASTE_TYPES_END)
		return "";
	if (!s->conf.clipboard_images)
		return "image paste is turned off (clipboard.images)";
	if (!clip_is_wanted(s) || s->state != SESSION_RUNNING || !s->ctl)
		return "the session does not accept images now";
	if (p->too_large)
		return "the image is larger than 20 MiB";
	if (!clip_image_is_whole(p->type, buf_data(&p->bytes), buf_len(&p->bytes)))
		return "the image is truncated";
	return NULL;
}

void paste_on_image(struct session *s, uint32_t client, const void *payload, size_t n)
{
	AUTO_FREE char *path = mem_strndup(payload, n);
	const char *reason;

	if ((s->paste.client && s->paste.client != client) || s->paste.offered) {
		clients_send_to(s, client, WIRE_IMAGE_PLACED, NULL, 0);
		return;
	}
	s->paste.client = client;
	reason = paste_why_not(s, path);
	if (reason)
		paste_refuse(s, reason[0] ? reason : NULL);
	else
		paste_offer(s);
}

void paste_forget_client(struct session *s, uint32_t client)
{
	if (s->paste.client == client)
		paste_clear(&s->paste);
}

static void paste_on_stored(struct session *s)
{
	const struct paste *p = &s->paste;
	AUTO_FREE char *path = mem_format(CLIP_PASTE_PATH, p->token, clip_type_suffix(p->type));

	clip_tell(s, "sent", p->type, buf_len(&p->bytes), NULL, false);
	paste_answer(s, path);
}

const struct buf *paste_on_guest(struct session *s, const struct clip_request *r)
{
	static const struct buf nothing;
	struct paste *p = &s->paste;

	if (!p->offered || strcmp(p->token, r->token) != 0 || (p->fetched && r->file == CLIP_FILE_FETCH))
		return NULL;
	if (r->file == CLIP_FILE_FETCH) {
		p->fetched = true;
		return &p->bytes;
	}
	if (r->file == CLIP_FILE_STORED)
		paste_on_stored(s);
	else
		paste_refuse(s, "the guest could not keep the image");
	return &nothing;
}

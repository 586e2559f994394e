/* Theory of operation. Questions come from a guest nobody trusts.
 *
 * 1. A connection carries one line from a closed list (clip_request_parse); anything else is refused, and no byte of it
 *    goes further than this file. What ccvm-clip is asked is a number.
 * 2. One question is worked on at a time, oldest first. The lease is looked at when an image's turn comes, and used up
 *    when the image was found: two questions cannot share one.
 * 3. The lease is granted by clients' frames alone: keys for ccvm-term by their meaning, bytes for the agent's terminal by
 *    a scanner that pastes and a terminal's answers cannot fool (clip_typed).
 * 4. A list says which image types there are and nothing about texts, so it may be asked for at any time; but not more
 *    than once a second without a lease, since each one starts a program on the host.
 * 5. A helper that ends takes image paste with it, nothing else. */
#include "base/clock.h"
#include "session/state.h"
#include "base/spawn.h"
#include "proto/view.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

extern char **environ;

#define CLIP_LIST_EVERY_MS 1000
#define CLIP_ASKED_EVERY_MS 5000

static int64_t clip_now_ms(void)
{
	return clock_boot_ms() + 1; /* a lease does not outlast a suspended night; 0 means never */
}

bool clip_is_wanted(const struct session *s)
{
	return s->conf.clipboard_images && s->request.tty;
}

/* ---- telling ---- */

void clip_tell(struct session *s, const char *verdict, enum clip_type type, size_t bytes, const char *reason, bool asked)
{
	AUTO_BUF struct buf fields = {0};

	json_add_string(&fields, "verdict", verdict);
	if (type != CLIP_NO_TYPE)
		json_add_string(&fields, "type", clip_type_name(type));
	if (bytes)
		json_add_int(&fields, "bytes", (int64_t)bytes);
	if (reason)
		json_add_string(&fields, "reason", reason);
	if (asked)
		json_add_bool(&fields, "asked", true);
	status_event(s, "clip", &fields);
}

static bool clip_is_leased(const struct clip *c)
{
	return c->lease_ms && !c->lease_used && clip_now_ms() - c->lease_ms <= CLIP_LEASE_MS;
}

/* To the user, once for each press of the key; an agent that asks by itself is told of now and then. */
static void clip_tell_refused(struct session *s, enum clip_type type, const char *reason)
{
	struct clip *c = &s->clip;

	if (clip_is_leased(c)) {
		if (!c->lease_told)
			clip_tell(s, "refused", type, 0, reason, false);
		c->lease_told = true;
	} else if (type != CLIP_NO_TYPE && (!c->asked_told_ms || clip_now_ms() - c->asked_told_ms > CLIP_ASKED_EVERY_MS)) {
		c->asked_told_ms = clip_now_ms();
		clip_tell(s, "refused", type, 0, reason, true);
	}
}

static const char *clip_why_not_leased(const struct clip *c)
{
	return !c->lease_ms	? "nobody has pressed Ctrl+V in this session"
	       : c->lease_used	? "each Ctrl+V allows one image, which was sent"
				: "the last Ctrl+V is more than 10 seconds ago";
}

/* ---- the lease ---- */

void clip_grant(struct session *s, uint32_t client)
{
	struct clip *c = &s->clip;

	if (!s->conf.clipboard_images) {
		if (!c->off_told)
			clip_tell(s, "refused", CLIP_NO_TYPE, 0, "image paste is turned off (clipboard.images)", false);
		c->off_told = true;
		return;
	}
	c->lease_ms = clip_now_ms();
	c->lease_client = client;
	c->lease_used = c->lease_told = false;
}

void clip_on_typed(struct session *s, uint32_t client, struct clip_typed *t, const void *bytes, size_t n)
{
	if (clip_typed_feed(t, bytes, n))
		clip_grant(s, client);
}

void clip_on_view(struct session *s, uint32_t client, const unsigned char *bytes, size_t n)
{
	struct view_pressed key;

	if (view_get_pressed(bytes, n, &key) && key.mods == VIEW_CTRL && key.code == 'v')
		clip_grant(s, client);
}

/* ---- the guest's connections ---- */

static struct clip_guest *clip_find(struct clip *c, unsigned id)
{
	for (size_t i = 0; i < SSHFORWARD_MAX; i++)
		if (c->guest[i].id == id)
			return &c->guest[i];
	return NULL;
}

static void clip_drop(struct clip_guest *g)
{
	buf_fini(&g->in);
	buf_fini(&g->out);
	*g = (struct clip_guest){0};
}

static void clip_answer(struct clip_guest *g, bool ok, const void *bytes, size_t n, const char *reason)
{
	if (ok) {
		buf_addf(&g->out, "ok %zu\n", n);
		buf_add(&g->out, bytes, n);
	} else {
		buf_addf(&g->out, "no %s\n", reason);
	}
	g->answered = true;
}

/* False: somebody else's turn. */
static bool clip_answer_at_once(struct session *s, struct clip_guest *g)
{
	struct clip *c = &s->clip;
	const char *reason = NULL;

	if (c->no_helper)
		reason = "the program on the host that asks the clipboard (ccvm-clip) has ended";
	else if (!g->request.list && !clip_is_leased(c))
		reason = clip_why_not_leased(c);
	if (reason) {
		clip_tell_refused(s, g->request.type, reason);
		clip_answer(g, false, NULL, 0, reason);
		return true;
	}
	if (!g->request.list || clip_is_leased(c) || !c->listed_ms || clip_now_ms() - c->listed_ms > CLIP_LIST_EVERY_MS)
		return false;
	clip_answer(g, c->list_ok, buf_data(&c->list), buf_len(&c->list), c->list_reason);
	return true;
}

static struct clip_guest *clip_oldest(struct clip *c)
{
	struct clip_guest *oldest = NULL;

	for (size_t i = 0; i < SSHFORWARD_MAX; i++) {
		struct clip_guest *g = &c->guest[i];

		if (g->id && g->asked && !g->answered && (!oldest || g->turn < oldest->turn))
			oldest = g;
	}
	return oldest;
}

static void clip_next(struct session *s)
{
	struct clip *c = &s->clip;
	struct clip_guest *g;
	AUTO_BUF struct buf frame = {0}, ask = {0};

	while (!c->job && (g = clip_oldest(c))) {
		if (clip_answer_at_once(s, g))
			continue;
		c->job = g->id;
		c->job_request = g->request;
		wire_fill_ask(&ask, (struct wire_ask){(uint8_t)(g->request.list ? CLIP_NO_TYPE : g->request.type)});
		wire_put(&frame, WIRE_CLIP_ASK, buf_data(&ask), buf_len(&ask));
		stream_write(c->helper, buf_data(&frame), buf_len(&frame));
	}
}

/* An image whose path was pasted: nothing of the lease's. */
static void clip_answer_file(struct session *s, struct clip_guest *g)
{
	const struct buf *b = paste_on_guest(s, &g->request);

	clip_answer(g, b != NULL, b ? buf_data(b) : NULL, b ? buf_len(b) : 0, "there is no such image");
}

void clip_on_forward_bytes(void *session, unsigned id, const void *bytes, size_t n)
{
	struct session *s = session;
	struct clip *c = &s->clip;
	struct clip_guest *g = clip_find(c, id);
	int rc;

	if (!g)
		g = clip_find(c, 0);
	if (!g || g->asked)
		return; /* one question a connection */
	g->id = id;
	buf_add(&g->in, bytes, n < CLIP_LINE_MAX + 2 ? n : CLIP_LINE_MAX + 2);
	rc = clip_request_parse(buf_data(&g->in), buf_len(&g->in), &g->request);
	if (rc == 0)
		return;
	g->asked = true;
	g->turn = ++c->turns;
	buf_drop(&g->in, buf_len(&g->in));
	if (rc < 0)
		clip_answer(g, false, NULL, 0, "only images can be asked for, by their type");
	else if (g->request.file)
		clip_answer_file(s, g);
	else
		clip_next(s);
}

void clip_on_forward_end(void *session, unsigned id)
{
	struct session *s = session;
	struct clip_guest *g = clip_find(&s->clip, id);

	if (g)
		clip_drop(g);
}

void clip_on_forward_refused(void *session)
{
	status_event_note(session, "clip", "the guest's sshd does not listen for image paste: images cannot be pasted");
}

bool clip_pump(struct session *s)
{
	bool wrote = false;

	for (size_t i = 0; i < SSHFORWARD_MAX; i++) {
		struct clip_guest *g = &s->clip.guest[i];
		size_t n = 1;

		while (g->id && n && buf_len(&g->out)) {
			n = sshlink_forward_write(s->ssh, g->id, buf_data(&g->out), buf_len(&g->out));
			buf_drop(&g->out, n);
			wrote = wrote || n;
		}
		if (g->id && g->answered && !buf_len(&g->out)) {
			sshlink_forward_close(s->ssh, g->id);
			clip_drop(g);
			wrote = true;
		}
	}
	return wrote;
}

void clip_forget_guests(struct session *s)
{
	for (size_t i = 0; i < SSHFORWARD_MAX; i++)
		clip_drop(&s->clip.guest[i]);
}

/* ---- the helper ---- */

static void clip_on_list(struct session *s, bool ok, const char *reason)
{
	struct clip *c = &s->clip;

	c->listed_ms = clip_now_ms();
	c->list_ok = ok;
	buf_drop(&c->list, buf_len(&c->list));
	buf_add(&c->list, buf_data(&c->bytes), buf_len(&c->bytes));
	snprintf(c->list_reason, sizeof(c->list_reason), "%s", reason);
	if (!ok || !buf_len(&c->bytes))
		clip_tell_refused(s, CLIP_NO_TYPE, reason);
}

static void clip_on_image(struct session *s, const struct clip_guest *g, bool ok, const char *reason)
{
	struct clip *c = &s->clip;

	if (ok && g) {
		c->lease_used = true;
		clip_tell(s, "sent", c->job_request.type, buf_len(&c->bytes), NULL, false);
	} else {
		clip_tell_refused(s, c->job_request.type, ok ? "the guest hung up" : reason);
	}
}

static void clip_on_done(struct session *s, const struct wire_frame *f)
{
	static struct json_line l;

	if (json_parse_line((const char *)f->payload, f->n, &l) < 0)
		return;
	/* Without a display there may be a terminal that hands over its clipboard; only to who has just asked for it. */
	if (json_get_bool(&l, "no_display", false) && clip_is_leased(&s->clip) && termclip_ask(s))
		return;
	clip_on_answer(s, json_get_bool(&l, "ok", false), json_get_string(&l, "reason") ? json_get_string(&l, "reason") : "");
}

void clip_on_answer(struct session *s, bool ok, const char *reason)
{
	struct clip *c = &s->clip;
	struct clip_guest *g = c->job ? clip_find(c, c->job) : NULL;

	if (c->job_request.list)
		clip_on_list(s, ok, reason);
	else
		clip_on_image(s, g, ok, reason);
	if (g)
		clip_answer(g, ok, buf_data(&c->bytes), buf_len(&c->bytes), reason);
	buf_fini(&c->bytes);
	c->bytes = (struct buf){0};
	c->job = 0;
	clip_next(s);
}

static void clip_on_bytes(void *ctx, const void *bytes, size_t n)
{
	struct session *s = ctx;
	struct wire_frame f;

	buf_add(&s->clip.in, bytes, n);
	while (wire_next(&s->clip.in, &f) == 1) {
		if (f.type == WIRE_CLIP_BYTES && buf_len(&s->clip.bytes) + f.n <= CLIP_IMAGE_MAX)
			buf_add(&s->clip.bytes, f.payload, f.n);
		else if (f.type == WIRE_CLIP_DONE)
			clip_on_done(s, &f);
		buf_drop(&s->clip.in, f.n + WIRE_HEADER_SIZE);
	}
	agent_pump(s);
}

static void clip_on_helper_end(void *ctx)
{
	struct session *s = ctx;
	struct clip *c = &s->clip;

	stream_close(c->helper);
	c->helper = NULL;
	c->no_helper = true;
	c->job = 0;
	status_event_note(s, "clip", "ccvm-clip has ended: images can no longer be pasted");
	clip_next(s);
	agent_pump(s);
}

void clip_start(struct session *s)
{
	AUTO_FREE char *program = mem_format("%s/ccvm-clip", s->libexec);
	char *const argv[] = {program, NULL};
	const struct stream_callbacks cb = {clip_on_bytes, clip_on_helper_end, NULL, s};
	AUTO_CLOSE int theirs = -1;
	struct spawn_fd fds[1];
	struct spawn spawn = {.path = program, .argv = argv, .envp = environ, .fds = fds, .nfds = 1,
			      .die_with_parent = true, .no_core = true, .new_session = true};
	int pair[2];
	struct err e;

	s->clip.no_helper = true;
	if (!clip_is_wanted(s) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	theirs = pair[1];
	fds[0] = (struct spawn_fd){theirs, 3};
	s->clip.helper = stream_open(&s->loop, pair[0], &cb);
	if (spawn_start(&spawn, NULL, &e) < 0) {
		status_event_note(s, "clip", e.text);
		stream_close(s->clip.helper);
		s->clip.helper = NULL;
		return;
	}
	s->clip.no_helper = false;
}

void clip_end(struct session *s)
{
	stream_close(s->clip.helper); /* it ends with its socket */
	s->clip.helper = NULL;
	s->clip.no_helper = true;
	clip_forget_guests(s);
	buf_fini(&s->clip.in);
	buf_fini(&s->clip.bytes);
	buf_fini(&s->clip.list);
}

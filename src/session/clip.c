/* Theory of operation. Questions come from a guest nobody trusts.
 *
 * 1. A connection carries one line from a closed list (clip_request_parse); anything else is
 *    refused, and no byte of it goes further than this file. What ccvm-clip is asked is a
 *    number.
 * 2. One question is worked on at a time, oldest first. The lease is looked at when an image's
 *    turn comes, and used up when the image was found: two questions cannot share one.
 * 3. The lease is granted by clients' frames alone: keys for ccvm-term by their meaning, bytes
 *    for the agent's terminal by a scanner that pastes and a terminal's answers cannot fool
 *    (clip_typed).
 * 4. A list says which image types there are and nothing about texts, so it may be asked for at
 *    any time; but not more than once a second without a lease, since each one starts a program
 *    on the host.
 * 5. A helper that ends takes image paste with it, nothing else. */
#include "session/clip.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "conf/conf.h"
#include "loop/frames.h"
#include "proto/hostenv.h"
#include "proto/view.h"
#include "proto/wire.h"
#include "session/clip_event.h"
#include "ssh/sshforward.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define CLIP_LIST_EVERY_MS  1000
#define CLIP_ASKED_EVERY_MS 5000

struct clip_guest {    /* one connection of the guest's */
	unsigned id;   /* 0: free */
	struct buf in; /* its question so far */
	bool asked;
	uint64_t turn; /* of questions: the oldest is next */
	struct clip_request request;
	struct buf out; /* on its way */
	bool answered;
};

struct clip {
	struct clip_callbacks cb;
	void *ctx;
	struct loop *loop;
	const struct conf *conf; /* borrowed */
	struct frames *helper;	 /* NULL: none */
	struct buf in;		 /* its frames */
	struct buf bytes;	 /* its answer so far */
	struct clip_guest guest[SSHFORWARD_MAX];
	unsigned job;			 /* connection the helper works for; 0: none */
	struct clip_request job_request; /* also when that connection has gone */
	uint64_t turns;
	bool no_helper;	       /* it could not be started, or has ended */
	int64_t lease_ms;      /* when the key was pressed last; 0: never */
	uint32_t lease_client; /* whose key it was */
	bool lease_used;       /* an image went over for it */
	bool lease_told;       /* or it was told why not */
	int64_t listed_ms;     /* last list, and its answer */
	struct buf list;
	bool list_ok;
	char list_reason[CLIP_REASON_MAX];
	int64_t asked_told_ms; /* last event about an agent that asked by itself */
	bool off_told;
};

/* Boot time: a lease does not outlast a suspended night. Never 0. */
static int64_t clip_now_ms(void)
{
	return clock_boot_ms() + 1;
}

/* ---- telling ---- */

static void clip_tell(struct clip *c, const struct clip_event *e)
{
	const struct event event = clip_event_make(e);

	c->cb.event(c->ctx, &event);
}

static bool clip_is_leased(const struct clip *c)
{
	return c->lease_ms && !c->lease_used && clip_now_ms() - c->lease_ms <= CLIP_LEASE_MS;
}

/* To the user, once for each press of the key; an agent that asks by itself is told of now and
 * then. */
static void clip_tell_refused(struct clip *c, enum clip_type type, const char *reason)
{
	if (clip_is_leased(c)) {
		if (!c->lease_told)
			clip_tell(c, &(struct clip_event){
					     .verdict = "refused", .type = type, .reason = reason});
		c->lease_told = true;
	} else if (type != CLIP_NO_TYPE &&
		   (!c->asked_told_ms || clip_now_ms() - c->asked_told_ms > CLIP_ASKED_EVERY_MS)) {
		c->asked_told_ms = clip_now_ms();
		clip_tell(c, &(struct clip_event){.verdict = "refused",
						  .type = type,
						  .reason = reason,
						  .asked = true});
	}
}

static const char *clip_why_not_leased(const struct clip *c)
{
	return !c->lease_ms    ? "nobody has pressed Ctrl+V in this session"
	       : c->lease_used ? "each Ctrl+V allows one image, which was sent"
			       : "the last Ctrl+V is more than 10 seconds ago";
}

/* ---- the lease ---- */

void clip_grant(struct clip *c, uint32_t client)
{
	if (!c->conf->clipboard_images) {
		if (!c->off_told)
			clip_tell(
				c,
				&(struct clip_event){
					.verdict = "refused",
					.type = CLIP_NO_TYPE,
					.reason = "image paste is turned off (clipboard.images)"});
		c->off_told = true;
		return;
	}
	c->lease_ms = clip_now_ms();
	c->lease_client = client;
	c->lease_used = c->lease_told = false;
}

void clip_on_view(struct clip *c, uint32_t client, const unsigned char *bytes, size_t n)
{
	struct view_pressed key;

	if (view_get_pressed(bytes, n, &key) && key.mods == VIEW_CTRL && key.code == 'v')
		clip_grant(c, client);
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

static void clip_answer(struct clip_guest *g, bool ok, const void *bytes, size_t n,
			const char *reason)
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
static bool clip_answer_at_once(struct clip *c, struct clip_guest *g)
{
	const char *reason = NULL;

	if (c->no_helper)
		reason = "the program on the host that asks the clipboard (ccvm-clip) has ended";
	else if (!g->request.list && !clip_is_leased(c))
		reason = clip_why_not_leased(c);
	if (reason) {
		clip_tell_refused(c, g->request.type, reason);
		clip_answer(g, false, NULL, 0, reason);
		return true;
	}
	if (!g->request.list || clip_is_leased(c) || !c->listed_ms ||
	    clip_now_ms() - c->listed_ms > CLIP_LIST_EVERY_MS)
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

static void clip_next(struct clip *c)
{
	struct clip_guest *g;
	AUTO_BUF struct buf ask = {0};

	while (!c->job && (g = clip_oldest(c))) {
		if (clip_answer_at_once(c, g))
			continue;
		c->job = g->id;
		c->job_request = g->request;
		wire_fill_ask(&ask,
			      (struct wire_ask){
				      (uint8_t)(g->request.list ? CLIP_NO_TYPE : g->request.type)});
		frames_send(c->helper, WIRE_CLIP_ASK, buf_data(&ask), buf_len(&ask));
	}
}

/* An image whose path was pasted: nothing of the lease's. */
static void clip_answer_file(struct clip *c, struct clip_guest *g)
{
	const struct buf *b = c->cb.file(c->ctx, &g->request);

	clip_answer(g, b != NULL, b ? buf_data(b) : NULL, b ? buf_len(b) : 0,
		    "there is no such image");
}

void clip_on_forward_bytes(struct clip *c, unsigned id, const void *bytes, size_t n)
{
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
		clip_answer_file(c, g);
	else
		clip_next(c);
}

void clip_on_forward_end(struct clip *c, unsigned id)
{
	struct clip_guest *g = clip_find(c, id);

	if (g)
		clip_drop(g);
}

bool clip_pump(struct clip *c)
{
	bool wrote = false;

	for (size_t i = 0; i < SSHFORWARD_MAX; i++) {
		struct clip_guest *g = &c->guest[i];
		size_t n = 1;

		while (g->id && n && buf_len(&g->out)) {
			n = c->cb.write(c->ctx, g->id, buf_data(&g->out), buf_len(&g->out));
			buf_drop(&g->out, n);
			wrote = wrote || n;
		}
		if (g->id && g->answered && !buf_len(&g->out)) {
			c->cb.close(c->ctx, g->id);
			clip_drop(g);
			wrote = true;
		}
	}
	return wrote;
}

void clip_forget_guests(struct clip *c)
{
	for (size_t i = 0; i < SSHFORWARD_MAX; i++)
		clip_drop(&c->guest[i]);
}

/* ---- the helper ---- */

static void clip_on_list(struct clip *c, bool ok, const char *reason)
{
	c->listed_ms = clip_now_ms();
	c->list_ok = ok;
	buf_drop(&c->list, buf_len(&c->list));
	buf_add(&c->list, buf_data(&c->bytes), buf_len(&c->bytes));
	snprintf(c->list_reason, sizeof(c->list_reason), "%s", reason);
	if (!ok || !buf_len(&c->bytes))
		clip_tell_refused(c, CLIP_NO_TYPE, reason);
}

static void clip_on_image(struct clip *c, const struct clip_guest *g, bool ok, const char *reason)
{
	if (ok && g) {
		c->lease_used = true;
		clip_tell(c, &(struct clip_event){.verdict = "sent",
						  .type = c->job_request.type,
						  .bytes = buf_len(&c->bytes)});
	} else {
		clip_tell_refused(c, c->job_request.type, ok ? "the guest hung up" : reason);
	}
}

/* What is worked on was answered, with what is in c->bytes. */
static void clip_finish(struct clip *c, bool ok, const char *reason)
{
	struct clip_guest *g = c->job ? clip_find(c, c->job) : NULL;

	if (c->job_request.list)
		clip_on_list(c, ok, reason);
	else
		clip_on_image(c, g, ok, reason);
	if (g)
		clip_answer(g, ok, buf_data(&c->bytes), buf_len(&c->bytes), reason);
	buf_fini(&c->bytes);
	c->bytes = (struct buf){0};
	c->job = 0;
	clip_next(c);
}

void clip_on_answer(struct clip *c, bool ok, const char *reason, const void *bytes, size_t n)
{
	buf_drop(&c->bytes, buf_len(&c->bytes));
	buf_add(&c->bytes, bytes, n);
	clip_finish(c, ok, reason);
	c->cb.on_writable(c->ctx);
}

static bool clip_ask_terminal(struct clip *c)
{
	return clip_is_leased(c) &&
	       c->cb.ask_terminal(c->ctx, c->lease_client,
				  c->job_request.list ? CLIP_NO_TYPE : c->job_request.type);
}

static void clip_on_done(struct clip *c, const struct wire_frame *f)
{
	static struct json_line l;

	if (json_parse_line((const char *)f->payload, f->n, &l) < 0)
		return;
	/* Without a display there may be a terminal that hands over its clipboard; only to who has
	 * just asked for it. */
	if (json_get_bool(&l, "no_display", false) && clip_ask_terminal(c))
		return;
	clip_finish(c, json_get_bool(&l, "ok", false),
		    json_get_string(&l, "reason") ? json_get_string(&l, "reason") : "");
}

static bool clip_on_frame(void *ctx, const struct wire_frame *f)
{
	struct clip *c = ctx;

	if (f->type == WIRE_CLIP_BYTES && buf_len(&c->bytes) + f->n <= CLIP_IMAGE_MAX) {
		buf_add(&c->bytes, f->payload, f->n);
	} else if (f->type == WIRE_CLIP_DONE) {
		clip_on_done(c, f);
		c->cb.on_writable(c->ctx);
	}
	return true;
}

static void clip_on_helper_end(void *ctx, bool malformed)
{
	struct clip *c = ctx;

	(void)malformed; /* it is of no more use */
	frames_close(mem_steal_ptr(&c->helper));
	c->no_helper = true;
	c->job = 0;
	c->cb.note(c->ctx, "clip", "ccvm-clip has ended: images can no longer be pasted");
	clip_next(c);
	c->cb.on_writable(c->ctx);
}

void clip_start(struct clip *c, const char *libexec, const struct hostenv *host)
{
	AUTO_FREE char *program = mem_format("%s/ccvm-clip", libexec);
	AUTO_STRV struct strv env = {0};
	char *const argv[] = {program, NULL}, *const no_env[] = {NULL};
	const struct frames_callbacks cb = {clip_on_frame, clip_on_helper_end, NULL, c};
	AUTO_CLOSE int theirs = -1;
	struct spawn_fd fds[1];
	/* clang-format off */
	struct spawn spawn = {
		.path = program, .argv = argv, .fds = fds, .nfds = 1,
		.die_with_parent = true, .no_core = true, .new_session = true,
	};
	/* clang-format on */
	int pair[2];
	struct err e;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	theirs = pair[1];
	fds[0] = (struct spawn_fd){theirs, 3};
	hostenv_display(host, &env);
	spawn.envp = env.v ? env.v : no_env;
	c->helper = frames_open(c->loop, pair[0], &cb);
	if (spawn_start(&spawn, NULL, &e) < 0) {
		c->cb.note(c->ctx, "clip", e.text);
		frames_close(mem_steal_ptr(&c->helper));
		return;
	}
	c->no_helper = false;
}

struct clip *clip_new(struct loop *loop, const struct conf *conf,
		      const struct clip_callbacks *callbacks, void *ctx)
{
	struct clip *c = mem_alloc(sizeof(*c));

	c->cb = *callbacks;
	c->ctx = ctx;
	c->loop = loop;
	c->conf = conf;
	c->no_helper = true;
	return c;
}

void clip_stop(struct clip *c)
{
	frames_close(mem_steal_ptr(&c->helper)); /* it ends with its socket */
	c->no_helper = true;
	clip_forget_guests(c);
}

void clip_free(struct clip *c)
{
	if (!c)
		return;
	clip_stop(c);
	buf_fini(&c->bytes);
	buf_fini(&c->list);
	free(c);
}

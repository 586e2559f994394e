#include "session/hub.h"
#include "base/buf.h"
#include "base/mem.h"
#include "clip/clip_typed.h"
#include "conf/conf.h"
#include "loop/frames.h"
#include "loop/timer.h"
#include "proto/view.h"
#include "proto/request.h"

struct client {
	struct hub *hub;
	struct frames *frames;
	struct client *next;
	bool owner;
	uint32_t number;
	bool attached;		 /* gets the agent's output */
	bool away;		 /* the owner, suspended: gets none */
	struct wire_resize size; /* of its terminal or pane */
	uint32_t sized;	 /* the when of that: the latest of all decides; 0: it has told none */
	bool unfiltered; /* DCS reaches its terminal */
	/* output since it attached, until the screen at that moment is on its way */
	struct buf held;
	bool holding;
	bool pulling;	 /* waits for a frame of the screen */
	uint32_t pasted; /* bytes of pastes that ccvm-term has not reported */
	uint32_t taken;	 /* those that it has reported, while the agent has enough to read */
	struct clip_typed typed; /* how far its keys were followed */
	bool paused;		 /* typed more than the agent takes */
	/* one of its frames is being handled: what that says to all must not free it */
	bool busy;
	bool doomed; /* goes when the frame was handled */
};

struct hub {
	struct hub_callbacks cb;
	void *ctx;
	struct loop *loop;
	const struct request *request; /* borrowed */
	const struct conf *conf;       /* borrowed */
	struct client *owner;	       /* NULL once it left */
	struct client *clients;	       /* all of them */
	uint32_t numbers;	       /* given so far */
	uint32_t sizes;		       /* told so far */
	uint32_t answering; /* whose terminal answers what the program asks; 0: ccvm-term does */
	bool begun;
	struct timer *lonely; /* of a spare that nobody is connected to */
};

#define HUB_FLUSH_MS  200
#define HUB_LONELY_MS 10000	 /* a ccvm-tui that was killed is started again by then, or not */
#define HUB_QUEUE_MAX (8u << 20) /* events of a client that does not read; then it is dropped */

static void hub_client_send(struct client *c, enum wire_type type, const void *payload, size_t n);

static void hub_on_lonely(void *ctx)
{
	struct hub *h = ctx;

	if (h->request->spare && !h->clients)
		h->cb.on_lonely(h->ctx);
}

static struct client *hub_client_find(const struct hub *h, uint32_t number)
{
	struct client *c = h->clients;

	while (c && c->number != number)
		c = c->next;
	return c;
}

static void hub_tell_answers(struct client *c, bool answers)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_answers(&payload, (struct wire_answers){answers});
	hub_client_send(c, WIRE_ANSWERS, buf_data(&payload), buf_len(&payload));
}

/* The starter's terminal, or the first that attached: clients are numbered in their order. */
static struct client *hub_with_terminal(struct hub *h)
{
	struct client *first = NULL;

	if (h->owner && !h->owner->away && h->request->tty && !h->request->detached)
		return h->owner;
	for (struct client *c = h->clients; c; c = c->next)
		if (c->attached && (!first || c->number < first->number))
			first = c;
	return first;
}

void hub_choose_answering(struct hub *h)
{
	struct client *c = hub_with_terminal(h), *before = hub_client_find(h, h->answering);
	const bool dcs = c && (c->owner ? !h->conf->terminal_filter : c->unfiltered);

	/* To ccvm-term always: it may be a new one. */
	h->cb.answered_elsewhere(h->ctx, c != NULL, dcs);
	if (c == before && (c || !h->answering))
		return;
	h->answering = c ? c->number : 0;
	if (before)
		hub_tell_answers(before, false);
	if (c)
		hub_tell_answers(c, true);
}

/* The size that c told last was in force: now it is that of whoever told one before. */
static void hub_give_size_back(struct hub *h, const struct client *c)
{
	const struct client *last = NULL;

	if (!c->sized || c->sized != h->sizes)
		return;
	for (const struct client *o = h->clients; o; o = o->next)
		if (o->sized && (!last || o->sized > last->sized))
			last = o;
	if (!last)
		return;
	h->sizes = last->sized;
	h->cb.on_resize(h->ctx, last->size.cols, last->size.rows);
}

static void hub_client_remove(struct client *c)
{
	struct hub *h = c->hub;
	struct client **p = &h->clients;

	while (*p && *p != c)
		p = &(*p)->next;
	if (*p)
		*p = c->next;
	if (h->owner == c)
		h->owner = NULL;
	if (h->request->spare && !h->clients)
		timer_start(h->lonely, HUB_LONELY_MS, 0);
	h->cb.on_gone(h->ctx, c->number);
	hub_give_size_back(h, c);
	if (h->answering == c->number)
		hub_choose_answering(h);
	buf_fini(&c->held);
	frames_close(c->frames);
	free(c);
}

static void hub_owner_broken(struct hub *h)
{
	struct err e;

	err_set(&e, "the client sent a malformed frame");
	h->cb.on_owner_broken(h->ctx, &e);
}

/* ---- one function a frame type; -1: malformed ---- */

static int hub_on_begin(struct client *c, const struct wire_frame *f)
{
	struct hub *h = c->hub;

	(void)f;
	if (h->begun)
		return -1;
	h->begun = true;
	return h->cb.on_begin(h->ctx);
}

/* A press of Ctrl+V is what lets an image through. */
static void hub_watch_for_paste(struct client *c, const struct wire_frame *f)
{
	if (clip_typed_feed(&c->typed, f->payload, f->n))
		c->hub->cb.on_paste_key(c->hub->ctx, c->number);
}

static int hub_on_stdin(struct client *c, const struct wire_frame *f)
{
	struct hub *h = c->hub;

	/* The client may not send more than it has credit for. */
	if (h->cb.input_queued(h->ctx) + f->n > WIRE_CREDIT_FIRST)
		return -1;
	hub_watch_for_paste(c, f);
	return h->cb.input(h->ctx, f->payload, f->n);
}

static int hub_on_typed(struct client *c, const struct wire_frame *f)
{
	struct hub *h = c->hub;

	hub_watch_for_paste(c, f);
	if (h->cb.input(h->ctx, f->payload, f->n) < 0)
		return 0; /* there is nobody who reads it */
	c->paused = h->cb.input_queued(h->ctx) > WIRE_CREDIT_FIRST;
	frames_pause(c->frames, c->paused);
	return 0;
}

static int hub_on_resize(struct client *c, const struct wire_frame *f)
{
	struct wire_resize size;

	if (!wire_get_resize(f, &size))
		return -1;
	/* The terminal of the one that started it decides, where there is one. */
	if (!c->owner && !c->hub->request->detached)
		return 0;
	c->size = size;
	c->sized = ++c->hub->sizes;
	c->hub->cb.on_resize(c->hub->ctx, size.cols, size.rows);
	return 0;
}

/* Asks ccvm-term for the whole screen, in the client's name. */
static void hub_pull(struct client *c)
{
	AUTO_BUF struct buf pull = {0};

	view_put_pull(&pull, (struct view_pull){0});
	c->hub->cb.to_screen(c->hub->ctx, c->number, buf_data(&pull), buf_len(&pull));
}

static int hub_on_away(struct client *c, const struct wire_frame *f)
{
	(void)f;
	c->away = true;
	hub_choose_answering(c->hub);
	return 0;
}

static int hub_on_attach(struct client *c, const struct wire_frame *f)
{
	struct wire_attach m;

	if (!wire_get_attach(f, &m))
		return -1;
	/* An owner with a terminal gets the output anyhow. */
	c->attached = !c->owner || c->hub->request->detached;
	c->away = false;
	c->unfiltered = !m.filtered;
	hub_choose_answering(c->hub);
	c->holding = c->hub->cb.has_screen(c->hub->ctx);
	hub_pull(c);
	return 0;
}

static int hub_on_view(struct client *c, const struct wire_frame *f)
{
	struct view_paste paste;

	if (f->n == 0)
		return -1;
	if (view_type(f->payload, f->n) == VIEW_PULL)
		c->pulling = true;
	if (view_get_paste(f->payload, f->n, &paste))
		c->pasted += (uint32_t)paste.text.n;
	c->hub->cb.to_screen(c->hub->ctx, c->number, f->payload, f->n);
	return 0;
}

static const struct {
	enum wire_type type;
	int (*handle)(struct client *c, const struct wire_frame *f);
} hub_frames[] = {
	{WIRE_BEGIN, hub_on_begin},   {WIRE_STDIN, hub_on_stdin},   {WIRE_TYPED, hub_on_typed},
	{WIRE_RESIZE, hub_on_resize}, {WIRE_ATTACH, hub_on_attach}, {WIRE_VIEW, hub_on_view},
	{WIRE_AWAY, hub_on_away},
};

/* Who may send a type, and when, stands in proto/wire.c. */
static int hub_client_dispatch(struct client *c, const struct wire_frame *f)
{
	const struct hub *h = c->hub;

	if (!wire_may_send(c->owner ? WIRE_STARTER : WIRE_CLIENT,
			   h->begun ? WIRE_AFTER : WIRE_BEFORE, f->type))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(hub_frames); i++)
		if (hub_frames[i].type == f->type)
			return hub_frames[i].handle(c, f);
	for (size_t i = 0; i < h->cb.nroutes; i++)
		if (h->cb.routes[i].type == f->type)
			return h->cb.routes[i].take(h->ctx, c->number, f->payload, f->n);
	return -1;
}

static bool hub_client_on_frame(void *ctx, const struct wire_frame *f)
{
	struct client *c = ctx;
	bool good;

	c->busy = true;
	good = hub_client_dispatch(c, f) >= 0;
	c->busy = false;
	if (!c->doomed)
		return good;
	hub_client_remove(c);
	return true;
}

static void hub_client_on_end(void *ctx, bool malformed)
{
	struct client *c = ctx;
	struct hub *h = c->hub;
	const bool was_owner = c->owner && !malformed && !(h->request->detached && h->begun);

	if (c->owner && malformed) {
		hub_owner_broken(h); /* and is still told how that ends */
		return;
	}
	hub_client_remove(c);
	/* Its terminal or its caller is gone: what closing claude would do. */
	if (was_owner)
		h->cb.on_owner_gone(h->ctx);
}

static void hub_client_on_drained(void *ctx)
{
	struct hub *h = ((struct client *)ctx)->hub;

	h->cb.on_drained(h->ctx);
}

static struct client *hub_client_add(struct hub *h, int fd, bool owner)
{
	struct client *c = mem_alloc(sizeof(*c));
	const struct frames_callbacks cb = {hub_client_on_frame, hub_client_on_end,
					    hub_client_on_drained, c};

	c->hub = h;
	c->owner = owner;
	c->number = ++h->numbers;
	c->next = h->clients;
	h->clients = c;
	c->frames = frames_open(h->loop, fd, &cb);
	if (owner)
		frames_keep_secret(c->frames); /* the API key is among what it says first */
	return c;
}

static void hub_client_send(struct client *c, enum wire_type type, const void *payload, size_t n)
{
	if (c)
		frames_send(c->frames, type, payload, n);
}

static size_t hub_client_queued(const struct client *c)
{
	return c ? frames_queued(c->frames) : 0;
}

/* A client that does not read gets nothing more; the owner does, unless its user suspended it. */
static bool hub_is_full(const struct client *c)
{
	return (!c->owner || c->away) && hub_client_queued(c) > HUB_QUEUE_MAX;
}

void hub_broadcast(struct hub *h, enum wire_type type, const void *payload, size_t n)
{
	for (struct client *c = h->clients, *next; c; c = next) {
		next = c->next;
		if (!hub_is_full(c))
			hub_client_send(c, type, payload, n);
		else if (!c->owner && c->busy)
			c->doomed = true;
		else if (!c->owner)
			hub_client_remove(c);
	}
}

void hub_send_output(struct hub *h, const void *bytes, size_t n)
{
	for (struct client *c = h->clients; c; c = c->next) {
		if (!c->attached)
			continue;
		if (c->holding)
			buf_add(&c->held, bytes, n);
		else if (hub_client_queued(c) <= HUB_QUEUE_MAX)
			hub_client_send(c, WIRE_STDOUT, bytes, n);
	}
}

void hub_send(struct hub *h, uint32_t number, enum wire_type type, const void *payload, size_t n)
{
	struct client *c = hub_client_find(h, number);

	/* One that asks and does not read gets no more, and goes. It is not freed here: who
	 * answers it may be in the middle of a list. */
	if (c && !c->owner && hub_client_queued(c) > HUB_QUEUE_MAX)
		c->doomed = c->busy;
	else
		hub_client_send(c, type, payload, n);
}

bool hub_has(const struct hub *h, uint32_t number)
{
	return hub_client_find(h, number) != NULL;
}

/* The viewer may send that much more. */
static void hub_send_taken(struct client *c)
{
	AUTO_BUF struct buf message = {0};

	view_put_taken(&message, (struct view_taken){c->taken});
	if (c->taken)
		hub_client_send(c, WIRE_VIEW_DATA, buf_data(&message), buf_len(&message));
	c->taken = 0;
}

/* ccvm-term has made bytes for the agent of a part of a paste; they are in the input by now.
 * What it claims is bounded by what it was given. */
static void hub_on_taken(struct client *c, const struct view_taken *m)
{
	const uint32_t taken = m->bytes < c->pasted ? m->bytes : c->pasted;

	c->pasted -= taken;
	c->taken += taken;
	if (c->hub->cb.input_queued(c->hub->ctx) < WIRE_CREDIT_FIRST / 2)
		hub_send_taken(c);
}

void hub_on_view_data(struct hub *h, uint32_t number, const void *bytes, size_t n)
{
	struct client *c = hub_client_find(h, number);
	struct view_taken taken;

	if (!c)
		return;
	if (view_get_taken(bytes, n, &taken)) {
		hub_on_taken(c, &taken);
		return;
	}
	if (view_type(bytes, n) == VIEW_FRAME)
		c->pulling = false;
	hub_client_send(c, WIRE_VIEW_DATA, bytes, n);
	if (!c->holding)
		return;
	c->holding = false;
	if (buf_len(&c->held))
		hub_client_send(c, WIRE_STDOUT, buf_data(&c->held), buf_len(&c->held));
	buf_fini(&c->held);
	c->held = (struct buf){0};
}

void hub_pull_again(struct hub *h)
{
	for (struct client *c = h->clients; c; c = c->next) {
		if (c->pulling || c->holding)
			hub_pull(c);
		/* what the old one had of a paste is lost with the screen, which was told */
		c->taken += c->pasted;
		c->pasted = 0;
		hub_send_taken(c);
	}
}

void hub_resume(struct hub *h)
{
	if (h->cb.input_queued(h->ctx) >= WIRE_CREDIT_FIRST / 2)
		return;
	for (struct client *c = h->clients; c; c = c->next) {
		hub_send_taken(c);
		if (c->paused)
			frames_pause(c->frames, false);
		c->paused = false;
	}
}

void hub_add_client(struct hub *h, int fd)
{
	hub_client_add(h, fd, false);
}

void hub_add_owner(struct hub *h, int fd)
{
	h->owner = hub_client_add(h, fd, true);
}

void hub_send_owner(struct hub *h, enum wire_type type, const void *payload, size_t n)
{
	hub_client_send(h->owner, type, payload, n);
}

void hub_send_owner_output(struct hub *h, enum wire_type type, const void *bytes, size_t n)
{
	struct client *c = h->owner;

	if (!c || c->away)
		return;
	if (c->holding)
		buf_add(&c->held, bytes, n);
	else
		hub_client_send(c, type, bytes, n);
}

size_t hub_owner_queued(const struct hub *h)
{
	return h->owner && !h->owner->away ? hub_client_queued(h->owner) : 0;
}

void hub_credit(struct hub *h, uint32_t n)
{
	AUTO_BUF struct buf credit = {0};

	wire_fill_credit(&credit, (struct wire_credit){n});
	hub_send_owner(h, WIRE_CREDIT, buf_data(&credit), buf_len(&credit));
}

struct hub *hub_new(struct loop *loop, const struct request *request, const struct conf *conf,
		    const struct hub_callbacks *callbacks, void *ctx)
{
	struct hub *h = mem_alloc(sizeof(*h));

	h->cb = *callbacks;
	h->ctx = ctx;
	h->loop = loop;
	h->request = request;
	h->conf = conf;
	h->lonely = timer_new(loop, hub_on_lonely, h);
	return h;
}

void hub_free(struct hub *h)
{
	if (!h)
		return;
	h->sizes = 0; /* there is no terminal any more to be given a size back */
	while (h->clients) {
		frames_flush(h->clients->frames, HUB_FLUSH_MS);
		hub_client_remove(h->clients);
	}
	timer_free(h->lonely);
	free(h);
}

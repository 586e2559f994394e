#include "session/egress.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "conf/conf.h"
#include "conf/egress_entry.h"
#include "loop/stream.h"
#include "proto/egressctl.h"
#include "proto/event.h"
#include "proto/guest.h"
#include "proto/netctl.h"

#include <stdio.h>
#include <string.h>

#define EGRESS_STATUS_MS  1000
#define EGRESS_WATCHERS	  16
#define EGRESS_NAME_MAX	  256
#define EGRESS_REASON_MAX 128

struct egress_entry {
	char name[EGRESS_NAME_MAX];
	char address[48];
	char proto[8];
	char reason[EGRESS_REASON_MAX];
	uint16_t port;
	bool refused;
	int64_t count, first_ms, last_ms;
};

struct egress {
	struct egress_callbacks cb;
	void *ctx;
	struct loop *loop;
	const struct conf *conf;    /* borrowed */
	struct stream *control;	    /* to ccvm-net; NULL: none */
	struct json_splitter lines; /* of ccvm-net */
	struct egress_entry *log;   /* owned */
	size_t n;
	int64_t refused, allowed;	   /* connections */
	struct egress_entry last;	   /* refused; count 0: none */
	uint32_t watcher[EGRESS_WATCHERS]; /* numbers of clients */
	size_t watchers;
	struct strv decided; /* "+entry" or "-entry", for the session */
	bool gone;	     /* ccvm-net is */
	int64_t status_ms;   /* status.json was last written for this */
};

struct egress *egress_new(struct loop *loop, const struct conf *conf,
			  const struct egress_callbacks *callbacks, void *ctx)
{
	struct egress *g = mem_alloc(sizeof(*g));

	g->cb = *callbacks;
	g->ctx = ctx;
	g->loop = loop;
	g->conf = conf;
	return g;
}

void egress_free(struct egress *g)
{
	if (!g)
		return;
	egress_stop(g);
	strv_fini(&g->decided);
	free(g->log);
	free(g);
}

/* ---- towards ccvm-net ---- */

static bool egress_is_locked(const struct egress *g)
{
	return g->conf->egress_allowlist.n > 0;
}

void egress_net_args(const struct egress *g, struct strv *argv)
{
	bool six = false;

	if (!egress_is_locked(g))
		return;
	for (size_t i = 0; i < g->conf->egress_allowlist.n; i++)
		six = six || strchr(g->conf->egress_allowlist.v[i], ':');
	strv_add(argv, "--locked");
	if (!six)
		strv_add(argv, "--no-ipv6");
}

static void egress_put_decision(struct buf *out, const char *entry, bool allow, bool once)
{
	struct netctl_command c = {.type = NETCTL_DECIDE, .allow = allow, .once = once};

	snprintf(c.entry, sizeof(c.entry), "%s", entry);
	netctl_command_put(out, &c);
}

static void egress_put_watch(struct buf *out, bool on)
{
	netctl_command_put(out, &(struct netctl_command){.type = NETCTL_WATCH, .on = on});
}

static void egress_put_rules(const struct egress *g, struct buf *out)
{
	for (size_t i = 0; i < g->conf->egress_ports.n; i++) {
		struct netctl_command c = {.type = NETCTL_PORT};

		if (number_parse(g->conf->egress_ports.v[i], 1, 65535, &c.port))
			netctl_command_put(out, &c);
	}
	for (size_t i = 0; i < g->conf->egress_allowlist.n; i++) {
		struct netctl_command c = {.type = NETCTL_RULE};

		snprintf(c.entry, sizeof(c.entry), "%s", g->conf->egress_allowlist.v[i]);
		netctl_command_put(out, &c);
	}
}

static int egress_send_rules(const struct egress *g, int control_fd, struct err *e)
{
	AUTO_BUF struct buf lines = {0};

	if (!egress_is_locked(g))
		return 0;
	egress_put_rules(g, &lines);
	/* Another attempt's ccvm-net: what was decided and who is there to be asked holds for it
	 * too. */
	for (size_t i = 0; i < g->decided.n; i++)
		egress_put_decision(&lines, g->decided.v[i] + 1, g->decided.v[i][0] == '+', false);
	if (g->watchers)
		egress_put_watch(&lines, true);
	return file_write_all(control_fd, buf_data(&lines), buf_len(&lines), e);
}

static void egress_tell(struct egress *g, const struct buf *line)
{
	stream_write(g->control, buf_data(line), buf_len(line));
}

static void egress_tell_watch(struct egress *g)
{
	AUTO_BUF struct buf line = {0};

	if (!g->control || g->gone || !egress_is_locked(g))
		return;
	egress_put_watch(&line, g->watchers > 0);
	egress_tell(g, &line);
}

/* ---- what ccvm-net says ---- */

static bool egress_read(const struct netctl_report *r, struct egress_entry *e)
{
	*e = (struct egress_entry){.port = (uint16_t)r->port,
				   .refused = strcmp(r->verdict, NETCTL_REFUSED) == 0,
				   .count = r->count,
				   .first_ms = r->first_ms,
				   .last_ms = r->last_ms};
	snprintf(e->name, sizeof(e->name), "%s", r->name);
	snprintf(e->address, sizeof(e->address), "%s", r->address);
	snprintf(e->proto, sizeof(e->proto), "%s", r->proto);
	snprintf(e->reason, sizeof(e->reason), "%s", r->reason);
	return (e->refused || strcmp(r->verdict, NETCTL_ALLOWED) == 0) && e->name[0] &&
	       e->count > 0;
}

static struct egress_entry *egress_find(struct egress *g, const struct egress_entry *e)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->log[i].port == e->port && g->log[i].refused == e->refused &&
		    strcmp(g->log[i].name, e->name) == 0 && strcmp(g->log[i].proto, e->proto) == 0)
			return &g->log[i];
	return NULL;
}

/* A new place in the log: that of the entry seen last the longest ago, when it is full. */
static struct egress_entry *egress_place(struct egress *g)
{
	struct egress_entry *oldest;

	if (!g->log)
		g->log = mem_alloc_array(EGRESS_LOG_MAX, sizeof(*g->log));
	if (g->n < EGRESS_LOG_MAX)
		return &g->log[g->n++];
	oldest = &g->log[0];
	for (size_t i = 1; i < g->n; i++)
		if (g->log[i].last_ms < oldest->last_ms)
			oldest = &g->log[i];
	return oldest;
}

static const struct egress_entry *egress_merge(struct egress *g, const struct egress_entry *e)
{
	struct egress_entry *at = egress_find(g, e);

	*(e->refused ? &g->refused : &g->allowed) += e->count;
	if (!at) {
		at = egress_place(g);
		*at = *e;
		return at;
	}
	at->count += e->count;
	at->last_ms = e->last_ms;
	memcpy(at->reason, e->reason, sizeof(at->reason));
	memcpy(at->address, e->address, sizeof(at->address));
	return at;
}

static struct egressctl_row egress_row(const struct egress_entry *e)
{
	struct egressctl_row r = {.type = EGRESSCTL_CONNECTION,
				  .port = e->port,
				  .count = e->count,
				  .first_ms = e->first_ms,
				  .last_ms = e->last_ms};

	snprintf(r.verdict, sizeof(r.verdict), "%s", e->refused ? NETCTL_REFUSED : NETCTL_ALLOWED);
	snprintf(r.host, sizeof(r.host), "%s", e->name);
	snprintf(r.address, sizeof(r.address), "%s", e->address);
	snprintf(r.proto, sizeof(r.proto), "%s", e->proto);
	snprintf(r.reason, sizeof(r.reason), "%s", e->reason);
	return r;
}

static void egress_event(struct egress *g, const struct egress_entry *e)
{
	g->cb.event(g->ctx, &(struct event){.type = EVENT_EGRESS,
					    .verdict = NETCTL_REFUSED,
					    .host = e->name,
					    .address = e->address,
					    .port = e->port,
					    .proto = e->proto,
					    .reason = e->reason,
					    .count = e->count,
					    .first_ms = e->first_ms,
					    .last_ms = e->last_ms,
					    .egress_refused = g->refused});
}

static void egress_take(struct egress *g, const struct egress_entry *e)
{
	const struct egress_entry *merged = egress_merge(g, e);

	if (!e->refused)
		return;
	g->last = *merged;
	egress_event(g, merged);
	/* Many refusals a second are one line of status a second; the last ones come with the
	 * next report. */
	if (clock_wall_ms() - g->status_ms >= EGRESS_STATUS_MS) {
		g->status_ms = clock_wall_ms();
		g->cb.changed(g->ctx);
	}
}

static void egress_on_entry(struct egress *g, const struct netctl_report *r)
{
	struct egress_entry e;

	if (egress_read(r, &e))
		egress_take(g, &e);
}

void egress_on_guest_denied(struct egress *g, const struct guest_message *m)
{
	struct egress_entry e = {.refused = true, .port = (uint16_t)m->port, .count = m->count};

	if (!egress_is_locked(g) || !m->address[0] || m->port > 65535 || m->count < 1 ||
	    m->count > 1000000)
		return;
	snprintf(e.name, sizeof(e.name), "%s", m->address);
	snprintf(e.address, sizeof(e.address), "%s", m->address);
	snprintf(e.proto, sizeof(e.proto), "%s", m->proto);
	snprintf(e.reason, sizeof(e.reason), "not listed (the guest's own firewall)");
	e.first_ms = e.last_ms = clock_wall_ms();
	egress_take(g, &e);
}

static void egress_on_question(struct egress *g, const struct netctl_report *r)
{
	g->cb.event(g->ctx, &(struct event){.type = EVENT_EGRESS_QUESTION,
					    .host = r->name,
					    .port = r->port,
					    .wait_ms = r->wait_ms});
}

static void egress_on_line(void *ctx, const char *line, size_t n)
{
	struct netctl_report r;

	netctl_report_parse(&r, line, n);
	if (r.type == NETCTL_EGRESS)
		egress_on_entry(ctx, &r);
	else if (r.type == NETCTL_QUESTION)
		egress_on_question(ctx, &r);
}

static void egress_on_bytes(void *ctx, const void *bytes, size_t n)
{
	struct egress *g = ctx;

	json_split(&g->lines, bytes, n, egress_on_line, g);
}

static void egress_on_end(void *ctx)
{
	(void)ctx; /* ccvm-net's own end is what counts */
}

int egress_start(struct egress *g, int control_fd, struct err *e)
{
	const struct stream_callbacks cb = {egress_on_bytes, egress_on_end, NULL, g};
	const int rc = egress_send_rules(g, control_fd, e);

	egress_stop(g);
	memset(&g->lines, 0, sizeof(g->lines));
	g->gone = false;
	g->control = stream_open(g->loop, control_fd, &cb);
	return rc;
}

void egress_stop(struct egress *g)
{
	stream_close(g->control);
	g->control = NULL;
}

void egress_on_net_exit(struct egress *g)
{
	g->gone = true;
}

/* ---- requests of clients ---- */

static void egress_send_row(const struct egress *g, uint32_t client, const struct egressctl_row *r)
{
	AUTO_BUF struct buf row = {0};

	egressctl_row_put(&row, r);
	g->cb.to_client(g->ctx, client, buf_data(&row), buf_len(&row));
}

/* error and remedy: NULL, when all is well. */
static int egress_done(const struct egress *g, uint32_t client, const char *error,
		       const char *remedy)
{
	struct egressctl_row r = {.type = EGRESSCTL_DONE};

	snprintf(r.error, sizeof(r.error), "%s", error ? error : "");
	snprintf(r.remedy, sizeof(r.remedy), "%s", remedy ? remedy : "");
	egress_send_row(g, client, &r);
	return 0;
}

static int egress_compare(const void *a, const void *b)
{
	const int64_t x = ((const struct egress_entry *)a)->last_ms,
		      y = ((const struct egress_entry *)b)->last_ms;

	return (x > y) - (x < y);
}

static int egress_do_log(struct egress *g, uint32_t client, const struct egressctl_request *r)
{
	(void)r;
	if (g->n)
		qsort(g->log, g->n, sizeof(*g->log), egress_compare);
	for (size_t i = 0; i < g->n; i++) {
		const struct egressctl_row row = egress_row(&g->log[i]);

		egress_send_row(g, client, &row);
	}
	return egress_done(g, client, NULL, NULL);
}

static void egress_send_rule(const struct egress *g, uint32_t client, const char *kind,
			     const char *entry, const char *from)
{
	struct egressctl_row r = {.type = EGRESSCTL_RULE};

	snprintf(r.rule, sizeof(r.rule), "%s", kind);
	snprintf(r.entry, sizeof(r.entry), "%s", entry);
	snprintf(r.from, sizeof(r.from), "%s", from);
	egress_send_row(g, client, &r);
}

static int egress_do_rules(struct egress *g, uint32_t client, const struct egressctl_request *r)
{

	(void)r;
	if (!egress_is_locked(g))
		egress_send_rule(g, client, "open", "", "default");
	if (!g->conf->host_loopback)
		egress_send_rule(g, client, "no-host-loopback", "", "configuration");
	if (g->conf->link_local)
		egress_send_rule(g, client, "link-local", "", "configuration");
	for (size_t i = 0; egress_is_locked(g) && i < g->conf->egress_ports.n; i++)
		egress_send_rule(g, client, "port", g->conf->egress_ports.v[i], "configuration");
	for (size_t i = 0; i < g->conf->egress_allowlist.n; i++)
		egress_send_rule(g, client, "allow", g->conf->egress_allowlist.v[i],
				 "configuration");
	for (size_t i = 0; i < g->decided.n; i++)
		egress_send_rule(g, client, g->decided.v[i][0] == '+' ? "allow" : "deny",
				 g->decided.v[i] + 1, "session");
	return egress_done(g, client, NULL, NULL);
}

/* The last word about an entry counts. */
static void egress_remember(struct egress *g, bool allow, const char *entry)
{
	for (size_t i = 0; i < g->decided.n; i++)
		if (strcmp(g->decided.v[i] + 1, entry) == 0) {
			g->decided.v[i][0] = allow ? '+' : '-';
			return;
		}
	strv_addf(&g->decided, "%c%s", allow ? '+' : '-', entry);
}

static bool egress_is_address(const char *target)
{
	const char *colon = strchr(target, ':');
	AUTO_FREE char *name = mem_strndup(target,
					   colon ? (size_t)(colon - target) : strlen(target));

	return target[0] == '[' || egress_entry_is_literal(target) || egress_entry_is_literal(name);
}

static int egress_decide(struct egress *g, uint32_t client, const struct egressctl_request *r,
			 bool allow)
{
	AUTO_BUF struct buf line = {0};
	AUTO_FREE char *normal = NULL;
	struct err e;

	if (!egress_is_locked(g))
		return egress_done(g, client,
				   "egress of this session is open: everything can be reached",
				   "set egressAllowlist, then start a new session");
	if (!g->control || g->gone)
		return egress_done(g, client, "this session no longer has a network",
				   "start a new session");
	normal = egress_target_normalise(r->entry, &e);
	if (!normal)
		return egress_done(g, client, e.text, e.remedy);
	/* Addresses are the guest's own firewall's matter as well, which is set up once, at its
	 * start. */
	if (allow && egress_is_address(normal))
		return egress_done(
			g, client,
			"an address cannot be allowed while the session runs, only a name",
			"add it to egressAllowlist, then start a new session");
	egress_put_decision(&line, normal, allow, r->once);
	egress_tell(g, &line);
	if (!r->once)
		egress_remember(g, allow, normal);
	return egress_done(g, client, NULL, NULL);
}

static int egress_do_allow(struct egress *g, uint32_t client, const struct egressctl_request *r)
{
	return egress_decide(g, client, r, true);
}

static int egress_do_deny(struct egress *g, uint32_t client, const struct egressctl_request *r)
{
	return egress_decide(g, client, r, false);
}

static int egress_do_watch(struct egress *g, uint32_t client, const struct egressctl_request *r)
{

	(void)r;
	egress_forget_client(g, client);
	if (g->watchers == EGRESS_WATCHERS)
		return egress_done(g, client, "too many clients watch this session", NULL);
	g->watcher[g->watchers++] = client;
	egress_tell_watch(g);
	return egress_done(g, client, NULL, NULL);
}

void egress_forget_client(struct egress *g, uint32_t client)
{

	for (size_t i = 0; i < g->watchers; i++)
		if (g->watcher[i] == client) {
			g->watcher[i] = g->watcher[--g->watchers];
			egress_tell_watch(g);
			return;
		}
}

int egress_on_request(struct egress *g, uint32_t client, const void *json, size_t n)
{
	static int (*const run[EGRESSCTL_REQUESTS])(struct egress *, uint32_t,
						    const struct egressctl_request *) = {
		[EGRESSCTL_LOG] = egress_do_log,     [EGRESSCTL_RULES] = egress_do_rules,
		[EGRESSCTL_WATCH] = egress_do_watch, [EGRESSCTL_ALLOW] = egress_do_allow,
		[EGRESSCTL_DENY] = egress_do_deny,
	};
	struct egressctl_request r;

	egressctl_request_parse(&r, json, n);
	return r.type ? run[r.type](g, client, &r) : -1;
}

void egress_add_status(const struct egress *g, struct buf *out)
{

	json_add_string(out, "egress", egress_is_locked(g) ? "locked" : "open");
	json_add_int(out, "egress_refused", g->refused);
	json_add_int(out, "egress_allowed", g->allowed);
	json_add_string(out, "egress_last_refused", g->last.count ? g->last.name : NULL);
	json_add_int(out, "egress_last_refused_port", g->last.port);
}

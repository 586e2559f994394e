/* ccvmctl egress: what a session may reach and what it tried, and changing that while it runs. */
#include "ctl/ctl.h"
#include "ctl/ctl_session.h"
#include "ctl/egress_check.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "client/link.h"
#include "conf/conf.h"
#include "conf/conf_edit.h"
#include "conf/conf_file.h"
#include "conf/egress_entry.h"
#include "net/net_rules.h"
#include "proto/egressctl.h"
#include "proto/wire.h"
#include "conf/env.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define EGRESS_PATIENCE_MS 10000

typedef void egress_row_fn(void *ctx, const char *json, size_t n, const struct egressctl_row *r);

/* The next frame of this type; the caller drops it. 0: the session has ended. */
static int egress_next(struct link *k, enum wire_type type, int patience_ms, struct wire_frame *f,
		       struct err *e)
{
	int rc;

	while ((rc = link_next(k, patience_ms, f, e)) == 1) {
		if (f->type == type)
			return 1;
		link_drop(k, f);
	}
	return rc == 2 ? err_set(e, "the session does not answer") : rc;
}

/* Reads the rows of an answer. */
static int egress_rows(struct link *k, egress_row_fn *on_row, void *ctx, struct err *e)
{
	static struct egressctl_row r;
	struct wire_frame f;
	int rc;

	while ((rc = egress_next(k, WIRE_EGRESS_ROW, EGRESS_PATIENCE_MS, &f, e)) == 1) {
		egressctl_row_parse(&r, f.payload, f.n);
		if (r.type == EGRESSCTL_NO_ROW)
			return err_set(e, "the session sent a malformed answer");
		if (r.type != EGRESSCTL_DONE && on_row)
			on_row(ctx, (const char *)f.payload, f.n, &r);
		link_drop(k, &f);
		if (r.type != EGRESSCTL_DONE)
			continue;
		if (!r.error[0])
			return 0;
		err_set(e, "%s", r.error);
		return r.remedy[0] ? err_remedy(e, "%s", r.remedy) : -1;
	}
	return rc < 0 ? -1 : err_set(e, "the session ended");
}

/* Connects and sends one request. The caller closes the link, after an error too. */
static int egress_request(struct link *k, const char *session,
			  const struct egressctl_request *request, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	if (link_open(k, session, e) < 0)
		return -1;
	egressctl_request_put(&text, request);
	return link_send(k, WIRE_EGRESS, buf_data(&text), buf_len(&text), e);
}

static int egress_ask(const char *session, const struct egressctl_request *request,
		      egress_row_fn *on_row, void *ctx, struct err *e)
{
	struct link k;
	int rc = egress_request(&k, session, request, e);

	if (rc == 0)
		rc = egress_rows(&k, on_row, ctx, e);
	link_close(&k);
	return rc;
}

/* ---- showing ---- */

/* What a guest chose is in these texts: the session let no control characters through, and it is
 * escaped again. */
static void egress_print_padded(const char *text, int width)
{
	AUTO_BUF struct buf shown = {0};

	log_escape(&shown, text, strlen(text), 512);
	printf("%-*s", width, buf_text(&shown));
}

static void egress_print_text(const char *text)
{
	egress_print_padded(text, 0);
}

static void egress_print_time(int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm t;
	char text[32];

	localtime_r(&s, &t);
	strftime(text, sizeof(text), "%H:%M:%S", &t);
	printf("%s", text);
}

static void egress_print_entry(const struct egressctl_row *r)
{
	egress_print_time(r->last_ms);
	printf("  ");
	egress_print_padded(r->verdict, 7);
	printf("  ");
	egress_print_text(r->host);
	printf(":%" PRId64 " ", r->port);
	egress_print_text(r->proto);
	printf("  %" PRId64 "x  ", r->count);
	egress_print_text(r->reason);
	printf("\n");
}

static void egress_print_rule(const struct egressctl_row *r)
{
	egress_print_padded(r->rule, 6);
	printf(" ");
	egress_print_text(r->entry);
	printf("  (");
	egress_print_text(r->from);
	printf(")\n");
}

struct egress_output {
	bool json;
	void (*print)(const struct egressctl_row *r);
};

static void egress_print_json(const char *json, size_t n)
{
	log_print(json, n);
	printf("\n");
}

static void egress_on_row(void *ctx, const char *json, size_t n, const struct egressctl_row *r)
{
	const struct egress_output *o = ctx;

	if (o->json)
		egress_print_json(json, n);
	else
		o->print(r);
}

/* ---- the commands: the first operand is SESSION, but for check with one ---- */

static int egress_do_log(const struct ctl_args *a, struct err *e)
{
	struct egress_output o = {ctl_has(a, "json"), egress_print_entry};
	const struct egressctl_request request = {.type = EGRESSCTL_LOG};

	return egress_ask(a->operands[0], &request, egress_on_row, &o, e);
}

static int egress_do_rules(const struct ctl_args *a, struct err *e)
{
	struct egress_output o = {ctl_has(a, "json"), egress_print_rule};
	const struct egressctl_request request = {.type = EGRESSCTL_RULES};

	return egress_ask(a->operands[0], &request, egress_on_row, &o, e);
}

/* Prints refusals and questions until the session ends. While it runs, unlisted names wait for
 * allow or deny. */
static int egress_do_watch(const struct ctl_args *a, struct err *e)
{
	static struct json_line l;
	const struct egressctl_request request = {.type = EGRESSCTL_WATCH};
	struct egressctl_row row = {0};
	struct link k;
	struct wire_frame frame;
	int rc;

	rc = egress_request(&k, a->operands[0], &request, e);
	if (rc == 0)
		rc = egress_rows(&k, NULL, NULL, e);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (rc == 0 && egress_next(&k, WIRE_EVENT, -1, &frame, e) == 1) {
		const char *event = json_parse_line((const char *)frame.payload, frame.n, &l) == 0
					    ? json_get_string(&l, "event")
					    : NULL;

		if (event && ctl_has(a, "json") && strncmp(event, "egress", 6) == 0) {
			egress_print_json((const char *)frame.payload, frame.n);
		} else if (event && strcmp(event, "egress") == 0) {
			if (line_get(&egressctl_rows[EGRESSCTL_CONNECTION], &l, &row))
				egress_print_entry(&row);
		} else if (event && strcmp(event, "egress-question") == 0) {
			const char *host = json_get_string(&l, "host");
			int64_t port = 0;

			json_get_int(&l, "port", &port);
			printf("waiting: ");
			egress_print_text(host ? host : "-");
			printf(":%" PRId64 "  ccvmctl egress allow|deny %s ", port, a->operands[0]);
			egress_print_text(host ? host : "-");
			printf(":%" PRId64 "\n", port);
		}
		link_drop(&k, &frame);
	}
	link_close(&k);
	return rc;
}

/* A port that is for one entry has no place in the file, where ports are for all. */
static int egress_edit_config(const char *target, bool allow, struct err *e)
{
	AUTO_FREE char *path = env_config_file(env_all());
	struct net_rules_entry entry;
	struct conf c;
	bool listed = false;
	int64_t port;
	int rc;

	if (!path || !net_rules_parse(&entry, target))
		return err_set(e, "no config file to edit");
	conf_init(&c);
	rc = conf_load(&c, NULL, env_all(), e);
	for (size_t i = 0; i < c.egress_ports.n; i++)
		listed = listed ||
			 (number_parse(c.egress_ports.v[i], 1, 65535, &port) && port == entry.port);
	conf_fini(&c);
	if (rc < 0)
		return -1;
	if (entry.port && allow && !listed) {
		err_set(e, "port %u is not in egressPorts, which apply to all listed hosts",
			entry.port);
		return err_remedy(e, "add it to egressPorts in %s by hand, or use --session", path);
	}
	return allow ? conf_edit_add(path, "egressAllowlist", entry.name, e)
		     : conf_edit_remove(path, "egressAllowlist", entry.name, e);
}

static void egress_report(const char *session, const char *op, const char *target)
{
	AUTO_BUF struct buf out = {0};

	json_begin(&out);
	json_add_string(&out, "session", session);
	json_add_string(&out, "rule", op);
	json_add_string(&out, "entry", target);
	json_end(&out);
	ctl_print_json(&out);
}

static int egress_decide(const struct ctl_args *a, enum egressctl_request_type type, struct err *e)
{
	struct egressctl_request request = {.type = type, .once = ctl_has(a, "once")};
	const char *op = egressctl_requests[type].type;
	const bool always = ctl_has(a, "always");
	AUTO_FREE char *target = egress_target_normalise(a->operands[1], e);

	if (!target)
		return err_exit_code(e, ERR_EXIT_POLICY);
	if (request.once + ctl_has(a, "session") + always > 1)
		return ctl_usage(e, "only one of --once, --session and --always may be given");
	snprintf(request.entry, sizeof(request.entry), "%s", target);
	if (egress_ask(a->operands[0], &request, NULL, NULL, e) < 0)
		return -1;
	if (always && egress_edit_config(target, type == EGRESSCTL_ALLOW, e) < 0)
		return -1;
	if (ctl_has(a, "json"))
		egress_report(a->operands[0], op, target);
	return 0;
}

static int egress_do_allow(const struct ctl_args *a, struct err *e)
{
	return egress_decide(a, EGRESSCTL_ALLOW, e);
}

static int egress_do_deny(const struct ctl_args *a, struct err *e)
{
	return egress_decide(a, EGRESSCTL_DENY, e);
}

static void egress_take_rule(void *ctx, const char *json, size_t n, const struct egressctl_row *r)
{
	(void)json;
	(void)n;
	egress_check_add(ctx, r->rule, r->entry, r->from);
}

/* One argument is about a start in this directory, two are about what holds in a session. */
static int egress_do_check(const struct ctl_args *a, struct err *e)
{
	const struct egressctl_request request = {.type = EGRESSCTL_RULES};
	struct egress_check r = {0};
	int rc;

	rc = a->n == 2 ? egress_ask(a->operands[0], &request, egress_take_rule, &r, e)
		       : egress_check_configuration(&r, e);
	if (rc == 0)
		rc = egress_check_print(&r, a->operands[a->n - 1], ctl_has(a, "json"), e);
	egress_check_fini(&r);
	return rc;
}

/* clang-format off */
#define EGRESS_HOW_LONG \
	{"once", 0, NULL, "for the connections that wait, or for one connection"}, \
	{"session", 0, NULL, "until the session ends (default)"}, \
	{"always", 0, NULL, "also write it to the configuration file"}
/* clang-format on */

static const struct ctl_command egress_commands[] = {
	{.name = "log",
	 .operands = "SESSION",
	 .help = "print what a session tried to reach",
	 .more = "With --json, prints one object a line.",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .least = 1,
	 .most = 1,
	 .operand = CTL_SESSION,
	 .run = egress_do_log},
	{.name = "rules",
	 .operands = "SESSION",
	 .help = "print what a session may reach",
	 .more = "With --json, prints one object a line.",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .least = 1,
	 .most = 1,
	 .operand = CTL_SESSION,
	 .run = egress_do_rules},
	{.name = "watch",
	 .operands = "SESSION",
	 .help = "print refusals and questions until the session ends; meanwhile unlisted names "
		 "wait "
		 "for allow or deny",
	 .more = "With --json, prints one object a line.",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .least = 1,
	 .most = 1,
	 .operand = CTL_SESSION,
	 .run = egress_do_watch},
	{.name = "check",
	 .operands = "[SESSION] NAME[:PORT]",
	 .help = "check whether a session, or one started here, may reach a host",
	 .more = "The exit code is 1 when it may not.",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .least = 1,
	 .most = 2,
	 .operand = CTL_SESSION,
	 .run = egress_do_check},
	{.name = "allow",
	 .operands = "SESSION NAME[:PORT]",
	 .help = "allow a session to reach a host",
	 .options = (const struct ctl_option[]){EGRESS_HOW_LONG, CTL_JSON, {0}},
	 .least = 2,
	 .most = 2,
	 .operand = CTL_SESSION,
	 .run = egress_do_allow},
	{.name = "deny",
	 .operands = "SESSION NAME[:PORT]",
	 .help = "refuse a session to reach a host",
	 .options = (const struct ctl_option[]){EGRESS_HOW_LONG, CTL_JSON, {0}},
	 .least = 2,
	 .most = 2,
	 .operand = CTL_SESSION,
	 .run = egress_do_deny},
};

const struct ctl_command ctl_egress = {
	.name = "egress",
	.operands = "COMMAND ...",
	.help = "show and change what a session may reach, and what it tried",
	.commands = (const struct ctl_command *const[]){&egress_commands[0], &egress_commands[1],
							&egress_commands[2], &egress_commands[3],
							&egress_commands[4], &egress_commands[5],
							NULL},
};

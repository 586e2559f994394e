#include "proto/egressctl.h"

#include <string.h>

#define TEXT(member, help)  LINE_TEXT_FIELD(egressctl_row, #member, member, LINE_TEXT, help)
#define SHOWN(member, help) LINE_TEXT_FIELD(egressctl_row, #member, member, LINE_SHOWN, help)
#define FIGURE(member, help)                                                                       \
	LINE_NUMBER_FIELD(egressctl_row, #member, member, LINE_FIGURE, 0, INT64_MAX, help)
#define DECISION                                                                                   \
	LINE_FIELDS(LINE_TEXT_FIELD(egressctl_request, "entry", entry, LINE_TEXT,                  \
				    "a name, *.name, address or network, with :PORT or without"),  \
		    LINE_FLAG_FIELD(egressctl_request, "once", once,                               \
				    "for the connections that wait, or for one connection"))

const struct line_shape egressctl_requests[EGRESSCTL_REQUESTS] = {
	[EGRESSCTL_LOG] = {"log", NULL, 0, "what the guest tried to reach"},
	[EGRESSCTL_RULES] = {"rules", NULL, 0, "what it may reach"},
	[EGRESSCTL_WATCH] = {"watch", NULL, 0,
			     "from now on unlisted names wait for a decision; events tell of them"},
	[EGRESSCTL_ALLOW] = {"allow", DECISION, "allow it"},
	[EGRESSCTL_DENY] = {"deny", DECISION, "refuse it"},
};

const struct line_shape egressctl_rows[EGRESSCTL_ROWS] = {
	[EGRESSCTL_CONNECTION] =
		{"connection",
		 LINE_FIELDS(TEXT(verdict, "allowed or refused"),
			     TEXT(host, "the name, or the address"), TEXT(address, "may be empty"),
			     FIGURE(port, "0 for icmp"), TEXT(proto, "tcp, udp or icmp"),
			     TEXT(reason, "why"), FIGURE(count, "connections"),
			     FIGURE(first_ms, "since 1970"), FIGURE(last_ms, "since 1970")),
		 "connections to one port of one host"},
	[EGRESSCTL_RULE] =
		{"rule",
		 LINE_FIELDS(TEXT(rule, "allow, deny, port, open, no-host-loopback or link-local"),
			     TEXT(entry, "what it is about; may be empty"),
			     TEXT(from, "default, configuration or session")),
		 "a rule that holds"},
	[EGRESSCTL_DONE] = {"done",
			    LINE_FIELDS(SHOWN(error, "why the request failed"),
					SHOWN(remedy, "what to do")),
			    "the end of the answer"},
};

static void egressctl_put(struct buf *out, const struct line_shape *shape, const void *values)
{
	AUTO_BUF struct buf line = {0};

	line_put(shape, values, &line);
	buf_add(out, buf_data(&line), buf_len(&line) - 1); /* a frame needs no newline */
}

void egressctl_request_put(struct buf *out, const struct egressctl_request *r)
{
	egressctl_put(out, &egressctl_requests[r->type], r);
}

void egressctl_row_put(struct buf *out, const struct egressctl_row *r)
{
	egressctl_put(out, &egressctl_rows[r->type], r);
}

void egressctl_request_parse(struct egressctl_request *r, const void *text, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->type = (enum egressctl_request_type)line_parse(egressctl_requests, EGRESSCTL_REQUESTS,
							  text, n, r);
}

void egressctl_row_parse(struct egressctl_row *r, const void *text, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->type = (enum egressctl_row_type)line_parse(egressctl_rows, EGRESSCTL_ROWS, text, n, r);
}

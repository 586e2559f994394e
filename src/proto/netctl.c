#include "proto/netctl.h"
#include "base/mem.h"

#include <string.h>

#define ENTRY                                                                                      \
	LINE_TEXT_FIELD(netctl_command, "entry", entry, LINE_TEXT,                                 \
			"a name, *.name, address or network, with :PORT or without")
#define FLAG(member, help)  LINE_FLAG_FIELD(netctl_command, #member, member, help)
#define SHOWN(member, help) LINE_TEXT_FIELD(netctl_report, #member, member, LINE_SHOWN, help)
#define NUMBER(member, most, help)                                                                 \
	LINE_NUMBER_FIELD(netctl_report, #member, member, LINE_NUMBER, 0, most, help)
#define REPORT_FLAG(member, help) LINE_FLAG_FIELD(netctl_report, #member, member, help)

const struct line_shape netctl_commands[NETCTL_COMMANDS] = {
	[NETCTL_STATS] = {"stats", NULL, 0, "report the counters"},
	[NETCTL_PORT] = {"port",
			 LINE_FIELDS(LINE_NUMBER_FIELD(netctl_command, "port", port, LINE_NUMBER, 1,
						       65535, "1 to 65535")),
			 "a port of the listed hosts"},
	[NETCTL_RULE] = {"rule", LINE_FIELDS(ENTRY), "an entry of the allowlist"},
	[NETCTL_DECIDE] = {"decide",
			   LINE_FIELDS(ENTRY, FLAG(allow, "allow, else refuse"),
				       FLAG(once, "for once, else for the session")),
			   "the user's decision"},
	[NETCTL_WATCH] = {"watch", LINE_FIELDS(FLAG(on, "somebody is there to be asked")),
			  "whether questions are asked"},
};

const struct line_shape netctl_reports[NETCTL_REPORTS] = {
	[NETCTL_READY] = {"ready",
			  LINE_FIELDS(REPORT_FLAG(landlock, "files are out of reach"),
				      NUMBER(landlock_abi, 1000, "of the kernel"),
				      REPORT_FLAG(ipv6, "the guest has IPv6"),
				      NUMBER(mtu, 65535, "of the guest's network"),
				      REPORT_FLAG(locked, "an allowlist holds")),
			  "the network is there"},
	[NETCTL_EGRESS] = {"egress",
			   LINE_FIELDS(SHOWN(verdict, "allowed or refused"),
				       SHOWN(name, "the host, or its address"),
				       SHOWN(address, "may be empty"),
				       NUMBER(port, 65535, "0 for icmp"),
				       SHOWN(proto, "tcp, udp or icmp"), SHOWN(reason, "why"),
				       NUMBER(count, INT32_MAX,
					      "connections since the last such report"),
				       NUMBER(first_ms, INT64_MAX, "since 1970"),
				       NUMBER(last_ms, INT64_MAX, "since 1970")),
			   "connections that the guest tried"},
	[NETCTL_QUESTION] = {"question",
			     LINE_FIELDS(SHOWN(name, "the host"), NUMBER(port, 65535, "the port"),
					 NUMBER(wait_ms, INT32_MAX,
						"how long the answer is waited for")),
			     "a connection waits for the user's decision"},
};

void netctl_command_put(struct buf *out, const struct netctl_command *c)
{
	line_put(&netctl_commands[c->type], c, out);
}

void netctl_command_parse(struct netctl_command *c, const char *line, size_t n)
{
	memset(c, 0, sizeof(*c));
	c->type = (enum netctl_command_type)line_parse(netctl_commands, NETCTL_COMMANDS, line, n,
						       c);
}

void netctl_report_put(struct buf *out, const struct netctl_report *r)
{
	line_put(&netctl_reports[r->type], r, out);
}

void netctl_report_parse(struct netctl_report *r, const char *line, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->type = (enum netctl_report_type)line_parse(netctl_reports, NETCTL_REPORTS, line, n, r);
}

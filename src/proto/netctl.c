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

/* ---- counters ---- */

#define LONG(type, member, help) DOCUMENT_FIELD(type, member, DOCUMENT_LONG, help)
#define OF_REFUSED(member, help) LONG(netctl_refused, member, help)

DOCUMENT_SHAPE(netctl_from_guest, LONG(netctl_from_guest, frames, "passed on"),
	       LONG(netctl_from_guest, bytes, "in them"));
DOCUMENT_SHAPE(netctl_to_guest, LONG(netctl_to_guest, frames, "sent"),
	       LONG(netctl_to_guest, bytes, "in them"),
	       LONG(netctl_to_guest, dropped, "frames for which QEMU had no room"),
	       LONG(netctl_to_guest, urgent, "frames stopped: TCP with urgent data"));
DOCUMENT_SHAPE(netctl_refused, OF_REFUSED(malformed, "broken headers"),
	       OF_REFUSED(too_long, "longer than the MTU"),
	       OF_REFUSED(type, "neither ARP, IPv4 nor IPv6, or with a VLAN tag"),
	       OF_REFUSED(urgent, "TCP that may bring urgent data"),
	       OF_REFUSED(tcp_fragment, "TCP in fragments"),
	       OF_REFUSED(fragment_rate, "too many fragments"),
	       OF_REFUSED(extension, "IPv6 with extension headers"),
	       OF_REFUSED(protocol, "neither TCP, UDP, ICMP nor ICMPv6"),
	       OF_REFUSED(source, "from an address that is not the guest's"),
	       OF_REFUSED(destination, "to an address that is not one of this network"),
	       OF_REFUSED(checksum, "a wrong checksum"),
	       OF_REFUSED(service, "to a port of the gateway or the resolver without a service"));
DOCUMENT_SHAPE(netctl_stats, DOCUMENT_FIELD(netctl_stats, type, DOCUMENT_TEXT, NETCTL_STATS_TYPE),
	       DOCUMENT_INSIDE_FIELD(netctl_stats, from_guest, netctl_from_guest_shape,
				     "frames from the guest"),
	       DOCUMENT_INSIDE_FIELD(netctl_stats, to_guest, netctl_to_guest_shape,
				     "frames to the guest"),
	       DOCUMENT_INSIDE_FIELD(netctl_stats, refused, netctl_refused_shape,
				     "frames from the guest that were dropped, by reason"),
	       LONG(netctl_stats, connections_allowed, "since the start"),
	       LONG(netctl_stats, connections_refused, "since the start"),
	       LONG(netctl_stats, flows, "open, with an allowlist"));

void netctl_stats_put(struct buf *out, const struct netctl_stats *s)
{
	static char type[] = NETCTL_STATS_TYPE;
	struct netctl_stats typed = *s;

	typed.type = type;
	document_put(&netctl_stats_shape, &typed, out);
	buf_add(out, "\n", 1);
}

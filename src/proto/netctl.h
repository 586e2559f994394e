/* netctl: the messages between the session and ccvm-net, one JSON object a line. docs/protocols has
 * the fields, from the tables in netctl.c. Unknown messages are from a newer program and are
 * ignored. */
#ifndef CCVM_PROTO_NETCTL_H
#define CCVM_PROTO_NETCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/document.h"
#include "proto/line.h"

/* ---- session to ccvm-net ---- */

enum netctl_command_type {
	NETCTL_UNKNOWN,
	NETCTL_STATS,
	NETCTL_PORT,
	NETCTL_RULE,
	NETCTL_DECIDE,
	NETCTL_WATCH,
};
#define NETCTL_COMMANDS (NETCTL_WATCH + 1)

#define NETCTL_ENTRY_MAX 300

struct netctl_command {
	enum netctl_command_type type;
	char entry[NETCTL_ENTRY_MAX]; /* as net_rules_parse reads it */
	int64_t port;
	bool allow, once; /* NETCTL_DECIDE */
	bool on;	  /* NETCTL_WATCH */
};

void netctl_command_put(struct buf *out, const struct netctl_command *c);
/* Pure. */
void netctl_command_parse(struct netctl_command *c, const char *line, size_t n);

/* ---- ccvm-net to session ---- */

enum netctl_report_type {
	NETCTL_NOTHING,
	NETCTL_READY,
	NETCTL_EGRESS,
	NETCTL_QUESTION,
};
#define NETCTL_REPORTS (NETCTL_QUESTION + 1)

struct netctl_report {
	enum netctl_report_type type;
	char verdict[8]; /* allowed, refused */
	char name[256], address[48], proto[8], reason[80];
	int64_t port, count, first_ms, last_ms, wait_ms;
	bool landlock, ipv6, locked;
	int64_t landlock_abi, mtu;
};

#define NETCTL_REFUSED "refused"
#define NETCTL_ALLOWED "allowed"

void netctl_report_put(struct buf *out, const struct netctl_report *r);
/* Pure. ccvm-net parses what a guest sends and may be taken over by it: texts are escaped, numbers
 * bounded. */
void netctl_report_parse(struct netctl_report *r, const char *line, size_t n);

/* The answer to NETCTL_STATS, and the last line of all: counters, for tests and whoever looks. */
struct netctl_stats {
	char *type; /* NETCTL_STATS_TYPE; borrowed where it is written */
	struct netctl_from_guest {
		int64_t frames, bytes;
	} from_guest;
	struct netctl_to_guest {
		int64_t frames, bytes, dropped, urgent;
	} to_guest;
	struct netctl_refused {
		int64_t malformed, too_long, type, urgent, tcp_fragment, fragment_rate;
		int64_t extension, protocol, source, destination, checksum, service;
	} refused;
	int64_t connections_allowed, connections_refused, flows;
};
#define NETCTL_STATS_TYPE "stats"

/* Appends the line, its newline included; s->type need not be set. */
void netctl_stats_put(struct buf *out, const struct netctl_stats *s);

extern const struct document_shape netctl_stats_shape, netctl_from_guest_shape,
	netctl_to_guest_shape, netctl_refused_shape;

/* The tables, by type, for docs/protocols and tests; the first row of each is no message. */
extern const struct line_shape netctl_commands[NETCTL_COMMANDS];
extern const struct line_shape netctl_reports[NETCTL_REPORTS];

#endif

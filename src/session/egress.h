/* egress: the session's side of an allowlist: what ccvm-net is told, what it reports, and the requests of clients.
 *
 * ccvm-net is not trusted: its lines are read with bounds, names are checked for their characters, and the log holds
 * EGRESS_LOG_MAX different entries at most.
 *
 * A request is a WIRE_EGRESS frame with one JSON object: {"op":"log"}, {"op":"rules"}, {"op":"watch"},
 * {"op":"allow"|"deny","entry":E,"once":B}. The answer is WIRE_EGRESS_ROW frames, one JSON object each; the last one has
 * "done":true, and "error" (with "remedy") when the request failed. A client that watches gets questions by the
 * events everybody gets. */
#ifndef CCVM_SESSION_EGRESS_H
#define CCVM_SESSION_EGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

#define EGRESS_LOG_MAX	  1024
#define EGRESS_WATCHERS	  16
#define EGRESS_NAME_MAX	  256
#define EGRESS_REASON_MAX 128

struct guest_message;
struct session;
struct client;

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
	struct json_splitter lines; /* of ccvm-net */
	struct egress_entry *log;   /* owned */
	size_t n;
	int64_t refused, allowed; /* connections */
	struct egress_entry last; /* refused; count 0: none */
	const struct client *watcher[EGRESS_WATCHERS]; /* borrowed until egress_forget_client */
	size_t watchers;
	struct strv decided; /* "+entry" or "-entry", for the session */
	bool gone;	     /* ccvm-net is */
	int64_t status_ms;   /* status.json was last written for this */
};

/* The arguments of ccvm-net beyond the usual: appended to argv, which the caller owns. */
void egress_net_args(const struct session *s, struct strv *argv);

/* Writes the rules to ccvm-net's control socket, before QEMU runs. */
int egress_send_rules(struct session *s, int control_fd, struct err *e);

/* What ccvm-net says. */
void egress_on_bytes(struct session *s, const void *bytes, size_t n);
/* What the guest says that its own firewall refused. Only a locked guest has one. */
void egress_on_guest_denied(struct session *s, const struct guest_message *m);
void egress_on_net_exit(struct session *s);

/* A request; -1: malformed. */
int egress_on_request(struct session *s, struct client *c, const void *json, size_t n);
void egress_forget_client(struct session *s, const struct client *c);

/* Fields of status.json. */
void egress_add_status(const struct session *s, struct buf *out);

#endif

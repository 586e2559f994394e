/* egress: the session's side of an allowlist: what ccvm-net is told, what it reports, and the
 * requests of clients.
 *
 * ccvm-net is not trusted: its lines are read with bounds, names are checked for their characters,
 * and the log holds EGRESS_LOG_MAX different entries at most.
 *
 * A request is a WIRE_EGRESS frame, the answer WIRE_EGRESS_ROW frames (proto/egressctl.h),
 * "done" the last. A client that watches gets questions by the events everybody gets. */
#ifndef CCVM_SESSION_EGRESS_H
#define CCVM_SESSION_EGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define EGRESS_LOG_MAX 1024

struct event;
struct loop;
struct conf;
struct guest_message;

struct egress;

struct egress_callbacks {
	void (*to_client)(void *ctx, uint32_t client, const void *row, size_t n);
	void (*event)(void *ctx, const struct event *e);
	void (*changed)(void *ctx); /* what egress_add_status says */
};

/* conf: borrowed. */
struct egress *egress_new(struct loop *loop, const struct conf *conf,
			  const struct egress_callbacks *callbacks, void *ctx);
void egress_free(struct egress *g); /* NULL is fine */

/* The arguments of ccvm-net beyond the usual: appended to argv, which the caller owns. */
void egress_net_args(const struct egress *g, struct strv *argv);

/* A new ccvm-net: takes over its control socket and writes the rules to it, before QEMU runs. */
int egress_start(struct egress *g, int control_fd, struct err *e);
/* Lets go of the control socket. */
void egress_stop(struct egress *g);
void egress_on_net_exit(struct egress *g);

/* What the guest says that its own firewall refused. Only a locked guest has one. */
void egress_on_guest_denied(struct egress *g, const struct guest_message *m);

/* A request; -1: malformed. */
int egress_on_request(struct egress *g, uint32_t client, const void *json, size_t n);
void egress_forget_client(struct egress *g, uint32_t client);

/* Fields of status.json. */
void egress_add_status(const struct egress *g, struct buf *out);

#endif

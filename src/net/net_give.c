#include "net/net_give.h"
#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct net_give {
	struct net_give_config config;
	uint16_t giving;   /* the port of the flow whose frame libslirp is being given, or 0 */
	struct buf closed; /* ports of flows whose socket libslirp has closed, uint16_t each */
	size_t loose;
	bool is_loose[NET_FLOW_FD_END];
};

/* A flow that should have a socket by now and has none: libslirp could not connect, and the next
 * result of the name may do better; or the flow is over, and the answer to the next packet tells
 * the end that does not know yet. */
static void give_reap(struct net_give *g, uint16_t port)
{
	struct net_flow *f = net_flows_by_slirp_port(g->config.flows, port);

	if (!f || f->fd >= 0 || f->state < NET_FLOW_OPENING)
		return;
	if (f->state != NET_FLOW_OPENING)
		net_carry_end(g->config.carry, f);
	else if (!net_open_try_next(g->config.open, f))
		net_carry_cut(g->config.carry, f);
}

static void give_reap_closed(struct net_give *g)
{
	uint16_t port;

	while (buf_len(&g->closed)) {
		memcpy(&port, g->closed.bytes + g->closed.start, sizeof(port));
		buf_drop(&g->closed, sizeof(port));
		give_reap(g, port);
	}
}

static void give_one(struct net_give *g, uint16_t port, const uint8_t *frame, size_t len)
{
	const struct net_flow *f = port ? net_flows_by_slirp_port(g->config.flows, port) : NULL;

	if (port && !f)
		return; /* it ended before libslirp had seen it */
	g->giving = port;
	g->config.to_slirp(g->config.ctx, frame, len);
	g->giving = 0;
	/* libslirp had no socket for it, and may have sent no answer. */
	f = port ? net_flows_by_slirp_port(g->config.flows, port) : NULL;
	if (f && f->fd < 0)
		buf_add(&g->closed, &port, sizeof(port));
}

void net_give_all(struct net_give *g)
{
	const uint8_t *frame;
	uint16_t port;
	size_t len;

	do {
		while (net_queue_take(g->config.queue, &port, &frame, &len))
			give_one(g, port, frame, len);
		give_reap_closed(g);
	} while (!net_queue_is_empty(g->config.queue));
}

static void give_note_loose(struct net_give *g, int fd, bool open)
{
	if (fd >= NET_FLOW_FD_END || g->is_loose[fd] == open)
		return;
	g->is_loose[fd] = open;
	g->loose += open ? 1 : -(size_t)1;
}

void net_give_on_socket(struct net_give *g, int fd, bool open)
{
	struct net_flows *flows = g->config.flows;
	struct net_flow *f = open ? g->giving ? net_flows_by_slirp_port(flows, g->giving) : NULL
				  : net_flows_by_fd(flows, fd);

	if (!f) {
		give_note_loose(g, fd, open);
		return;
	}
	net_flows_set_fd(flows, f, open ? fd : -1);
	if (!open && f->state == NET_FLOW_ENDED)
		net_flows_remove(flows, f);
	else if (!open)
		buf_add(&g->closed, &f->slirp_port, sizeof(f->slirp_port));
}

size_t net_give_loose(const struct net_give *g)
{
	return g->loose;
}

struct net_give *net_give_new(const struct net_give_config *config)
{
	struct net_give *g = mem_alloc(sizeof(*g));

	g->config = *config;
	return g;
}

void net_give_free(struct net_give *g)
{
	if (!g)
		return;
	buf_fini(&g->closed);
	free(g);
}

#include "net/net_flow.h"
#include "base/mem.h"

#include <string.h>

#define BUCKETS	   2048U
#define PORT_FIRST 1024U
#define PORT_END   65536U

struct net_flows {
	struct net_flow flow[NET_FLOW_MAX];
	/* Index + 1; 0: none. */
	int16_t bucket[BUCKETS];
	int16_t by_port[PORT_END];
	int16_t by_fd[NET_FLOW_FD_END];
	uint32_t next_port;
	size_t next_slot;
	size_t n;
	size_t asking, timed;
	size_t kept; /* bytes of all flows */
};

struct net_flows *net_flows_new(void)
{
	struct net_flows *t = mem_alloc(sizeof(*t));

	t->next_port = PORT_FIRST;
	return t;
}

void net_flows_free(struct net_flows *t)
{
	for (size_t i = 0; t && i < NET_FLOW_MAX; i++)
		free(t->flow[i].bytes);
	free(t);
}

static int16_t *flows_bucket(struct net_flows *t, uint8_t proto, uint16_t guest_port,
			     const uint8_t target[4], uint16_t port)
{
	uint32_t hash = (uint32_t)proto << 16 ^ (uint32_t)guest_port << 16 ^ port ^
			(uint32_t)target[3] << 8 ^ (uint32_t)target[2] << 4 ^
			(uint32_t)target[1] << 20 ^ (uint32_t)target[0] << 24;

	return &t->bucket[hash * 2654435761U >> 16 & (BUCKETS - 1)];
}

static bool flows_is(const struct net_flow *f, uint8_t proto, uint16_t guest_port,
		     const uint8_t target[4], uint16_t port)
{
	return f->proto == proto && f->guest_port == guest_port && f->port == port &&
	       memcmp(f->target, target, 4) == 0;
}

struct net_flow *net_flows_find(struct net_flows *t, uint8_t proto, uint16_t guest_port,
				const uint8_t target[4], uint16_t port)
{
	for (int i = *flows_bucket(t, proto, guest_port, target, port); i;
	     i = t->flow[i - 1].next_in_bucket)
		if (flows_is(&t->flow[i - 1], proto, guest_port, target, port))
			return &t->flow[i - 1];
	return NULL;
}

struct net_flow *net_flows_by_slirp_port(struct net_flows *t, uint16_t slirp_port)
{
	return t->by_port[slirp_port] ? &t->flow[t->by_port[slirp_port] - 1] : NULL;
}

struct net_flow *net_flows_by_fd(struct net_flows *t, int fd)
{
	return fd >= 0 && fd < NET_FLOW_FD_END && t->by_fd[fd] ? &t->flow[t->by_fd[fd] - 1] : NULL;
}

void net_flows_set_fd(struct net_flows *t, struct net_flow *f, int fd)
{
	if (fd >= NET_FLOW_FD_END)
		mem_die("a descriptor beyond the limit of the process");
	if (f->fd >= 0)
		t->by_fd[f->fd] = 0;
	f->fd = fd;
	if (fd >= 0)
		t->by_fd[fd] = (int16_t)(f - t->flow + 1);
}

void net_flows_set_state(struct net_flows *t, struct net_flow *f, enum net_flow_state state)
{
	t->asking += (state == NET_FLOW_ASKING) - (size_t)(f->state == NET_FLOW_ASKING);
	f->state = state;
}

void net_flows_set_deadline(struct net_flows *t, struct net_flow *f, int64_t deadline_ms)
{
	t->timed += (deadline_ms != 0) - (size_t)(f->deadline_ms != 0);
	f->deadline_ms = deadline_ms;
}

void net_flows_set_name(struct net_flow *f, int name)
{
	f->name = name;
}

void net_flows_touch(struct net_flow *f, int64_t now_ms)
{
	f->last_ms = now_ms;
}

/* Ports are reused as late as possible, so that a late packet of an old flow matches no flow. */
static uint16_t flows_take_port(struct net_flows *t)
{
	uint32_t port;

	do {
		port = t->next_port;
		t->next_port = port + 1 < PORT_END ? port + 1 : PORT_FIRST;
	} while (t->by_port[port]);
	return (uint16_t)port;
}

struct net_flow *net_flows_add(struct net_flows *t, uint8_t proto, uint16_t guest_port,
			       const uint8_t target[4], uint16_t port)
{
	int16_t *bucket = flows_bucket(t, proto, guest_port, target, port);
	struct net_flow *f;

	if (t->n == NET_FLOW_MAX)
		return NULL;
	while (t->flow[t->next_slot].state != NET_FLOW_FREE)
		t->next_slot = (t->next_slot + 1) % NET_FLOW_MAX;
	f = &t->flow[t->next_slot];
	*f = (struct net_flow){.state = NET_FLOW_OPENING,
			       .proto = proto,
			       .guest_port = guest_port,
			       .port = port,
			       .name = -1,
			       .fd = -1,
			       .next_in_bucket = *bucket};
	memcpy(f->target, target, 4);
	f->slirp_port = flows_take_port(t);
	*bucket = t->by_port[f->slirp_port] = (int16_t)(t->next_slot + 1);
	t->n++;
	return f;
}

void net_flows_detach(struct net_flows *t, struct net_flow *f)
{
	int16_t *at = flows_bucket(t, f->proto, f->guest_port, f->target, f->port);

	while (&t->flow[*at - 1] != f)
		at = &t->flow[*at - 1].next_in_bucket;
	*at = f->next_in_bucket;
	net_flows_set_deadline(t, f, 0);
	net_flows_set_state(t, f, NET_FLOW_ENDED);
	net_flows_drop_kept(t, f);
}

void net_flows_remove(struct net_flows *t, struct net_flow *f)
{
	if (f->state != NET_FLOW_ENDED)
		net_flows_detach(t, f);
	net_flows_set_fd(t, f, -1);
	t->by_port[f->slirp_port] = 0;
	*f = (struct net_flow){0};
	t->n--;
}

struct net_flow *net_flows_idlest(struct net_flows *t, int64_t now_ms, int64_t min_idle_ms)
{
	struct net_flow *idlest = NULL;

	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = &t->flow[i];

		if (f->state == NET_FLOW_FREE || f->state == NET_FLOW_ENDED ||
		    f->proto != NET_FRAME_PROTO_TCP ||
		    (f->state != NET_FLOW_CLOSING && now_ms - f->last_ms < min_idle_ms))
			continue;
		if (!idlest ||
		    (f->state == NET_FLOW_CLOSING) > (idlest->state == NET_FLOW_CLOSING) ||
		    ((f->state == NET_FLOW_CLOSING) == (idlest->state == NET_FLOW_CLOSING) &&
		     f->last_ms < idlest->last_ms))
			idlest = f;
	}
	return idlest;
}

bool net_flows_keep(struct net_flows *t, struct net_flow *f, const void *bytes, size_t n,
		    size_t max)
{
	size_t size = f->size ? f->size : 256;

	if (n > max || f->len > max - n)
		return false;
	while (size < f->len + n)
		size *= 2;
	if (size != f->size) {
		if (t->kept + size - f->size > NET_FLOW_KEPT_MAX)
			return false;
		f->bytes = mem_resize(f->bytes, size, 1);
		t->kept += size - f->size;
		f->size = size;
	}
	memcpy(f->bytes + f->len, bytes, n);
	f->len += n;
	return true;
}

void net_flows_drop_kept(struct net_flows *t, struct net_flow *f)
{
	t->kept -= f->size;
	free(f->bytes);
	f->bytes = NULL;
	f->len = f->size = 0;
}

struct net_flow *net_flows_at(struct net_flows *t, size_t i)
{
	return &t->flow[i];
}

size_t net_flows_count(const struct net_flows *t)
{
	return t->n;
}

size_t net_flows_asking(const struct net_flows *t)
{
	return t->asking;
}

size_t net_flows_timed(const struct net_flows *t)
{
	return t->timed;
}

#include "net/net_queue.h"
#include "net/net_stream.h"
#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct net_queue {
	struct buf pending; /* frames, each behind a struct queue_record */
	uint8_t taken[NET_STREAM_FRAME_MAX];
};

struct queue_record {
	uint32_t len;
	uint16_t port;
};

struct net_queue *net_queue_new(void)
{
	return mem_alloc(sizeof(struct net_queue));
}

void net_queue_free(struct net_queue *q)
{
	if (!q)
		return;
	buf_fini(&q->pending);
	free(q);
}

void net_queue_add(struct net_queue *q, uint16_t port, const uint8_t *frame, size_t len)
{
	struct queue_record r;

	if (len > sizeof(q->taken))
		return;
	memset(&r, 0, sizeof(r));
	r.len = (uint32_t)len;
	r.port = port;
	buf_add(&q->pending, &r, sizeof(r));
	buf_add(&q->pending, frame, len);
}

bool net_queue_take(struct net_queue *q, uint16_t *port, const uint8_t **frame, size_t *len)
{
	const unsigned char *at;
	struct queue_record r;

	if (net_queue_is_empty(q))
		return false;
	at = q->pending.bytes + q->pending.start;
	memcpy(&r, at, sizeof(r));
	memcpy(q->taken, at + sizeof(r), r.len);
	buf_drop(&q->pending, sizeof(r) + r.len);
	*port = r.port;
	*frame = q->taken;
	*len = r.len;
	return true;
}

bool net_queue_is_empty(const struct net_queue *q)
{
	return buf_len(&q->pending) == 0;
}

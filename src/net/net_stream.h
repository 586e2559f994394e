/* net_stream: QEMU's `-netdev stream` framing (each Ethernet frame behind its length, 32 bits,
 * big-endian), in both directions, with bounds.
 *
 * Neither half owns a thread or a loop. Reading is one system call for many frames, writing too. */
#ifndef CCVM_NET_STREAM_H
#define CCVM_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define NET_STREAM_FRAME_MAX (64 * 1024 + 4096) /* QEMU's own largest (NET_BUFSIZE) */
#define NET_STREAM_OUT_MAX   (1024 * 1024) /* bytes waiting for QEMU; what comes beyond is dropped */
#define NET_STREAM_OUT_HIGH  (256 * 1024)  /* from here on the sources should not be read */

/* What came from QEMU and was not yet taken out. */
struct net_stream_in {
	uint8_t *bytes; /* owned; room for several of the largest frames */
	size_t start;
	size_t end;
};
void net_stream_in_init(struct net_stream_in *in);
void net_stream_in_fini(struct net_stream_in *in);

/* Where up to *room more bytes may be put, at least one; tell with net_stream_in_grew. Ends the
 * life of frames handed out before. Only to be called when net_stream_in_next has returned 0 since
 * the last time. */
uint8_t *net_stream_in_room(struct net_stream_in *in, size_t *room);
void net_stream_in_grew(struct net_stream_in *in, size_t n);

/* 1: the next frame, valid until net_stream_in_room · 0: more bytes are needed · -1: a length that
 * no frame has; nothing behind it can be understood. */
int net_stream_in_next(struct net_stream_in *in, const uint8_t **frame, size_t *len, struct err *e);

/* Reads once from a non-blocking fd. 1: there may be frames now · 0: nothing there yet · -1:
 * failed, or the other side has closed (then *eof). */
int net_stream_in_read(struct net_stream_in *in, int fd, bool *eof, struct err *e);

/* What waits to be sent to QEMU. */
struct net_stream_out {
	struct buf queue;
	uint64_t dropped; /* frames that found the queue full, as a network card would lose them */
};
void net_stream_out_fini(struct net_stream_out *out);

/* Queues a frame; false when it was dropped. */
bool net_stream_out_add(struct net_stream_out *out, const void *frame, size_t len);
bool net_stream_out_is_high(const struct net_stream_out *out);

/* Sends what the socket takes. 0, or -1 when the other side is gone. */
int net_stream_out_flush(struct net_stream_out *out, int fd, struct err *e);

#endif

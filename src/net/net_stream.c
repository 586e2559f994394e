#include "net/net_stream.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define HEADER	4
#define IN_SIZE (256 * 1024)

_Static_assert(IN_SIZE >= 2 * (HEADER + NET_STREAM_FRAME_MAX),
	       "a started frame must leave room to be ended");

void net_stream_in_init(struct net_stream_in *in)
{
	*in = (struct net_stream_in){.bytes = mem_alloc(IN_SIZE)};
}

void net_stream_in_fini(struct net_stream_in *in)
{
	free(in->bytes);
	*in = (struct net_stream_in){0};
}

uint8_t *net_stream_in_room(struct net_stream_in *in, size_t *room)
{
	if (in->start) {
		memmove(in->bytes, in->bytes + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	*room = IN_SIZE - in->end;
	if (!*room)
		mem_die("frames were left in the input");
	return in->bytes + in->end;
}

void net_stream_in_grew(struct net_stream_in *in, size_t n)
{
	if (n > IN_SIZE - in->end)
		mem_die("input overrun");
	in->end += n;
}

int net_stream_in_next(struct net_stream_in *in, const uint8_t **frame, size_t *len, struct err *e)
{
	const uint8_t *p = in->bytes + in->start;
	size_t have = in->end - in->start;
	uint32_t n;

	if (have < HEADER)
		return 0;
	n = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	if (n > NET_STREAM_FRAME_MAX)
		return err_set(e, "QEMU announced a frame of %u bytes; the largest is %d", n,
			       NET_STREAM_FRAME_MAX);
	if (have - HEADER < n)
		return 0;
	*frame = p + HEADER;
	*len = n;
	in->start += HEADER + n;
	return 1;
}

int net_stream_in_read(struct net_stream_in *in, int fd, bool *eof, struct err *e)
{
	size_t room;
	uint8_t *p = net_stream_in_room(in, &room);
	ssize_t n = recv(fd, p, room, MSG_DONTWAIT);

	*eof = false;
	if (n > 0) {
		net_stream_in_grew(in, (size_t)n);
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == 0 || errno == ECONNRESET) {
		*eof = true;
		return err_set(e, "QEMU has closed its network socket");
	}
	return err_sys(e, "read from QEMU's network socket");
}

void net_stream_out_fini(struct net_stream_out *out)
{
	buf_fini(&out->queue);
}

bool net_stream_out_add(struct net_stream_out *out, const void *frame, size_t len)
{
	const uint8_t header[HEADER] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16),
					(uint8_t)(len >> 8), (uint8_t)len};

	if (len > NET_STREAM_FRAME_MAX ||
	    buf_len(&out->queue) + HEADER + len > NET_STREAM_OUT_MAX) {
		out->dropped++;
		return false;
	}
	buf_add(&out->queue, header, HEADER);
	buf_add(&out->queue, frame, len);
	return true;
}

bool net_stream_out_is_high(const struct net_stream_out *out)
{
	return buf_len(&out->queue) >= NET_STREAM_OUT_HIGH;
}

int net_stream_out_flush(struct net_stream_out *out, int fd, struct err *e)
{
	while (buf_len(&out->queue)) {
		ssize_t n = send(fd, buf_data(&out->queue), buf_len(&out->queue),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return err_sys(e, "write to QEMU's network socket");
		buf_drop(&out->queue, (size_t)n);
	}
	return 0;
}

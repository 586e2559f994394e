#include "net/net_control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void net_control_split(struct net_control_lines *l, const char *bytes, size_t n,
		       net_control_line_fn *on_line, void *ctx)
{
	while (n) {
		const char *end = memchr(bytes, '\n', n);
		size_t piece = end ? (size_t)(end - bytes) : n;

		if (l->skipping || piece > sizeof(l->line) - 1 - l->len) {
			l->skipped += !l->skipping;
			l->skipping = true;
		} else {
			memcpy(l->line + l->len, bytes, piece);
			l->len += piece;
		}
		if (end) {
			l->line[l->len] = 0;
			if (!l->skipping)
				on_line(ctx, l->line, l->len);
			l->skipping = false;
			l->len = 0;
			piece++;
		}
		bytes += piece;
		n -= piece;
	}
}

void net_control_init(struct net_control *c, int fd)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
}

void net_control_fini(struct net_control *c)
{
	buf_fini(&c->out);
}

static void control_queue(struct net_control *c, const struct buf *line)
{
	if (buf_len(line) > NET_CONTROL_LINE_MAX ||
	    buf_len(&c->out) + buf_len(line) > NET_CONTROL_OUT_MAX)
		c->dropped++;
	else
		buf_add(&c->out, buf_data(line), buf_len(line));
}

void net_control_report(struct net_control *c, const struct netctl_report *r)
{
	AUTO_BUF struct buf line = {0};

	netctl_report_put(&line, r);
	control_queue(c, &line);
}

void net_control_stats(struct net_control *c, const struct netctl_stats *s)
{
	AUTO_BUF struct buf line = {0};

	netctl_stats_put(&line, s);
	control_queue(c, &line);
}

bool net_control_has_output(const struct net_control *c)
{
	return buf_len(&c->out) > 0;
}

int net_control_flush(struct net_control *c, struct err *e)
{
	while (buf_len(&c->out)) {
		ssize_t n = send(c->fd, buf_data(&c->out), buf_len(&c->out),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return err_sys(e, "write to the session");
		buf_drop(&c->out, (size_t)n);
	}
	return 0;
}

int net_control_read(struct net_control *c, net_control_line_fn *on_line, void *ctx, struct err *e)
{
	char bytes[NET_CONTROL_LINE_MAX];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		net_control_split(&c->in, bytes, (size_t)n, on_line, ctx);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return 1;
	if (n == 0 || errno == ECONNRESET)
		return 0;
	return err_sys(e, "read from the session");
}

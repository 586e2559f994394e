#include "net/net_poll.h"
#include "base/mem.h"

void net_poll_fini(struct net_poll *p)
{
	free(p->fds);
	*p = (struct net_poll){0};
}

void net_poll_clear(struct net_poll *p)
{
	p->n = 0;
}

int net_poll_add(struct net_poll *p, int fd, short events)
{
	if (p->n == p->size) {
		p->size = p->size ? p->size * 2 : 32;
		p->fds = mem_resize(p->fds, p->size, sizeof(*p->fds));
	}
	p->fds[p->n] = (struct pollfd){.fd = fd, .events = events};
	return (int)p->n++;
}

short net_poll_revents(const struct net_poll *p, int index)
{
	return index >= 0 && (size_t)index < p->n ? p->fds[index].revents : 0;
}

#include "session/listener.h"
#include "base/mem.h"
#include "loop/fdwatch.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LISTENER_BACKLOG 16

struct listener {
	struct loop *loop; /* borrowed */
	void (*on_connection)(void *ctx, int fd);
	void *ctx;
	int fd; /* -1: not yet */
	struct fdwatch *watch;
};

struct listener *listener_new(struct loop *loop, void (*on_connection)(void *ctx, int fd),
			      void *ctx)
{
	struct listener *l = mem_alloc(sizeof(*l));

	*l = (struct listener){.loop = loop, .on_connection = on_connection, .ctx = ctx, .fd = -1};
	return l;
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	fdwatch_free(l->watch);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

static void listener_on_ready(void *ctx)
{
	struct listener *l = ctx;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	/* The directory is 0700 already; this holds even where someone loosened it. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
		close(fd);
	else
		l->on_connection(l->ctx, fd);
}

int listener_open(struct listener *l, const char *path, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path)) {
		err_set(e, "the run directory's path is too long for a socket: %s", path);
		return err_remedy(e, "set XDG_RUNTIME_DIR to a shorter path");
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, LISTENER_BACKLOG) < 0)
		return err_sys(e, "listen on %s", path);
	l->fd = mem_steal_fd(&fd);
	l->watch = fdwatch_new(l->loop, l->fd, listener_on_ready, l);
	fdwatch_set(l->watch, FDWATCH_READ);
	return 0;
}

/* Theory of operation. Where QEMU cannot map a template's file (before 8.2), its memory is a sealed memfd; one copy of it
 * serves all sessions that run at the same time, and a start that gets it need not read the file.
 *
 * 1. A session whose guest came from a template says so in its status, with the machine's key. Asked for it by key
 *    (WIRE_TEMPLATE), it sends the memfd along with its answer.
 * 2. Who asks takes only a memfd of the right size that is sealed against every change: nobody, the lender included, can
 *    write to it any more. That its bytes are the template's is the lender's word; lenders are ccvm-sessions of this
 *    user, found in his run directory and checked by their sockets' uid.
 * 3. Asking never takes longer than LEND_PATIENCE_MS a session; what goes wrong costs the copy, nothing else. */
#include "session/state.h"
#include "base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define LEND_PATIENCE_MS 200
#define LEND_STATUS_MAX  65536
#define LEND_SEALS       (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

/* ---- the lender ---- */

bool lend_is_possible(const struct session *s)
{
	return s->from_template && !s->template.ram_file && s->template.ram_fd >= 0 && s->template.source_fd < 0;
}

int lend_on_request(struct session *s, struct client *c, const void *key, size_t n)
{
	const bool mine = lend_is_possible(s) && n == strlen(s->machine.key) && memcmp(key, s->machine.key, n) == 0;

	if (mine)
		clients_send_fd(c, WIRE_TEMPLATE_RAM, s->template.ram_fd);
	else
		clients_send(c, WIRE_TEMPLATE_RAM, NULL, 0);
	return 0;
}

/* ---- the borrower ---- */

static int lend_connect(int dirfd)
{
	const struct timeval patience = {.tv_usec = LEND_PATIENCE_MS * 1000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" RUNDIR_SOCKET, dirfd);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
		return -1;
	return mem_steal_fd(&fd);
}

/* Reads once; an fd that came along takes *fd's place. */
static bool lend_receive(int socket, struct buf *in, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char bytes[4096];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (n <= 0)
		return false;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int))) {
		if (*fd >= 0)
			close(*fd);
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	}
	buf_add(in, bytes, (size_t)n);
	return true;
}

/* Events may come before the answer. */
static int lend_ask(int socket, const char *key)
{
	AUTO_BUF struct buf frame = {0}, in = {0};
	AUTO_CLOSE int fd = -1;
	struct wire_frame f;
	struct err ignored;
	int rc;

	wire_put(&frame, WIRE_TEMPLATE, key, strlen(key));
	if (file_write_all(socket, buf_data(&frame), buf_len(&frame), &ignored) < 0)
		return -1;
	for (;;) {
		while ((rc = wire_next(&in, &f)) == 1) {
			const bool answer = f.type == WIRE_TEMPLATE_RAM;

			buf_drop(&in, f.n + WIRE_HEADER_SIZE);
			if (answer)
				return mem_steal_fd(&fd);
		}
		if (rc < 0 || !lend_receive(socket, &in, &fd))
			return -1;
	}
}

static bool lend_is_good(int fd, int64_t size)
{
	struct stat st;

	return (fcntl(fd, F_GET_SEALS) & LEND_SEALS) == LEND_SEALS && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size == size;
}

struct lend_search {
	const char *key;
	int64_t size;
	int fd;
};

static void lend_try(void *ctx, const char *id, int dirfd, enum rundir_life life)
{
	struct lend_search *w = ctx;
	AUTO_FREE char *mark = mem_format("\"template\":\"%s\"", w->key);
	AUTO_BUF struct buf status = {0};
	AUTO_CLOSE int socket = -1, fd = -1;
	struct err ignored;

	(void)id;
	if (w->fd >= 0 || life != RUNDIR_ALIVE || file_read(dirfd, RUNDIR_STATUS, LEND_STATUS_MAX, &status, &ignored) < 0 ||
	    !strstr(buf_text(&status), mark))
		return;
	socket = lend_connect(dirfd);
	fd = socket < 0 ? -1 : lend_ask(socket, w->key);
	if (fd >= 0 && lend_is_good(fd, w->size))
		w->fd = mem_steal_fd(&fd);
}

bool lend_borrow(struct session *s)
{
	struct lend_search w = {.key = s->machine.key, .size = s->template.ram_size, .fd = -1};
	struct err ignored;

	if (s->template.ram_file || rundir_each(lend_try, &w, &ignored) < 0 || w.fd < 0)
		return false;
	template_take_ram(&s->template, w.fd);
	return true;
}

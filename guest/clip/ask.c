#include "clip/ask.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "proto/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* The host answers within its own deadlines, which are shorter; this is for a host that has
 * died. */
#define ASK_PATIENCE_S 60
#define ASK_HEADER_MAX (CLIP_REASON_MAX + 8)

static bool ask_refuse(char *reason, const char *text)
{
	snprintf(reason, CLIP_REASON_MAX, "%s", text);
	return false;
}

/* The port stands where the launcher's files are, when this session has the bridge. */
static int ask_port(void)
{
	AUTO_BUF struct buf text = {0};
	struct err ignored;
	int64_t port = 0;

	if (file_read(AT_FDCWD, NAME_LAUNCH_DIR "/" NAME_SEED_CLIPBOARD, 16, &text, &ignored) == 0)
		number_take(buf_text(&text), &port);
	return port > 0 && port < 65536 ? (int)port : 0;
}

static int ask_connect(int port)
{
	const struct timeval patience = {.tv_sec = ASK_PATIENCE_S};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, CLIP_ADDRESS, &address.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return mem_steal_fd(&fd);
}

/* Appends what comes until end of file or max bytes. */
static void ask_read(int fd, size_t max, struct buf *in)
{
	while (buf_len(in) < max) {
		ssize_t n = read(fd, buf_room(in, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		buf_grew(in, (size_t)n);
	}
}

bool ask_host(const char *what, struct buf *out, char reason[CLIP_REASON_MAX])
{
	AUTO_FREE char *question = mem_format("%s\n", what);
	AUTO_CLOSE int fd = -1;
	const int port = ask_port();
	const char *text, *end;
	unsigned long size;
	struct err ignored;

	if (!port)
		return ask_refuse(reason, "image paste is turned off in this session");
	fd = ask_connect(port);
	if (fd < 0)
		return ask_refuse(reason,
				  "this session has no connection to a clipboard of the host");
	if (file_write_all(fd, question, strlen(question), &ignored) < 0)
		return ask_refuse(reason, "the host closed the connection");
	ask_read(fd, CLIP_IMAGE_MAX + ASK_HEADER_MAX, out);
	text = buf_text(out);
	end = memchr(text, '\n', buf_len(out) < ASK_HEADER_MAX ? buf_len(out) : ASK_HEADER_MAX);
	if (end && strncmp(text, "no ", 3) == 0) {
		snprintf(reason, CLIP_REASON_MAX, "%.*s", (int)(end - text - 3), text + 3);
		return false;
	}
	if (!end || sscanf(text, "ok %lu", &size) != 1)
		return ask_refuse(reason, "the host gave no answer");
	buf_drop(out, (size_t)(end + 1 - text));
	/* Part of an image is useless. */
	if (buf_len(out) == size)
		return true;
	snprintf(reason, CLIP_REASON_MAX, "the connection broke after %zu of %lu bytes",
		 buf_len(out), size);
	return false;
}

bool ask_next_type(const char **at, char type[CLIP_LINE_MAX])
{
	const size_t n = strcspn(*at, "\n");

	if (n == 0 || n >= CLIP_LINE_MAX)
		return false;
	memcpy(type, *at, n);
	type[n] = '\0';
	*at += n + ((*at)[n] == '\n');
	return true;
}

/* ccvm-clip: asks the host's clipboard for images, for one session.
 *
 * Theory of operation.
 * 1. ccvm-session gives up its files and the right to start programs before an agent runs, and
 *    clipboard tools must be started later; so this process is started before, and does just
 *    that. It holds no secret and reads nothing of the guest's: a request is one frame with a
 *    number, from a closed list (proto/wire.h, WIRE_CLIP_ASK).
 * 2. One request at a time, each within its tools' deadlines and bounds (clip_host, clip_tool);
 *    its end is the socket's.
 * 3. It is started with the display's variables of the client that started the session, and dies
 *    with ccvm-session. */
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "clip/clip_host.h"
#include "proto/wire.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define MAIN_SOCKET 3

extern char **environ;

/* False: the session is gone. */
static bool main_send(struct clip_answer *a, bool list)
{
	AUTO_BUF struct buf out = {0}, done = {0};
	struct err e;

	for (size_t at = 0; a->ok && at < buf_len(&a->bytes); at += WIRE_CHUNK) {
		const size_t left = buf_len(&a->bytes) - at;

		wire_put(&out, WIRE_CLIP_BYTES, buf_data(&a->bytes) + at,
			 left < WIRE_CHUNK ? left : WIRE_CHUNK);
	}
	json_begin(&done);
	json_add_bool(&done, "ok", a->ok);
	json_add_bool(&done, "no_display", a->no_display);
	if (!a->ok || (list && !buf_len(&a->bytes)))
		json_add_string(&done, "reason", a->reason);
	json_end(&done);
	wire_put(&out, WIRE_CLIP_DONE, buf_data(&done), buf_len(&done));
	return file_write_all(MAIN_SOCKET, buf_data(&out), buf_len(&out), &e) == 0;
}

/* What is asked is one byte: CLIP_NO_TYPE for the list, else an image's type. */
static bool main_answer(const struct wire_frame *f)
{
	struct clip_answer a;
	struct wire_ask m;
	bool sent;

	if (f->type != WIRE_CLIP_ASK || !wire_get_ask(f, &m) || m.type > CLIP_NO_TYPE)
		return false;
	if (m.type == CLIP_NO_TYPE)
		clip_host_list(environ, &a);
	else
		clip_host_image(environ, (enum clip_type)m.type, &a);
	sent = main_send(&a, m.type == CLIP_NO_TYPE);
	buf_fini(&a.bytes);
	return sent;
}

int main(void)
{
	AUTO_BUF struct buf in = {0};
	struct wire_frame f;
	ssize_t n;

	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		n = read(MAIN_SOCKET, buf_room(&in, 256), 256);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		buf_grew(&in, (size_t)n);
		while (wire_next(&in, &f) == 1) {
			if (!main_answer(&f))
				return 1;
			buf_drop(&in, f.n + WIRE_HEADER_SIZE);
		}
	}
}

#include "client/sessions.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "proto/rundir.h"
#include "conf/env.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static void sessions_visit(void *ctx, const char *id, int dirfd, enum rundir_life life)
{
	struct sessions *s = ctx;
	AUTO_BUF struct buf text = {0};
	struct err ignored;

	if (life == RUNDIR_DEAD)
		return;
	/* One that has only just made its directory, or cannot write there: a row like any
	 * other, so that nobody has to expect less. */
	if (file_read(dirfd, RUNDIR_STATUS, 65536, &text, &ignored) < 0 || !buf_len(&text)) {
		json_begin(&text);
		json_add_string(&text, "id", id);
		json_add_string(&text, "name", id);
		json_add_string(&text, "state", "created");
		json_add_bool(&text, "spare", false);
		json_end(&text);
	}
	s->id = mem_resize(s->id, s->n + 1, sizeof(*s->id));
	s->status = mem_resize(s->status, s->n + 1, sizeof(*s->status));
	s->dry = mem_resize(s->dry, s->n + 1, sizeof(*s->dry));
	s->dry[s->n] = life == RUNDIR_DRY;
	s->id[s->n] = mem_strdup(id);
	s->status[s->n] = mem_strdup(buf_text(&text));
	s->status[s->n][strcspn(s->status[s->n], "\n")] = '\0';
	s->n++;
}

int sessions_list(struct sessions *s, struct err *e)
{
	memset(s, 0, sizeof(*s));
	rundir_clean_dead(env_host()->runtime);
	return rundir_each(env_host()->runtime, sessions_visit, s, e);
}

void sessions_fini(struct sessions *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->id[i]);
		free(s->status[i]);
	}
	free(s->id);
	free(s->status);
	free(s->dry);
	memset(s, 0, sizeof(*s));
}

static const char *sessions_find(const struct sessions *s, const char *wanted, struct err *e)
{
	const char *found = NULL;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->id[i], wanted) == 0) {
			if (!s->dry[i])
				return s->id[i];
			err_set(e, "%s is a dry run: nothing is running", wanted);
			err_remedy(e, "remove its directory: ccvmctl rm %s", wanted);
			return NULL;
		}
	for (size_t i = 0; i < s->n; i++) {
		static struct json_line l;
		const char *name;

		if (s->dry[i] || json_parse_line(s->status[i], strlen(s->status[i]), &l) < 0)
			continue;
		name = json_get_string(&l, "name");
		if (!name || strcmp(name, wanted) != 0)
			continue;
		if (found) {
			err_set(e, "several sessions are named %s", wanted);
			err_remedy(e, "use an id (ccvmctl ls lists them)");
			return NULL;
		}
		found = s->id[i];
	}
	if (!found) {
		err_set(e, "no such session: %s", wanted);
		err_remedy(e, "ccvmctl ls lists running sessions");
	}
	return found;
}

char *sessions_directory(const char *id_or_name, struct err *e)
{
	AUTO_FREE char *base = rundir_base(env_host()->runtime, e);
	struct sessions s;
	const char *id;
	char *path = NULL;

	if (!base || sessions_list(&s, e) < 0)
		return NULL;
	id = sessions_find(&s, id_or_name, e);
	if (id)
		path = mem_format("%s/%s", base, id);
	sessions_fini(&s);
	return path;
}

bool sessions_status(const char *id, struct json_line *out)
{
	struct sessions s;
	struct err ignored;
	bool found = false;

	if (sessions_list(&s, &ignored) < 0)
		return false;
	for (size_t i = 0; i < s.n && !found; i++)
		found = strcmp(s.id[i], id) == 0 &&
			json_parse_line(s.status[i], strlen(s.status[i]), out) == 0;
	sessions_fini(&s);
	return found;
}

int sessions_connect_directory(const char *directory, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" RUNDIR_SOCKET,
			 directory);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (n < (int)sizeof(address.sun_path) && fd >= 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err_sys(e, "connect to %s", directory);
	if (fd >= 0)
		close(fd);
	return -1;
}

int sessions_connect(const char *id_or_name, struct err *e)
{
	AUTO_FREE char *directory = sessions_directory(id_or_name, e);

	return directory ? sessions_connect_directory(directory, e) : -1;
}

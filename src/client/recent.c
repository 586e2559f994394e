#include "client/recent.h"
#include "base/file.h"
#include "conf/env.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECENT_FILE_MAX (RECENT_MAX * 4097u)

void recent_parse(const char *text, struct strv *out)
{
	while (*text && out->n < RECENT_MAX) {
		const size_t n = strcspn(text, "\n");

		if (text[0] == '/')
			strv_take(out, mem_strndup(text, n));
		text += n + (text[n] == '\n');
	}
}

void recent_load(struct strv *out)
{
	const char *const directory = env_host()->state; /* NULL without a home */
	AUTO_FREE char *path = directory ? mem_format("%s/recent", directory) : NULL;
	AUTO_BUF struct buf text = {0};
	struct err ignored;

	if (path && file_read(AT_FDCWD, path, RECENT_FILE_MAX, &text, &ignored) == 0)
		recent_parse(buf_text(&text), out);
}

void recent_add(const char *directory)
{
	const char *const at = env_host()->state;
	AUTO_FREE char *path = at ? mem_format("%s/recent", at) : NULL;
	AUTO_FREE char *fresh = at ? mem_format("%s/recent.%d", at, (int)getpid()) : NULL;
	AUTO_STRV struct strv old = {0};
	AUTO_BUF struct buf text = {0};
	struct err ignored;

	if (!at || directory[0] != '/' || strchr(directory, '\n') ||
	    file_mkdirs(at, 0700, &ignored) < 0)
		return;
	recent_load(&old);
	buf_addf(&text, "%s\n", directory);
	for (size_t i = 0; i < old.n; i++)
		if (strcmp(old.v[i], directory) != 0)
			buf_addf(&text, "%s\n", old.v[i]);
	/* Two that start at once: one of the lists wins, and neither is half. */
	if (file_create(AT_FDCWD, fresh, buf_data(&text), buf_len(&text), 0600, &ignored) == 0 &&
	    rename(fresh, path) < 0)
		unlink(fresh);
}

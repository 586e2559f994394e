/* The parts that are one value each. */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "conf/conf_pass.h"
#include "proto/names.h"
#include "seed/seed_part.h"

#include <string.h>

/* Names of the variables that will be sent, so that sshd accepts exactly those. */
static int basic_write_accept_env(const struct seed_run *r, struct err *e)
{
	const char *key = r->spec->conf->api_key_variable;
	AUTO_BUF struct buf b = {0};

	for (char *const *name = r->spec->variables; name && *name; name++)
		if (!key || strcmp(*name, key) != 0)
			buf_addf(&b, "%s\n", *name);
	if (key && conf_pass_is_name(key))
		buf_addf(&b, "%s\n", key);
	return file_create(r->dirfd, NAME_SEED_ACCEPT_ENV, buf_text(&b), buf_len(&b),
			   SEED_FILE_MODE, e);
}

static int basic_text(const struct seed_run *r, const char *name, const char *text, struct err *e)
{
	return file_create(r->dirfd, name, text, strlen(text), SEED_FILE_MODE, e);
}

static int basic_number(const struct seed_run *r, const char *name, long v, struct err *e)
{
	return file_createf(r->dirfd, name, SEED_FILE_MODE, e, "%ld", v);
}

static int basic_write_private(const struct seed_run *r, struct err *e)
{
	const struct strv *dirs = &r->spec->conf->private_dirs;
	AUTO_BUF struct buf b = {0};

	for (size_t i = 0; i < dirs->n; i++)
		buf_addf(&b, "%s\n", dirs->v[i]);
	return basic_text(r, NAME_SEED_PRIVATE, buf_text(&b), e);
}

int seed_write_basic(const struct seed_run *r, struct err *e)
{
	const struct seed_spec *s = r->spec;

	if (basic_text(r, NAME_SEED_WORKDIR, s->workdir, e) < 0 ||
	    basic_number(r, NAME_SEED_SHELL, s->shell, e) < 0 ||
	    basic_number(r, NAME_SEED_HOST_UID, s->uid, e) < 0 ||
	    basic_number(r, NAME_SEED_HOST_GID, s->gid, e) < 0 ||
	    basic_number(r, NAME_SEED_AGENT_SUDO, s->agent_sudo, e) < 0 ||
	    file_create(r->dirfd, NAME_SEED_CLAUDE_ARGS, buf_data(s->args), buf_len(s->args),
			SEED_FILE_MODE, e) < 0 ||
	    basic_write_accept_env(r, e) < 0)
		return -1;
	if (s->projects && basic_text(r, NAME_SEED_PROJECTS, s->projects, e) < 0)
		return -1;
	if (s->extra && basic_text(r, NAME_SEED_EXTRA, s->extra, e) < 0)
		return -1;
	if (s->conf->private_dirs.n && basic_write_private(r, e) < 0)
		return -1;
	if (s->pool && basic_number(r, NAME_SEED_DISK, 1, e) < 0)
		return -1;
	if (s->clipboard && basic_number(r, NAME_SEED_CLIPBOARD, s->clipboard_port, e) < 0)
		return -1;
	return 0;
}

/* ~/.claude.json, claude's own record, without credentials. Only with share.config. */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"
#include "seed/seed_json.h"
#include "seed/seed_part.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define CLAUDE_JSON_MAX ((size_t)32 << 20)

/* claude keeps it in the home, or in CLAUDE_CONFIG_DIR when that is set. */
static char *claude_json_path(const struct seed_spec *s)
{
	return mem_format("%s/.claude.json",
			  s->host->claude_dir_is_set ? s->dirs.claude_dir : s->dirs.home);
}

static int claude_json_read(const char *path, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open");
	if (!S_ISREG(st.st_mode))
		return err_set(e, "not a regular file");
	return file_read_fd(fd, CLAUDE_JSON_MAX, out, e);
}

bool seed_clean_json(const struct seed_run *r, const struct buf *text, const char *workspace,
		     const char *shown, struct buf *clean)
{
	AUTO_BUF struct buf names = {0};
	struct seed_json_removed removed;

	if (seed_json_sanitise((const char *)buf_data(text), buf_len(text), workspace, clean,
			       &removed) < 0) {
		seed_note(r, "%s is not shared: it is not valid JSON", shown);
		return false;
	}
	for (int i = 0; i < removed.credentials && i < SEED_JSON_NAMES_MAX; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", removed.names[i]);
	if (removed.credentials)
		seed_note(r, "%s is shared without %d credential%s: %s%s", shown,
			  removed.credentials, removed.credentials == 1 ? "" : "s",
			  buf_text(&names), removed.credentials > SEED_JSON_NAMES_MAX ? ", …" : "");
	return true;
}

int seed_write_claude_json(const struct seed_run *r, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_BUF struct buf text = {0};
	AUTO_BUF struct buf clean = {0};
	struct err why;

	if (!r->spec->conf->share_config)
		return 0;
	path = claude_json_path(r->spec);
	if (claude_json_read(path, &text, &why) < 0) {
		if (why.sys != ENOENT)
			seed_note(r, "%s is not shared: %s", path, why.text);
		return 0;
	}
	if (!seed_clean_json(r, &text, r->spec->workdir, path, &clean))
		return 0;
	return file_create(r->dirfd, NAME_SEED_CLAUDE_JSON, buf_data(&clean), buf_len(&clean),
			   SEED_FILE_MODE, e);
}

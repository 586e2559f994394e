/* The shared items of ~/.claude: an allowlist. Items not in the table are never read. */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"
#include "seed/seed_part.h"
#include "seed/seed_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum config_kind {
	CONFIG_FILE,
	CONFIG_SETTINGS /* a file whose env may hold credentials */,
	CONFIG_DIR
};

struct config_item {
	const char *name;
	enum config_kind kind;
	size_t share; /* offset of the bool in struct conf */
};

#define SHARE(f) offsetof(struct conf, f)

static const struct config_item items[] = {
	{"settings.json", CONFIG_SETTINGS, SHARE(share_settings)},
	{"CLAUDE.md", CONFIG_FILE, SHARE(share_claude_md)},
	{"keybindings.json", CONFIG_FILE, SHARE(share_keybindings)},
	{"commands", CONFIG_DIR, SHARE(share_commands)},
	{"agents", CONFIG_DIR, SHARE(share_agents)},
	{"skills", CONFIG_DIR, SHARE(share_skills)},
	{"output-styles", CONFIG_DIR, SHARE(share_output_styles)},
	{"plugins", CONFIG_DIR, SHARE(share_plugins)},
};

struct config_copy {
	const struct seed_run *run;
	struct seed_tree tree;
	int from; /* ~/.claude */
	int to;	  /* claude-config */
};

static bool config_is_shared(const struct conf *c, const struct config_item *item)
{
	return *(const bool *)((const char *)c + item->share);
}

static int config_write_settings(struct config_copy *c, const char *name, const struct buf *text,
				 const char *shown, struct err *e)
{
	AUTO_BUF struct buf clean = {0};

	if (!seed_clean_json(c->run, text, NULL, shown, &clean))
		return 0;
	return file_create(c->to, name, buf_data(&clean), buf_len(&clean), SEED_FILE_MODE, e);
}

static int config_copy_file(struct config_copy *c, const struct config_item *item,
			    const char *shown, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	if (!seed_tree_read_file(&c->tree, c->from, item->name, &text, shown))
		return 0;
	if (item->kind == CONFIG_SETTINGS)
		return config_write_settings(c, item->name, &text, shown, e);
	if (!seed_tree_is_harmless(&c->tree, &text, shown))
		return 0;
	return file_create(c->to, item->name, buf_data(&text), buf_len(&text), SEED_FILE_MODE, e);
}

static int config_copy_item(struct config_copy *c, const struct config_item *item, struct err *e)
{
	AUTO_FREE char *shown = mem_format("~/.claude/%s", item->name);

	if (item->kind == CONFIG_DIR)
		return seed_tree_copy_dir(&c->tree, c->from, item->name, c->to, shown, e);
	return config_copy_file(c, item, shown, e);
}

static int config_open_target(const struct seed_run *r, struct err *e)
{
	int fd;

	if (mkdirat(r->dirfd, NAME_SEED_CLAUDE_CONFIG, 0700) < 0)
		return err_sys(e, "make directory %s", NAME_SEED_CLAUDE_CONFIG);
	fd = openat(r->dirfd, NAME_SEED_CLAUDE_CONFIG,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", NAME_SEED_CLAUDE_CONFIG) : fd;
}

int seed_write_claude_config(const struct seed_run *r, struct err *e)
{
	AUTO_CLOSE int from = open(r->spec->dirs.claude_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int to = -1;
	struct config_copy c = {.run = r, .from = from};

	if (from < 0) {
		if (errno != ENOENT)
			seed_note(r, "%s is not shared: %s", r->spec->dirs.claude_dir,
				  strerror(errno));
		return 0;
	}
	to = config_open_target(r, e);
	if (to < 0)
		return -1;
	c.to = to;
	seed_tree_init(&c.tree, r, NULL);
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		if (config_is_shared(r->spec->conf, &items[i]) &&
		    config_copy_item(&c, &items[i], e) < 0)
			return -1;
	seed_tree_finish(&c.tree);
	/* Absent means that nothing is shared; an empty one is removed. */
	if (unlinkat(r->dirfd, NAME_SEED_CLAUDE_CONFIG, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY &&
	    errno != EEXIST)
		return err_sys(e, "%s", NAME_SEED_CLAUDE_CONFIG);
	return 0;
}

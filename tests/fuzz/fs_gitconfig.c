/* areas: base fs proto
 * Any bytes as git's configuration, before a change and after it (a NUL between them): what may follow brings
 * no key that runs something, follows itself, and a refusal has a printable reason. */
#include "fuzz/fuzz.h"

#include "base/buf.h"
#include "fs/fs_gitconfig.h"

#include <string.h>

/* Some that must never be new, whatever the table of harmless keys says. */
static bool is_command(const char *key)
{
	return strcmp(key, "core.fsmonitor") == 0 || strcmp(key, "core.hookspath") == 0 ||
	       strncmp(key, "alias.", 6) == 0 || strncmp(key, "filter.", 7) == 0 ||
	       strncmp(key, "include", 7) == 0 || strncmp(key, "credential.", 11) == 0;
}

struct seen {
	struct buf before; /* "key=value\0" each */
	bool added;
};

static void put(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s=%s", key, value ? value : "\x01");
	buf_add(b, "", 1);
}

static bool on_before(void *ctx, const char *key, const char *value)
{
	if (is_command(key))
		put(&((struct seen *)ctx)->before, key, value);
	return true;
}

static bool on_after(void *ctx, const char *key, const char *value)
{
	struct seen *s = ctx;
	AUTO_BUF struct buf one = {0};

	put(&one, key, value);
	if (is_command(key) &&
	    !(buf_len(&s->before) &&
	      memmem(buf_data(&s->before), buf_len(&s->before), buf_data(&one), buf_len(&one))))
		s->added = true;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *nul = size ? memchr(text, '\0', size) : NULL;
	const size_t first = nul ? (size_t)(nul - text) : 0, skip = nul ? first + 1 : 0;
	const struct fs_gitconfig_bytes before = {text, first}, after = {text + skip, size - skip};
	char why[FS_GITCONFIG_WHY_MAX];
	struct seen s = {0};

	if (fs_gitconfig_may_follow(before, after, NULL, why)) {
		fs_gitconfig_each(before, on_before, &s);
		MUST(fs_gitconfig_each(after, on_after, &s) && !s.added);
		MUST(fs_gitconfig_may_follow(after, after, NULL, why));
		buf_fini(&s.before);
	} else {
		MUST(why[0]);
		for (const char *p = why; *p; p++)
			MUST((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
	if (!fs_gitconfig_attributes_may_follow(before, after, why))
		MUST(why[0] && strlen(why) < sizeof(why));
	return 0;
}

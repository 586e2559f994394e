#include "fs/fs_patterns.h"
#include "base/mem.h"

#include <fnmatch.h>
#include <string.h>

struct patterns_one {
	struct strv part;
	bool anywhere; /* one name, at any depth */
	bool literal;
};

struct fs_patterns {
	struct patterns_one *one;
	size_t n;
};

struct fs_patterns *fs_patterns_new(void)
{
	return mem_alloc(sizeof(struct fs_patterns));
}

void fs_patterns_free(struct fs_patterns *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		strv_fini(&p->one[i].part);
	free(p->one);
	free(p);
}

bool fs_patterns_are_none(const struct fs_patterns *p)
{
	return p->n == 0;
}

/* Names between slashes, without "."; false: none, or one is "..". */
static bool patterns_split(struct strv *part, const char *text)
{
	AUTO_FREE char *copy = mem_strdup(text);
	char *rest = copy, *name;

	while ((name = strsep(&rest, "/"))) {
		if (strcmp(name, "..") == 0)
			return false;
		if (name[0] && strcmp(name, ".") != 0)
			strv_add(part, name);
	}
	return part->n > 0;
}

static bool patterns_add(struct fs_patterns *p, const char *text, bool literal)
{
	struct patterns_one one = {.literal = literal, .anywhere = !literal && !strchr(text, '/')};

	if (!patterns_split(&one.part, text)) {
		strv_fini(&one.part);
		return false;
	}
	p->one = mem_resize(p->one, p->n + 1, sizeof(*p->one));
	p->one[p->n++] = one;
	return true;
}

bool fs_patterns_add(struct fs_patterns *p, const char *text)
{
	return patterns_add(p, text, false);
}

bool fs_patterns_add_path(struct fs_patterns *p, const char *path)
{
	return patterns_add(p, path, true);
}

static bool patterns_is(const struct patterns_one *one, size_t part, const char *name)
{
	const char *wanted = one->part.v[part];

	return one->literal ? strcmp(wanted, name) == 0 : fnmatch(wanted, name, 0) == 0;
}

static enum fs_patterns_match patterns_match(const struct patterns_one *one,
					     const char *const *name, size_t n)
{
	const size_t both = n < one->part.n ? n : one->part.n;

	if (one->anywhere) {
		for (size_t i = 0; i < n; i++)
			if (patterns_is(one, 0, name[i]))
				return FS_PATTERNS_WITHIN;
		return FS_PATTERNS_OUTSIDE;
	}
	for (size_t i = 0; i < both; i++)
		if (!patterns_is(one, i, name[i]))
			return FS_PATTERNS_OUTSIDE;
	return n < one->part.n ? FS_PATTERNS_ABOVE : FS_PATTERNS_WITHIN;
}

enum fs_patterns_match fs_patterns_match(const struct fs_patterns *p, const char *const *name,
					 size_t n)
{
	enum fs_patterns_match most = FS_PATTERNS_OUTSIDE;

	for (size_t i = 0; i < p->n && most != FS_PATTERNS_WITHIN; i++) {
		const enum fs_patterns_match m = patterns_match(&p->one[i], name, n);

		most = m > most ? m : most;
	}
	return most;
}

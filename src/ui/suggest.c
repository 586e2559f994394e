#include "ui/suggest.h"
#include "conf/env.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUGGEST_ENTRIES 10000 /* of one directory; nobody types in a larger one for long */

char *suggest_expand(const char *typed)
{
	const char *home = env_get(ENV_HOME);

	return typed[0] == '~' && (typed[1] == '/' || !typed[1]) && home
		       ? mem_format("%s%s", home, typed + 1)
		       : mem_strdup(typed);
}

static bool suggest_is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int suggest_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All directories whose path begins as typed and goes on to the end of one name. */
static void suggest_below(const char *typed, struct strv *out)
{
	AUTO_FREE char *path = suggest_expand(typed);
	char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : NULL;
	const char *name = slash ? slash + 1 : "";
	DIR *d = parent ? opendir(parent) : NULL;
	struct dirent *entry;

	for (int i = 0; d && i < SUGGEST_ENTRIES && (entry = readdir(d)); i++) {
		char *whole;

		if (strncmp(entry->d_name, name, strlen(name)) != 0 ||
		    (entry->d_name[0] == '.' && name[0] != '.') ||
		    strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		whole = mem_format("%s%s", parent, entry->d_name);
		if (suggest_is_directory(whole))
			strv_take(out, whole);
		else
			free(whole);
	}
	if (d)
		closedir(d);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), suggest_compare);
}

static bool suggest_has(const struct strv *list, const char *value)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], value) == 0)
			return true;
	return false;
}

void suggest_directories(const char *typed, bool typed_by_hand, const struct strv *recent,
			 size_t max, struct strv *out)
{
	AUTO_STRV struct strv below = {0};
	AUTO_FREE char *path = suggest_expand(typed);

	if (typed_by_hand)
		suggest_below(typed, &below);
	for (size_t i = 0; i < below.n && out->n < max; i++)
		strv_add(out, below.v[i]);
	for (size_t i = 0; i < recent->n && out->n < max; i++)
		if ((!typed_by_hand || strstr(recent->v[i], path)) &&
		    strcmp(recent->v[i], path) != 0 && !suggest_has(out, recent->v[i]))
			strv_add(out, recent->v[i]);
}

char *suggest_complete(const char *typed)
{
	AUTO_STRV struct strv below = {0};
	AUTO_FREE char *path = suggest_expand(typed);
	size_t same;

	suggest_below(typed, &below);
	if (!below.n)
		return NULL;
	if (below.n == 1)
		return mem_format("%s/", below.v[0]);
	same = strlen(below.v[0]);
	for (size_t i = 1; i < below.n; i++)
		for (size_t k = 0; k < same; k++)
			if (below.v[i][k] != below.v[0][k])
				same = k;
	return same > strlen(path) ? mem_strndup(below.v[0], same) : NULL;
}

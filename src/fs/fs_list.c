#include "fs/fs_list.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_PIECE 16384

struct list_row {
	uint64_t ino;
	uint32_t name; /* where it begins in the names */
	uint8_t type;
};

struct fs_list {
	struct list_row *row;
	char *names;
	size_t n, length;
};

struct list_taking {
	struct fs_list *list;
	char **above; /* names of the upper layer, covers included; sorted */
	size_t nabove;
	bool lower;
};

static int list_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Doubles: a directory may have a million entries. */
static bool list_is_full(size_t n)
{
	return (n & (n - 1)) == 0;
}

static bool list_add(struct fs_list *l, const struct fs_dirent *e)
{
	const size_t size = strlen(e->name) + 1;

	if (l->length + size > UINT32_MAX)
		return false;
	if (list_is_full(l->n))
		l->row = mem_resize(l->row, l->n ? l->n * 2 : 1, sizeof(*l->row));
	/* Names of up to 255 bytes: the next multiple of 64 KiB has room for one. */
	if (l->length / LIST_PIECE != (l->length + size) / LIST_PIECE || l->length == 0)
		l->names = mem_resize(l->names, (l->length + size) / LIST_PIECE + 1, LIST_PIECE);
	l->row[l->n++] = (struct list_row){e->ino, (uint32_t)l->length, e->type};
	memcpy(l->names + l->length, e->name, size);
	l->length += size;
	return true;
}

static bool list_take_entry(void *ctx, const struct fs_dirent *e)
{
	struct list_taking *t = ctx;

	if (strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0 ||
	    strcmp(e->name, FS_LAYER_MARK) == 0)
		return true;
	if (t->lower)
		return (t->nabove &&
			bsearch(&e->name, t->above, t->nabove, sizeof(*t->above), list_compare)) ||
		       list_add(t->list, e);
	if (list_is_full(t->nabove))
		t->above = mem_resize(t->above, t->nabove ? t->nabove * 2 : 1, sizeof(*t->above));
	t->above[t->nabove++] = mem_strdup(e->name);
	/* A guest makes no devices: this one covers a name. */
	return e->type == DT_CHR || list_add(t->list, e);
}

static int list_take_layer(int process_fds, const struct fs_place *directory, enum fs_layer layer,
			   struct list_taking *t)
{
	char number[16];
	const int dirfd = fs_place_in(directory, layer);
	AUTO_CLOSE int fd = -1;

	if (dirfd < 0)
		return 0;
	/* Not by ".": a directory that may be listed need not be searchable. */
	snprintf(number, sizeof(number), "%d", dirfd);
	fd = openat(process_fds, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	t->lower = layer == FS_LOWER;
	return fs_dirent_each(fd, list_take_entry, t);
}

int fs_list_take(int process_fds, const struct fs_place *directory, struct fs_list **list)
{
	struct list_taking t = {.list = mem_alloc(sizeof(**list))};
	int code = list_take_layer(process_fds, directory, FS_UPPER, &t);

	if (t.nabove)
		qsort(t.above, t.nabove, sizeof(*t.above), list_compare);
	if (code == 0)
		code = list_take_layer(process_fds, directory, FS_LOWER, &t);
	for (size_t i = 0; i < t.nabove; i++)
		free(t.above[i]);
	free(t.above);
	*list = t.list;
	if (code) {
		fs_list_free(t.list);
		*list = NULL;
	}
	return code;
}

void fs_list_free(struct fs_list *l)
{
	if (!l)
		return;
	free(l->row);
	free(l->names);
	free(l);
}

size_t fs_list_length(const struct fs_list *l)
{
	return l->n;
}

struct fs_dirent fs_list_get(const struct fs_list *l, size_t i)
{
	return (struct fs_dirent){l->row[i].ino, (int64_t)i + 1, l->row[i].type,
				  l->names + l->row[i].name};
}

/* ---- lists that are being read ---- */

#define LISTS_MAX 8

struct fs_lists {
	struct lists_entry {
		struct fs_list *list;
		uint32_t node, generation;
		uint64_t used;
	} entry[LISTS_MAX];
	uint64_t uses;
	int process_fds;
};

struct fs_lists *fs_lists_new(int process_fds)
{
	struct fs_lists *t = mem_alloc(sizeof(*t));

	t->process_fds = process_fds;
	return t;
}

void fs_lists_free(struct fs_lists *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < LISTS_MAX; i++)
		fs_list_free(t->entry[i].list);
	free(t);
}

/* The node's, or the one that was used least lately. */
static struct lists_entry *lists_find(struct fs_lists *t, uint32_t node, uint32_t generation)
{
	struct lists_entry *oldest = &t->entry[0];

	for (size_t i = 0; i < LISTS_MAX; i++) {
		struct lists_entry *e = &t->entry[i];

		if (e->list && e->node == node && e->generation == generation)
			return e;
		if (e->used < oldest->used)
			oldest = e;
	}
	return oldest;
}

int fs_lists_get(struct fs_lists *t, uint32_t node, uint32_t generation, bool anew,
		 const struct fs_place *directory, const struct fs_list **list)
{
	struct lists_entry *e = lists_find(t, node, generation);
	int code = 0;

	if (anew || !e->list || e->node != node || e->generation != generation) {
		fs_list_free(e->list);
		e->list = NULL;
		code = fs_list_take(t->process_fds, directory, &e->list);
	}
	e->node = node;
	e->generation = generation;
	e->used = ++t->uses;
	*list = e->list;
	return code;
}

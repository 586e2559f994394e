/* fs_list: the entries of an overlay's directory, of both layers. */
#ifndef CCVM_FS_FS_LIST_H
#define CCVM_FS_FS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/fs_dirent.h"
#include "fs/fs_layer.h"

/* An overlay's directory as it was at one moment: each name once, without what is covered and
 * without ".", "..". */
struct fs_list;

/* process_fds: /proc/self/fd. 0 or an errno. */
int fs_list_take(int process_fds, const struct fs_place *directory, struct fs_list **list);
void fs_list_free(struct fs_list *list); /* NULL is fine */
size_t fs_list_length(const struct fs_list *list);
/* next: i + 1. Valid as long as the list. */
struct fs_dirent fs_list_get(const struct fs_list *list, size_t i);

/* The lists that guests are reading. */
struct fs_lists;

struct fs_lists *fs_lists_new(int process_fds);
void fs_lists_free(struct fs_lists *t); /* NULL is fine */
/* The list of a node's directory: the one that was taken last, or a new one. *list: borrowed until
 * the next call. 0 or an errno. */
int fs_lists_get(struct fs_lists *t, uint32_t node, uint32_t generation, bool anew,
		 const struct fs_place *directory, const struct fs_list **list);

#endif

/* clip_path: whether a paste is nothing but paths of files, as terminals send what is dropped on
 * them.
 *
 * Terminals quote in their own ways: as a shell word ('…', "…", backslashes, and mixtures), as a
 * file URI (RFC 8089, percent-encoded, host empty or localhost), or not at all; a blank or
 * newline behind it. Several stand side by side. Nothing is expanded: no ~, no variables, no
 * patterns. Pure. */
#ifndef CCVM_CLIP_PATH_H
#define CCVM_CLIP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define CLIP_PASTE_MAX 8192 /* bytes of a paste that may be paths; longer ones are text */
#define CLIP_PATHS_MAX 8    /* in one paste; more are text */
#define CLIP_PATH_MAX  4096

struct clip_path {
	size_t from, n;		  /* where it stands in the paste, with its quotes */
	char path[CLIP_PATH_MAX]; /* absolute, printable */
};

/* Whether a paste that begins with this byte may be one. */
bool clip_path_may_begin(unsigned char first);
/* The whole paste, but for blanks around it, as one path that nobody quoted. False: it cannot be
 * one. */
bool clip_path_plain(const char *paste, size_t n, struct clip_path *out);
/* How many words it consists of; 0: not all of them are absolute paths, or they are too many. */
size_t clip_path_count(const char *paste, size_t n);
/* The next word at or behind `at`, of a paste that clip_path_count counted. False: there is none. */
bool clip_path_next(const char *paste, size_t n, size_t at, struct clip_path *out);
/* Whether a path without ".." lies below the directory, by its text alone. */
bool clip_path_is_below(const char *path, const char *directory);

#endif

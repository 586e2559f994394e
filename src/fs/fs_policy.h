/* fs_policy: what a guest may not do in directories that it may write, by the options `protect` and
 * `hide`.
 *
 * Asked before each request is carried out; requests are carried out one after the other, so what was
 * judged is what happens. The user's own programs on the host are not held to it. */
#ifndef CCVM_FS_FS_POLICY_H
#define CCVM_FS_FS_POLICY_H

#include "fs/fs_ops.h"

struct fs_policy;

/* For people; path and why may be anybody's words, cut to some hundred bytes. */
struct fs_policy_refusal {
	const char *path, *option, *why;
};

struct fs_policy *fs_policy_new(void (*on_refused)(void *ctx, const struct fs_policy_refusal *r),
				void *ctx);
void fs_policy_free(struct fs_policy *p); /* NULL is fine */

/* The following are of the export of this number, before the first request. */

/* What git on the host would run from it. */
void fs_policy_protect_git(struct fs_policy *p, size_t export);
/* And what the configuration in its `.git` names already, as far as it lies below: hooks, and files that are
 * included. fd: the export's; path: the absolute one of the host, NULL: not known. */
void fs_policy_learn_git(struct fs_policy *p, size_t export, int fd, const char *path);
/* Patterns (fs_patterns.h); false: that is none. */
bool fs_policy_protect(struct fs_policy *p, size_t export, const char *pattern);
bool fs_policy_hide(struct fs_policy *p, size_t export, const char *pattern);

/* 0, or the errno that is the answer to the request. p may be NULL. */
int fs_policy_judge(struct fs_policy *p, struct fs_ops *o, const struct fs_message *m);
/* Whether a directory's entry is none for the guest. p may be NULL. */
bool fs_policy_is_hidden(struct fs_policy *p, struct fs_nodes *nodes, uint32_t directory,
			 const char *name);

#endif

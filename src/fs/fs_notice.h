/* fs_notice: tells the session what was refused (proto/fsctl.h), not more often than a person reads. */
#ifndef CCVM_FS_FS_NOTICE_H
#define CCVM_FS_FS_NOTICE_H

#include "fs/fs_policy.h"

struct fs_notice;

/* fd: of a pipe, which does not block; borrowed. */
struct fs_notice *fs_notice_new(int fd);
void fs_notice_free(struct fs_notice *n); /* NULL is fine */
/* As on_refused of fs_policy_new; ctx: the fs_notice. */
void fs_notice_refused(void *ctx, const struct fs_policy_refusal *r);

#endif

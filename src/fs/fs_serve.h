/* fs_serve: answers a guest's FUSE requests, one after the other. */
#ifndef CCVM_FS_FS_SERVE_H
#define CCVM_FS_FS_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/fs_journal.h"
#include "fs/fs_message.h"
#include "fs/fs_policy.h"
#include "fs/fs_tree.h"

struct fs_serve;

struct fs_serve_callbacks {
	/* A whole answer or notice; the bytes are the server's. */
	void (*on_send)(void *ctx, const void *bytes, size_t n);
	void *ctx;
};

/* most_open: descriptors for what the guest holds open. The tree stays the caller's. */
struct fs_serve *fs_serve_new(struct fs_tree *tree, size_t most_open,
			      const struct fs_serve_callbacks *callbacks);
void fs_serve_free(struct fs_serve *s);
/* What the guest may not do; borrowed. None without. */
void fs_serve_set_policy(struct fs_serve *s, struct fs_policy *policy);
/* Where changes of the exports of these numbers (bits) are recorded; borrowed. None without. */
void fs_serve_set_journal(struct fs_serve *s, struct fs_journal *journal, uint32_t exports);

/* One request, whole (fs_message_length). False: no request; whoever sent it cannot be talked with. */
bool fs_serve_request(struct fs_serve *s, const void *bytes, size_t n);

/* The host changed files: what the watch of the tree has to say. */
void fs_serve_changes(struct fs_serve *s, struct fs_watch *watch);

/* How long to wait for the next request, in ms, before fs_serve_tick; -1: for ever. */
int fs_serve_patience(const struct fs_serve *s);
void fs_serve_tick(struct fs_serve *s);

#endif

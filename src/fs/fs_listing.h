/* fs_listing: descriptors of directories that the guest is in the midst of listing.
 *
 * A request to go on with a list names an offset alone. For many file systems it leads a fresh
 * descriptor to the same entry; on tmpfs before Linux 6.6 and on overlayfs it is a position, which
 * moves when entries are removed meanwhile: who removes what he lists would miss some. A
 * descriptor that stayed where it was does not. */
#ifndef CCVM_FS_FS_LISTING_H
#define CCVM_FS_FS_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs_node;
struct fs_listings;

struct fs_listings *fs_listings_new(void);
void fs_listings_free(struct fs_listings *t); /* NULL is fine */

/* Keeps fd, which is taken over and stands at offset, for the next request. The oldest goes when
 * there are as many as may be. */
void fs_listings_put(struct fs_listings *t, const struct fs_node *directory, uint64_t offset,
		     int fd);
/* The one that was left there, which is the caller's from now on; -1: none. */
int fs_listings_take(struct fs_listings *t, const struct fs_node *directory, uint64_t offset);

bool fs_listings_are_there(const struct fs_listings *t);
/* Closes those that nobody came back to for some seconds: a file system of the host is busy while
 * they are open. */
void fs_listings_expire(struct fs_listings *t);

#endif

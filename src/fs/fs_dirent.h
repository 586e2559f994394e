/* fs_dirent: the entries of a directory of the host's. */
#ifndef CCVM_FS_FS_DIRENT_H
#define CCVM_FS_FS_DIRENT_H

#include <stdbool.h>
#include <stdint.h>

struct fs_dirent {
	uint64_t ino;
	int64_t next; /* where the one after it is (lseek(2)) */
	uint8_t type; /* DT_ */
	const char *name;
};

/* False: no more. */
typedef bool fs_dirent_visit(void *ctx, const struct fs_dirent *entry);

/* Visits the entries from where fd, open for reading, stands; "." and ".." included. 0 or an
 * errno. What is made or removed meanwhile may be left out. */
int fs_dirent_each(int fd, fs_dirent_visit *visit, void *ctx);

#endif

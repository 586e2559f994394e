#include "fs/fs_dirent.h"

#include <errno.h>
#include <stdalign.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRENT_PIECE 16384

struct dirent_raw { /* struct linux_dirent64 of getdents64(2) */
	uint64_t ino;
	int64_t off;
	uint16_t length;
	uint8_t type;
	char name[];
};

int fs_dirent_each(int fd, fs_dirent_visit *visit, void *ctx)
{
	alignas(8) char piece[DIRENT_PIECE];
	long n;

	while ((n = syscall(SYS_getdents64, fd, piece, sizeof(piece))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent_raw *d = (const void *)(piece + at);
			const struct fs_dirent e = {d->ino, d->off, d->type, d->name};

			if (!visit(ctx, &e))
				return 0;
			at += d->length;
		}
	return n < 0 ? errno : 0;
}

#include "vm/checked.h"
#include "base/bootid.h"
#include "base/file.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file system's clock, at the worst (two seconds: FAT). */
#define CHECKED_GRAIN_S 3

bool checked_describe(int fd, int64_t now_s, char out[CHECKED_TEXT_MAX])
{
	char boot[BOOTID_SIZE];
	struct stat st;

	if (!bootid_read(boot) || fstat(fd, &st) < 0 || now_s - st.st_ctim.tv_sec < CHECKED_GRAIN_S)
		return false;
	snprintf(out, CHECKED_TEXT_MAX, "%s %llu %llu %lld %lld.%09ld %lld.%09ld\n", boot,
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
		 (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		 (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	return true;
}

bool checked_is_noted(int dirfd, const char *name, const char *text)
{
	AUTO_BUF struct buf note = {0};
	struct err ignored;

	return file_read(dirfd, name, CHECKED_TEXT_MAX, &note, &ignored) == 0 &&
	       strcmp(buf_text(&note), text) == 0;
}

void checked_note(int dirfd, const char *name, const char *text)
{
	AUTO_FREE char *fresh = mem_format("%s.%d", name, (int)getpid());
	struct err ignored;

	if (file_create(dirfd, fresh, text, strlen(text), 0600, &ignored) == 0 &&
	    renameat(dirfd, fresh, dirfd, name) < 0)
		unlinkat(dirfd, fresh, 0);
}

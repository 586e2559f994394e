/* gitconfig: the keys and values that fs_gitconfig finds in a file, as `git config --list -z` prints them, to
 * compare both. Exit code 1: it would not be read. */
#include "base/err.h"
#include "base/file.h"
#include "fs/fs_gitconfig.h"

#include <fcntl.h>
#include <stdio.h>

static bool gitconfig_print(void *ctx, const char *key, const char *value)
{
	(void)ctx;
	printf("%s", key);
	if (value)
		printf("\n%s", value);
	putchar('\0');
	return true;
}

int main(int argc, char **argv)
{
	AUTO_BUF struct buf text = {0};
	struct err e;

	if (argc != 2 || file_read(AT_FDCWD, argv[1], FS_GITCONFIG_MAX, &text, &e) < 0)
		return 2;
	return fs_gitconfig_each((struct fs_gitconfig_bytes){buf_text(&text), buf_len(&text)},
				 gitconfig_print, NULL)
		       ? 0
		       : 1;
}

#include "base/bootid.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>

bool bootid_read(char out[BOOTID_SIZE])
{
	AUTO_BUF struct buf text = {0};
	struct err ignored;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, &ignored) < 0 ||
	    buf_len(&text) < BOOTID_SIZE - 1)
		return false;
	snprintf(out, BOOTID_SIZE, "%s", buf_text(&text));
	return true;
}

/* areas: base fs proto sandbox
 * One FUSE request from any bytes: what is accepted has names that stay in their directory, and
 * lies whole within the bytes. */
#include "fuzz/fuzz.h"

#include "fs/fs_message.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

static void check_within(const uint8_t *data, size_t size, const char *s, size_t max)
{
	const uint8_t *at = (const uint8_t *)s;

	if (!s)
		return;
	MUST(at >= data && at < data + size && memchr(at, 0, size - (size_t)(at - data)));
	MUST(*s && strlen(s) <= max);
}

static bool names_entries(uint32_t opcode)
{
	return opcode != FUSE_SETXATTR && opcode != FUSE_GETXATTR && opcode != FUSE_REMOVEXATTR;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fs_message m;
	size_t each;

	if (fs_message_read(&m, data, size) != FS_MESSAGE_OK)
		return 0;
	MUST(fs_message_length(data, size) == (long)size);
	MUST(strcmp(fs_message_name(m.head.opcode), "other") != 0);
	check_within(data, size, m.name, NAME_MAX);
	check_within(data, size, m.name2, PATH_MAX);
	if (m.name && names_entries(m.head.opcode))
		MUST(!strchr(m.name, '/') && strcmp(m.name, ".") != 0 && strcmp(m.name, "..") != 0);
	if (m.name2 && m.head.opcode != FUSE_SYMLINK)
		MUST(!strchr(m.name2, '/') && strcmp(m.name2, ".") != 0 &&
		     strcmp(m.name2, "..") != 0);
	each = m.head.opcode == FUSE_BATCH_FORGET ? sizeof(struct fuse_forget_one) : 1;
	if (m.data)
		MUST((const uint8_t *)m.data >= data &&
		     (const uint8_t *)m.data + m.ndata * each <= data + size);
	return 0;
}

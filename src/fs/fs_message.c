/* Theory of operation.
 *
 * 1. A row of the table for each operation says how long its fixed part is, which names follow,
 *    and what comes at the end. Nothing is read that the row does not name, and every byte has
 *    to be accounted for.
 * 2. Fixed parts are copied out: the bytes need not be aligned, and do not change between check
 *    and use.
 * 3. A name of an entry is 1 to 255 bytes without '/' and NUL, and neither "." nor "..": this is
 *    where a path out of the export would begin, so it is checked here for every operation.
 *    Linux asks for longer ones, too (FUSE_NAME_MAX), and passes the answer ENAMETOOLONG on.
 * 4. A target of a symbolic link is stored, never followed by us; it only has a length. */
#include "fs/fs_message.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

enum message_tail {
	TAIL_NONE,
	TAIL_NAME,	 /* an entry */
	TAIL_NAMES,	 /* two entries */
	TAIL_TARGET,	 /* an entry and a symbolic link's text */
	TAIL_XATTR,	 /* an attribute's name */
	TAIL_XATTR_DATA, /* and its value, of the size that the fixed part says */
	TAIL_DATA,	 /* bytes, of the size that the fixed part says */
	TAIL_FORGETS,	 /* an array, of the length that the fixed part says */
	TAIL_IGNORED,	 /* bytes that mean nothing */
};

struct message_row {
	const char *name;
	uint16_t least, most; /* of the fixed part: older kernels send less */
	uint8_t tail;
};

#define ROW(opcode, name, type, tail) [opcode] = {name, sizeof(type), sizeof(type), tail}
#define ROW_BARE(opcode, name, tail)  [opcode] = {name, 0, 0, tail}
static const struct message_row message_rows[] = {
	ROW_BARE(FUSE_LOOKUP, "lookup", TAIL_NAME),
	ROW(FUSE_FORGET, "forget", struct fuse_forget_in, TAIL_NONE),
	ROW(FUSE_GETATTR, "getattr", struct fuse_getattr_in, TAIL_NONE),
	ROW(FUSE_SETATTR, "setattr", struct fuse_setattr_in, TAIL_NONE),
	ROW_BARE(FUSE_READLINK, "readlink", TAIL_NONE),
	ROW_BARE(FUSE_SYMLINK, "symlink", TAIL_TARGET),
	ROW(FUSE_MKNOD, "mknod", struct fuse_mknod_in, TAIL_NAME),
	ROW(FUSE_MKDIR, "mkdir", struct fuse_mkdir_in, TAIL_NAME),
	ROW_BARE(FUSE_UNLINK, "unlink", TAIL_NAME),
	ROW_BARE(FUSE_RMDIR, "rmdir", TAIL_NAME),
	ROW(FUSE_RENAME, "rename", struct fuse_rename_in, TAIL_NAMES),
	ROW(FUSE_LINK, "link", struct fuse_link_in, TAIL_NAME),
	ROW(FUSE_OPEN, "open", struct fuse_open_in, TAIL_NONE),
	ROW(FUSE_READ, "read", struct fuse_read_in, TAIL_NONE),
	ROW(FUSE_WRITE, "write", struct fuse_write_in, TAIL_DATA),
	ROW_BARE(FUSE_STATFS, "statfs", TAIL_NONE),
	ROW(FUSE_RELEASE, "release", struct fuse_release_in, TAIL_NONE),
	ROW(FUSE_FSYNC, "fsync", struct fuse_fsync_in, TAIL_NONE),
	[FUSE_SETXATTR] = {"setxattr", FUSE_COMPAT_SETXATTR_IN_SIZE, FUSE_COMPAT_SETXATTR_IN_SIZE,
			   TAIL_XATTR_DATA},
	ROW(FUSE_GETXATTR, "getxattr", struct fuse_getxattr_in, TAIL_XATTR),
	ROW(FUSE_LISTXATTR, "listxattr", struct fuse_getxattr_in, TAIL_NONE),
	ROW_BARE(FUSE_REMOVEXATTR, "removexattr", TAIL_XATTR),
	ROW(FUSE_FLUSH, "flush", struct fuse_flush_in, TAIL_NONE),
	[FUSE_INIT] = {"init", 16, sizeof(struct fuse_init_in), TAIL_NONE},
	ROW(FUSE_OPENDIR, "opendir", struct fuse_open_in, TAIL_NONE),
	ROW(FUSE_READDIR, "readdir", struct fuse_read_in, TAIL_NONE),
	ROW(FUSE_FSYNCDIR, "fsyncdir", struct fuse_fsync_in, TAIL_NONE),
	ROW(FUSE_GETLK, "getlk", struct fuse_lk_in, TAIL_NONE),
	ROW(FUSE_SETLK, "setlk", struct fuse_lk_in, TAIL_NONE),
	ROW(FUSE_SETLKW, "setlkw", struct fuse_lk_in, TAIL_NONE),
	ROW(FUSE_CREATE, "create", struct fuse_create_in, TAIL_NAME),
	ROW(FUSE_INTERRUPT, "interrupt", struct fuse_interrupt_in, TAIL_NONE),
	ROW_BARE(FUSE_DESTROY, "destroy", TAIL_NONE),
	ROW(FUSE_NOTIFY_REPLY, "notify_reply", struct fuse_notify_retrieve_in, TAIL_IGNORED),
	ROW(FUSE_BATCH_FORGET, "batch_forget", struct fuse_batch_forget_in, TAIL_FORGETS),
	ROW(FUSE_FALLOCATE, "fallocate", struct fuse_fallocate_in, TAIL_NONE),
	ROW(FUSE_READDIRPLUS, "readdirplus", struct fuse_read_in, TAIL_NONE),
	ROW(FUSE_RENAME2, "rename2", struct fuse_rename2_in, TAIL_NAMES),
	ROW(FUSE_LSEEK, "lseek", struct fuse_lseek_in, TAIL_NONE),
	ROW(FUSE_COPY_FILE_RANGE, "copy_file_range", struct fuse_copy_file_range_in, TAIL_NONE),
	ROW(FUSE_TMPFILE, "tmpfile", struct fuse_create_in, TAIL_IGNORED),
};

static const struct message_row *message_row(uint32_t opcode)
{
	const size_t n = sizeof(message_rows) / sizeof(message_rows[0]);

	return opcode < n && message_rows[opcode].name ? &message_rows[opcode] : NULL;
}

const char *fs_message_name(uint32_t opcode)
{
	const struct message_row *row = message_row(opcode);

	return row ? row->name : "other";
}

long fs_message_length(const void *bytes, size_t n)
{
	uint32_t length;

	if (n < sizeof(length))
		return 0;
	memcpy(&length, bytes, sizeof(length));
	return length >= sizeof(struct fuse_in_header) && length <= FS_MESSAGE_MAX ? (long)length
										   : -1;
}

/* What is left of a request. */
struct message_rest {
	const char *at;
	size_t n;
};

/* A string of 1 to max bytes and its NUL; NULL: none. */
static const char *message_string(struct message_rest *r, size_t max)
{
	const char *s = r->at;
	const size_t n = strnlen(s, r->n); /* r stays at what is refused */

	if (n == 0 || n > max || n == r->n)
		return NULL;
	r->at += n + 1;
	r->n -= n + 1;
	return s;
}

static const char *message_entry(struct message_rest *r)
{
	const char *s = message_string(r, NAME_MAX);

	return s && !strchr(s, '/') && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 ? s : NULL;
}

static bool message_data(struct fs_message *m, struct message_rest *r, size_t wanted, size_t each)
{
	if (r->n % each || r->n / each != wanted)
		return false;
	m->data = r->at;
	m->ndata = wanted;
	r->n = 0;
	return true;
}

static bool message_read_tail(struct fs_message *m, enum message_tail tail, struct message_rest *r)
{
	switch (tail) {
	case TAIL_NONE:
		return true;
	case TAIL_NAME:
		return (m->name = message_entry(r)) != NULL;
	case TAIL_NAMES:
		return (m->name = message_entry(r)) != NULL &&
		       (m->name2 = message_entry(r)) != NULL;
	case TAIL_TARGET:
		return (m->name = message_entry(r)) != NULL &&
		       (m->name2 = message_string(r, PATH_MAX - 1)) != NULL;
	case TAIL_XATTR:
		return (m->name = message_string(r, NAME_MAX)) != NULL;
	case TAIL_XATTR_DATA:
		return (m->name = message_string(r, NAME_MAX)) != NULL &&
		       message_data(m, r, m->in.setxattr.size, 1);
	case TAIL_DATA:
		return m->in.write.size <= FS_MESSAGE_DATA_MAX &&
		       message_data(m, r, m->in.write.size, 1);
	case TAIL_FORGETS:
		return message_data(m, r, m->in.batch_forget.count, sizeof(struct fuse_forget_one));
	case TAIL_IGNORED:
		r->n = 0;
		return true;
	}
	return false;
}

/* FUSE_RENAME's fixed part is the beginning of FUSE_RENAME2's, and INIT has a shorter form. */
static size_t message_fixed(const struct message_row *row, size_t n)
{
	return n < row->most ? row->least : row->most;
}

enum fs_message_result fs_message_read(struct fs_message *m, const void *bytes, size_t n)
{
	const struct message_row *row;
	struct message_rest rest;
	size_t fixed;

	memset(m, 0, sizeof(*m));
	if (n < sizeof(m->head) || fs_message_length(bytes, n) != (long)n)
		return FS_MESSAGE_BROKEN;
	memcpy(&m->head, bytes, sizeof(m->head));
	row = message_row(m->head.opcode);
	if (!row)
		return FS_MESSAGE_UNKNOWN;
	rest = (struct message_rest){(const char *)bytes + sizeof(m->head), n - sizeof(m->head)};
	fixed = message_fixed(row, rest.n);
	if (m->head.total_extlen || rest.n < fixed)
		return FS_MESSAGE_INVALID;
	memcpy(&m->in, rest.at, fixed);
	rest.at += fixed;
	rest.n -= fixed;
	if (m->head.opcode == FUSE_INIT) /* later kernels may say more */
		rest.n = 0;
	if (message_read_tail(m, row->tail, &rest))
		return rest.n == 0 ? FS_MESSAGE_OK : FS_MESSAGE_INVALID;
	return rest.n && strnlen(rest.at, rest.n) > NAME_MAX ? FS_MESSAGE_LONG : FS_MESSAGE_INVALID;
}

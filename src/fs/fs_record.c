/* Theory of operation.
 *
 * 1. A record says its length and the sum of what follows, so that one which was written in part is
 *    seen; then a struct, then three strings, each ended by NUL.
 * 2. A reader trusts nothing: whoever took the server over could write the list. What comes out has
 *    paths without a way out of the export, a type and an operation of the tables, and times that
 *    are times. Where a file's copy lies is a number. */
#include "fs/fs_record.h"
#include "base/mem.h"

#include <string.h>
#include <sys/stat.h>

#define RECORD_SECOND 1000000000u

struct record_disk {
	uint32_t length; /* of all, this struct included */
	uint32_t sum;	 /* of what follows */
	uint8_t type, op, contents, own;
	uint32_t atime_ns, mtime_ns, mode, uid, gid, nlink;
	uint32_t unused;
	uint64_t when, file, copy, device, inode, size;
	int64_t atime, mtime;
};
_Static_assert(sizeof(struct record_disk) == 104, "the same on every computer");
#define RECORD_SUMMED offsetof(struct record_disk, type)

static uint32_t record_sum(const unsigned char *p, size_t n)
{
	uint32_t h = 0x811c9dc5u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x01000193u;
	return h;
}

bool fs_record_put(struct buf *out, const struct fs_record *r)
{
	const char *const strings[] = {r->export, r->path, r->other ? r->other : ""};
	struct record_disk d = {
		.length = sizeof(d),
		.type = r->type,
		.op = r->op,
		.contents = r->contents,
		.own = r->own,
		.atime_ns = r->atime_ns,
		.mtime_ns = r->mtime_ns,
		.mode = r->mode,
		.uid = r->uid,
		.gid = r->gid,
		.nlink = r->nlink,
		.when = r->when,
		.file = r->file,
		.copy = r->copy,
		.device = r->device,
		.inode = r->inode,
		.size = r->size,
		.atime = r->atime,
		.mtime = r->mtime,
	};
	unsigned char *bytes;
	size_t at = sizeof(d);

	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		const size_t n = strlen(strings[i]);

		if (n >= (i ? PATH_MAX : 256))
			return false;
		d.length += (uint32_t)n + 1;
	}
	bytes = buf_room(out, d.length);
	memcpy(bytes, &d, sizeof(d));
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		const size_t n = strlen(strings[i]) + 1;

		memcpy(bytes + at, strings[i], n);
		at += n;
	}
	d.sum = record_sum(bytes + RECORD_SUMMED, d.length - RECORD_SUMMED);
	memcpy(bytes, &d, sizeof(d));
	buf_grew(out, d.length);
	return true;
}

/* Components that are names, with one slash between; or nothing. */
static bool record_is_path(const char *s)
{
	if (!*s)
		return true;
	for (;;) {
		const size_t n = strcspn(s, "/");

		if (n == 0 || n > NAME_MAX || (n == 1 && s[0] == '.') ||
		    (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		s += n;
		if (!*s)
			return true;
		s++;
	}
}

/* Takes the next string. NULL: it does not end within *n bytes. */
static const char *record_string(const char **at, size_t *n)
{
	const char *s = *at, *end = *n ? memchr(s, '\0', *n) : NULL;

	if (!end)
		return NULL;
	*n -= (size_t)(end + 1 - s);
	*at = end + 1;
	return s;
}

static bool record_is_mode(uint32_t mode)
{
	static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if ((mode & ~07777u) == types[i])
			return true;
	return false;
}

static bool record_makes_sense(const struct fs_record *r)
{
	const bool saved = r->type == FS_RECORD_SAVED, full = r->type == FS_RECORD_FULL;
	const bool moved = r->type == FS_RECORD_MOVED || r->type == FS_RECORD_SWAPPED;

	if (r->type == 0 || r->type >= FS_RECORD_TYPES || r->op >= FS_RECORD_OPS ||
	    (r->op == 0) != full || r->contents > FS_RECORD_NOT_KEPT ||
	    r->atime_ns >= RECORD_SECOND || r->mtime_ns >= RECORD_SECOND)
		return false;
	if (saved && !record_is_mode(r->mode))
		return false;
	if (r->contents != FS_RECORD_SAME && (!saved || (r->mode & ~07777u) != S_IFREG))
		return false;
	if (!record_is_path(r->path) || (moved && (!*r->other || !record_is_path(r->other))))
		return false;
	return saved || full || *r->path; /* the export stays where it is */
}

enum fs_record_result fs_record_read(struct fs_record *r, const void *bytes, size_t n, size_t *used)
{
	const char *at = bytes;
	struct record_disk d;
	size_t left;

	*used = 0;
	if (n < sizeof(d))
		return FS_RECORD_TORN;
	memcpy(&d, bytes, sizeof(d));
	if (d.length < sizeof(d) + 3 || d.length > FS_RECORD_MAX)
		return FS_RECORD_BROKEN;
	if (d.length > n)
		return FS_RECORD_TORN;
	if (d.own > 1 || d.sum != record_sum((const unsigned char *)bytes + RECORD_SUMMED,
					     d.length - RECORD_SUMMED))
		return FS_RECORD_BROKEN;
	*r = (struct fs_record){
		.type = d.type,
		.op = d.op,
		.contents = d.contents,
		.own = d.own,
		.when = d.when,
		.file = d.file,
		.copy = d.copy,
		.device = d.device,
		.inode = d.inode,
		.size = d.size,
		.atime = d.atime,
		.mtime = d.mtime,
		.atime_ns = d.atime_ns,
		.mtime_ns = d.mtime_ns,
		.mode = d.mode,
		.uid = d.uid,
		.gid = d.gid,
		.nlink = d.nlink,
	};
	at += sizeof(d);
	left = d.length - sizeof(d);
	r->export = record_string(&at, &left);
	r->path = r->export ? record_string(&at, &left) : NULL;
	r->other = r->path ? record_string(&at, &left) : NULL;
	if (!r->other || left || !record_makes_sense(r))
		return FS_RECORD_BROKEN;
	*used = d.length;
	return FS_RECORD_OK;
}

/* Theory of operation.
 *
 * 1. What is saved is whole before the change is carried out: first the copy, then its record, each
 *    record by one write(2). Names (made, gone, moved) are recorded after they changed, since most
 *    that fail would have to be taken back; a server that is killed between loses one.
 * 2. A table of files by device and inode says what was saved: one look for a change, and nothing
 *    more for the second change of a file. An inode number that was given out anew is another file
 *    (its time of birth).
 * 3. Copies are by reference where the file system can do so (FICLONE). Others are of files of at
 *    most JOURNAL_COPY_MAX, since requests behind wait meanwhile.
 * 4. Copies have three quarters of the space at most, so that paths are recorded for long; some of
 *    the file system is left to others. */
#include "fs/fs_journal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_copyup.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define JOURNAL_COPY_MAX    (64u << 20) /* bytes of a file that are read and written */
#define JOURNAL_RECORDS_MAX (1u << 19)
#define JOURNAL_FIRST	    1024 /* of the table; a power of two */
#define JOURNAL_FREE_SHARE  8	 /* of the file system, that is left to others */
#define JOURNAL_FREE_MAX    (256u << 20)
#define JOURNAL_NAME	    24
#define JOURNAL_LIST_MAX    (256u << 20) /* of one that is continued */

struct journal_file {
	struct fs_identity identity; /* inode 0: free */
	uint64_t id;
	uint8_t depth;
	bool own;
};

struct fs_journal {
	int fd, process_fds; /* borrowed */
	int list;
	uint64_t at;   /* where the list ends */
	uint64_t most; /* bytes */
	uint64_t copied;
	struct fs_journal_figures figures;
	struct journal_file *file;
	size_t nfiles, size;
};

/* ---- files that are known ---- */

static struct journal_file *journal_slot(struct journal_file *file, size_t size,
					 const struct fs_identity *i)
{
	uint64_t h = (i->inode ^ i->device << 40) * 0x9e3779b97f4a7c15u;

	for (h ^= h >> 29;; h++) {
		struct journal_file *f = &file[h & (size - 1)];

		if (!f->identity.inode ||
		    (f->identity.inode == i->inode && f->identity.device == i->device))
			return f;
	}
}

static struct journal_file *journal_find(const struct fs_journal *j, const struct fs_identity *i)
{
	struct journal_file *f = journal_slot(j->file, j->size, i);

	return i->inode && fs_identity_is_same(&f->identity, i) ? f : NULL;
}

static void journal_grow(struct fs_journal *j)
{
	const size_t size = j->size * 2;
	struct journal_file *file = mem_alloc_array(size, sizeof(*file));

	for (size_t i = 0; i < j->size; i++)
		if (j->file[i].identity.inode)
			*journal_slot(file, size, &j->file[i].identity) = j->file[i];
	free(j->file);
	j->file = file;
	j->size = size;
}

/* Adds it, or what is known of this number is another file from now on. */
static void journal_know(struct fs_journal *j, const struct journal_file *known)
{
	struct journal_file *f = journal_slot(j->file, j->size, &known->identity);

	if (!known->identity.inode)
		return;
	if (!f->identity.inode && ++j->nfiles * 4 > j->size * 3) {
		journal_grow(j);
		f = journal_slot(j->file, j->size, &known->identity);
	}
	*f = *known;
}

/* ---- the list ---- */

/* Of a record that was written in part. When it stays, a reader ends there. */
static void journal_cut(const struct fs_journal *j)
{
	if (ftruncate(j->list, (off_t)j->at) < 0)
		log_note("the journal of changes ends in a part of a record");
}

static void journal_end(struct fs_journal *j, const char *why)
{
	const struct fs_record r = {.type = FS_RECORD_FULL,
				    .when = (uint64_t)clock_wall_ns(),
				    .export = "",
				    .path = ""};
	AUTO_BUF struct buf bytes = {0};

	j->figures.full = true;
	(void)fs_record_put(&bytes, &r);
	if (write(j->list, buf_data(&bytes), buf_len(&bytes)) == (ssize_t)buf_len(&bytes))
		j->at += buf_len(&bytes);
	else
		journal_cut(j);
	log_note("the journal of changes ends: %s", why);
}

static void journal_append(struct fs_journal *j, struct fs_record *r)
{
	AUTO_BUF struct buf bytes = {0};

	if (j->figures.full)
		return;
	r->when = (uint64_t)clock_wall_ns();
	if (!fs_record_put(&bytes, r)) {
		journal_end(j, "a path is too long");
	} else if (j->figures.records >= JOURNAL_RECORDS_MAX ||
		   j->at + j->copied + buf_len(&bytes) + FS_RECORD_MAX > j->most) {
		journal_end(j, "undo.size is used up");
	} else if (write(j->list, buf_data(&bytes), buf_len(&bytes)) != (ssize_t)buf_len(&bytes)) {
		journal_cut(j);
		journal_end(j, "there is no space for it");
	} else {
		j->at += buf_len(&bytes);
		j->figures.records++;
	}
}

/* ---- copies ---- */

/* Whether there are so many bytes to spare. */
static bool journal_is_room(const struct fs_journal *j, uint64_t bytes)
{
	uint64_t kept, left;
	struct statvfs st;

	if (j->at + j->copied + bytes > j->most - j->most / 4 || fstatvfs(j->fd, &st) < 0)
		return false;
	kept = (uint64_t)st.f_blocks * st.f_frsize / JOURNAL_FREE_SHARE;
	kept = kept < JOURNAL_FREE_MAX ? kept : JOURNAL_FREE_MAX;
	left = (uint64_t)st.f_bavail * st.f_frsize;
	return left > kept && left - kept >= bytes;
}

static bool journal_copy_to(struct fs_journal *j, int from, int to, const struct fs_attr *a)
{
	struct stat st;

	if (ioctl(to, FICLONE, from) < 0 &&
	    (a->attr.size > JOURNAL_COPY_MAX || fs_copyup_contents(from, to, (off_t)a->attr.size)))
		return false;
	if (fstat(to, &st) == 0)
		j->copied += (uint64_t)st.st_blocks * 512;
	return true;
}

/* Whether the contents are in the file `copy` now. */
static bool journal_copy(struct fs_journal *j, int place, const struct fs_attr *a, uint64_t copy)
{
	const uint64_t blocks = a->attr.blocks * 512 + 4096; /* of one with holes: fewer */
	AUTO_CLOSE int from = -1, to = -1;
	char number[JOURNAL_NAME], name[JOURNAL_NAME];

	if (!journal_is_room(j, a->attr.size < blocks ? a->attr.size : blocks))
		return false;
	snprintf(number, sizeof(number), "%d", place);
	snprintf(name, sizeof(name), "%llu", (unsigned long long)copy);
	from = openat(j->process_fds, number, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (from < 0)
		return false;
	to = openat(j->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return false;
	if (journal_copy_to(j, from, to, a))
		return true;
	unlinkat(j->fd, name, 0);
	return false;
}

static uint8_t journal_keep(struct fs_journal *j, int fd, const struct fs_attr *a,
			    enum fs_journal_depth depth, uint64_t copy)
{
	if (a->identity.type != S_IFREG || depth < FS_JOURNAL_CONTENTS)
		return FS_RECORD_SAME;
	if (journal_copy(j, fd, a, copy)) {
		j->figures.copies++;
		return FS_RECORD_KEPT;
	}
	j->figures.not_kept++;
	return FS_RECORD_NOT_KEPT;
}

/* ---- what happens ---- */

bool fs_journal_has(const struct fs_journal *j, const struct fs_identity *file,
		    enum fs_journal_depth depth)
{
	const struct journal_file *f = journal_find(j, file);

	return j->figures.full || (f && (f->own || f->depth >= (uint8_t)depth));
}

void fs_journal_save(struct fs_journal *j, struct fs_journal_path at, enum fs_record_op op, int fd,
		     const struct fs_attr *a, enum fs_journal_depth depth)
{
	const struct journal_file *known = journal_find(j, &a->identity);
	const uint64_t id = j->at + 1; /* no other record begins there */
	const struct journal_file f = {
		.identity = a->identity, .id = known ? known->id : id, .depth = (uint8_t)depth};
	char target[PATH_MAX] = "";
	struct fs_record r = {
		.type = FS_RECORD_SAVED,
		.op = (uint8_t)op,
		.file = f.id,
		.device = a->identity.device,
		.inode = a->identity.inode,
		.size = a->attr.size,
		.atime = (int64_t)a->attr.atime,
		.mtime = (int64_t)a->attr.mtime,
		.atime_ns = a->attr.atimensec,
		.mtime_ns = a->attr.mtimensec,
		.mode = a->attr.mode & (S_IFMT | 07777),
		.uid = a->attr.uid,
		.gid = a->attr.gid,
		.nlink = a->attr.nlink,
		.path = at.path,
		.export = at.export,
		.other = target,
	};

	if (fs_journal_has(j, &a->identity, depth) || a->identity.type == S_IFCHR ||
	    a->identity.type == S_IFBLK)
		return;
	if (a->identity.type == S_IFLNK && readlinkat(fd, "", target, sizeof(target) - 1) < 0)
		target[0] = '\0';
	r.contents = journal_keep(j, fd, a, depth, id);
	r.copy = r.contents == FS_RECORD_KEPT ? id : 0;
	journal_append(j, &r);
	journal_know(j, &f);
}

void fs_journal_own(struct fs_journal *j, const struct fs_identity *file)
{
	const struct journal_file f = {
		.identity = *file, .id = j->at + 1, .depth = FS_JOURNAL_CONTENTS, .own = true};

	if (!j->figures.full && j->nfiles < JOURNAL_RECORDS_MAX)
		journal_know(j, &f);
}

void fs_journal_made(struct fs_journal *j, struct fs_journal_path at, enum fs_record_op op,
		     const struct fs_identity *file)
{
	struct fs_record r = {.type = FS_RECORD_MADE,
			      .op = (uint8_t)op,
			      .device = file->device,
			      .inode = file->inode,
			      .path = at.path,
			      .export = at.export};
	const struct journal_file *f;

	if (op != FS_RECORD_LINK)
		fs_journal_own(j, file);
	f = journal_find(j, file);
	r.file = f ? f->id : 0;
	journal_append(j, &r);
}

void fs_journal_gone(struct fs_journal *j, struct fs_journal_path at, enum fs_record_op op,
		     const struct fs_attr *a)
{
	const struct journal_file *f = journal_find(j, &a->identity);
	struct fs_record r = {.type = FS_RECORD_GONE,
			      .op = (uint8_t)op,
			      .file = f ? f->id : 0,
			      .own = f && f->own,
			      .device = a->identity.device,
			      .inode = a->identity.inode,
			      .mode = a->attr.mode & (S_IFMT | 07777),
			      .nlink = a->attr.nlink,
			      .path = at.path,
			      .export = at.export};

	journal_append(j, &r);
}

void fs_journal_moved(struct fs_journal *j, struct fs_journal_path from, const char *to,
		      bool swapped)
{
	struct fs_record r = {.type = swapped ? FS_RECORD_SWAPPED : FS_RECORD_MOVED,
			      .op = FS_RECORD_RENAME,
			      .path = from.path,
			      .export = from.export,
			      .other = to};

	journal_append(j, &r);
}

void fs_journal_become(struct fs_journal *j, const struct fs_identity *was,
		       const struct fs_identity *is)
{
	const struct journal_file *known = journal_find(j, was);
	struct journal_file f;

	if (!known)
		return;
	f = *known;
	f.identity = *is;
	f.depth = FS_JOURNAL_CONTENTS; /* the copy is not what there was */
	journal_know(j, &f);
}

struct fs_journal_figures fs_journal_figures(const struct fs_journal *j)
{
	struct fs_journal_figures f = j->figures;

	f.bytes = j->at + j->copied;
	return f;
}

/* ---- one that is there ---- */

/* Of n bytes, those of whole records; *records: how many. */
static size_t journal_whole(const unsigned char *bytes, size_t n, uint64_t *records)
{
	struct fs_record r;
	size_t at = 0, used;

	while (fs_record_read(&r, bytes + at, n - at, &used) == FS_RECORD_OK) {
		at += used;
		++*records;
	}
	return at;
}

/* The part of a record that a killed server left goes. What was saved is saved once more: the
 * earlier record is the one that counts. */
static int journal_continue(struct fs_journal *j, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct stat st;

	if (fstat(j->list, &st) < 0 || st.st_size > JOURNAL_LIST_MAX)
		return err_set(e, "the list of the journal is too long");
	while (buf_len(&bytes) < (size_t)st.st_size) {
		const size_t left = (size_t)st.st_size - buf_len(&bytes);
		const ssize_t n = pread(j->list, buf_room(&bytes, left), left,
					(off_t)buf_len(&bytes));

		if (n <= 0)
			return err_sys(e, "read the list of the journal");
		buf_grew(&bytes, (size_t)n);
	}
	j->at = journal_whole(buf_data(&bytes), buf_len(&bytes), &j->figures.records);
	return ftruncate(j->list, (off_t)j->at) < 0 ? err_sys(e, "the list of the journal") : 0;
}

struct fs_journal *fs_journal_new(int fd, int process_fds, uint64_t bytes, struct err *e)
{
	struct fs_journal *j = mem_alloc(sizeof(*j));

	*j = (struct fs_journal){
		.fd = fd, .process_fds = process_fds, .most = bytes, .size = JOURNAL_FIRST};
	j->file = mem_alloc_array(j->size, sizeof(*j->file));
	j->list = openat(fd, FS_RECORD_LIST, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			 0600);
	if (j->list < 0)
		err_sys(e, "open the list of the journal");
	if (j->list < 0 || journal_continue(j, e) < 0) {
		fs_journal_free(j);
		return NULL;
	}
	return j;
}

void fs_journal_free(struct fs_journal *j)
{
	if (!j)
		return;
	if (j->list >= 0)
		close(j->list);
	free(j->file);
	free(j);
}

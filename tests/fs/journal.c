/* journal: shows the list of a journal (src/fs/fs_record.h) on stdin, a record a line: numbers, then
 * export, path and the other path in hexadecimal, by commas. The last line says how it ends: "end", "torn" or
 * "broken". */
#include "base/mem.h"
#include "fs/fs_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void journal_text(const char *s)
{
	putchar(',');
	for (; *s; s++)
		printf("%02x", (unsigned char)*s);
}

static void journal_show(const struct fs_record *r)
{
	const uint64_t n[] = {r->type, r->op,	r->contents, r->own,   r->when,
			      r->file, r->copy, r->device,   r->inode, r->size,
			      r->mode, r->uid,	r->gid,	     r->nlink};

	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		printf("%s%" PRIu64, i ? "," : "", n[i]);
	printf(",%" PRId64 "%09" PRIu32 ",%" PRId64 "%09" PRIu32, r->atime, r->atime_ns, r->mtime,
	       r->mtime_ns);
	journal_text(r->export);
	journal_text(r->path);
	journal_text(r->other);
	putchar('\n');
}

int main(void)
{
	static const char *const ends[] = {"end", "torn", "broken"};
	enum fs_record_result result = FS_RECORD_OK;
	AUTO_BUF struct buf in = {0};
	struct fs_record r;
	size_t used;
	ssize_t n;

	while ((n = read(0, buf_room(&in, 65536), 65536)) > 0)
		buf_grew(&in, (size_t)n);
	while (buf_len(&in) &&
	       (result = fs_record_read(&r, buf_data(&in), buf_len(&in), &used)) == FS_RECORD_OK) {
		journal_show(&r);
		buf_drop(&in, used);
	}
	puts(ends[result]);
	return n < 0;
}

/* areas: base fs proto sandbox
 * Any bytes as the list of a journal: what is read has paths that stay in the export, ends within the
 * bytes, and written again is the same. */
#include "fuzz/fuzz.h"

#include "fs/fs_record.h"

#include <string.h>
#include <sys/stat.h>

static void check_path(const char *s)
{
	MUST(s[0] != '/' && strlen(s) < PATH_MAX);
	for (const char *at = s; *at; at += strcspn(at, "/"), at += *at == '/') {
		const size_t n = strcspn(at, "/");

		MUST(n && n <= NAME_MAX);
		MUST(strncmp(at, ".", n) != 0 && strncmp(at, "..", n) != 0);
	}
}

static void check_same(const struct fs_record *r, const uint8_t *bytes, size_t n)
{
	AUTO_BUF struct buf again = {0};
	struct fs_record twice;
	size_t used;

	if (!fs_record_put(&again, r)) /* a string that is too long for a writer */
		return;
	MUST(buf_len(&again) == n);
	MUST(fs_record_read(&twice, buf_data(&again), buf_len(&again), &used) == FS_RECORD_OK);
	MUST(used == n && strcmp(twice.path, r->path) == 0 && strcmp(twice.other, r->other) == 0);
	for (size_t cut = 0; cut < n; cut++)
		MUST(fs_record_read(&twice, bytes, cut, &used) == FS_RECORD_TORN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0, used = 0;
	struct fs_record r;

	while (fs_record_read(&r, data + at, size - at, &used) == FS_RECORD_OK) {
		MUST(used > 0 && used <= FS_RECORD_MAX && at + used <= size);
		MUST((const uint8_t *)r.other + strlen(r.other) < data + at + used);
		check_path(r.path);
		if (r.type == FS_RECORD_MOVED || r.type == FS_RECORD_SWAPPED)
			check_path(r.other);
		MUST(r.type && r.type < FS_RECORD_TYPES && r.op < FS_RECORD_OPS);
		MUST(r.mtime_ns < 1000000000 && r.atime_ns < 1000000000);
		MUST(r.contents == FS_RECORD_SAME || S_ISREG(r.mode));
		if (at < 4096)
			check_same(&r, data + at, used);
		at += used;
	}
	MUST(used == 0);
	return 0;
}

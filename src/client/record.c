#include "client/record.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"
#include "proto/rundir.h"
#include "proto/wire.h"

#include <fcntl.h>

#define RECORD_FILE_MAX (8u << 20)

int record_read(const char *directory, struct buf *out, struct err *e)
{
	static const char *const names[RECORD_PARTS] = {
		[RECORD_OPTIONS] = RUNDIR_OPTIONS,
		[RECORD_STATUS] = RUNDIR_STATUS,
		[RECORD_WORKSPACE] = RUNDIR_SEED "/" NAME_SEED_WORKDIR,
		[RECORD_SHELL] = RUNDIR_SEED "/" NAME_SEED_SHELL,
		[RECORD_ARGS] = RUNDIR_SEED "/" NAME_SEED_CLAUDE_ARGS,
	};

	for (size_t i = 0; i < RECORD_PARTS; i++) {
		AUTO_FREE char *path = mem_format("%s/%s", directory, names[i]);
		AUTO_BUF struct buf text = {0};

		if (file_read(AT_FDCWD, path, RECORD_FILE_MAX, &text, e) < 0)
			return err_remedy(e, "the session may be starting or ending: try again, or ccvmctl new");
		bytes_put_u32(out, (uint32_t)buf_len(&text));
		buf_add(out, buf_data(&text), buf_len(&text));
	}
	return 0;
}

int record_split(const void *bytes, size_t n, struct buf part[RECORD_PARTS], struct err *e)
{
	const unsigned char *p = bytes, *end = p + n;

	for (size_t i = 0; i < RECORD_PARTS; i++) {
		const size_t length = end - p >= 4 ? bytes_get_u32(p) : 0;

		if (end - p < 4 || length > (size_t)(end - p - 4))
			return err_set(e, "malformed session record");
		buf_add(&part[i], p + 4, length);
		p += 4 + length;
	}
	return p == end ? 0 : err_set(e, "malformed session record");
}

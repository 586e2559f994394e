#include "client/record.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pack.h"
#include "proto/names.h"
#include "proto/rundir.h"

#include <fcntl.h>
#include <string.h>

#define RECORD_FILE_MAX (8u << 20)

static const struct {
	const char *name; /* in the pack */
	const char *file;
} record_parts[RECORD_PARTS] = {
	[RECORD_OPTIONS] = {"options", RUNDIR_OPTIONS},
	[RECORD_STATUS] = {"status", RUNDIR_STATUS},
	[RECORD_WORKSPACE] = {"workspace", RUNDIR_SEED "/" NAME_SEED_WORKDIR},
	[RECORD_SHELL] = {"shell", RUNDIR_SEED "/" NAME_SEED_SHELL},
	[RECORD_ARGS] = {"args", RUNDIR_SEED "/" NAME_SEED_CLAUDE_ARGS},
};

int record_read(const char *directory, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < RECORD_PARTS; i++) {
		AUTO_FREE char *path = mem_format("%s/%s", directory, record_parts[i].file);
		AUTO_BUF struct buf text = {0};

		if (file_read(AT_FDCWD, path, RECORD_FILE_MAX, &text, e) < 0)
			return err_remedy(
				e,
				"the session may be starting or ending: try again, or ccvmctl new");
		if (pack_add(out, record_parts[i].name, buf_data(&text), buf_len(&text), e) < 0)
			return -1;
	}
	return 0;
}

int record_split(const void *bytes, size_t n, struct buf part[RECORD_PARTS], struct err *e)
{
	struct pack_entry entry;
	size_t at = 0;

	for (size_t i = 0; i < RECORD_PARTS; i++) {
		if (pack_next(bytes, n, &at, &entry, e) != 1 ||
		    strcmp(entry.name, record_parts[i].name) != 0)
			return err_set(e, "malformed record of a session");
		buf_add(&part[i], entry.bytes, entry.n);
	}
	return at == n ? 0 : err_set(e, "malformed record of a session");
}

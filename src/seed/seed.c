#include "seed/seed.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pack.h"
#include "proto/names.h"
#include "seed/seed_part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct seed_part {
	const char *what; /* for an error's context */
	int (*write)(const struct seed_run *r, struct err *e);
};

static int seed_write_entropy(const struct seed_run *r, struct err *e);
static int seed_write_first_clock(const struct seed_run *r, struct err *e);

/* In order; the clock comes last, so that it is as young as it can be. */
static const struct seed_part parts[] = {
	{"options of the run", seed_write_basic},
	{"egress rules", seed_write_egress},
	{"entropy", seed_write_entropy},
	{"shared configuration", seed_write_claude_config},
	{"claude's own record", seed_write_claude_json},
	{"git configuration", seed_write_git},
	{"context", seed_write_context},
	{"clock", seed_write_first_clock},
};

static int seed_write_entropy(const struct seed_run *r, struct err *e)
{
	unsigned char bytes[NAME_SEED_ENTROPY_SIZE];
	int rc;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_sys(e, "getrandom");
	rc = file_create(r->dirfd, NAME_SEED_ENTROPY, bytes, sizeof(bytes), SEED_FILE_MODE, e);
	secret_wipe(bytes, sizeof(bytes));
	return rc;
}

static int seed_remove(int dirfd, const char *name, struct err *e)
{
	return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? err_sys(e, "replace %s", name) : 0;
}

static int seed_write_clock(int dirfd, struct err *e)
{
	if (seed_remove(dirfd, NAME_SEED_CLOCK, e) < 0)
		return -1;
	return file_createf(dirfd, NAME_SEED_CLOCK, SEED_FILE_MODE, e, "%" PRId64, clock_wall_ns());
}

static int seed_write_first_clock(const struct seed_run *r, struct err *e)
{
	return seed_write_clock(r->dirfd, e);
}

static int seed_pack_file(struct buf *pack, int dirfd, const char *name, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct stat st;
	int rc;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "%s", name);
	if (!S_ISREG(st.st_mode))
		return 0;
	rc = file_read(dirfd, name, NAME_SEED_PACK_MAX, &bytes, e);
	if (rc == 0)
		rc = pack_add(pack, name, buf_data(&bytes), buf_len(&bytes), e);
	if (bytes.bytes)
		secret_wipe(bytes.bytes, bytes.size);
	return rc;
}

static int seed_pack_files(struct buf *pack, int dirfd, struct err *e)
{
	int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		err_sys(e, "read the seed's directory");
		if (own >= 0)
			close(own);
		return -1;
	}
	while (rc == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			rc = seed_pack_file(pack, dirfd, entry->d_name, e);
	closedir(dir);
	return rc;
}

int seed_seal(int seed_dirfd, struct err *e)
{
	AUTO_BUF struct buf pack = {0};
	int rc;

	if (seed_remove(seed_dirfd, NAME_SEED_PACK, e) < 0 || seed_write_clock(seed_dirfd, e) < 0)
		return -1;
	rc = seed_pack_files(&pack, seed_dirfd, e);
	if (rc == 0)
		rc = file_create(seed_dirfd, NAME_SEED_PACK, buf_data(&pack), buf_len(&pack),
				 SEED_FILE_MODE, e);
	if (pack.bytes)
		secret_wipe(pack.bytes, pack.size);
	return rc;
}

int seed_write(const struct seed_spec *s, int seed_dirfd, seed_note_fn *note, void *ctx,
	       struct err *e)
{
	struct seed_run r = {.spec = s, .dirfd = seed_dirfd, .note = note, .note_ctx = ctx};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i].write(&r, e) < 0)
			return err_wrap(e, "seed: %s", parts[i].what);
	return 0;
}

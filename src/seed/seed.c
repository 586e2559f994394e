#include "seed/seed.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/names.h"
#include "seed/seed_part.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
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

void seed_note(const struct seed_run *r, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	AUTO_BUF struct buf shown = {0};
	va_list ap;

	if (!r->note)
		return;
	va_start(ap, fmt);
	text = mem_vformat(fmt, ap);
	va_end(ap);
	log_escape(&shown, text, strlen(text), 2048);
	r->note(r->note_ctx, buf_text(&shown));
}

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

int seed_write_clock(int seed_dirfd, struct err *e)
{
	struct timespec now;

	if (unlinkat(seed_dirfd, NAME_SEED_CLOCK, 0) < 0 && errno != ENOENT)
		return err_sys(e, "replace %s", NAME_SEED_CLOCK);
	clock_gettime(CLOCK_REALTIME, &now);
	return file_createf(seed_dirfd, NAME_SEED_CLOCK, SEED_FILE_MODE, e, "%lld",
			    (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
}

static int seed_write_first_clock(const struct seed_run *r, struct err *e)
{
	return seed_write_clock(r->dirfd, e);
}

int seed_write(const struct seed_spec *s, int seed_dirfd, seed_note_fn *note, void *ctx, struct err *e)
{
	struct seed_run r = {.spec = s, .dirfd = seed_dirfd, .note = note, .note_ctx = ctx};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i].write(&r, e) < 0)
			return err_wrap(e, "seed: %s", parts[i].what);
	return 0;
}

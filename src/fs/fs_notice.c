#include "fs/fs_notice.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proto/fsctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOTICE_AT_ONCE 6     /* lines */
#define NOTICE_EACH_MS 5000  /* one more after so long */
#define NOTICE_SAME_MS 60000 /* the same again */

struct fs_notice {
	int fd;
	int64_t credit_ms; /* NOTICE_EACH_MS for each line that may be said now */
	int64_t looked_ms;
	int64_t unsaid; /* refusals */
	struct notice_said {
		uint64_t what;
		int64_t ms;
	} said[NOTICE_AT_ONCE];
	size_t next;
};

struct fs_notice *fs_notice_new(int fd)
{
	struct fs_notice *n = mem_alloc(sizeof(*n));

	n->fd = fd;
	n->credit_ms = NOTICE_AT_ONCE * NOTICE_EACH_MS;
	n->looked_ms = clock_mono_ms();
	return n;
}

void fs_notice_free(struct fs_notice *n)
{
	free(n);
}

static uint64_t notice_hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h * 0x9e3779b97f4a7c15u;
}

/* Whether the same was said a moment ago; from now on it was. */
static bool notice_was_said(struct fs_notice *n, const struct fs_policy_refusal *r, int64_t now)
{
	const uint64_t what = notice_hash(notice_hash(0xcbf29ce484222325u, r->path), r->why);

	for (size_t i = 0; i < NOTICE_AT_ONCE; i++)
		if (n->said[i].what == what && now - n->said[i].ms < NOTICE_SAME_MS)
			return true;
	n->said[n->next++ % NOTICE_AT_ONCE] = (struct notice_said){what, now};
	return false;
}

void fs_notice_refused(void *ctx, const struct fs_policy_refusal *r)
{
	struct fs_notice *n = ctx;
	const int64_t now = clock_mono_ms();
	struct fsctl_report report = {.type = FSCTL_REFUSED};
	AUTO_BUF struct buf line = {0};

	n->credit_ms += now - n->looked_ms;
	n->looked_ms = now;
	if (n->credit_ms > NOTICE_AT_ONCE * NOTICE_EACH_MS)
		n->credit_ms = NOTICE_AT_ONCE * NOTICE_EACH_MS;
	if (n->unsaid < INT32_MAX)
		n->unsaid++;
	if (n->credit_ms < NOTICE_EACH_MS || notice_was_said(n, r, now))
		return;
	snprintf(report.path, sizeof(report.path), "%s", r->path);
	snprintf(report.option, sizeof(report.option), "%s", r->option);
	snprintf(report.reason, sizeof(report.reason), "%s", r->why);
	report.count = n->unsaid;
	fsctl_report_put(&line, &report);
	if (write(n->fd, buf_data(&line), buf_len(&line)) < 0) /* a full pipe: later */
		return;
	n->credit_ms -= NOTICE_EACH_MS;
	n->unsaid = 0;
}

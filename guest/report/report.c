/* ccvm-report: reports to the host what the guest uses, as JSON lines on stdout (which is
 * ccvm.ctl).
 *
 * Runs as root in the guest, from the end of its standard input on. It writes a line when a figure
 * changed noticeably, at most once a second, and otherwise every ten seconds as a sign of life; the
 * pool's figures, twice a second while they change; refusals of the guest's own firewall, merged,
 * once a second; and claude's hooks and processes killed for lack of memory, at once. */
#include "base/clock.h"
#include "report/hooks.h"
#include "report/nflog.h"
#include "report/oom.h"
#include "report/poolstat.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "proto/guest.h"
#include "proto/names.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPORT_DENIED_MAX                                                                          \
	16 /* different ones a second; the firewall lets through little more than that */

struct report_figures {
	int64_t memory_total_kib;
	int64_t memory_used_kib;
	int64_t load_milli; /* one-minute load average × 1000 */
};

static int64_t report_meminfo(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	long long value = 0;

	if (at)
		sscanf(at + strlen(name), ": %lld", &value);
	return value;
}

static int report_read(struct report_figures *f)
{
	AUTO_BUF struct buf memory = {0}, load = {0};
	struct err e;
	double average = 0;

	if (file_read(AT_FDCWD, "/proc/meminfo", 65536, &memory, &e) < 0 ||
	    file_read(AT_FDCWD, "/proc/loadavg", 256, &load, &e) < 0)
		return -1;
	f->memory_total_kib = report_meminfo(buf_text(&memory), "MemTotal");
	f->memory_used_kib = f->memory_total_kib -
			     report_meminfo(buf_text(&memory), "MemAvailable");
	sscanf(buf_text(&load), "%lf", &average);
	f->load_milli = (int64_t)(average * 1000);
	return 0;
}

static bool report_moved(const struct report_figures *a, const struct report_figures *b)
{
	int64_t memory = a->memory_used_kib - b->memory_used_kib;
	int64_t load = a->load_milli - b->load_milli;

	return memory > 4096 || memory < -4096 || load > 100 || load < -100;
}

static int report_say(const struct guest_message *m)
{
	AUTO_BUF struct buf line = {0};

	guest_put(&line, m);
	return write(STDOUT_FILENO, buf_data(&line), buf_len(&line)) < 0 ? -1 : 0;
}

static int report_say_figures(const struct report_figures *f)
{
	return report_say(&(struct guest_message){.type = GUEST_REPORT,
						  .memory_total_kib = f->memory_total_kib,
						  .memory_used_kib = f->memory_used_kib,
						  .load_milli = f->load_milli});
}

struct report_denied {
	struct nflog_packet packet[REPORT_DENIED_MAX];
	int64_t count[REPORT_DENIED_MAX];
	size_t n;
};

static void report_on_packet(void *ctx, const struct nflog_packet *p)
{
	struct report_denied *d = ctx;

	for (size_t i = 0; i < d->n; i++)
		if (d->packet[i].port == p->port && strcmp(d->packet[i].proto, p->proto) == 0 &&
		    strcmp(d->packet[i].address, p->address) == 0) {
			d->count[i]++;
			return;
		}
	if (d->n == REPORT_DENIED_MAX)
		return;
	d->packet[d->n] = *p;
	d->count[d->n++] = 1;
}

static int report_say_denied(const struct report_denied *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct guest_message m = {
			.type = GUEST_DENIED, .port = d->packet[i].port, .count = d->count[i]};

		line_set_shown(m.address, sizeof(m.address), d->packet[i].address);
		line_set_shown(m.proto, sizeof(m.proto), d->packet[i].proto);
		if (report_say(&m) < 0)
			return -1;
	}
	return 0;
}

/* What the firewall has logged since the last time. */
static int report_denied(int fd)
{
	static char bytes[65536] __attribute__((aligned(8)));
	struct report_denied d = {.n = 0};
	ssize_t n;

	while (fd >= 0 && (n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		nflog_each(bytes, (size_t)n, report_on_packet, &d);
	return report_say_denied(&d);
}

static int report_say_hook(const char *name)
{
	struct guest_message m = {.type = GUEST_HOOK};

	line_set_shown(m.hook, sizeof(m.hook), name);
	return report_say(&m);
}

static int report_hooks(int hooks_fd)
{
	const char *name;

	while ((name = hooks_next(hooks_fd)))
		if (report_say_hook(name) < 0)
			return -1;
	return 0;
}

/* Half a second, in which hooks and out-of-memory kills are reported at once: the session may end
 * with it. */
static int report_wait(int kernel_fd, int hooks_fd)
{
	const int64_t end = clock_mono_ms() + 500;
	struct pollfd p[] = {{.fd = kernel_fd, .events = POLLIN},
			     {.fd = hooks_fd, .events = POLLIN}};

	for (int64_t left = 500; left > 0; left = end - clock_mono_ms()) {
		if (poll(p, ARRAY_LEN(p), (int)left) <= 0)
			return 0;
		if ((p[0].revents && oom_tell(kernel_fd) < 0) || report_hooks(hooks_fd) < 0)
			return -1;
		/* An error that reading does not clear must not cause a busy loop. */
		for (size_t i = 0; i < ARRAY_LEN(p); i++)
			if (p[i].revents && !(p[i].revents & POLLIN))
				p[i].fd = -1;
	}
	return 0;
}

/* Before, there may be no firewall to listen to, and what there is to see may be a template's. */
static void report_await_begin(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static int report_run(void)
{
	struct report_figures last = {0}, now;
	struct err ignored; /* no firewall, or no log of it: nothing to report */
	int log_fd = nflog_open(NAME_GUEST_LOG_GROUP, &ignored), hooks_fd = hooks_open(&ignored);
	int kernel_fd = oom_open();
	struct poolstat pool = {0};
	int quiet = 10;

	for (unsigned half = 0;; half++) {
		if ((half && report_wait(kernel_fd, hooks_fd) < 0) || poolstat_tell(&pool) < 0)
			return 1;
		if (half % 2)
			continue;
		if (report_denied(log_fd) < 0)
			return 1;
		if (report_read(&now) < 0)
			return 1;
		if (++quiet < 10 && !report_moved(&now, &last))
			continue;
		if (report_say_figures(&now) < 0)
			return 1;
		last = now;
		quiet = 0;
	}
}

int main(void)
{
	report_await_begin();
	return report_run();
}

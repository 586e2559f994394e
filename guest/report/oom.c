#include "report/oom.h"
#include "base/number.h"
#include "proto/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OOM_RECORD_MAX 8192
#define OOM_TELL_MAX   16 /* at a time; more would not tell the user more */

static int64_t oom_number(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	int64_t number = 0;

	if (at)
		number_take(at + strlen(name), &number);
	return number;
}

/* "6,1234,5678,-;Out of memory: Killed process 42 (name) total-vm:1kB, anon-rss:2kB, file-rss:3kB,
 * …", or the same after "Memory cgroup out of memory". The prefix tells the kernel's own records
 * (facility 0) from what programs wrote. */
bool oom_parse(const char *record, size_t n, struct oom_victim *v)
{
	static const char killed[] = "ut of memory: Killed process ", after[] = ") total-vm:";
	char text[512];
	const char *message, *at, *open, *close = NULL;
	const char *end;
	int64_t priority;
	size_t len;

	memset(v, 0, sizeof(*v));
	snprintf(text, sizeof(text), "%.*s", (int)(n < sizeof(text) ? n : sizeof(text) - 1),
		 record);
	message = strchr(text, ';');
	if (!message || !number_take(text, &priority) || priority < 0 || priority > 7 ||
	    !(at = strstr(message, killed)))
		return false;
	end = number_take(at + sizeof(killed) - 1, &v->pid);
	if (!end || v->pid <= 0 || end[0] != ' ' || end[1] != '(')
		return false;
	open = end + 2;
	for (at = open; (at = strstr(at, after)); at++)
		close = at;
	if (!close)
		return false;
	len = (size_t)(close - open);
	memcpy(v->process, open, len < sizeof(v->process) ? len : sizeof(v->process) - 1);
	v->kib = oom_number(close, "anon-rss:") + oom_number(close, "shmem-rss:");
	return true;
}

int oom_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static int oom_say(const struct oom_victim *v)
{
	struct guest_message m = {.type = GUEST_OOM, .pid = v->pid, .count = v->kib};
	AUTO_BUF struct buf line = {0};

	line_set_shown(m.process, sizeof(m.process), v->process);
	guest_put(&line, &m);
	return write(STDOUT_FILENO, buf_data(&line), buf_len(&line)) < 0 ? -1 : 0;
}

int oom_tell(int fd)
{
	static char record[OOM_RECORD_MAX];
	struct oom_victim v;
	int told = 0;
	ssize_t n;

	/* EPIPE: records were overwritten before they were read; the next read goes on behind
	 * them. */
	while (fd >= 0 && ((n = read(fd, record, sizeof(record))) > 0 || (n < 0 && errno == EPIPE)))
		if (n > 0 && oom_parse(record, (size_t)n, &v) && ++told <= OOM_TELL_MAX &&
		    oom_say(&v) < 0)
			return -1;
	return 0;
}

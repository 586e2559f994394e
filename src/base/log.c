#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *name;
	enum log_level lowest;
	int fd;
} log_state = {.name = "ccvm", .lowest = LOG_LEVEL_NOTE, .fd = STDERR_FILENO};

void log_init(const char *name, enum log_level lowest)
{
	log_state.name = name;
	log_state.lowest = lowest;
}

void log_set_fd(int fd)
{
	log_state.fd = fd;
}

enum log_level log_lowest(void)
{
	return log_state.lowest;
}

static void log_vwrite(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const prefix[] = {[LOG_LEVEL_ERROR] = "error: ",
					     [LOG_LEVEL_WARN] = "warning: ",
					     [LOG_LEVEL_NOTE] = "",
					     [LOG_LEVEL_DEBUG] = ""};
	AUTO_FREE char *text = NULL;
	AUTO_BUF struct buf shown = {0};

	if (level > log_state.lowest)
		return;
	text = mem_vformat(fmt, ap);
	log_escape(&shown, text, strlen(text), 4 * strlen(text));
	dprintf(log_state.fd, "%s: %s%s\n", log_state.name, prefix[level], buf_text(&shown));
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, fmt);                                                                 \
		log_vwrite(level, fmt, ap);                                                        \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_note, LOG_LEVEL_NOTE)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void log_more(const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	AUTO_BUF struct buf shown = {0};
	va_list ap;

	va_start(ap, fmt);
	text = mem_vformat(fmt, ap);
	va_end(ap);
	log_escape(&shown, text, strlen(text), 4 * strlen(text));
	dprintf(log_state.fd, "  %s\n", buf_text(&shown));
}

void log_pass(int fd, struct buf *out, const void *bytes, size_t n)
{
	if (isatty(fd))
		log_escape(out, bytes, n, 4 * n);
	else
		buf_add(out, bytes, n);
}

int log_print(const void *bytes, size_t n)
{
	AUTO_BUF struct buf shown = {0};

	log_pass(STDOUT_FILENO, &shown, bytes, n);
	return fwrite(buf_data(&shown), 1, buf_len(&shown), stdout) == buf_len(&shown) ? 0 : -1;
}

/* Length of the character at p when it may be shown, or 0. */
static size_t log_shown_len(const unsigned char *p, size_t n)
{
	uint32_t ch;
	const size_t len = text_get_utf8(p, n, &ch);

	return len && text_is_shown(ch) ? len : 0;
}

void log_escape(struct buf *out, const void *bytes, size_t n, size_t max)
{
	const unsigned char *p = bytes;
	size_t limit = buf_len(out) + max;

	while (n) {
		size_t len = log_shown_len(p, n);

		if (buf_len(out) + (len ? len : 4) > limit)
			return;
		if (len) {
			buf_add(out, p, len);
		} else {
			buf_addf(out, "\\x%02x", p[0]);
			len = 1;
		}
		p += len;
		n -= len;
	}
}

#include "base/log.h"
#include "base/mem.h"

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
	static const char *const prefix[] = {
		[LOG_LEVEL_ERROR] = "error: ", [LOG_LEVEL_WARN] = "warning: ", [LOG_LEVEL_NOTE] = "", [LOG_LEVEL_DEBUG] = ""};
	AUTO_FREE char *text = NULL;
	AUTO_BUF struct buf shown = {0};

	if (level > log_state.lowest)
		return;
	text = mem_vformat(fmt, ap);
	log_escape(&shown, text, strlen(text), 4 * strlen(text));
	dprintf(log_state.fd, "%s: %s%s\n", log_state.name, prefix[level], buf_text(&shown));
}

#define LOG_FUNCTION(name, level)                                                                                      \
	void name(const char *fmt, ...)                                                                                \
	{                                                                                                              \
		va_list ap;                                                                                            \
                                                                                                                       \
		va_start(ap, fmt);                                                                                     \
		log_vwrite(level, fmt, ap);                                                                            \
		va_end(ap);                                                                                            \
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

/* Surrogates, and the characters that reorder a terminal's line or leave nothing to see in it. */
static bool log_is_hidden(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {{0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},
		      {0x2060, 0x206f}, {0xd800, 0xdfff}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (cp >= hidden[i].first && cp <= hidden[i].last)
			return true;
	return false;
}

/* Length of the well-formed, printable UTF-8 sequence at p (RFC 3629), or 0. C1 controls (U+0080 to U+009F)
 * are not printable: some terminals act on them. */
static size_t log_utf8_len(const unsigned char *p, size_t n)
{
	size_t len;
	uint32_t cp;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] < 0x7f;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2, cp = p[0] & 0x1fU;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3, cp = p[0] & 0x0fU;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4, cp = p[0] & 0x07U;
	else
		return 0;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3fU);
	}
	if (cp < 0xa0 || (len == 3 && cp < 0x800) || (len == 4 && cp < 0x10000) || cp > 0x10ffff)
		return 0;
	return log_is_hidden(cp) ? 0 : len;
}

void log_escape(struct buf *out, const void *bytes, size_t n, size_t max)
{
	const unsigned char *p = bytes;
	size_t limit = buf_len(out) + max;

	while (n) {
		size_t len = log_utf8_len(p, n);

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

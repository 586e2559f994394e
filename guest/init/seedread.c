#include "init/seedread.h"
#include "base/file.h"
#include "proto/names.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Length without the one newline that may end a one-line file. */
static size_t seedread_trim(const char *p, size_t n)
{
	return n && p[n - 1] == '\n' ? n - 1 : n;
}

/* ---- numbers ---- */

static int seedread_digits(const char *p, size_t n, unsigned long long *out)
{
	unsigned long long v = 0;

	if (n == 0 || n > 19)
		return -1; /* 19 digits fit */
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	*out = v;
	return 0;
}

int seedread_int(const void *bytes, size_t n, int64_t min, int64_t max, int64_t *out, struct err *e)
{
	const char *p = bytes;
	unsigned long long v;
	bool negative;
	int64_t value;

	n = seedread_trim(p, n);
	negative = n && *p == '-';
	if (seedread_digits(p + negative, n - negative, &v) < 0 || v > INT64_MAX)
		return err_set(e, "not a decimal number");
	value = negative ? -(int64_t)v : (int64_t)v;
	if (value < min || value > max)
		return err_set(e, "%" PRId64 " is not between %" PRId64 " and %" PRId64, value, min,
			       max);
	*out = value;
	return 0;
}

/* ---- words ---- */

static bool seedread_is_plain(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return false;
	return true;
}

static bool seedread_is_normal(const char *p, size_t n)
{
	size_t start = 1;

	if (n < 2 || p[0] != '/')
		return false;
	for (size_t i = 1; i <= n; i++) {
		size_t len = i - start;

		if (i < n && p[i] != '/')
			continue;
		if (len == 0 || (len == 1 && p[start] == '.') ||
		    (len == 2 && p[start] == '.' && p[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}

int seedread_path(const void *bytes, size_t n, char *out, size_t size, struct err *e)
{
	const char *p = bytes;

	n = seedread_trim(p, n);
	if (n >= PATH_MAX || n >= size)
		return err_set(e, "path is too long");
	if (!seedread_is_plain(p, n) || !seedread_is_normal(p, n))
		return err_set(e, "not an absolute path in its shortest form");
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

int seedread_folder(const void *bytes, size_t n, char *out, size_t size, struct err *e)
{
	const char *p = bytes;

	n = seedread_trim(p, n);
	if (n == 0 || n >= size)
		return err_set(e, "a folder's name of %zu bytes", n);
	for (size_t i = 0; i < n; i++)
		if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'A' && p[i] <= 'Z') &&
		    !(p[i] >= 'a' && p[i] <= 'z') && p[i] != '-')
			return err_set(e, "not a folder's name");
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

/* ---- lists ---- */

/* Calls add for each line; a last line without newline counts. */
static int seedread_lines(const char *p, size_t n, size_t max,
			  int (*add)(void *out, const char *p, size_t n), void *out,
			  const char *what, struct err *e)
{
	size_t count = 0;

	while (n) {
		const char *lf = memchr(p, '\n', n);
		size_t len = lf ? (size_t)(lf - p) : n;

		if (++count > max)
			return err_set(e, "more than %zu lines", max);
		if (add(out, p, len) < 0)
			return err_set(e, "line %zu is not %s", count, what);
		p += len + (lf ? 1 : 0);
		n -= len + (lf ? 1 : 0);
	}
	return 0;
}

static bool seedread_is_name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

static int seedread_add_name(void *out, const char *p, size_t n)
{
	if (n == 0 || n > 128)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!seedread_is_name_char(p[i], i == 0))
			return -1;
	buf_add(out, p, n);
	buf_add(out, "\n", 1);
	return 0;
}

int seedread_names(const void *bytes, size_t n, struct buf *out, struct err *e)
{
	return seedread_lines(bytes, n, SEEDREAD_NAMES_MAX, seedread_add_name, out,
			      "the name of a variable", e);
}

static int seedread_add_address(void *out, const char *p, size_t n)
{
	char text[INET6_ADDRSTRLEN + 5];
	unsigned char addr[16];
	unsigned long long bits;
	char *slash;
	int family;

	if (n == 0 || n >= sizeof(text) || memchr(p, 0, n))
		return -1;
	memcpy(text, p, n);
	text[n] = '\0';
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	slash = strchr(text, '/');
	if (slash) {
		*slash = '\0';
		if (seedread_digits(slash + 1, strlen(slash + 1), &bits) < 0 ||
		    bits > (family == AF_INET6 ? 128 : 32))
			return -1;
	}
	if (inet_pton(family, text, addr) != 1)
		return -1;
	strv_take(out, mem_strndup(p, n));
	return 0;
}

int seedread_addresses(const void *bytes, size_t n, struct strv *out, struct err *e)
{
	return seedread_lines(bytes, n, SEEDREAD_LINES_MAX, seedread_add_address, out,
			      "an address or CIDR", e);
}

static int seedread_add_extra(void *out, const char *p, size_t n)
{
	char path[PATH_MAX];
	struct err ignored;

	if (n < 4 || (memcmp(p, "ro ", 3) != 0 && memcmp(p, "rw ", 3) != 0) ||
	    seedread_path(p + 3, n - 3, path, sizeof(path), &ignored) < 0)
		return -1;
	strv_addf(out, "%.3s%s", p, path);
	return 0;
}

int seedread_extra(const void *bytes, size_t n, struct strv *out, struct err *e)
{
	return seedread_lines(bytes, n, NAME_EXTRA_MAX, seedread_add_extra, out,
			      "ro or rw and a path", e);
}

static int seedread_add_private(void *out, const char *p, size_t n)
{
	AUTO_FREE char *path = NULL;

	if (n == 0 || n >= PATH_MAX - 1 || !seedread_is_plain(p, n))
		return -1;
	path = mem_format("/%.*s", (int)n, p);
	if (!seedread_is_normal(path, n + 1))
		return -1;
	strv_add(out, path + 1);
	return 0;
}

int seedread_private(const void *bytes, size_t n, struct strv *out, struct err *e)
{
	return seedread_lines(bytes, n, NAME_PRIVATE_MAX, seedread_add_private, out,
			      "a relative path", e);
}

int seedread_args(const void *bytes, size_t n, struct strv *out, struct err *e)
{
	const char *p = bytes;
	const char *end = p + n;
	size_t count = 0;

	if (n > SEEDREAD_ARGS_MAX)
		return err_set(e, "larger than %u bytes", SEEDREAD_ARGS_MAX);
	if (n && end[-1] != '\0')
		return err_set(e, "the last argument has no end");
	for (const char *q = p; q < end; q += strlen(q) + 1)
		count++;
	if (count > SEEDREAD_ARG_COUNT)
		return err_set(e, "more than %d arguments", SEEDREAD_ARG_COUNT);
	/* Room for all at once: there can be very many of them. */
	out->v = mem_resize(out->v, out->n + count + 1, sizeof(*out->v));
	for (; p < end; p += strlen(p) + 1)
		out->v[out->n++] = mem_strdup(p);
	out->v[out->n] = NULL;
	return 0;
}

int seedread_ports(const void *bytes, size_t n, uint16_t *ports, size_t max, size_t *count,
		   struct err *e)
{
	const char *p = bytes;
	size_t used = 0;

	n = seedread_trim(p, n);
	while (n) {
		const char *comma = memchr(p, ',', n);
		size_t len = comma ? (size_t)(comma - p) : n;
		unsigned long long v;

		if (seedread_digits(p, len, &v) < 0 || v < 1 || v > 65535 ||
		    (comma && len + 1 == n))
			return err_set(e, "not a list of ports");
		if (used == max)
			return err_set(e, "more than %zu ports", max);
		ports[used++] = (uint16_t)v;
		p += len + (comma ? 1 : 0);
		n -= len + (comma ? 1 : 0);
	}
	*count = used;
	return 0;
}

/* ---- files ---- */

int seedread_bytes_file(int dirfd, const char *path, size_t max, struct buf *out, struct err *e)
{
	/* O_NONBLOCK, so that a FIFO does not hold up the boot before fstat refuses it. */
	AUTO_CLOSE int fd = openat(dirfd, path,
				   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "seed file %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "seed file %s: not a regular file", path);
	if (file_read_fd(fd, max, out, e) < 0)
		return err_wrap(e, "seed file %s", path);
	return 0;
}

/* The body of a reader of a file: its bytes go through `call`, which sees them as `p` and `n`. */
#define SEEDREAD_FILE(limit, call)                                                                 \
	AUTO_BUF struct buf text = {0};                                                            \
	const void *p;                                                                             \
	size_t n;                                                                                  \
                                                                                                   \
	if (seedread_bytes_file(AT_FDCWD, path, limit, &text, e) < 0)                              \
		return -1;                                                                         \
	p = buf_text(&text);                                                                       \
	n = buf_len(&text);                                                                        \
	return (call) < 0 ? err_wrap(e, "seed file %s", path) : 0

int seedread_int_file(const char *path, int64_t min, int64_t max, int64_t *out, struct err *e)
{
	SEEDREAD_FILE(SEEDREAD_LINE_MAX, seedread_int(p, n, min, max, out, e));
}

int seedread_path_file(const char *path, char *out, size_t size, struct err *e)
{
	SEEDREAD_FILE(SEEDREAD_LINE_MAX, seedread_path(p, n, out, size, e));
}

int seedread_folder_file(const char *path, char *out, size_t size, struct err *e)
{
	SEEDREAD_FILE(SEEDREAD_LINE_MAX, seedread_folder(p, n, out, size, e));
}

int seedread_names_file(const char *path, struct buf *out, struct err *e)
{
	SEEDREAD_FILE((size_t)SEEDREAD_NAMES_MAX * 129, seedread_names(p, n, out, e));
}

int seedread_args_file(const char *path, struct strv *out, struct err *e)
{
	SEEDREAD_FILE(SEEDREAD_ARGS_MAX, seedread_args(p, n, out, e));
}

int seedread_extra_file(const char *path, struct strv *out, struct err *e)
{
	SEEDREAD_FILE((size_t)NAME_EXTRA_MAX * PATH_MAX, seedread_extra(p, n, out, e));
}

int seedread_private_file(const char *path, struct strv *out, struct err *e)
{
	SEEDREAD_FILE((size_t)NAME_PRIVATE_MAX * PATH_MAX, seedread_private(p, n, out, e));
}

int seedread_addresses_file(const char *path, struct strv *out, struct err *e)
{
	SEEDREAD_FILE((size_t)SEEDREAD_LINES_MAX * 64, seedread_addresses(p, n, out, e));
}

int seedread_ports_file(const char *path, uint16_t *ports, size_t max, size_t *count, struct err *e)
{
	SEEDREAD_FILE(65536 * 6, seedread_ports(p, n, ports, max, count, e));
}

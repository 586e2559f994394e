#include "clip/clip_path.h"

#include <stdint.h>
#include <string.h>

#define PATH_SCHEME "file://"

static bool path_is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

/* Control characters stand in no path that somebody dropped, and would be keys for an agent. */
static bool path_is_printable(unsigned char ch)
{
	return ch >= 0x20 && ch != 0x7f;
}

bool clip_path_may_begin(unsigned char first)
{
	return first == '/' || first == '\'' || first == '"' || first == 'f' || first == '\\' ||
	       path_is_blank((char)first);
}

static bool path_add(struct clip_path *p, size_t *used, char ch)
{
	if (*used + 1 >= sizeof(p->path) || !path_is_printable((unsigned char)ch))
		return false;
	p->path[(*used)++] = ch;
	p->path[*used] = '\0';
	return true;
}

static int path_hex(char ch)
{
	return ch >= '0' && ch <= '9'	? ch - '0'
	       : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
	       : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
					: -1;
}

/* In place. An encoded slash or NUL would be another path than the one that is seen. */
static bool path_from_uri(struct clip_path *p)
{
	const char *from = p->path + strlen(PATH_SCHEME);
	size_t used = 0;

	if (strncmp(from, "localhost/", 10) == 0)
		from += 9;
	while (*from) {
		char ch = *from++;

		if (ch == '%') {
			const int high = path_hex(from[0]), low = high < 0 ? -1 : path_hex(from[1]);

			if (low < 0)
				return false;
			ch = (char)(high * 16 + low);
			from += 2;
			if (ch == '/')
				return false;
		}
		if (!path_add(p, &used, ch))
			return false;
	}
	return used > 0;
}

/* One byte of a word at *i, with what quotes it. False: no byte a path may hold, or a quote that
 * does not end. */
static bool path_take(const char *paste, size_t n, size_t *i, char *quote, struct clip_path *p,
		      size_t *used)
{
	const char ch = paste[*i];

	(*i)++;
	if (*quote == '\0' && (ch == '\'' || ch == '"')) {
		*quote = ch;
		return *i < n;
	}
	if (ch == *quote && *quote) {
		*quote = '\0';
		return true;
	}
	if (ch != '\\' || *quote == '\'')
		return path_add(p, used, ch) && (*quote == '\0' || *i < n);
	if (*i >= n)
		return false;
	/* Inside of "…" a backslash quotes these four alone. */
	if (*quote == '"' && !memchr("\"\\$`", paste[*i], 4) && !path_add(p, used, ch))
		return false;
	return path_add(p, used, paste[(*i)++]) && (*quote == '\0' || *i < n);
}

static size_t path_skip_blanks(const char *paste, size_t n, size_t at)
{
	while (at < n && path_is_blank(paste[at]))
		at++;
	return at;
}

/* 1: a path, 0: the end, -1: something else. */
static int path_word(const char *paste, size_t n, size_t at, struct clip_path *p)
{
	size_t i = path_skip_blanks(paste, n, at), used = 0;
	char quote = '\0';

	p->path[0] = '\0';
	p->from = i;
	if (i == n)
		return 0;
	while (i < n && (quote || !path_is_blank(paste[i])))
		if (!path_take(paste, n, &i, &quote, p, &used))
			return -1;
	p->n = i - p->from;
	if (quote || (strncmp(p->path, PATH_SCHEME, strlen(PATH_SCHEME)) == 0 && !path_from_uri(p)))
		return -1;
	return p->path[0] == '/' ? 1 : -1;
}

bool clip_path_next(const char *paste, size_t n, size_t at, struct clip_path *out)
{
	return path_word(paste, n, at, out) == 1;
}

size_t clip_path_count(const char *paste, size_t n)
{
	struct clip_path p;
	size_t count = 0;
	int rc;

	if (n > CLIP_PASTE_MAX)
		return 0;
	for (size_t at = 0; (rc = path_word(paste, n, at, &p)) == 1; at = p.from + p.n)
		if (++count > CLIP_PATHS_MAX)
			return 0;
	return rc < 0 ? 0 : count;
}

bool clip_path_plain(const char *paste, size_t n, struct clip_path *out)
{
	size_t from = path_skip_blanks(paste, n, 0), used = 0;

	while (n > from && path_is_blank(paste[n - 1]))
		n--;
	*out = (struct clip_path){.from = from, .n = n - from};
	for (size_t i = from; i < n; i++)
		if (!path_add(out, &used, paste[i]))
			return false;
	return out->path[0] == '/';
}

bool clip_path_is_below(const char *path, const char *directory)
{
	const size_t n = strlen(directory);

	if (strncmp(path, directory, n) != 0 ||
	    (path[n] != '/' && path[n] != '\0' && !(n && directory[n - 1] == '/')))
		return false;
	for (const char *up = path; (up = strstr(up, "/..")); up += 3)
		if (up[3] == '/' || up[3] == '\0')
			return false;
	return true;
}

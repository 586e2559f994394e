#include "base/mounts.h"
#include "base/file.h"

#include <fcntl.h>
#include <string.h>

#define MOUNTS_MAX   (16 << 20)
#define MOUNTS_POINT 4 /* the field that is the mount point, from 0 */

/* Blanks, tabs, newlines and backslashes stand as \ooo. */
static char *mounts_decode(const char *p, size_t n)
{
	char *out = mem_alloc(n + 1), *to = out;

	for (const char *end = p + n; p < end;) {
		if (*p == '\\' && end - p >= 4 && strspn(p + 1, "01234567") >= 3) {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	return out;
}

void mounts_parse(const char *text, const char *dir, struct strv *out)
{
	while (*text) {
		const size_t line = strcspn(text, "\n");
		const char *p = text, *end = text + line;

		for (int field = 0; field < MOUNTS_POINT && p < end; field++) {
			p += strcspn(p, " \n");
			p += *p == ' ';
		}
		if (p < end && *p == '/') {
			char *point = mounts_decode(p, strcspn(p, " \n"));

			if (strcmp(point, dir) != 0 && file_is_within(point, dir))
				strv_take(out, point);
			else
				free(point);
		}
		text += line + (text[line] == '\n');
	}
}

int mounts_below(const char *dir, struct strv *out, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	if (file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, &text, e) < 0)
		return -1;
	mounts_parse(buf_text(&text), dir, out);
	return 0;
}

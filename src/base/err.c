#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void err_vformat(char *dst, const char *fmt, va_list ap)
{
	vsnprintf(dst, ERR_TEXT_MAX, fmt, ap);
}

int err_set(struct err *e, const char *fmt, ...)
{
	va_list ap;

	memset(e, 0, sizeof(*e));
	va_start(ap, fmt);
	err_vformat(e->text, fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	memset(e, 0, sizeof(*e));
	e->sys = saved;
	va_start(ap, fmt);
	err_vformat(e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(saved));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char context[ERR_TEXT_MAX];
	char inner[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	err_vformat(context, fmt, ap);
	va_end(ap);
	memcpy(inner, e->text, sizeof(inner));
	if (snprintf(e->text, sizeof(e->text), "%s: %s", context, inner) >= (int)sizeof(e->text))
		memcpy(e->text + sizeof(e->text) - 4, "...", 4);
	return -1;
}

int err_remedy(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->remedy[0])
		return -1;
	va_start(ap, fmt);
	err_vformat(e->remedy, fmt, ap);
	va_end(ap);
	return -1;
}

int err_exit_code(struct err *e, int code)
{
	if (!e->exit_code)
		e->exit_code = code;
	return -1;
}

int err_stage(struct err *e, const char *stage)
{
	if (!e->stage)
		e->stage = stage;
	return -1;
}

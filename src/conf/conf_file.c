#include "conf/conf_file.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/trustpath.h"
#include "base/log.h"
#include "conf/conf_fields.h"
#include "conf/env.h"
#include "base/jscan.h"
#include "conf/option.h"
#include "conf/value.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct conf_file {
	struct conf *conf;
	const char *name;
	const char *text;
	bool seen[CONF_OPTION_MAX];
};

static int conf_file_line(const struct conf_file *f, const char *at)
{
	int line = 1;

	for (const char *p = f->text; p < at; p++)
		line += *p == '\n';
	return line;
}

void conf_file_blank(char *p, size_t n)
{
	char *end = p + n;
	bool quoted = false;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		memset(p, ' ', 3); /* a byte order mark, as some editors write */
	for (; p < end; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\')
			p++;
		else if (!quoted && *p == '/' && p + 1 < end && p[1] == '/')
			while (p < end && *p != '\n')
				*p++ = ' ';
	}
}

static int conf_file_syntax(const struct conf_file *f, const struct jscan *s, struct err *e)
{
	AUTO_BUF struct buf shown = {0};
	size_t n = 0;

	while (s->at + n < s->end && s->at[n] != '\n' && n < 24)
		n++;
	log_escape(&shown, s->at, n, 64);
	err_set(e, "%s:%d: not valid JSON at: %s", f->name, conf_file_line(f, s->at),
		n ? buf_text(&shown) : "the end of the line");
	return err_remedy(e, "Put names and strings in double quotes, and a comma between entries "
			     "but not after the "
			     "last one; comments begin with //.");
}

static int conf_file_unknown(const struct conf_file *f, const char *at, const char *name,
			     struct err *e)
{
	AUTO_BUF struct buf shown = {0};
	const char *near = option_nearest(name);

	log_escape(&shown, name, strlen(name), 128);
	err_set(e, "%s:%d: unknown option \"%s\"", f->name, conf_file_line(f, at),
		buf_text(&shown));
	if (near)
		return err_remedy(e, "Did you mean %s?", near);
	return err_remedy(e, "`ccvmctl config show` lists all options.");
}

/* Some option's name continues this one after a dot. */
static bool conf_file_is_group(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < option_count(); i++)
		if (strncmp(option_at(i)->name, name, n) == 0 && option_at(i)->name[n] == '.')
			return true;
	return false;
}

static int conf_file_set(struct conf_file *f, int row, const char *at, const struct jscan *value,
			 struct err *e)
{
	const struct option *o = option_at((size_t)row);
	int line = conf_file_line(f, at);

	if (f->seen[row])
		return err_set(e, "%s:%d: %s is set twice", f->name, line, o->name);
	f->seen[row] = true;
	if (value_from_json(o, value->at, (size_t)(value->end - value->at),
			    option_field(o, f->conf), e) < 0)
		return err_wrap(e, "%s:%d: %s", f->name, conf_file_line(f, value->at), o->name);
	f->conf->source[row] = CONF_SOURCE_FILE;
	f->conf->line[row] = line;
	return 0;
}

static int conf_file_object(struct conf_file *f, struct jscan *s, const char *prefix,
			    unsigned depth, struct err *e);

static int conf_file_member(struct conf_file *f, struct jscan *s, const char *prefix,
			    unsigned depth, struct err *e)
{
	AUTO_BUF struct buf key = {0};
	AUTO_FREE char *name = NULL;
	const char *at;
	struct jscan value;
	int row;

	jscan_peek(s);
	at = s->at;
	if (!jscan_name(s, &key))
		return conf_file_syntax(f, s, e);
	if (memchr(buf_text(&key), 0, buf_len(&key)))
		return conf_file_unknown(f, at, "\\u0000", e);
	name = mem_format("%s%s%s", prefix, *prefix ? "." : "", buf_text(&key));
	row = option_find(name);
	if (row < 0 && jscan_peek(s) == '{' && conf_file_is_group(name))
		return conf_file_object(f, s, name, depth - 1, e);
	jscan_peek(s);
	value.at = s->at;
	if (!jscan_value(s, depth))
		return conf_file_syntax(f, s, e);
	value.end = s->at;
	if (row >= 0)
		return conf_file_set(f, row, at, &value, e);
	if (conf_file_is_group(name))
		return err_set(e, "%s:%d: %s must be an object in { }", f->name,
			       conf_file_line(f, value.at), name);
	return conf_file_unknown(f, at, name, e);
}

static int conf_file_object(struct conf_file *f, struct jscan *s, const char *prefix,
			    unsigned depth, struct err *e)
{
	enum jscan_step step;

	if (!depth || !jscan_take(s, '{'))
		return conf_file_syntax(f, s, e);
	for (bool first = true; (step = jscan_next(s, '}', first)) == JSCAN_MORE; first = false)
		if (conf_file_member(f, s, prefix, depth, e) < 0)
			return -1;
	return step == JSCAN_DONE ? 0 : conf_file_syntax(f, s, e);
}

int conf_file_read_text(struct conf *c, const char *text, size_t n, const char *name, struct err *e)
{
	AUTO_FREE char *copy = mem_strndup(text, n);
	struct conf_file f = {.conf = c, .name = name, .text = copy};
	struct jscan s = {copy, copy + n};
	size_t bad = 0;
	int rc;

	conf_file_blank(copy, n);
	if (jscan_peek(&s) == '\0' && s.at == s.end)
		return 0; /* nothing but blanks and comments */
	/* The whole text first: a slip in the JSON is not to be reported as a bad value in front
	 * of it. */
	if (!jscan_is_valid(copy, n, &bad))
		rc = conf_file_syntax(&f, &(struct jscan){copy + bad, copy + n}, e);
	else
		rc = conf_file_object(&f, &s, "", JSCAN_DEPTH_MAX, e);
	return rc < 0 ? err_exit_code(e, ERR_EXIT_POLICY) : 0;
}

/* ---- finding the file ---- */

/* O_NONBLOCK: a FIFO in the file's place must not hold up the start. The usual file may be a
 * link, as people who keep their configuration elsewhere make it; one that CCVM_CONFIG names may
 * lie where an agent can put links. */
static int conf_file_open(const char *path, bool named, struct err *e)
{
	const int fd = named ? trustpath_open(path, O_RDONLY, 0, e)
			     : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return named ? err_wrap(e, "config file") : err_sys(e, "config file %s", path);
}

static int conf_file_read(const char *path, bool named, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = conf_file_open(path, named, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "config file %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "config file %s: not a regular file", path);
	if (file_read_fd(fd, CONF_FILE_MAX, out, e) < 0)
		return err_wrap(e, "config file %s", path);
	return 0;
}

int conf_file_load(struct conf *c, char *const *envp, struct err *e)
{
	AUTO_FREE char *path = env_config_file(envp);
	const char *own = env_in(envp, ENV_CONFIG);
	AUTO_BUF struct buf text = {0};

	if (!path)
		return 0;
	const bool named = own && *own;

	if (conf_file_read(path, named, &text, e) < 0) {
		if ((e->sys == ENOENT || e->sys == ENOTDIR) && !named)
			return 0;
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	free(c->file);
	c->file = mem_strdup(path);
	return conf_file_read_text(c, buf_text(&text), buf_len(&text), path, e);
}

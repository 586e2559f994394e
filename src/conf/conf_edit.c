/* The text is walked by jscan over a copy whose comments are blanks (offsets agree), and edited
 * by cutting the original at those offsets. */
#include "conf/conf_edit.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_file.h"
#include "conf/egress_entry.h"
#include "base/jscan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct edit_span {
	size_t at, end;
};

/* Where the list's parts stand in the text. */
struct edit_list {
	size_t open; /* of the bracket */
	size_t n;    /* elements */
	struct edit_span first, last;
	struct edit_span found; /* the element looked for; at == end: none */
	size_t found_index;
};

static bool edit_is_same(const char *decoded, const char *value)
{
	struct err ignored;
	AUTO_FREE char *normal = egress_entry_normalise(decoded, &ignored);

	return strcmp(normal ? normal : decoded, value) == 0;
}

static bool edit_walk_list(const char *text, struct jscan *s, const char *value,
			   struct edit_list *l)
{
	enum jscan_step step;

	if (jscan_peek(s) != '[')
		return false;
	l->open = (size_t)(s->at - text);
	s->at++;
	for (bool first = true; (step = jscan_next(s, ']', first)) == JSCAN_MORE; first = false) {
		AUTO_BUF struct buf decoded = {0};
		struct edit_span span;

		jscan_peek(s);
		span.at = (size_t)(s->at - text);
		if (!jscan_string(s, &decoded))
			return false;
		span.end = (size_t)(s->at - text);
		if (l->n == 0)
			l->first = span;
		l->last = span;
		if (l->found.at == l->found.end && edit_is_same(buf_text(&decoded), value)) {
			l->found = span;
			l->found_index = l->n;
		}
		l->n++;
	}
	return step == JSCAN_DONE;
}

/* Finds the list among the members of the outermost object. copy: the text with its comments blank. */
static bool edit_find_list(const char *copy, size_t n, const char *list, const char *value,
			   struct edit_list *l)
{
	struct jscan s = {copy, copy + n};
	enum jscan_step step;

	memset(l, 0, sizeof(*l));
	if (!jscan_take(&s, '{'))
		return false;
	for (bool first = true; (step = jscan_next(&s, '}', first)) == JSCAN_MORE; first = false) {
		AUTO_BUF struct buf key = {0};

		if (!jscan_name(&s, &key))
			return false;
		if (strcmp(buf_text(&key), list) == 0)
			return edit_walk_list(copy, &s, value, l);
		if (!jscan_value(&s, JSCAN_DEPTH_MAX))
			return false;
	}
	return false;
}

static char *edit_blank(const char *text, size_t n)
{
	char *copy = mem_strndup(text, n);

	conf_file_blank(copy, n);
	return copy;
}

static int edit_no_list(const char *name, const char *list, struct err *e)
{
	err_set(e, "%s has no %s", name, list);
	return err_remedy(
		e, "write \"%s\": [...] into it first; a list from a variable cannot be edited",
		list);
}

/* The white space in front of an offset, back to the line's beginning; false when something else
 * stands there. */
static bool edit_indent(const char *text, size_t at, struct edit_span *indent)
{
	indent->end = at;
	while (at && (text[at - 1] == ' ' || text[at - 1] == '\t'))
		at--;
	indent->at = at;
	return at && text[at - 1] == '\n';
}

int conf_edit_add_text(const char *text, size_t n, const char *list, const char *value,
		       const char *name, struct buf *out, struct err *e)
{
	AUTO_FREE char *copy = edit_blank(text, n);
	AUTO_BUF struct buf quoted = {0};
	struct edit_span indent;
	struct edit_list l;
	size_t at;

	if (!edit_find_list(copy, n, list, value, &l))
		return edit_no_list(name, list, e);
	json_quote(&quoted, value, strlen(value));
	at = l.n ? l.last.end : l.open + 1;
	buf_add(out, text, at);
	if (l.n && edit_indent(text, l.last.at, &indent)) {
		/* One to a line: a comment behind the last one stays with it. */
		const char *end = memchr(text + at, '\n', n - at);
		size_t rest = end ? (size_t)(end - text) : at;

		buf_addf(out, ",");
		buf_add(out, text + at, rest - at);
		buf_addf(out, "\n");
		buf_add(out, text + indent.at, indent.end - indent.at);
		at = rest;
	} else if (l.n) {
		buf_addf(out, ", ");
	}
	buf_add(out, buf_data(&quoted), buf_len(&quoted));
	buf_add(out, text + at, n - at);
	return 0;
}

/* The comma to go with an element: the one behind it, or for the last one that in front; at ==
 * end: it has none. copy: without comments, which may hold commas too. */
static struct edit_span edit_comma(const char *copy, const struct edit_list *l)
{
	size_t at;

	if (l->n == 1)
		return (struct edit_span){l->found.at, l->found.at};
	if (l->found_index + 1 < l->n)
		for (at = l->found.end; copy[at] != ',';)
			at++;
	else
		for (at = l->found.at - 1; copy[at] != ',';)
			at--;
	return (struct edit_span){at, at + 1};
}

/* The element with what is its own: its comma when that stands behind it, and its line, comment
 * included, when nothing else is on it. */
static struct edit_span edit_element(const char *copy, const struct edit_list *l,
				     const struct edit_span *comma)
{
	struct edit_span cut = l->found, indent;
	size_t end;

	if (comma->at >= cut.end)
		cut.end = comma->end;
	for (end = cut.end; copy[end] == ' ' || copy[end] == '\t';)
		end++;
	if (edit_indent(copy, cut.at, &indent) && copy[end] == '\n')
		return (struct edit_span){indent.at, end + 1};
	if (comma->at >= l->found.end)
		cut.end = end;
	return cut;
}

int conf_edit_remove_text(const char *text, size_t n, const char *list, const char *value,
			  const char *name, struct buf *out, struct err *e)
{
	AUTO_FREE char *copy = edit_blank(text, n);
	struct edit_span comma, cut;
	struct edit_list l;

	if (!edit_find_list(copy, n, list, value, &l))
		return edit_no_list(name, list, e);
	if (l.found.at == l.found.end)
		return err_set(e, "%s: %s has no entry \"%s\" of its own", name, list, value);
	comma = edit_comma(copy, &l);
	cut = edit_element(copy, &l, &comma);
	if (comma.end <= cut.at) { /* in front, perhaps with a comment in between that stays */
		buf_add(out, text, comma.at);
		if (strspn(text + comma.end, " \t") < cut.at - comma.end)
			buf_add(out, text + comma.end, cut.at - comma.end);
	} else {
		buf_add(out, text, cut.at);
	}
	buf_add(out, text + cut.end, n - cut.end);
	return 0;
}

/* ---- the file ---- */

static int edit_check(const char *path, const struct buf *text, const char *value, bool wanted,
		      struct err *e)
{
	struct conf c;
	bool found = false;
	int rc;

	conf_init(&c);
	rc = conf_file_read_text(&c, (const char *)buf_data(text), buf_len(text), path, e);
	for (size_t i = 0; i < c.egress_allowlist.n; i++)
		found = found || strcmp(c.egress_allowlist.v[i], value) == 0;
	if (rc == 0 && !wanted && c.egress_allowlist.n == 0) {
		rc = err_set(e, "%s: without \"%s\" egressAllowlist is empty, which opens egress",
			     path, value);
		err_remedy(e, "edit the file by hand if that is what you want; "
			      "[\"api.anthropic.com\"] allows the API alone");
	} else if (rc == 0 && found != wanted) {
		rc = err_set(e, "%s cannot be edited safely", path);
		err_remedy(e, "edit egressAllowlist by hand");
	}
	conf_fini(&c);
	return rc;
}

/* Written beside the file and renamed over it, so that no reader sees half of it. */
static int edit_replace(const char *path, const struct buf *text, struct err *e)
{
	AUTO_FREE char *real = realpath(path, NULL);
	AUTO_FREE char *beside = real ? mem_format("%s.ccvm-%d", real, (int)getpid()) : NULL;
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return err_sys(e, "config file %s", path);
	if (file_create(AT_FDCWD, beside, buf_data(text), buf_len(text), st.st_mode & 07777, e) < 0)
		return -1;
	if (rename(beside, real) < 0) {
		err_sys(e, "replace %s", real);
		unlink(beside);
		return -1;
	}
	return 0;
}

typedef int edit_fn(const char *text, size_t n, const char *list, const char *value,
		    const char *name, struct buf *out, struct err *e);

static int edit_file(const char *path, const char *list, const char *value, bool wanted,
		     edit_fn *edit, struct err *e)
{
	AUTO_BUF struct buf old = {0};
	AUTO_BUF struct buf new = {0};

	if (file_read(AT_FDCWD, path, CONF_FILE_MAX, &old, e) < 0 ||
	    edit(buf_text(&old), buf_len(&old), list, value, path, &new, e) < 0 ||
	    edit_check(path, &new, value, wanted, e) < 0)
		return err_exit_code(e, ERR_EXIT_POLICY);
	return edit_replace(path, &new, e);
}

int conf_edit_add(const char *path, const char *list, const char *value, struct err *e)
{
	return edit_file(path, list, value, true, conf_edit_add_text, e);
}

int conf_edit_remove(const char *path, const char *list, const char *value, struct err *e)
{
	return edit_file(path, list, value, false, conf_edit_remove_text, e);
}

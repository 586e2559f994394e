#include "conf/value.h"
#include "base/file.h"
#include "base/trustpath.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/jscan.h"
#include "base/json.h"
#include "base/number.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define VALUE_LIST_MAX 4096
#define VALUE_TEXT_MAX (256 * 1024)

static const char *const bool_words[] = {"0", "1", "false", "true", "no", "yes"};

int value_parse_bool(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(bool_words); i++)
		if (strcasecmp(text, bool_words[i]) == 0)
			return (int)(i & 1);
	return -1;
}

static void value_set_string(void *field, char *value)
{
	free(*(char **)field);
	*(char **)field = value;
}

static void value_set_list(void *field, struct strv *list)
{
	strv_fini(field);
	*(struct strv *)field = *list;
	*list = (struct strv){0};
}

static int value_choice(const struct option *o, const char *text, struct err *e)
{
	AUTO_BUF struct buf known = {0};

	for (int i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], text) == 0)
			return i;
		buf_addf(&known, "%s%s",
			 i == 0		     ? ""
			 : o->choices[i + 1] ? ", "
					     : " or ",
			 o->choices[i]);
	}
	return err_set(e, "must be %s, not \"%.100s\"", buf_text(&known), text);
}

static int value_set_int(const struct option *o, double v, void *field, struct err *e)
{
	if (!(v >= (double)o->min && v <= (double)o->max) || v != (double)(long)v)
		return err_set(e, "must be a whole number from %ld to %ld", o->min, o->max);
	*(long *)field = (long)v;
	return 0;
}

static int value_set_text(const struct option *o, const char *text, void *field, struct err *e)
{
	char *normal;

	if (o->choices) {
		int i = value_choice(o, text, e);

		if (i < 0)
			return -1;
		if (o->type == OPTION_ENUM)
			*(int *)field = i;
		else
			value_set_string(field, mem_strdup(text));
		return 0;
	}
	normal = o->check ? o->check(text, e) : mem_strdup(text);
	if (!normal)
		return -1;
	value_set_string(field, normal);
	return 0;
}

/* ---- lists ---- */

static int value_list_add(const struct option *o, struct strv *list, const char *item,
			  struct err *e)
{
	AUTO_FREE char *normal = o->check ? o->check(item, e) : mem_strdup(item);

	if (!normal)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], normal) == 0)
			return 0;
	if (list->n == VALUE_LIST_MAX)
		return err_set(e, "has more than %d entries", VALUE_LIST_MAX);
	strv_take(list, mem_steal_ptr(&normal));
	return 0;
}

static int value_port_add(struct strv *list, double v, struct err *e)
{
	static const struct option port = {.type = OPTION_PORTS};
	AUTO_FREE char *text = NULL;

	if (!(v >= 1 && v <= 65535) || v != (double)(long)v)
		return err_set(e, "invalid port (must be from 1 to 65535)");
	text = mem_format("%ld", (long)v);
	return value_list_add(&port, list, text, e);
}

static int value_item_from_json(const struct option *o, struct json_value item, struct strv *list,
				struct err *e)
{
	AUTO_FREE char *text = json_text(item);
	double number;

	if (o->type == OPTION_PORTS)
		return json_number(item, &number) ? value_port_add(list, number, e)
						  : err_set(e, "must be a list of numbers");
	return text ? value_list_add(o, list, text, e) : err_set(e, "must be a list of strings");
}

static int value_list_from_json(const struct option *o, struct json_value array, void *field,
				struct err *e)
{
	AUTO_STRV struct strv list = {0};
	struct json_value item = {0};

	if (!json_is_array(array))
		return err_set(e, "must be a list in [ ]");
	while (json_next(array, &item, NULL))
		if (value_item_from_json(o, item, &list, e) < 0)
			return -1;
	value_set_list(field, &list);
	return 0;
}

static bool value_parse_number(const char *text, double *out)
{
	int64_t number;

	if (!number_parse(text, 0, INT64_C(999999999999999), &number))
		return false;
	*out = (double)number;
	return true;
}

static int value_word_add(const struct option *o, struct strv *list, const char *word,
			  struct err *e)
{
	double v;

	if (o->type != OPTION_PORTS)
		return value_list_add(o, list, word, e);
	if (!value_parse_number(word, &v))
		return err_set(e, "invalid port \"%.100s\" (must be from 1 to 65535)", word);
	return value_port_add(list, v, e);
}

static int value_list_from_words(const struct option *o, const char *text, void *field,
				 struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(text);
	char *rest = copy;
	AUTO_STRV struct strv list = {0};
	struct strv *old = field;

	for (size_t i = 0; o->adds && i < old->n; i++)
		strv_add(&list, old->v[i]);
	for (char *w; (w = text_next_word(&rest, " \t\r\n,"));)
		if (value_word_add(o, &list, w, e) < 0)
			return -1;
	value_set_list(field, &list);
	return 0;
}

/* ---- from JSON ---- */

static int value_from_item(const struct option *o, struct json_value item, void *field,
			   struct err *e)
{
	AUTO_FREE char *text = json_text(item);
	double number;

	switch (o->type) {
	case OPTION_BOOL:
		if (!json_is_bool(item))
			return err_set(e, "must be true or false");
		*(bool *)field = json_is_true(item);
		return 0;
	case OPTION_TRI:
		if (!json_is_bool(item) && !json_is_null(item))
			return err_set(e, "must be true, false or null");
		*(int *)field = json_is_null(item) ? -1 : json_is_true(item);
		return 0;
	case OPTION_INT:
		return json_number(item, &number) ? value_set_int(o, number, field, e)
						  : err_set(e, "must be a number");
	case OPTION_TEXT:
		if (json_is_null(item)) {
			value_set_string(field, NULL);
			return 0;
		}
		/* fall through */
	case OPTION_ENUM:
	case OPTION_STRING:
		return text ? value_set_text(o, text, field, e) : err_set(e, "must be a string");
	case OPTION_LIST:
	case OPTION_PORTS:
		return value_list_from_json(o, item, field, e);
	}
	return err_set(e, "has no type");
}

/* A string that holds U+0000 or a lone surrogate. */
static bool value_has_unreadable(struct json_value v)
{
	AUTO_FREE char *text = json_text(v);
	struct json_value item = {0};

	if (json_is_string(v) && !text)
		return true;
	while (json_next(v, &item, NULL))
		if (value_has_unreadable(item))
			return true;
	return false;
}

/* An error quotes the value, and a value can hold what a terminal acts on. */
static int value_failed(struct err *e)
{
	AUTO_BUF struct buf shown = {0};

	log_escape(&shown, e->text, strlen(e->text), sizeof(e->text) - 1);
	memcpy(e->text, buf_text(&shown), buf_len(&shown) + 1);
	return -1;
}

int value_from_json(const struct option *o, const char *json, size_t n, void *field, struct err *e)
{
	struct json_value item;

	if (!json_open(json, n, &item) || value_has_unreadable(item))
		return err_set(e, "unsupported JSON value");
	return value_from_item(o, item, field, e) < 0 ? value_failed(e) : 0;
}

/* ---- from a variable ---- */

/* Goes to the guest: a link in a project could lead to any file of the user's. */
static int value_text_from_file(const char *path, void *field, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	AUTO_CLOSE int fd = -1;

	if (!*path) {
		value_set_string(field, mem_strdup(""));
		return 0;
	}
	fd = trustpath_open(path, O_RDONLY, 0, e);
	if (fd < 0 || file_read_fd(fd, VALUE_TEXT_MAX, &text, e) < 0)
		return err_wrap(e, "names a file that cannot be read: %s", path);
	value_set_string(field, mem_strdup(buf_text(&text)));
	return 0;
}

static int value_bool_from_variable(const struct option *o, const char *text, void *field,
				    struct err *e)
{
	int v = value_parse_bool(text);

	if (o->type == OPTION_TRI) {
		bool automatic = strcasecmp(text, "auto") == 0;

		if (v < 0 && !automatic)
			return err_set(e,
				       "must be 1, true, yes, 0, false, no or auto, not \"%.100s\"",
				       text);
		*(int *)field = v;
		return 0;
	}
	if (v < 0)
		return err_set(e, "must be 1, true, yes, 0, false or no, not \"%.100s\"", text);
	*(bool *)field = v;
	return 0;
}

static int value_int_from_variable(const struct option *o, const char *text, void *field,
				   struct err *e)
{
	double v;

	if (!value_parse_number(text, &v))
		return err_set(e, "must be a whole number from %ld to %ld, not \"%.100s\"", o->min,
			       o->max, text);
	return value_set_int(o, v, field, e);
}

static int value_from_text(const struct option *o, const char *text, void *field, struct err *e)
{
	switch (o->type) {
	case OPTION_BOOL:
	case OPTION_TRI:
		return value_bool_from_variable(o, text, field, e);
	case OPTION_INT:
		return value_int_from_variable(o, text, field, e);
	case OPTION_ENUM:
	case OPTION_STRING:
		return value_set_text(o, text, field, e);
	case OPTION_TEXT:
		return value_text_from_file(text, field, e);
	case OPTION_LIST:
	case OPTION_PORTS:
		return value_list_from_words(o, text, field, e);
	}
	return err_set(e, "has no type");
}

int value_from_variable(const struct option *o, const char *text, void *field, struct err *e)
{
	return value_from_text(o, text, field, e) < 0 ? value_failed(e) : 0;
}

/* ---- to JSON ---- */

static void value_list_to_json(const struct option *o, const struct strv *list, struct buf *out)
{
	buf_add(out, "[", 1);
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			buf_add(out, ", ", 2);
		if (o->type == OPTION_PORTS)
			buf_addf(out, "%s", list->v[i]);
		else
			json_quote_exact(out, list->v[i]);
	}
	buf_add(out, "]", 1);
}

void value_to_json(const struct option *o, const void *field, struct buf *out)
{
	static const char *const words[] = {"null", "false", "true"};
	const char *text;

	switch (o->type) {
	case OPTION_BOOL:
		buf_addf(out, "%s", words[1 + *(const bool *)field]);
		return;
	case OPTION_TRI:
		buf_addf(out, "%s", words[1 + *(const int *)field]);
		return;
	case OPTION_INT:
		buf_addf(out, "%ld", *(const long *)field);
		return;
	case OPTION_ENUM:
		json_quote_exact(out, o->choices[*(const int *)field]);
		return;
	case OPTION_STRING:
	case OPTION_TEXT:
		text = *(char *const *)field;
		if (text)
			json_quote_exact(out, text);
		else
			buf_add(out, "null", 4);
		return;
	case OPTION_LIST:
	case OPTION_PORTS:
		value_list_to_json(o, field, out);
		return;
	}
}

void value_fini(const struct option *o, void *field)
{
	if (o->type == OPTION_LIST || o->type == OPTION_PORTS)
		strv_fini(field);
	else if (o->type == OPTION_STRING || o->type == OPTION_TEXT)
		value_set_string(field, NULL);
}

#include "proto/line.h"
#include "base/log.h"

#include <string.h>

void line_set_shown(char *out, size_t size, const char *text)
{
	AUTO_BUF struct buf escaped = {0};

	log_escape(&escaped, text, strlen(text), size - 1);
	memcpy(out, buf_text(&escaped), buf_len(&escaped) + 1);
}

static void line_put_field(const struct line_field *f, const void *values, struct buf *out)
{
	const void *at = (const char *)values + f->at;

	switch (f->kind) {
	case LINE_TEXT:
		json_add_string(out, f->name, at);
		return;
	case LINE_SHOWN:
		if (*(const char *)at)
			json_add_string(out, f->name, at);
		return;
	case LINE_NUMBER:
	case LINE_FIGURE:
		json_add_int(out, f->name, *(const int64_t *)at);
		return;
	case LINE_FLAG:
		json_add_bool(out, f->name, *(const bool *)at);
		return;
	}
}

void line_add(const struct line_shape *shape, const void *values, struct buf *out)
{
	for (size_t i = 0; i < shape->n; i++)
		line_put_field(&shape->field[i], values, out);
}

void line_put(const struct line_shape *shape, const void *values, struct buf *out)
{
	AUTO_BUF struct buf line = {0};

	json_begin(&line);
	json_add_string(&line, "type", shape->type);
	line_add(shape, values, &line);
	json_end(&line);
	buf_add(out, buf_data(&line), buf_len(&line));
	buf_add(out, "\n", 1);
}

static bool line_get_text(const struct line_field *f, const char *text, char *out)
{
	if (!text || strlen(text) >= f->size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool line_get_field(const struct line_field *f, const struct json_line *l, void *at)
{
	const char *text = f->kind == LINE_TEXT || f->kind == LINE_SHOWN
				   ? json_get_string(l, f->name)
				   : NULL;
	int64_t number;
	bool good;

	switch (f->kind) {
	case LINE_TEXT:
		return line_get_text(f, text, at);
	case LINE_SHOWN:
		line_set_shown(at, f->size, text ? text : "");
		return true;
	case LINE_NUMBER:
	case LINE_FIGURE:
		good = json_get_int(l, f->name, &number) && number >= f->least && number <= f->most;
		*(int64_t *)at = good ? number : 0;
		return good || f->kind == LINE_FIGURE;
	case LINE_FLAG:
		*(bool *)at = json_get_bool(l, f->name, false);
		return true;
	}
	return false;
}

bool line_get(const struct line_shape *shape, const struct json_line *l, void *values)
{
	for (size_t i = 0; i < shape->n; i++)
		if (!line_get_field(&shape->field[i], l, (char *)values + shape->field[i].at))
			return false;
	return true;
}

size_t line_parse(const struct line_shape *shapes, size_t n, const char *line, size_t length,
		  void *values)
{
	static struct json_line l;
	const char *type = json_parse_line(line, length, &l) == 0 ? json_get_string(&l, "type")
								  : NULL;

	for (size_t i = 1; type && i < n; i++)
		if (strcmp(shapes[i].type, type) == 0)
			return line_get(&shapes[i], &l, values) ? i : 0;
	return 0;
}

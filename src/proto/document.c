#include "proto/document.h"
#include "base/json.h"

#include <string.h>

static void document_put_field(const struct document_field *f, const void *at, struct buf *out)
{
	const char *text;

	switch (f->kind) {
	case DOCUMENT_TEXT:
		text = *(char *const *)at;
		if (text)
			json_add_bytes(out, f->name, text, strlen(text));
		return;
	case DOCUMENT_OBJECT:
		text = *(char *const *)at;
		if (text)
			json_add_raw(out, f->name, text);
		return;
	case DOCUMENT_INT:
		json_add_int(out, f->name, *(const int *)at);
		return;
	case DOCUMENT_FLAG:
		json_add_bool(out, f->name, *(const bool *)at);
		return;
	}
}

void document_put(const struct document_shape *shape, const void *values, struct buf *out)
{
	AUTO_BUF struct buf json = {0};

	json_begin(&json);
	for (size_t i = 0; i < shape->n; i++)
		document_put_field(&shape->field[i], (const char *)values + shape->field[i].at,
				   &json);
	json_end(&json);
	buf_add(out, buf_data(&json), buf_len(&json));
}

static void document_get_field(const struct document_field *f, struct json_value v, void *at)
{
	int64_t number;

	switch (f->kind) {
	case DOCUMENT_TEXT:
		*(char **)at = json_text(v);
		return;
	case DOCUMENT_OBJECT:
		*(char **)at = json_is_object(v) ? mem_strndup(v.text, v.n) : NULL;
		return;
	case DOCUMENT_INT:
		if (json_int(v, f->least, f->most, &number))
			*(int *)at = (int)number;
		return;
	case DOCUMENT_FLAG:
		*(bool *)at = json_is_true(v);
		return;
	}
}

int document_get(const struct document_shape *shape, const void *text, size_t n, void *values)
{
	struct json_value json;

	if (!json_open(text, n, &json) || !json_is_object(json))
		return -1;
	for (size_t i = 0; i < shape->n; i++)
		document_get_field(&shape->field[i], json_member(json, shape->field[i].name),
				   (char *)values + shape->field[i].at);
	return 0;
}

void document_fini(const struct document_shape *shape, void *values)
{
	for (size_t i = 0; i < shape->n; i++) {
		const struct document_field *f = &shape->field[i];

		if (f->kind == DOCUMENT_TEXT || f->kind == DOCUMENT_OBJECT)
			free(mem_steal_ptr((char **)((char *)values + f->at)));
	}
}

#include "proto/request.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

static bool request_flag(struct json_value json, const char *name)
{
	return json_is_true(json_member(json, name));
}

static int request_size(struct json_value json, const char *name, int fallback)
{
	int64_t size = fallback;

	json_int(json_member(json, name), 1, 10000, &size);
	return (int)size;
}

bool request_is_name(const void *text, size_t n)
{
	const unsigned char *p = text;

	if (n == 0 || n > 64 || p[0] == ' ' || p[0] == '-' || p[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8(p + i, n - i, &ch);

		if (!len || !text_is_cell(ch))
			return false;
		i += len;
	}
	return true;
}

int request_parse(struct request *r, const void *text, size_t n, struct err *e)
{
	AUTO_FREE char *name = NULL;
	struct json_value json, options;

	memset(r, 0, sizeof(*r));
	json_open(text, n, &json);
	options = json_member(json, "options");
	if (!json_is_object(options))
		return err_set(e, "malformed start request");
	name = json_text(json_member(json, "name"));
	r->options = mem_strndup(options.text, options.n);
	r->shell = request_flag(json, "shell");
	r->tty = request_flag(json, "tty");
	r->dryrun = request_flag(json, "dryrun");
	r->detached = request_flag(json, "detached");
	r->spare = request_flag(json, "spare");
	if (name && request_is_name(name, strlen(name)))
		r->name = mem_steal_ptr(&name);
	r->term = json_member_text(json, "term");
	if (!r->term[0]) {
		free(r->term);
		r->term = mem_strdup("dumb");
	}
	r->cols = request_size(json, "cols", 80);
	r->rows = request_size(json, "rows", 24);
	return 0;
}

void request_put(struct buf *out, const struct request *r)
{
	AUTO_BUF struct buf json = {0};

	json_begin(&json);
	json_add_raw(&json, "options", r->options);
	json_add_bool(&json, "shell", r->shell);
	json_add_bool(&json, "dryrun", r->dryrun);
	json_add_bool(&json, "detached", r->detached);
	json_add_bool(&json, "spare", r->spare);
	json_add_string(&json, "name", r->name);
	json_add_bool(&json, "tty", r->tty);
	json_add_string(&json, "term", r->term ? r->term : "dumb");
	json_add_int(&json, "cols", r->cols);
	json_add_int(&json, "rows", r->rows);
	json_end(&json);
	buf_add(out, buf_data(&json), buf_len(&json));
}

void request_fini(struct request *r)
{
	free(r->options);
	free(r->term);
	free(r->name);
	memset(r, 0, sizeof(*r));
}

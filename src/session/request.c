#include "session/request.h"
#include "base/mem.h"
#include "base/text.h"
#include "proto/view.h"

#include <cjson/cJSON.h>
#include <string.h>

static bool request_flag(const cJSON *json, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static int request_size(const cJSON *json, const char *name, int fallback)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	return cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= 10000 ? (int)item->valuedouble
											    : fallback;
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
	cJSON *json = cJSON_ParseWithLength(text, n);
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "name");
	const cJSON *term = cJSON_GetObjectItemCaseSensitive(json, "term");
	const cJSON *options = cJSON_GetObjectItemCaseSensitive(json, "options");
	char *printed;

	memset(r, 0, sizeof(*r));
	if (!cJSON_IsObject(json) || !cJSON_IsObject(options)) {
		cJSON_Delete(json);
		return err_set(e, "malformed start request");
	}
	printed = cJSON_PrintUnformatted(options);
	if (!printed)
		mem_die("out of memory");
	r->options = printed;
	r->shell = request_flag(json, "shell");
	r->tty = request_flag(json, "tty");
	r->dryrun = request_flag(json, "dryrun");
	r->detached = request_flag(json, "detached");
	r->spare = request_flag(json, "spare");
	if (cJSON_IsString(name) && request_is_name(name->valuestring, strlen(name->valuestring)))
		r->name = mem_strdup(name->valuestring);
	r->term = mem_strdup(cJSON_IsString(term) && term->valuestring[0] ? term->valuestring : "dumb");
	r->cols = request_size(json, "cols", 80);
	r->rows = request_size(json, "rows", 24);
	cJSON_Delete(json);
	return 0;
}

void request_fini(struct request *r)
{
	free(r->options);
	free(r->term);
	free(r->name);
	memset(r, 0, sizeof(*r));
}

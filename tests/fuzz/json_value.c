/* areas: base
 * Any bytes as a document: refused, or the same values as an independent reader (cJSON) sees. */
#include "fuzz/fuzz.h"

#include "base/json.h"
#include "base/mem.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static void check_number(struct json_value v, double wanted)
{
	double got, far, size = wanted < 0 ? -wanted : wanted;

	if (!json_number(v, &got) || size > 1e290 ||
	    (size != 0 && size < 1e-290)) /* an exponent beyond what is read */
		return;
	far = got < wanted ? wanted - got : got - wanted;
	MUST(far <= size * 1e-9);
}

static void check_same(struct json_value v, const cJSON *other)
{
	AUTO_FREE char *text = json_text(v);
	AUTO_BUF struct buf name = {0};
	struct json_value item = {0};
	const cJSON *child = other->child;

	MUST(json_is_object(v) == (bool)cJSON_IsObject(other) &&
	     json_is_array(v) == (bool)cJSON_IsArray(other));
	MUST(json_is_string(v) == (bool)cJSON_IsString(other) &&
	     json_is_number(v) == (bool)cJSON_IsNumber(other));
	MUST(json_is_bool(v) == (bool)cJSON_IsBool(other) &&
	     json_is_null(v) == (bool)cJSON_IsNull(other));
	MUST(json_is_true(v) == (bool)cJSON_IsTrue(other));
	if (text)
		MUST(strcmp(text, other->valuestring) == 0);
	if (json_is_number(v))
		check_number(v, other->valuedouble);
	for (; json_next(v, &item, &name); child = child->next) {
		MUST(child != NULL);
		MUST(!child->string || strcmp(child->string, buf_text(&name)) == 0);
		check_same(item, child);
	}
	MUST(child == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1);
	struct json_value v;
	cJSON *other;

	if (size)
		memcpy(text, data, size);
	if (!json_open(text, size, &v)) {
		MUST(v.text == NULL);
		return 0;
	}
	MUST(v.text >= text && v.text + v.n <= text + size);
	/* cJSON cuts strings at an escaped NUL, and refuses lone surrogates. */
	other = memmem(text, size, "\\u0000", 6) ? NULL : cJSON_ParseWithLength(text, size);
	if (other)
		check_same(v, other);
	cJSON_Delete(other);
	return 0;
}

/* areas: base conf seed proto
 * Any bytes as ~/.claude.json: refused, or cleaned so that no planted place of a secret is left,
 * the output is valid JSON, and what is left is a part of what was there, as an independent
 * reader (cJSON) sees both. */
#include "fuzz/fuzz.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/jscan.h"
#include "seed/seed_credential.h"
#include "seed/seed_json.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Must be removed everywhere. */
static bool must_go(const char *name, const cJSON *value)
{
	static const char *const names[] = {"apiKeyHelper", "headersHelper", "primaryApiKey",
					    "refreshToken", "accessToken",   "claudeAiOauth"};

	for (size_t i = 0; i < 2; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return cJSON_IsObject(value) && strcasecmp(name, "headers") == 0;
}

static void check_clean(const cJSON *out)
{
	if (cJSON_IsString(out))
		check(!seed_credential_in_text(out->valuestring));
	for (const cJSON *o = out->child; o; o = o->next) {
		check(!o->string ||
		      (!must_go(o->string, o) && !seed_credential_in_text(o->string)));
		check_clean(o);
	}
}

static bool equal_scalar(const cJSON *in, const cJSON *out)
{
	if ((in->type & 0xff) != (out->type & 0xff) ||
	    (in->string && (!out->string || strcmp(in->string, out->string) != 0)))
		return false;
	if (cJSON_IsString(in))
		return strcmp(in->valuestring, out->valuestring) == 0;
	return !cJSON_IsNumber(in) ||
	       memcmp(&in->valuedouble, &out->valuedouble, sizeof(double)) == 0;
}

static unsigned compared; /* bounds a comparison that has to try */

/* Whether `out` is `in` with elements left out: the same ones, in order. */
static bool is_part_of(const cJSON *out, const cJSON *in)
{
	const cJSON *o = out->child;

	if (++compared > 100000 || !equal_scalar(in, out))
		return compared > 100000;
	for (const cJSON *i = in->child; i && o; i = i->next)
		if (is_part_of(o, i))
			o = o->next;
	return !o;
}

/* cJSON cuts strings at an escaped NUL, so names with one cannot be compared. */
static bool is_comparable(const char *text, size_t n)
{
	return !memmem(text, n, "\\u0000", 6);
}

static void check_against_cjson(const char *text, size_t n, const struct buf *clean)
{
	cJSON *in = is_comparable(text, n) ? cJSON_ParseWithLength(text, n) : NULL;
	cJSON *out;

	if (!in)
		return;
	out = cJSON_ParseWithLength((const char *)buf_data(clean), buf_len(clean));
	check(out != NULL);
	compared = 0;
	check(is_part_of(out, in) || (cJSON_IsString(in) && cJSON_IsNull(out)));
	check_clean(out);
	cJSON_Delete(in);
	cJSON_Delete(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1);
	AUTO_BUF struct buf clean = {0};
	AUTO_BUF struct buf again = {0};
	int removed;

	if (size)
		memcpy(text, data, size);
	removed = seed_json_sanitise(text, size, NULL, &clean, NULL);
	check((removed >= 0) == jscan_is_valid(text, size, NULL));
	if (removed < 0)
		return 0;
	check(jscan_is_valid((const char *)buf_data(&clean), buf_len(&clean), NULL));
	check(removed || (buf_len(&clean) == size && memcmp(buf_data(&clean), text, size) == 0));
	check(seed_json_sanitise((const char *)buf_data(&clean), buf_len(&clean), NULL, &again,
				 NULL) == 0);
	check_against_cjson(text, size, &clean);
	return 0;
}

/* areas: base conf seed
 * Any bytes as ~/.claude.json: refused, or cleaned so that no planted place of a secret is left, the output
 * is valid JSON, and everything else is equal, as an independent reader (cJSON) sees both. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "conf/conf_pass.h"
#include "base/jscan.h"
#include "seed/seed_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct place {
	int servers; /* 0: outside; 1: its members are servers; 2: inside of one */
	bool env;
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static struct place inner(const struct place *p, const char *name)
{
	struct place q = {.env = name && strcasecmp(name, "env") == 0};

	if (p->servers)
		q.servers = 2;
	else if (name && strcasecmp(name, "mcpServers") == 0)
		q.servers = 1;
	return q;
}

static bool must_go(const struct place *p, const char *name)
{
	if (p->servers == 2 && (strcasecmp(name, "env") == 0 || strcasecmp(name, "headers") == 0))
		return true;
	if (p->env &&
	    (strcmp(name, "ANTHROPIC_API_KEY") == 0 || strcmp(name, "CLAUDE_CODE_OAUTH_TOKEN") == 0))
		return true;
	return p->servers != 1 && (strcmp(name, "primaryApiKey") == 0 || strcmp(name, "refreshToken") == 0 ||
				   strcmp(name, "accessToken") == 0 || strcmp(name, "claudeAiOauth") == 0);
}

/* What may be missing: nothing but names that speak of credentials. */
static bool may_go(const struct place *p, const char *name)
{
	static const char *const parts[] = {"key", "token", "oauth", "secret", "passphrase"};

	if (must_go(p, name) || (p->env && conf_pass_is_credential(name)))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strcasestr(name, parts[i]))
			return p->servers != 1;
	return false;
}

static void compare(const cJSON *in, const cJSON *out, const struct place *p);

static void compare_members(const cJSON *in, const cJSON *out, const struct place *p)
{
	const cJSON *o = out->child;

	for (const cJSON *i = in->child; i; i = i->next) {
		struct place q = inner(p, i->string);

		if (o && (!i->string || strcmp(i->string, o->string) == 0)) {
			check(!i->string || !must_go(p, i->string));
			compare(i, o, &q);
			o = o->next;
		} else {
			check(i->string && may_go(p, i->string));
		}
	}
	check(!o);
}

static void compare(const cJSON *in, const cJSON *out, const struct place *p)
{
	check((in->type & 0xff) == (out->type & 0xff));
	if (cJSON_IsString(in))
		check(strcmp(in->valuestring, out->valuestring) == 0);
	if (cJSON_IsNumber(in))
		check(memcmp(&in->valuedouble, &out->valuedouble, sizeof(double)) == 0);
	compare_members(in, out, p);
}

/* cJSON cuts strings at an escaped NUL, so names with one cannot be compared. */
static bool is_comparable(const char *text, size_t n)
{
	return !memmem(text, n, "\\u0000", 6);
}

static void check_against_cjson(const char *text, size_t n, const struct buf *clean)
{
	struct place top = {0};
	cJSON *in = is_comparable(text, n) ? cJSON_ParseWithLength(text, n) : NULL;
	cJSON *out;

	if (!in)
		return;
	out = cJSON_ParseWithLength((const char *)buf_data(clean), buf_len(clean));
	check(out != NULL);
	compare(in, out, &top);
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
	removed = seed_json_sanitise(text, size, &clean);
	check((removed >= 0) == jscan_is_valid(text, size, NULL));
	if (removed < 0)
		return 0;
	check(jscan_is_valid((const char *)buf_data(&clean), buf_len(&clean), NULL));
	check(removed || (buf_len(&clean) == size && memcmp(buf_data(&clean), text, size) == 0));
	check(seed_json_sanitise((const char *)buf_data(&clean), buf_len(&clean), &again) == 0);
	check_against_cjson(text, size, &clean);
	return 0;
}

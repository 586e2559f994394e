#include "seed/seed_json.h"
#include "base/mem.h"
#include "conf/conf_pass.h"
#include "base/jscan.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

/* Members that are credentials wherever they stand: claude's own login and what OAuth calls its tokens. */
static const char *const credential_names[] = {
    "primaryApiKey", "apiKey",	      "api_key",
    "claudeAiOauth", "mcpOAuth",      "mcpOAuthClientConfig",
    "accessToken",   "access_token",  "refreshToken",
    "refresh_token", "idToken",	      "id_token",
    "authToken",     "auth_token",    "oauthToken",
    "oauth_token",   "sessionToken",  "session_token",
    "clientSecret",  "client_secret", "sessionKey",
    "session_key",   "bearerToken",   "trustedDeviceToken",
    "oauthTokens",   "oauth_tokens",  "clientKeyPassphrase",
};

/* Where in the structure a value stands. */
enum json_mcp {
	JSON_MCP_NONE,
	JSON_MCP_SERVERS /* its members are servers */,
	JSON_MCP_INSIDE /* in a server */
};

struct json_place {
	enum json_mcp mcp;
	bool env; /* its members are variables */
};

struct json_edit {
	struct jscan scan;
	struct buf *out;
	int removed;
};

static bool json_is(const struct buf *name, const char *known)
{
	size_t n = strlen(known);

	return buf_len(name) == n && strncasecmp((const char *)buf_data(name), known, n) == 0;
}

static bool json_is_credential(struct buf *name)
{
	for (size_t i = 0; i < ARRAY_LEN(credential_names); i++)
		if (json_is(name, credential_names[i]))
			return true;
	return false;
}

static bool json_is_dropped(struct buf *name, const struct json_place *place)
{
	if (place->mcp == JSON_MCP_INSIDE && (json_is(name, "env") || json_is(name, "headers")))
		return true;
	if (place->env && conf_pass_is_credential(buf_text(name)))
		return true;
	/* The name of a server is the user's to choose. */
	return place->mcp != JSON_MCP_SERVERS && json_is_credential(name);
}

static struct json_place json_inner(const struct buf *name, const struct json_place *place)
{
	struct json_place inner = {.env = json_is(name, "env")};

	if (place->mcp != JSON_MCP_NONE)
		inner.mcp = JSON_MCP_INSIDE;
	else if (json_is(name, "mcpServers"))
		inner.mcp = JSON_MCP_SERVERS;
	return inner;
}

static bool json_value(struct json_edit *ed, const struct json_place *place, unsigned depth);

static void json_copy(struct json_edit *ed, const char *from)
{
	buf_add(ed->out, from, (size_t)(ed->scan.at - from));
}

/* One member. `lead` begins behind the previous element: blanks, and a comma unless the member is the first.
 */
static bool json_member(struct json_edit *ed, const struct json_place *place, const char *lead, bool *kept,
			unsigned depth)
{
	AUTO_BUF struct buf name = {0};
	size_t blanks = (size_t)(ed->scan.at - lead);
	const char *comma = memchr(lead, ',', blanks);
	struct json_place inner;

	if (!jscan_name(&ed->scan, &name))
		return false;
	if (json_is_dropped(&name, place)) {
		ed->removed += ed->removed < INT_MAX;
		return jscan_value(&ed->scan, depth);
	}
	json_copy(ed, comma && !*kept ? comma + 1 : lead);
	*kept = true;
	inner = json_inner(&name, place);
	return json_value(ed, &inner, depth);
}

static bool json_object(struct json_edit *ed, const struct json_place *place, unsigned depth)
{
	const char *lead = ed->scan.at;
	bool kept = false;
	enum jscan_step step;

	for (bool first = true; (step = jscan_next(&ed->scan, '}', first)) == JSCAN_MORE; first = false) {
		if (!json_member(ed, place, lead, &kept, depth))
			return false;
		lead = ed->scan.at;
	}
	if (step == JSCAN_DONE)
		json_copy(ed, lead);
	return step == JSCAN_DONE;
}

static bool json_array(struct json_edit *ed, const struct json_place *place, unsigned depth)
{
	struct json_place inner = {.mcp = place->mcp == JSON_MCP_NONE ? JSON_MCP_NONE : JSON_MCP_INSIDE};
	const char *lead = ed->scan.at;
	enum jscan_step step;

	for (bool first = true; (step = jscan_next(&ed->scan, ']', first)) == JSCAN_MORE; first = false) {
		json_copy(ed, lead);
		if (!json_value(ed, &inner, depth))
			return false;
		lead = ed->scan.at;
	}
	if (step == JSCAN_DONE)
		json_copy(ed, lead);
	return step == JSCAN_DONE;
}

static bool json_value(struct json_edit *ed, const struct json_place *place, unsigned depth)
{
	const char *start = ed->scan.at;
	char c = jscan_peek(&ed->scan);

	if (c != '{' && c != '[') {
		bool ok = jscan_value(&ed->scan, 1);

		json_copy(ed, start);
		return ok;
	}
	if (depth == 0)
		return false;
	ed->scan.at++;
	json_copy(ed, start);
	return c == '{' ? json_object(ed, place, depth - 1) : json_array(ed, place, depth - 1);
}

int seed_json_sanitise(const char *text, size_t n, struct buf *out)
{
	struct json_edit ed = {.scan = {text, text + n}, .out = out};
	struct json_place top = {.mcp = JSON_MCP_NONE};
	const char *rest;

	if (!json_value(&ed, &top, JSCAN_DEPTH_MAX))
		return -1;
	rest = ed.scan.at;
	jscan_peek(&ed.scan);
	if (ed.scan.at != ed.scan.end)
		return -1;
	json_copy(&ed, rest);
	return ed.removed;
}

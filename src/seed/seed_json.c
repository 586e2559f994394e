#include "seed/seed_json.h"
#include "base/mem.h"
#include "conf/conf_pass.h"
#include "base/jscan.h"
#include "seed/seed_secret.h"

#include <limits.h>
#include <stdio.h>
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

/* Programs whose output is a credential: the guest does not have them, and their text may hold one itself. */
static const char *const helper_names[] = {
    "apiKeyHelper",	 "awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh",
    "otelHeadersHelper", "headersHelper",  "proxyAuthHelper",
};

/* Members without which their object is invalid. */
static const char *const essential_names[] = {"command", "url", "prompt"};

/* Where in the structure a value stands. */
enum json_mcp {
	JSON_MCP_NONE,
	JSON_MCP_SERVERS /* its members are servers */,
	JSON_MCP_INSIDE /* in a server */
};

enum json_projects {
	JSON_PROJECTS_NONE,
	JSON_PROJECTS_TOP,    /* one of its members may be `projects` */
	JSON_PROJECTS_ALL,    /* its members are records of workspaces */
	JSON_PROJECTS_RECORD, /* one of them */
};

struct json_place {
	enum json_mcp mcp;
	enum json_projects projects;
	bool env;	  /* its members are variables */
	const char *name; /* of the member whose value it is, or that it is an element of; "": none */
};

struct json_edit {
	struct jscan scan;
	struct buf *out;
	const char *workspace; /* NULL: all records of workspaces stay */
	struct seed_json_removed *removed;
	int count;
};

static bool json_is(const struct buf *name, const char *known)
{
	size_t n = strlen(known);

	return buf_len(name) == n && strncasecmp((const char *)buf_data(name), known, n) == 0;
}

static bool json_is_one_of(const struct buf *name, const char *const *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_is(name, known[i]))
			return true;
	return false;
}

/* ---- what is left out ---- */

/* The string that begins at the scan's place holds a credential. */
static bool json_text_is_secret(struct jscan scan)
{
	AUTO_BUF struct buf text = {0};

	return jscan_peek(&scan) == '"' && jscan_string(&scan, &text) && seed_secret_in_text(buf_text(&text));
}

/* So does a string, or an object that is of no use without what holds one. */
static bool json_value_is_secret(struct jscan scan, unsigned depth)
{
	const char c = jscan_peek(&scan);
	enum jscan_step step;

	if (c != '{')
		return c == '"' && json_text_is_secret(scan);
	scan.at++;
	for (bool first = true; depth && (step = jscan_next(&scan, '}', first)) == JSCAN_MORE; first = false) {
		AUTO_BUF struct buf name = {0};

		if (!jscan_name(&scan, &name))
			return false;
		if (json_is_one_of(&name, essential_names, ARRAY_LEN(essential_names)) && json_text_is_secret(scan))
			return true;
		if (!jscan_value(&scan, depth))
			return false;
	}
	return false;
}

static bool json_name_is_dropped(struct buf *name, const struct json_place *place, char first)
{
	if (place->mcp == JSON_MCP_INSIDE && (json_is(name, "env") || json_is(name, "headers")))
		return true;
	if (first == '{' && json_is(name, "headers"))
		return true;
	if (place->env && (conf_pass_is_credential(buf_text(name)) || seed_secret_key_name(buf_text(name))))
		return true;
	if (json_is_one_of(name, helper_names, ARRAY_LEN(helper_names)) || seed_secret_in_text(buf_text(name)))
		return true;
	/* The name of a server is the user's to choose. */
	if (place->mcp == JSON_MCP_SERVERS)
		return false;
	return json_is_one_of(name, credential_names, ARRAY_LEN(credential_names)) || (first == '"' && seed_secret_key_name(buf_text(name)));
}

static bool json_is_other_project(const struct json_edit *ed, struct buf *name, const struct json_place *place)
{
	if (place->projects == JSON_PROJECTS_RECORD)
		return json_is(name, "history");
	return place->projects == JSON_PROJECTS_ALL && strcmp(buf_text(name), ed->workspace) != 0;
}

/* Notes where something was left out: a name and the one around it. */
static void json_note(struct json_edit *ed, const char *around, struct buf *name)
{
	struct seed_json_removed *r = ed->removed;
	const char *own = seed_secret_in_text(buf_text(name)) ? "(a name that holds a credential)" : buf_text(name);

	ed->count += ed->count < INT_MAX;
	if (!r)
		return;
	if (r->credentials < SEED_JSON_NAMES_MAX)
		snprintf(r->names[r->credentials], sizeof(r->names[0]), "%.28s%s%.32s", around, *around ? "." : "", own);
	r->credentials += r->credentials < INT_MAX;
}

/* True when the member is left out, and noted. */
static bool json_member_is_dropped(struct json_edit *ed, struct buf *name, const struct json_place *place, unsigned depth)
{
	struct jscan scan = ed->scan;
	const char first = jscan_peek(&scan);

	if (json_is_other_project(ed, name, place)) {
		ed->count += ed->count < INT_MAX;
		if (ed->removed)
			ed->removed->projects += ed->removed->projects < INT_MAX;
		return true;
	}
	if (!json_name_is_dropped(name, place, first) && !json_value_is_secret(ed->scan, depth))
		return false;
	json_note(ed, place->name, name);
	return true;
}

/* An argument that names a credential, whose value is the next one: "--token". */
static bool json_names_next(struct jscan scan)
{
	AUTO_BUF struct buf text = {0};

	if (jscan_peek(&scan) != '"' || !jscan_string(&scan, &text) || buf_len(&text) < 2 || buf_data(&text)[0] != '-')
		return false;
	return seed_secret_key_name(buf_text(&text) + strspn(buf_text(&text), "-"));
}

static struct json_place json_inner(struct buf *name, const struct json_place *place)
{
	struct json_place inner = {.env = json_is(name, "env"), .name = buf_text(name)};

	if (place->mcp != JSON_MCP_NONE)
		inner.mcp = JSON_MCP_INSIDE;
	else if (json_is(name, "mcpServers"))
		inner.mcp = JSON_MCP_SERVERS;
	if (place->projects == JSON_PROJECTS_TOP && json_is(name, "projects"))
		inner.projects = JSON_PROJECTS_ALL;
	else if (place->projects == JSON_PROJECTS_ALL)
		inner.projects = JSON_PROJECTS_RECORD;
	return inner;
}

/* ---- the walk ---- */

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
	if (json_member_is_dropped(ed, &name, place, depth))
		return jscan_value(&ed->scan, depth);
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

/* Whether the element at the scan's place is left out; *next: so is the one behind it, if it is a text. */
static bool json_element_is_dropped(struct json_edit *ed, const struct json_place *place, bool *next, unsigned depth)
{
	AUTO_BUF struct buf name = {0};
	struct jscan scan = ed->scan;
	const bool value = *next && jscan_peek(&scan) == '"', flag = !value && json_names_next(ed->scan);

	*next = flag;
	if (!value && !flag && !json_value_is_secret(ed->scan, depth))
		return false;
	buf_addf(&name, "[]");
	if (!value) /* it was noted with its name */
		json_note(ed, place->name, &name);
	return true;
}

static bool json_array(struct json_edit *ed, const struct json_place *place, unsigned depth)
{
	struct json_place inner = {.mcp = place->mcp == JSON_MCP_NONE ? JSON_MCP_NONE : JSON_MCP_INSIDE, .name = place->name};
	const char *lead = ed->scan.at;
	bool kept = false, next = false;
	enum jscan_step step;

	for (bool first = true; (step = jscan_next(&ed->scan, ']', first)) == JSCAN_MORE; first = false) {
		const char *comma = memchr(lead, ',', (size_t)(ed->scan.at - lead));

		if (json_element_is_dropped(ed, place, &next, depth)) {
			if (!jscan_value(&ed->scan, depth))
				return false;
			lead = ed->scan.at;
			continue;
		}
		json_copy(ed, comma && !kept ? comma + 1 : lead);
		kept = true;
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

int seed_json_sanitise(const char *text, size_t n, const char *workspace, struct buf *out, struct seed_json_removed *removed)
{
	struct json_edit ed = {.scan = {text, text + n}, .out = out, .workspace = workspace, .removed = removed};
	struct json_place top = {.mcp = JSON_MCP_NONE, .projects = workspace ? JSON_PROJECTS_TOP : JSON_PROJECTS_NONE, .name = ""};
	const char *rest;

	if (removed)
		*removed = (struct seed_json_removed){0};
	if (json_text_is_secret(ed.scan)) { /* there is nothing around it to take it out of */
		AUTO_BUF struct buf whole = {0};

		buf_addf(&whole, "(the whole)");
		json_note(&ed, "", &whole);
		if (!jscan_value(&ed.scan, 1))
			return -1;
		buf_add(out, "null", 4);
	} else if (!json_value(&ed, &top, JSCAN_DEPTH_MAX)) {
		return -1;
	}
	rest = ed.scan.at;
	jscan_peek(&ed.scan);
	if (ed.scan.at != ed.scan.end)
		return -1;
	json_copy(&ed, rest);
	return ed.count;
}

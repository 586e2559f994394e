#include "seed/seed_json.h"
#include "base/mem.h"
#include "conf/conf_pass.h"
#include "base/jscan.h"
#include "seed/seed_command.h"
#include "seed/seed_credential.h"
#include "seed/seed_secret.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Members that are credentials wherever they stand: claude's own login and what OAuth calls its
 * tokens. */
static const char *const credential_names[] = {
	"primaryApiKey", "apiKey",	  "api_key",
	"claudeAiOauth", "mcpOAuth",	  "mcpOAuthClientConfig",
	"accessToken",	 "access_token",  "refreshToken",
	"refresh_token", "idToken",	  "id_token",
	"authToken",	 "auth_token",	  "oauthToken",
	"oauth_token",	 "sessionToken",  "session_token",
	"clientSecret",	 "client_secret", "sessionKey",
	"session_key",	 "bearerToken",	  "trustedDeviceToken",
	"oauthTokens",	 "oauth_tokens",  "clientKeyPassphrase",
};

/* Programs whose output is a credential: the guest does not have them, and their text may hold one
 * itself. */
static const char *const helper_names[] = {
	"apiKeyHelper",	     "awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh",
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
	bool env; /* its members are variables */
	/* of the member whose value it is; NULL: it is an element, or the whole */
	const char *name;
	const struct json_place *up; /* what it is in; NULL: nothing */
};

struct json_edit {
	struct jscan scan;
	struct buf *out;
	const char *workspace; /* NULL: all records of workspaces stay */
	struct seed_json_removed *removed;
	int count;
	bool spoilt; /* the value just walked is useless without what was left out of it */
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

	return jscan_peek(&scan) == '"' && jscan_string(&scan, &text) &&
	       seed_credential_in_text(buf_text(&text));
}

/* Appends a text, or the texts of an array. */
static void json_add_words(struct jscan scan, unsigned depth, struct buf *words)
{
	if (jscan_peek(&scan) == '"') {
		buf_addf(words, " ");
		jscan_string(&scan, words);
		return;
	}
	if (jscan_peek(&scan) != '[')
		return;
	scan.at++;
	for (bool first = true; depth && jscan_next(&scan, ']', first) == JSCAN_MORE;
	     first = false) {
		if (jscan_peek(&scan) == '"')
			json_add_words(scan, 0, words);
		if (!jscan_value(&scan, depth))
			return;
	}
}

/* So does a string, or an object that is of no use without what holds one. A program and its
 * arguments are judged as one line. */
static bool json_value_is_secret(struct jscan scan, unsigned depth)
{
	AUTO_BUF struct buf program = {0}, arguments = {0};
	const char c = jscan_peek(&scan);
	enum jscan_step step;

	if (c != '{')
		return c == '"' && json_text_is_secret(scan);
	scan.at++;
	for (bool first = true; depth && (step = jscan_next(&scan, '}', first)) == JSCAN_MORE;
	     first = false) {
		AUTO_BUF struct buf name = {0};

		if (!jscan_name(&scan, &name))
			return false;
		if (json_is_one_of(&name, essential_names, ARRAY_LEN(essential_names)) &&
		    json_text_is_secret(scan))
			return true;
		if (json_is(&name, "command"))
			json_add_words(scan, depth, &program);
		if (json_is(&name, "args"))
			json_add_words(scan, depth, &arguments);
		if (!jscan_value(&scan, depth))
			return false;
	}
	buf_add(&program, buf_data(&arguments), buf_len(&arguments));
	return seed_command_has_secret(buf_text(&program));
}

/* A text, under a name that gives it a meaning. */
static bool json_setting_is_secret(struct buf *name, struct jscan scan)
{
	AUTO_BUF struct buf text = {0};

	return jscan_peek(&scan) == '"' && jscan_string(&scan, &text) &&
	       seed_credential_in_setting(buf_text(name), buf_text(&text));
}

/* Under the name of a credential: a text that can be one, or a structure. */
static bool json_is_credential(struct buf *name, struct jscan scan)
{
	AUTO_BUF struct buf text = {0};
	const char first = jscan_peek(&scan);

	if (first == '{' || first == '[')
		return true;
	return first == '"' && jscan_string(&scan, &text) &&
	       seed_secret_is_value(buf_text(name), buf_text(&text));
}

static bool json_name_is_dropped(struct buf *name, const struct json_place *place,
				 struct jscan scan)
{
	const char first = jscan_peek(&scan);

	if (place->mcp == JSON_MCP_INSIDE && (json_is(name, "env") || json_is(name, "headers")))
		return true;
	if (first == '{' && json_is(name, "headers"))
		return true;
	if (place->env && conf_pass_is_credential(buf_text(name)))
		return true;
	if (json_is_one_of(name, helper_names, ARRAY_LEN(helper_names)) ||
	    seed_credential_in_text(buf_text(name)))
		return true;
	/* The name of a server is the user's to choose. */
	if (place->mcp == JSON_MCP_SERVERS)
		return false;
	if (json_is_one_of(name, credential_names, ARRAY_LEN(credential_names)))
		return json_is_credential(name, scan);
	return json_setting_is_secret(name, scan);
}

static bool json_is_other_project(const struct json_edit *ed, struct buf *name,
				  const struct json_place *place)
{
	if (place->projects == JSON_PROJECTS_RECORD)
		return json_is(name, "history");
	return place->projects == JSON_PROJECTS_ALL && strcmp(buf_text(name), ed->workspace) != 0;
}

/* Appends where a value stands: "mcpServers.github.args[]". A name that holds a credential is not
 * in it. */
static void json_path(const struct json_place *place, struct buf *out)
{
	if (place->up)
		json_path(place->up, out);
	if (place->name)
		buf_addf(out, "%s%s", buf_len(out) ? "." : "",
			 seed_credential_in_text(place->name) ? "(a name that holds a credential)"
							      : place->name);
	else if (place->up)
		buf_addf(out, "[]");
}

/* Notes where something was left out: its path, or the end of a long one. */
static void json_note(struct json_edit *ed, const struct json_place *place)
{
	struct seed_json_removed *r = ed->removed;
	AUTO_BUF struct buf path = {0};

	ed->count += ed->count < INT_MAX;
	if (!r)
		return;
	if (r->credentials < SEED_JSON_NAMES_MAX) {
		const size_t room = sizeof(r->names[0]) - sizeof("…");

		json_path(place, &path);
		snprintf(r->names[r->credentials], sizeof(r->names[0]), "%s%s",
			 buf_len(&path) > room ? "…" : "",
			 buf_text(&path) + (buf_len(&path) > room ? buf_len(&path) - room : 0));
	}
	r->credentials += r->credentials < INT_MAX;
}

/* True when the member is left out, and noted; *secret: because of a credential. */
static bool json_member_is_dropped(struct json_edit *ed, struct buf *name,
				   const struct json_place *place, unsigned depth, bool *secret)
{
	const struct json_place member = {.name = buf_text(name), .up = place};

	if (json_is_other_project(ed, name, place)) {
		ed->count += ed->count < INT_MAX;
		if (ed->removed)
			ed->removed->projects += ed->removed->projects < INT_MAX;
		return true;
	}
	if (!json_name_is_dropped(name, place, ed->scan) && !json_value_is_secret(ed->scan, depth))
		return false;
	json_note(ed, &member);
	*secret = true;
	return true;
}

static struct json_place json_inner(struct buf *name, const struct json_place *place)
{
	struct json_place inner = {
		.env = json_is(name, "env"), .name = buf_text(name), .up = place};

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

/* What became of the elements of an object or array so far. */
struct json_elements {
	/* behind the previous one: blanks, and a comma unless the next is the first */
	const char *lead;
	bool kept; /* one was */
	bool lost; /* a credential was left out */
	/* of an array: the last text that stays, which the next may be the value of */
	struct buf flag;
};

/* Walks the value at the scan's place, whose text begins at `lead`'s end, and takes it back when it
 * has become useless. `start` is where the element itself begins (its name, if it has one). */
static bool json_element(struct json_edit *ed, const struct json_place *inner,
			 struct json_elements *all, const char *start, unsigned depth)
{
	const size_t before = buf_len(ed->out);
	const char *comma = memchr(all->lead, ',', (size_t)(start - all->lead));

	json_copy(ed, comma && !all->kept ? comma + 1 : all->lead);
	ed->spoilt = false;
	if (!json_value(ed, inner, depth))
		return false;
	if (ed->spoilt)
		buf_cut(ed->out, before);
	all->lost = all->lost || ed->spoilt;
	all->kept = all->kept || !ed->spoilt;
	return true;
}

static bool json_member(struct json_edit *ed, const struct json_place *place,
			struct json_elements *all, bool *essential, unsigned depth)
{
	AUTO_BUF struct buf name = {0};
	const char *start = ed->scan.at;
	struct json_place inner;

	if (!jscan_name(&ed->scan, &name))
		return false;
	if (json_member_is_dropped(ed, &name, place, depth, &all->lost))
		return jscan_value(&ed->scan, depth);
	inner = json_inner(&name, place);
	if (!json_element(ed, &inner, all, start, depth))
		return false;
	/* A program without one of its arguments is another program. */
	*essential = *essential || (ed->spoilt && json_is(&name, "args"));
	return true;
}

static bool json_object(struct json_edit *ed, const struct json_place *place, unsigned depth)
{
	struct json_elements all = {.lead = ed->scan.at};
	bool essential = false;
	enum jscan_step step;

	for (bool first = true; (step = jscan_next(&ed->scan, '}', first)) == JSCAN_MORE;
	     first = false) {
		if (!json_member(ed, place, &all, &essential, depth))
			return false;
		all.lead = ed->scan.at;
	}
	if (step == JSCAN_DONE)
		json_copy(ed, all.lead);
	/* An object that lost all its members is useless; mcpServers itself has to stay. */
	ed->spoilt = place->up &&
		     (essential || (all.lost && !all.kept && place->mcp != JSON_MCP_SERVERS));
	return step == JSCAN_DONE;
}

/* A text, in an array, that may be the value of the option before it: "--token", "x" and "-u",
 * "a:b". */
static bool json_is_option_value(struct buf *flag, struct buf *text)
{
	AUTO_BUF struct buf both = {0};
	const char *name = buf_text(flag) + strspn(buf_text(flag), "-");

	if (buf_len(flag) < 2 || buf_text(flag)[0] != '-')
		return false;
	if (seed_secret_key_name(name) || strcmp(buf_text(flag), "--key") == 0)
		return buf_text(text)[0] != '-' && buf_text(text)[0] != '/' &&
		       seed_secret_is_value(name, buf_text(text));
	buf_addf(&both, "%s %s", buf_text(flag), buf_text(text));
	return seed_credential_in_text(buf_text(&both));
}

/* An option whose value, the next element, is a credential. */
static bool json_names_next(struct jscan scan, struct buf *text)
{
	AUTO_BUF struct buf next = {0};

	return buf_text(text)[0] == '-' && jscan_string(&scan, NULL) &&
	       jscan_next(&scan, ']', false) == JSCAN_MORE && jscan_peek(&scan) == '"' &&
	       jscan_string(&scan, &next) && json_is_option_value(text, &next);
}

/* Whether the element at the scan's place is left out; *next: so is the one behind it, which was
 * noted with it. */
static bool json_element_is_dropped(struct json_edit *ed, const struct json_place *inner,
				    struct json_elements *all, bool *next, unsigned depth)
{
	AUTO_BUF struct buf text = {0};
	struct jscan scan = ed->scan;
	bool dropped = json_value_is_secret(ed->scan, depth);

	if (*next)
		return *next = false, true;
	if (!dropped && jscan_peek(&scan) == '"' && jscan_string(&scan, &text)) {
		*next = json_names_next(ed->scan, &text);
		dropped = *next || json_is_option_value(&all->flag, &text);
		if (!dropped) {
			buf_cut(&all->flag, 0);
			buf_add(&all->flag, buf_data(&text), buf_len(&text));
		}
	}
	if (dropped)
		json_note(ed, inner);
	return dropped;
}

static bool json_array(struct json_edit *ed, const struct json_place *place, unsigned depth)
{
	const struct json_place inner = {
		.mcp = place->mcp == JSON_MCP_NONE ? JSON_MCP_NONE : JSON_MCP_INSIDE, .up = place};
	struct json_elements all = {.lead = ed->scan.at};
	bool next = false, ok = true;
	enum jscan_step step = JSCAN_BAD;

	for (bool first = true; ok && (step = jscan_next(&ed->scan, ']', first)) == JSCAN_MORE;
	     first = false) {
		if (json_element_is_dropped(ed, &inner, &all, &next, depth)) {
			all.lost = true;
			ok = jscan_value(&ed->scan, depth);
		} else {
			const bool text = jscan_peek(&ed->scan) == '"';

			ok = json_element(ed, &inner, &all, ed->scan.at, depth);
			if (!text && !ed->spoilt)
				buf_cut(&all.flag, 0);
		}
		all.lead = ed->scan.at;
	}
	buf_fini(&all.flag);
	if (ok && step == JSCAN_DONE)
		json_copy(ed, all.lead);
	ed->spoilt = all.lost && place->name && strcasecmp(place->name, "args") == 0;
	return ok && step == JSCAN_DONE;
}

static bool json_value(struct json_edit *ed, const struct json_place *place, unsigned depth)
{
	const char *start = ed->scan.at;
	char c = jscan_peek(&ed->scan);

	if (c != '{' && c != '[') {
		bool ok = jscan_value(&ed->scan, 1);

		ed->spoilt = false;
		json_copy(ed, start);
		return ok;
	}
	if (depth == 0)
		return false;
	ed->scan.at++;
	json_copy(ed, start);
	return c == '{' ? json_object(ed, place, depth - 1) : json_array(ed, place, depth - 1);
}

int seed_json_sanitise(const char *text, size_t n, const char *workspace, struct buf *out,
		       struct seed_json_removed *removed)
{
	struct json_edit ed = {
		.scan = {text, text + n}, .out = out, .workspace = workspace, .removed = removed};
	struct json_place top = {.mcp = JSON_MCP_NONE,
				 .projects = workspace ? JSON_PROJECTS_TOP : JSON_PROJECTS_NONE};
	const char *rest;

	if (removed)
		*removed = (struct seed_json_removed){0};
	if (json_text_is_secret(ed.scan)) { /* there is nothing around it to take it out of */
		const struct json_place whole = {.name = "(the whole)"};

		json_note(&ed, &whole);
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

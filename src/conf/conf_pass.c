#include "conf/conf_pass.h"
#include "conf/conf_fields.h"

#include <string.h>
#include <strings.h>

#define PASS_NAME_MAX 128

/* Names from which claude, or a cloud library it carries, reads a credential. */
static const char *const credentials[] = {
	"ANTHROPIC_API_KEY",
	"ANTHROPIC_AUTH_TOKEN",
	"ANTHROPIC_CUSTOM_HEADERS", /* Authorization and x-api-key travel there */
	"ANTHROPIC_FOUNDRY_API_KEY",
	"ANTHROPIC_BEDROCK_API_KEY",
	"ANTHROPIC_VERTEX_API_KEY",
	"ANTHROPIC_UNIX_SOCKET",
	"CLAUDE_CODE_OAUTH_TOKEN",
	"CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
	"CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
	"CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
	"CLAUDE_CODE_WEBSOCKET_AUTH_FILE_DESCRIPTOR",
	"CLAUDE_CODE_SESSION_ACCESS_TOKEN",
	"CLAUDE_CODE_CLIENT_KEY",
	"CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
	"CLAUDE_TRUSTED_DEVICE_TOKEN",
	"CLAUDE_SESSION_INGRESS_TOKEN_FILE",
	"CLAUDE_BG_AUTH_SNAPSHOT_PATH",
	"CLAUDE_BG_SOCKET_TOKENS_PATH",
	"AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"AWS_SECURITY_TOKEN",
	"AWS_BEARER_TOKEN_BEDROCK",
	"AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"GOOGLE_API_KEY",
	"GOOGLE_APPLICATION_CREDENTIALS",
	"AZURE_CLIENT_SECRET",
	"AZURE_CLIENT_CERTIFICATE_PASSWORD",
	"AZURE_PASSWORD",
	"MCP_CLIENT_SECRET",
	"OTEL_EXPORTER_OTLP_HEADERS",
	"OTEL_EXPORTER_OTLP_LOGS_HEADERS",
	"OTEL_EXPORTER_OTLP_METRICS_HEADERS",
	"OTEL_EXPORTER_OTLP_TRACES_HEADERS",
	"GH_TOKEN",
	"GITHUB_TOKEN",
	"GITHUB_PERSONAL_ACCESS_TOKEN",
	"GITLAB_TOKEN",
};

/* A name of one of these families with one of these endings is a credential too, listed above or
 * not: a later claude reads names this table has not seen. */
static const char *const families[] = {"ANTHROPIC_", "CLAUDE_", "AWS_",	   "GOOGLE_", "GCP_",
				       "GCLOUD_",    "AZURE_",	"VERTEX_", "MCP_"};
static const char *const endings[] = {"_TOKEN",	     "_KEY",	     "_SECRET",	 "_PASSWORD",
				      "_PASSPHRASE", "_CREDENTIALS", "_HEADERS", "_COOKIE"};

static bool pass_has_prefix(const char *name, const char *prefix)
{
	return strncasecmp(name, prefix, strlen(prefix)) == 0;
}

static bool pass_has_ending(const char *name, const char *ending)
{
	size_t n = strlen(name), m = strlen(ending);

	return n >= m && strcasecmp(name + n - m, ending) == 0;
}

static bool pass_is_family(const char *name)
{
	bool family = false, ending = false;

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		family = family || pass_has_prefix(name, families[i]);
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		ending = ending || pass_has_ending(name, endings[i]);
	return family && ending;
}

bool conf_pass_is_credential(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(credentials); i++)
		if (strcasecmp(name, credentials[i]) == 0)
			return true;
	return pass_is_family(name);
}

static bool pass_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool pass_is_name(const char *name, size_t n)
{
	if (n == 0 || n > PASS_NAME_MAX || !pass_is_alpha(name[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!pass_is_alpha(name[i]) && !(name[i] >= '0' && name[i] <= '9'))
			return false;
	return true;
}

bool conf_pass_is_name(const char *name)
{
	return pass_is_name(name, strlen(name));
}

static bool pass_matches(const char *entry, const char *name, size_t n)
{
	size_t m = strlen(entry);

	if (m && entry[m - 1] == '*')
		return n >= m - 1 && strncmp(entry, name, m - 1) == 0;
	return n == m && strncmp(entry, name, n) == 0;
}

static int pass_refuse(const char *entry, const char *credential, struct err *e)
{
	err_set(e, "\"%.100s\" would pass %s, from which claude reads a credential", entry,
		credential);
	return err_remedy(e, "Credentials are never passed as plain variables. Set apiKeyVariable "
			     "to the variable that "
			     "claude authenticates with.");
}

/* A pattern is refused when it takes in a known credential. Unknown ones of the families are
 * left out one by one when the variables are collected. */
static int pass_check_pattern(const char *entry, size_t n, struct err *e)
{
	if (!pass_is_name(entry, n - 1) || n < 4)
		return err_set(e,
			       "\"%.100s\" is too wide: a pattern needs at least three letters "
			       "before the *",
			       entry);
	for (size_t i = 0; i < ARRAY_LEN(credentials); i++)
		if (pass_matches(entry, credentials[i], strlen(credentials[i])))
			return pass_refuse(entry, credentials[i], e);
	return 0;
}

int conf_pass_check(const char *entry, struct err *e)
{
	size_t n = strlen(entry);

	if (n && entry[n - 1] == '*')
		return pass_check_pattern(entry, n, e);
	if (!pass_is_name(entry, n))
		return err_set(e, "invalid variable name \"%.100s\"", entry);
	if (conf_pass_is_credential(entry))
		return pass_refuse(entry, entry, e);
	return 0;
}

static bool pass_is_listed(const struct conf *c, const char *name, size_t n)
{
	for (size_t i = 0; i < c->pass_env.n; i++)
		if (pass_matches(c->pass_env.v[i], name, n))
			return true;
	return false;
}

static bool pass_is_taken(const struct strv *out, size_t from, const char *name, size_t n)
{
	for (size_t i = from; i < out->n; i++)
		if (strncmp(out->v[i], name, n) == 0 && out->v[i][n] == '=')
			return true;
	return false;
}

void conf_pass_env(const struct conf *c, char *const *envp, struct strv *out)
{
	size_t from = out->n;

	for (; *envp; envp++) {
		const char *equals = strchr(*envp, '=');
		size_t n = equals ? (size_t)(equals - *envp) : 0;
		AUTO_FREE char *name = mem_strndup(*envp, n);

		if (!pass_is_name(name, n) || !pass_is_listed(c, name, n) ||
		    conf_pass_is_credential(name))
			continue;
		if (c->api_key_variable && strcmp(c->api_key_variable, name) == 0)
			continue;
		if (!pass_is_taken(out, from, name, n)) /* as getenv: the first one counts */
			strv_add(out, *envp);
	}
}

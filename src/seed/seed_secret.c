#include "seed/seed_secret.h"
#include "base/mem.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECRET_DIGITS_MIN 4 /* of a PIN, or of a password that is a number */
#define SECRET_DOTS_MIN	  3 /* "...", "xxx": something is meant to stand here */
#define SECRET_NAME_MAX	  64
#define SECRET_NAME_WORDS 12

/* ---- names ---- */

/* The last word of a name that means a credential. */
static const char *const secret_words[] = {
	"token",       "tokens",     "secret", "secrets",  "password", "passwords",
	"passwd",      "passphrase", "pass",   "pwd",	   "pat",      "cookie",
	"bearer",      "jwt",	     "auth",   "apikey",   "apikeys",  "credential",
	"credentials", "cred",	     "creds",  "userpass", "pin",
};
/* Those that also mean one in the middle of a variable's name. */
static const char *const secret_strong[] = {"token",	  "secret", "password",	  "passwd",
					    "passphrase", "apikey", "credential", "credentials",
					    "creds",	  "pat"};
/* The word before "key" that makes it a credential. */
/* clang-format off */
static const char *const secret_key_kinds[] = {
	"api", "access", "secret", "private", "auth", "session", "master", "encryption", "signing",
	"subscription", "license", "admin", "service", "ssh", "client", "account", "deploy",
	"storage", "shared", "webhook", "hmac", "jwt", "write", "personal", "app", "bot", "server",
	"token", "decryption", "integration", "openai", "anthropic", "claude", "github", "gitlab",
	"stripe", "google", "gemini", "azure", "aws", "mistral", "groq", "cohere", "deepseek",
	"xai", "hf", "openrouter", "sendgrid", "twilio", "supabase", "firebase", "datadog",
	"sentry", "linear", "notion", "slack", "discord", "telegram", "tavily", "brave", "exa",
	"serpapi", "figma", "heroku", "netlify", "vercel", "algolia", "mapbox", "replicate",
	"pinecone", "langsmith", "langchain", "firecrawl", "elevenlabs", "perplexity", "cloudflare",
	"jira", "atlassian", "bitbucket", "newrelic",
};
/* clang-format on */
/* The environment a credential is for, behind its word. */
static const char *const secret_stages[] = {
	"",	"v",	   "prod",    "production", "dev",   "development", "stage", "staging",
	"test", "testing", "live",    "sandbox",    "local", "qa",	    "ci",    "default",
	"old",	"new",	   "primary", "secondary",  "main",  "backup",	    "rw",    "ro",
};
/* Endings that decide what a variable is, whatever comes before. */
/* clang-format off */
static const char *const secret_about[] = {
	"url", "uri", "file", "files", "path", "dir", "name", "names", "count", "limit", "limits",
	"max", "min", "length", "size", "ttl", "timeout", "expiry", "expires", "seconds", "ms",
	"type", "policy", "enabled", "disabled", "header", "field", "prefix", "helper", "command",
	"budget", "usage", "endpoint", "host", "id", "format", "version", "cache", "refresh",
	"counter", "mode", "store", "manager", "provider", "rotation", "algorithm", "color",
	"style", "scope", "scopes", "audience", "issuer", "region", "backend", "warning",
	"interval", "env", "var", "debug", "socket", "sock", "port", "window", "threshold",
};
/* clang-format on */
/* Endings of names that are written as one word. */
static const char *const secret_endings[] = {
	"token",      "secret",	   "password",	"passwd",     "passphrase",
	"apikey",     "apikeys",   "accesskey", "privatekey", "secretkey",
	"sessionkey", "masterkey", "authkey",	"smtppass",   "extraheader",
};
/* A switch begins so. */
static const char *const secret_switches[] = {"no",	"skip", "disable", "without",
					      "ignore", "hide", "require"};
/* Names that end so and hold none. */
static const char *const secret_harmless[] = {"pwd", "oldpwd", "pin", "auth", "keyauth"};
/* Names whose numbers are credentials too. */
static const char *const secret_numeric[] = {"pin",	   "password", "passwd",
					     "passphrase", "pass",     "pwd"};

struct secret_name {
	/* in lower case, without digits at their ends; the last ones of the name */
	char word[SECRET_NAME_WORDS][SECRET_NAME_MAX + 1];
	size_t n;
};

bool seed_secret_is_listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i], name) == 0)
			return true;
	return false;
}

static void secret_add_word(struct secret_name *s, const char *p, size_t n)
{
	char *word;

	if (s->n == SECRET_NAME_WORDS) {
		memmove(s->word[0], s->word[1], sizeof(s->word) - sizeof(s->word[0]));
		s->n--;
	}
	word = s->word[s->n++];
	while (n && isdigit((unsigned char)p[n - 1]))
		n--;
	if (n > SECRET_NAME_MAX) { /* its end counts */
		p += n - SECRET_NAME_MAX;
		n = SECRET_NAME_MAX;
	}
	for (size_t i = 0; i < n; i++)
		word[i] = (char)tolower((unsigned char)p[i]);
	word[n] = '\0';
}

/* Words end at a separator, or before a capital behind something else. */
static void secret_split(const char *name, struct secret_name *s)
{
	s->n = 0;
	while (*name) {
		size_t n = 0;

		while (isalnum((unsigned char)name[n]) && !(n && isupper((unsigned char)name[n]) &&
							    !isupper((unsigned char)name[n - 1])))
			n++;
		if (n)
			secret_add_word(s, name, n);
		name += n;
		if (*name && !isalnum((unsigned char)*name))
			name++;
	}
}

/* The words up to this one say a credential. */
static bool secret_says(const struct secret_name *s, size_t at)
{
	const char *word = s->word[at];
	char joined[2 * SECRET_NAME_MAX + 1];
	size_t n;

	if (seed_secret_is_listed(secret_words, ARRAY_LEN(secret_words), word))
		return true;
	if (at && (strcmp(word, "key") == 0 || strcmp(word, "keys") == 0))
		return seed_secret_is_listed(secret_key_kinds, ARRAY_LEN(secret_key_kinds),
					     s->word[at - 1]);
	snprintf(joined, sizeof(joined), "%s%s", at ? s->word[at - 1] : "", word);
	n = strlen(joined);
	for (size_t i = 0; i < ARRAY_LEN(secret_endings); i++) {
		const size_t m = strlen(secret_endings[i]);

		if (n >= m && strcmp(joined + n - m, secret_endings[i]) == 0)
			return true;
	}
	return false;
}

static bool secret_is_variable(const char *name)
{
	for (; *name; name++)
		if (!isupper((unsigned char)*name) && !isdigit((unsigned char)*name) &&
		    *name != '_')
			return false;
	return true;
}

bool seed_secret_key_name(const char *name)
{
	struct secret_name s;
	size_t last;

	secret_split(name, &s);
	if (!s.n || seed_secret_is_listed(secret_harmless, ARRAY_LEN(secret_harmless), name))
		return false;
	if (s.n > 1 &&
	    seed_secret_is_listed(secret_switches, ARRAY_LEN(secret_switches), s.word[0]))
		return false;
	for (last = s.n - 1;
	     last && seed_secret_is_listed(secret_stages, ARRAY_LEN(secret_stages), s.word[last]);
	     last--)
		;
	if (secret_says(&s, last))
		return true;
	if (!secret_is_variable(name) ||
	    seed_secret_is_listed(secret_about, ARRAY_LEN(secret_about), s.word[last]))
		return false;
	for (size_t i = 0; i < last; i++)
		if (seed_secret_is_listed(secret_strong, ARRAY_LEN(secret_strong), s.word[i]) ||
		    (strcmp(s.word[i], "key") == 0 && secret_says(&s, i)))
			return true;
	return false;
}

bool seed_secret_file_name(const char *name)
{
	/* *.pem, *.key and copies of id_rsa are judged by what is in them: "en.pem", "keymap.key",
	 * "id_rsa_howto.md". */
	static const char *const patterns[] = {
		".credentials.json*",
		".claude.json*",
		"credentials",
		"credentials.json",
		".netrc",
		"_netrc",
		"netrc",
		".git-credentials",
		".npmrc",
		"npmrc",
		".pypirc",
		".pgpass",
		".vault-token",
		".env",
		".env.*",
		"*.env",
		".envrc",
		"id_rsa",
		"id_dsa",
		"id_ecdsa",
		"id_ed25519",
		"*.p12",
		"*.pfx",
		"*.jks",
		"*.keystore",
		"*.kdbx",
		"*.ppk",
		"*.age-key",
		"secrets.y*ml",
		"secrets.json",
		"service-account*.json",
		".ssh",
		".gnupg",
		".aws",
		".azure",
		".kube",
		".docker",
		".password-store",
		/* its configuration may hold a URL with a token, and the history is not needed */
		".git",
	};
	/* What these names have with an ending that says it is an example. */
	static const char *const examples[] = {"*.example", "*.sample", "*.template", "*.dist",
					       "*.pub"};

	for (size_t i = 0; i < ARRAY_LEN(examples); i++)
		if (fnmatch(examples[i], name, FNM_CASEFOLD) == 0)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (fnmatch(patterns[i], name, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

/* ---- values ---- */

/* "$X", "${X}", "$(x)", "<x>", "{{x}}", "%X%", "***", "YOUR_API_KEY", a place in a password manager
 * or in the home. */
bool seed_secret_is_reference(const char *p, size_t n)
{
	static const char *const places[] = {
		"op://", "~/", "./", "$HOME/", "file:", "env:", "keychain:", "your_", "your-"};
	static const struct {
		const char *begin;
		char end;
	} brackets[] = {{"${", '}'}, {"$(", ')'}, {"<", '>'}, {"{{", '}'}, {"%", '%'}, {"`", '`'}};
	size_t m = 1;

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (n >= strlen(places[i]) && strncasecmp(p, places[i], strlen(places[i])) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(brackets); i++)
		if (n > strlen(brackets[i].begin) &&
		    strncmp(p, brackets[i].begin, strlen(brackets[i].begin)) == 0 &&
		    p[n - 1] == brackets[i].end)
			return true;
	while (p[0] == '$' && m < n && (isalnum((unsigned char)p[m]) || p[m] == '_'))
		m++;
	if (p[0] == '$' && m == n)
		return true;
	for (m = 1; m < n && p[m] == p[0]; m++)
		;
	return m == n && (p[0] == '*' || (n >= SECRET_DOTS_MIN && strchr(".xX-?", p[0])));
}

static bool secret_is_numeric(const char *name)
{
	struct secret_name s;

	secret_split(name, &s);
	return s.n &&
	       seed_secret_is_listed(secret_numeric, ARRAY_LEN(secret_numeric), s.word[s.n - 1]);
}

bool seed_secret_is_value(const char *name, const char *value)
{
	static const char *const switches[] = {"true", "false", "yes",	"no",	   "on",      "off",
					       "null", "none",	"auto", "enabled", "disabled"};
	size_t n, digits;

	value += strspn(value, " \t\r\n");
	n = strlen(value);
	while (n && strchr(" \t\r\n", value[n - 1]))
		n--;
	if (!n || seed_secret_is_reference(value, n))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (strlen(switches[i]) == n && strncasecmp(switches[i], value, n) == 0)
			return false;
	digits = strspn(value, "0123456789");
	if (strspn(value, "+-.0123456789") >= n)
		return digits == n && n >= SECRET_DIGITS_MIN && secret_is_numeric(name);
	return true;
}

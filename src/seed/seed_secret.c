#include "seed/seed_secret.h"
#include "base/mem.h"
#include "seed/seed_command.h"
#include "seed/seed_token.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECRET_USER_MIN	     20 /* an http user name of this length is a token */
#define SECRET_USER_SHORT    8  /* so is one of this length with a digit or a capital in it */
#define SECRET_VALUE_MIN     4
#define SECRET_QUERY_MIN     8 /* characters of "?key=" */
#define SECRET_DIGITS_MIN    4 /* of a PIN, or of a password that is a number */
#define SECRET_DOTS_MIN	     3 /* "...", "xxx": something is meant to stand here */
#define SECRET_NAME_MAX	     64
#define SECRET_NAME_WORDS    12
#define SECRET_PASSWORD_MIN  2 /* in a URL of a document */

/* ---- names ---- */

/* The last word of a name that says a credential. */
static const char *const secret_words[] = {
	"token",  "tokens",   "secret", "secrets", "password", "passwords",  "passwd",	    "passphrase", "pass",  "pwd",	"pat",	"cookie",
	"bearer", "jwt",      "auth",	"apikey",  "apikeys",  "credential", "credentials", "cred",	  "creds", "userpass", "pin",
};
/* Of those, what says so in the middle of a variable's name too. */
static const char *const secret_strong[] = {"token", "secret", "password", "passwd", "passphrase", "apikey", "credential", "credentials", "creds", "pat"};
/* What makes a key one: the word before it. */
static const char *const secret_key_kinds[] = {
	"api",	      "access",	   "secret",   "private",  "auth",     "session",  "master",	"encryption", "signing",    "subscription",
	"license",    "admin",	   "service",  "ssh",	   "client",   "account",  "deploy",	"storage",    "shared",	    "webhook",
	"hmac",	      "jwt",	   "write",    "personal", "app",      "bot",	   "server",	"token",      "decryption", "integration",
	"openai",     "anthropic", "claude",   "github",   "gitlab",   "stripe",   "google",	"gemini",     "azure",	    "aws",
	"mistral",    "groq",	   "cohere",   "deepseek", "xai",      "hf",	   "openrouter", "sendgrid",  "twilio",	    "supabase",
	"firebase",   "datadog",   "sentry",   "linear",   "notion",   "slack",	   "discord",	"telegram",   "tavily",	    "brave",
	"exa",	      "serpapi",   "figma",    "heroku",   "netlify",  "vercel",   "algolia",	"mapbox",     "replicate",  "pinecone",
	"langsmith",  "langchain", "firecrawl", "elevenlabs", "perplexity", "cloudflare", "jira", "atlassian", "bitbucket", "newrelic",
};
/* Where a credential is for, behind the word that says one. */
static const char *const secret_stages[] = {
	"",	"v",	"prod", "production", "dev",   "development", "stage",	 "staging",   "test", "testing", "live", "sandbox",
	"local", "qa", "ci",   "default",    "old",   "new",	  "primary", "secondary", "main", "backup",	 "rw",	 "ro",
};
/* What a variable is about when it ends so, whatever is before. */
static const char *const secret_about[] = {
	"url",	   "uri",     "file",	 "files",    "path",	 "dir",	   "name",    "names",	   "count",	"limit",   "limits",  "max",	  "min",
	"length",  "size",    "ttl",	 "timeout",  "expiry",	 "expires", "seconds", "ms",	   "type",	"policy",  "enabled", "disabled", "header",
	"field",   "prefix",  "helper",	 "command",  "budget",	 "usage",  "endpoint", "host",	   "id",	"format",  "version", "cache",	  "refresh",
	"counter", "mode",    "store",	 "manager",  "provider", "rotation", "algorithm", "color", "style",	"scope",   "scopes",  "audience", "issuer",
	"region",  "backend", "warning", "interval", "env",	 "var",	   "debug",   "socket",	   "sock",	"port",	   "window",  "threshold",
};
/* Endings of names that are written as one word. */
static const char *const secret_endings[] = {
	"token",      "secret",    "password",	"passwd",  "passphrase", "apikey",   "apikeys", "accesskey",
	"privatekey", "secretkey", "sessionkey", "masterkey", "authkey",  "smtppass", "extraheader",
};
/* A switch begins so. */
static const char *const secret_switches[] = {"no", "skip", "disable", "without", "ignore", "hide", "require"};
/* Names that end so and hold none. */
static const char *const secret_harmless[] = {"pwd", "oldpwd", "pin", "auth", "keyauth"};
/* Where a number is a credential too. */
static const char *const secret_numeric[] = {"pin", "password", "passwd", "passphrase", "pass", "pwd"};

struct secret_name {
	char word[SECRET_NAME_WORDS][SECRET_NAME_MAX + 1]; /* in lower case, without digits at their ends; the last ones of the name */
	size_t n;
};

static bool secret_is_listed(const char *const *list, size_t n, const char *name)
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

		while (isalnum((unsigned char)name[n]) && !(n && isupper((unsigned char)name[n]) && !isupper((unsigned char)name[n - 1])))
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

	if (secret_is_listed(secret_words, ARRAY_LEN(secret_words), word))
		return true;
	if (at && (strcmp(word, "key") == 0 || strcmp(word, "keys") == 0))
		return secret_is_listed(secret_key_kinds, ARRAY_LEN(secret_key_kinds), s->word[at - 1]);
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
		if (!isupper((unsigned char)*name) && !isdigit((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

bool seed_secret_key_name(const char *name)
{
	struct secret_name s;
	size_t last;

	secret_split(name, &s);
	if (!s.n || secret_is_listed(secret_harmless, ARRAY_LEN(secret_harmless), name))
		return false;
	if (s.n > 1 && secret_is_listed(secret_switches, ARRAY_LEN(secret_switches), s.word[0]))
		return false;
	for (last = s.n - 1; last && secret_is_listed(secret_stages, ARRAY_LEN(secret_stages), s.word[last]); last--)
		;
	if (secret_says(&s, last))
		return true;
	if (!secret_is_variable(name) || secret_is_listed(secret_about, ARRAY_LEN(secret_about), s.word[last]))
		return false;
	for (size_t i = 0; i < last; i++)
		if (secret_is_listed(secret_strong, ARRAY_LEN(secret_strong), s.word[i]) ||
		    (strcmp(s.word[i], "key") == 0 && secret_says(&s, i)))
			return true;
	return false;
}

bool seed_secret_file_name(const char *name)
{
	/* *.pem, *.key and copies of id_rsa are judged by what is in them: "en.pem", "keymap.key", "id_rsa_howto.md". */
	static const char *const patterns[] = {
		".credentials.json*", ".claude.json*", "credentials", "credentials.json", ".netrc", "_netrc", "netrc", ".git-credentials",
		".npmrc", "npmrc", ".pypirc", ".pgpass", ".vault-token", ".env", ".env.*", "*.env", ".envrc", "id_rsa", "id_dsa", "id_ecdsa",
		"id_ed25519", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.age-key", "secrets.y*ml",
		"secrets.json", "service-account*.json", ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store",
		".git", /* its configuration may hold a URL with a token, and nobody needs the history */
	};
	/* What these names have with an ending that says it is an example. */
	static const char *const examples[] = {"*.example", "*.sample", "*.template", "*.dist", "*.pub"};

	for (size_t i = 0; i < ARRAY_LEN(examples); i++)
		if (fnmatch(examples[i], name, FNM_CASEFOLD) == 0)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (fnmatch(patterns[i], name, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

/* ---- values ---- */

/* "$X", "${X}", "$(x)", "<x>", "{{x}}", "%X%", "***", "YOUR_API_KEY", a place in a password manager or in the home. */
static bool secret_is_reference(const char *p, size_t n)
{
	static const char *const places[] = {"op://", "~/", "./", "$HOME/", "file:", "env:", "keychain:", "your_", "your-"};
	static const struct {
		const char *begin;
		char end;
	} brackets[] = {{"${", '}'}, {"$(", ')'}, {"<", '>'}, {"{{", '}'}, {"%", '%'}, {"`", '`'}};
	size_t m = 1;

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (n >= strlen(places[i]) && strncasecmp(p, places[i], strlen(places[i])) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(brackets); i++)
		if (n > strlen(brackets[i].begin) && strncmp(p, brackets[i].begin, strlen(brackets[i].begin)) == 0 && p[n - 1] == brackets[i].end)
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
	return s.n && secret_is_listed(secret_numeric, ARRAY_LEN(secret_numeric), s.word[s.n - 1]);
}

bool seed_secret_is_value(const char *name, const char *value)
{
	static const char *const switches[] = {"true", "false", "yes", "no", "on", "off", "null", "none", "auto", "enabled", "disabled"};
	size_t n, digits;

	value += strspn(value, " \t\r\n");
	n = strlen(value);
	while (n && strchr(" \t\r\n", value[n - 1]))
		n--;
	if (!n || secret_is_reference(value, n))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (strlen(switches[i]) == n && strncasecmp(switches[i], value, n) == 0)
			return false;
	digits = strspn(value, "0123456789");
	if (strspn(value, "+-.0123456789") >= n)
		return digits == n && n >= SECRET_DIGITS_MIN && secret_is_numeric(name);
	return true;
}

/* A proxy without a scheme: "u:pw@h:3128". */
static bool secret_is_proxy(const char *value)
{
	const char *at = strrchr(value, '@'), *colon = strchr(value, ':');

	return at && colon && colon + 1 < at && strncmp(colon, "://", 3) != 0 && !strpbrk(value, " \t") &&
	       !secret_is_reference(colon + 1, (size_t)(at - colon - 1));
}

bool seed_secret_in_setting(const char *name, const char *value)
{
	static const char *const logins[] = {"login", "username", "auth", "userpwd", "usercred"};
	const size_t n = strlen(name);

	if (seed_secret_key_name(name) && seed_secret_is_value(name, value))
		return true;
	if (n >= 5 && strcasecmp(name + n - 5, "proxy") == 0 && secret_is_proxy(value))
		return true;
	return secret_is_listed(logins, ARRAY_LEN(logins), name) && !strchr(value, ' ') && seed_command_is_login(value);
}

/* ---- URLs ---- */

/* Passwords that documents write for any password. */
static const char *const secret_any_password[] = {"password", "passwd", "pass",	 "pwd",	    "secret",	"user",	 "username", "postgres", "root", "mysql",
						  "changeme", "test",	"admin", "guest",   "example",	"token", "key",	     "mypassword", "your_password",
						  "yourpassword", "your-password", "mongo", "redis",	"db",	 "my_password"};

/* Where the authority that begins at p has its "@"; NULL: it names no user. */
static const char *secret_user_end(const char *p, size_t n)
{
	size_t m = 0;

	while (m < n && p[m] && !strchr("/?#\\ \t\r\n\"'`", p[m]))
		m++;
	return memrchr(p, '@', m);
}

static bool secret_is_password(const char *p, size_t n)
{
	return n && !strchr("$<{*[", p[0]) && !(n == 2 && strncmp(p, "%s", 2) == 0) && !secret_is_reference(p, n);
}

/* authority = user [":" password] "@" host (RFC 3986, 3.2); p stands behind "://". */
static bool secret_in_authority(const char *scheme_end, const char *text, const char *p)
{
	const char *at = secret_user_end(p, strlen(p));
	const char *colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;
	const bool http = (scheme_end - text >= 4 && strncasecmp(scheme_end - 4, "http", 4) == 0) ||
			  (scheme_end - text >= 5 && strncasecmp(scheme_end - 5, "https", 5) == 0);
	bool mixed = false;

	if (!at)
		return false;
	if (colon && secret_is_password(colon + 1, (size_t)(at - colon - 1)))
		return true;
	if (colon && colon + 1 < at)
		return false; /* the user of a reference: "oauth2:$TOKEN" */
	if (strchr("$<{*[%", p[0]))
		return false;
	if (colon)
		at = colon;
	for (const char *c = p; c < at; c++)
		mixed = mixed || isdigit((unsigned char)*c) || isupper((unsigned char)*c);
	return http && (at - p >= SECRET_USER_MIN || (mixed && at - p >= SECRET_USER_SHORT));
}

/* https://abc:xyz@sub.example.com: RFC 2606 keeps these hosts for documents. */
static bool secret_is_example_host(const char *scheme_end, const char *text, const char *host, size_t n)
{
	static const char *const hosts[] = {"example.com", "example.org", "example.net"};
	size_t m = 0;

	while (m < n && (isalnum((unsigned char)host[m]) || host[m] == '.' || host[m] == '-'))
		m++;
	if (scheme_end - text < 4 || (strncasecmp(scheme_end - 4, "http", 4) != 0 && strncasecmp(scheme_end - 4, "ttps", 4) != 0))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (m >= strlen(hosts[i]) && strncasecmp(host + m - strlen(hosts[i]), hosts[i], strlen(hosts[i])) == 0)
			return true;
	return false;
}

/* In a document, a usual word as the password is an example, and so is one that is the user's name. p stands behind "://". */
static bool secret_in_document_url(const char *text, const char *p, size_t n)
{
	const char *at = secret_user_end(p, n);
	const char *colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;
	const size_t user = colon ? (size_t)(colon - p) : 0, m = colon ? (size_t)(at - colon - 1) : 0;
	char word[SECRET_NAME_MAX + 1];

	if (!colon || m < SECRET_PASSWORD_MIN || !secret_is_password(colon + 1, m))
		return false;
	if (secret_is_example_host(p - 3, text, at + 1, n - (size_t)(at + 1 - p)))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)(m < sizeof(word) ? m : sizeof(word) - 1), colon + 1);
	if (strpbrk(word, "(){}[]<>$"))
		return false; /* an expression of a program */
	return !secret_is_listed(secret_any_password, ARRAY_LEN(secret_any_password), word) && !(user == m && strncasecmp(p, colon + 1, m) == 0);
}

bool seed_secret_in_bytes(const void *bytes, size_t n)
{
	const char *text = bytes, *end = text + n;

	if (memmem(text, n, "\"claudeAiOauth\"", 15) || seed_token_in(text, n))
		return true;
	for (const char *p = text; n && (p = memmem(p, (size_t)(end - p), "://", 3)); p += 3)
		if (secret_in_document_url(text, p + 3, (size_t)(end - p - 3)))
			return true;
	return false;
}

/* ---- texts of settings ---- */

static bool secret_is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Whether something is given here that could be a credential, and not a reference to one. */
static bool secret_is_given_value(const char *name, const char *p, size_t least)
{
	AUTO_FREE char *value = NULL;
	size_t n;

	p += strspn(p, " \"'\\");
	n = strcspn(p, " \t\n\"'\\&;|)");
	if (n < least || strchr("$<{*%[(-", p[0]) || strncmp(p, "...", 3) == 0)
		return false;
	value = mem_strndup(p, n);
	return seed_secret_is_value(name, value);
}

/* "?key=x" of a URL, where short names do. */
static bool secret_is_query(const char *name, const char *value)
{
	static const char *const names[] = {"key", "sig", "signature", "auth", "x-amz-signature", "x-goog-signature"};

	if (strcasecmp(name, "config") == 0)
		return strncmp(value, "eyJ", 3) == 0;
	return secret_is_listed(names, ARRAY_LEN(names), name) && secret_is_given_value(name, value, SECRET_QUERY_MIN);
}

/* The name that begins at p, of n characters, names a credential and is given one: "x=…", "--x …", "a-x: …", "x-a:…". `before` is the
 * character before. */
static bool secret_is_given(char before, const char *p, size_t n)
{
	char name[SECRET_NAME_MAX + 1];
	const size_t dashes = strspn(p, "-");
	const char *behind = p + n;

	/* What follows is looked at first: most words of a text are followed by another. */
	if (n <= dashes || n - dashes > SECRET_NAME_MAX || (*behind != '=' && *behind != ':' && !(dashes == 2 && *behind == ' ')))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(n - dashes), p + dashes);
	if ((before == '?' || before == '&') && *behind == '=' && secret_is_query(name, behind + 1))
		return true;
	if (dashes == 2 && strcasecmp(name, "key") == 0)
		return *behind == '=' && behind[1] != '/' && secret_is_given_value(name, behind + 1, SECRET_VALUE_MIN);
	if (!seed_secret_key_name(name))
		return false;
	if (*behind == '=')
		return secret_is_given_value(name, behind + 1, SECRET_VALUE_MIN);
	if (*behind == ':')
		return strchr(name, '-') && (behind[1] == ' ' || strncasecmp(name, "x-", 2) == 0) &&
		       secret_is_given_value(name, behind + 1, SECRET_VALUE_MIN);
	return dashes == 2 && *behind == ' ' && secret_is_given_value(name, behind, SECRET_VALUE_MIN);
}

/* "Authorization: x", with a scheme or without. */
static bool secret_has_authorization(const char *text)
{
	static const char name[] = "authorization:";
	static const char *const schemes[] = {"Bearer", "Basic", "token"};

	while ((text = strcasestr(text, name))) {
		bool bare = false;

		text += sizeof(name) - 1;
		text += strspn(text, " ");
		for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
			const size_t n = strlen(schemes[i]);

			if (strncasecmp(text, schemes[i], n) == 0 && !isalnum((unsigned char)text[n])) {
				text += n;
				bare = *text != ' '; /* nothing behind it: only the header is spoken of */
				text += strspn(text, " ");
				break;
			}
		}
		if (!bare && secret_is_given_value("password", text, 1))
			return true;
	}
	return false;
}

bool seed_secret_in_text(const char *text)
{
	if (seed_secret_in_bytes(text, strlen(text)) || secret_has_authorization(text) || seed_command_has_secret(text))
		return true;
	for (const char *p = text; *p; p++) {
		size_t n = 0;

		if (*p == ':' && p[1] == '/' && p[2] == '/' && secret_in_authority(p, text, p + 3))
			return true;
		if (p > text && secret_is_name_char(p[-1]))
			continue;
		while (secret_is_name_char(p[n]))
			n++;
		if (n && secret_is_given(p > text ? p[-1] : '\0', p, n))
			return true;
	}
	return false;
}

#include "seed/seed_secret.h"
#include "base/mem.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECRET_TOKEN_MIN    16 /* characters behind a token's prefix */
#define SECRET_DISTINCT_MIN 6  /* different ones among them: "ghp_xxxxxxxxxxxxxxxxxxxx" is no token */
#define SECRET_USER_MIN	    20 /* an http user name of this length is a token */
#define SECRET_USER_SHORT   8  /* so is one of this length with a digit or a capital in it */
#define SECRET_HEADER_MIN   16 /* characters of a credential in an Authorization header */
#define SECRET_VALUE_MIN    4
#define SECRET_NAME_MAX	    64

/* ---- names ---- */

/* The last word of a name that says a credential. */
static const char *const secret_words[] = {"key",  "token",  "secret", "password", "passwd", "passphrase", "pass",   "pwd",
					   "pat",  "cookie", "bearer", "jwt",	   "auth",   "credential", "credentials"};
/* Endings of names that are written as one word. */
static const char *const secret_endings[] = {"token",	  "secret",	"password",  "passwd",	   "passphrase", "apikey",
					     "accesskey", "privatekey", "secretkey", "sessionkey", "masterkey",  "authkey",
					     "smtppass",  "extraheader"};
/* Names that end so and hold none. */
static const char *const secret_harmless[] = {"pwd", "oldpwd", "publickey", "public-key", "public_key", "key", "auth", "keyauth"};

static bool secret_is_listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i], name) == 0)
			return true;
	return false;
}

/* Where the last word begins: behind a separator, or at a capital behind something else. */
static size_t secret_last_word(const char *name, size_t n)
{
	size_t at = n;

	while (at > 0 && isalnum((unsigned char)name[at - 1])) {
		at--;
		if (at > 0 && isupper((unsigned char)name[at]) && !isupper((unsigned char)name[at - 1]))
			break;
	}
	return at;
}

bool seed_secret_key_name(const char *name)
{
	const size_t n = strlen(name);
	const char *word = name + secret_last_word(name, n);

	if (secret_is_listed(secret_harmless, ARRAY_LEN(secret_harmless), name))
		return false;
	if (secret_is_listed(secret_words, ARRAY_LEN(secret_words), word))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(secret_endings); i++) {
		const size_t m = strlen(secret_endings[i]);

		if (n >= m && strcasecmp(name + n - m, secret_endings[i]) == 0)
			return true;
	}
	return false;
}

bool seed_secret_file_name(const char *name)
{
	static const char *const patterns[] = {
		".credentials.json*", ".claude.json*", "credentials", "credentials.json", ".netrc", "_netrc", "netrc", ".git-credentials",
		".npmrc", "npmrc", ".pypirc", ".pgpass", ".vault-token", ".env", ".env.*", "*.env", ".envrc", "id_rsa*", "id_dsa*", "id_ecdsa*",
		"id_ed25519*", "*.pem", "*.p12", "*.pfx", "*.key", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.age-key", "secrets.y*ml",
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

/* ---- tokens ---- */

static const char *const secret_prefixes[] = {
	"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glptt-", "gloas-", "sk-ant-", "sk-proj-", "sk_live_", "rk_live_",
	"sk-", "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-", "AKIA", "ASIA", "AIza", "ya29.", "npm_", "pypi-", "dop_v1_", "hf_",
	"dckr_pat_", "shpat_", "shpss_", "SG.", "lin_api_", "ATATT", "AGE-SECRET-KEY-", "hvs.", "figd_", "sntrys_", "tfp_", "glsa_",
};

static bool secret_is_token_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* Many characters of a token's, and not all alike. */
static bool secret_is_random(const char *p, size_t n, size_t least)
{
	bool seen[256] = {false};
	size_t distinct = 0;

	for (size_t i = 0; i < n; i++) {
		distinct += !seen[(unsigned char)p[i]];
		seen[(unsigned char)p[i]] = true;
	}
	return n >= least && distinct >= SECRET_DISTINCT_MIN && !memmem(p, n, "EXAMPLE", 7) && !memmem(p, n, "xxxx", 4);
}

/* A token that begins at p; what stands before it belongs to another word. */
static bool secret_is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(secret_prefixes); i++) {
		const size_t m = strlen(secret_prefixes[i]);
		size_t more = 0;

		if (n < m || memcmp(p, secret_prefixes[i], m) != 0)
			continue;
		while (m + more < n && secret_is_token_char(p[m + more]))
			more++;
		if (secret_is_random(p + m, more, SECRET_TOKEN_MIN))
			return true;
	}
	return false;
}

/* "eyJ….eyJ…", a JSON Web Token. */
static bool secret_is_jwt(const char *p, size_t n)
{
	size_t word = 0;

	if (n < 3 || memcmp(p, "eyJ", 3) != 0)
		return false;
	while (word < n && secret_is_token_char(p[word]))
		word++;
	return word > 40 && memmem(p, word, ".eyJ", 4);
}

/* "Bearer x", "Basic x", "token x": of an Authorization header. */
static bool secret_is_header(const char *p, size_t n)
{
	static const char *const schemes[] = {"Bearer ", "Basic ", "token "};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		const size_t m = strlen(schemes[i]);
		size_t more = 0;
		bool digit = false;

		if (n < m || strncasecmp(p, schemes[i], m) != 0)
			continue;
		while (m + more < n && (secret_is_token_char(p[m + more]) || strchr("+/=", p[m + more]))) {
			digit = digit || isdigit((unsigned char)p[m + more]);
			more++;
		}
		if (digit && secret_is_random(p + m, more, SECRET_HEADER_MIN))
			return true;
	}
	return false;
}

static bool secret_has_key_block(const char *p, size_t n)
{
	static const char begin[] = "-----BEGIN ";
	const char *end = p + n;

	while ((p = memmem(p, (size_t)(end - p), begin, sizeof(begin) - 1))) {
		size_t line;

		p += sizeof(begin) - 1;
		line = (size_t)(end - p) < 64 ? (size_t)(end - p) : 64;
		if (memmem(p, line, "PRIVATE KEY-----", 16))
			return true;
	}
	return false;
}

bool seed_secret_in_bytes(const void *bytes, size_t n)
{
	/* First letters of what can begin at a word. */
	static const char starts[] = "gsrxAanypdhlSfteBb";
	const char *text = bytes;
	bool start[256] = {false};

	for (const char *c = starts; *c; c++)
		start[(unsigned char)*c] = start[toupper((unsigned char)*c)] = true;
	if (memmem(text, n, "\"claudeAiOauth\"", 15) || secret_has_key_block(text, n))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (!start[(unsigned char)text[i]] || (i > 0 && isalnum((unsigned char)text[i - 1])))
			continue;
		if (secret_is_token(text + i, n - i) || secret_is_jwt(text + i, n - i) || secret_is_header(text + i, n - i))
			return true;
	}
	return false;
}

/* ---- URLs and settings ---- */

/* authority = user [":" password] "@" host (RFC 3986, 3.2); p stands behind "://". */
static bool secret_in_authority(const char *scheme_end, const char *text, const char *p)
{
	const size_t n = strcspn(p, "/?#\\ \t\n\"'");
	const char *at = memrchr(p, '@', n);
	const char *colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;
	const bool http = (scheme_end - text >= 4 && strncasecmp(scheme_end - 4, "http", 4) == 0) ||
			  (scheme_end - text >= 5 && strncasecmp(scheme_end - 5, "https", 5) == 0);
	bool mixed = false;

	if (!at)
		return false;
	if (colon && colon + 1 < at)
		return true;
	for (const char *c = p; c < at; c++)
		mixed = mixed || isdigit((unsigned char)*c) || isupper((unsigned char)*c);
	return http && (at - p >= SECRET_USER_MIN || (mixed && at - p >= SECRET_USER_SHORT));
}

static bool secret_is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Whether something is given here that could be a credential, and not a reference to one. */
static bool secret_is_value(const char *p)
{
	size_t n;

	while (*p == ' ' || *p == '"' || *p == '\'' || *p == '\\')
		p++;
	n = strcspn(p, " \t\n\"'\\&;|)");
	return n >= SECRET_VALUE_MIN && !strchr("$<{*%[(-", p[0]) && strncmp(p, "...", 3) != 0;
}

/* The name that begins at p, of n characters, names a credential and is given one: "x=…", "--x …", "a-x: …". */
static bool secret_is_given(const char *p, size_t n)
{
	char name[SECRET_NAME_MAX + 1];
	const size_t dashes = strspn(p, "-");
	const char *behind = p + n;

	if (n <= dashes || n - dashes > SECRET_NAME_MAX)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(n - dashes), p + dashes);
	if (!seed_secret_key_name(name))
		return false;
	if (*behind == '=')
		return secret_is_value(behind + 1);
	if (*behind == ':')
		return strchr(name, '-') && behind[1] == ' ' && secret_is_value(behind + 1);
	return dashes == 2 && *behind == ' ' && secret_is_value(behind);
}

/* curl's "-u name:password". */
static bool secret_is_user_option(const char *p)
{
	const size_t n = strncmp(p, "-u ", 3) == 0 ? strcspn(p + 3, " \t\n\"'") : 0;
	const char *colon = n ? memchr(p + 3, ':', n) : NULL;

	return colon && (size_t)(p + 3 + n - colon) > SECRET_VALUE_MIN && colon[1] != '$';
}

bool seed_secret_in_text(const char *text)
{
	if (seed_secret_in_bytes(text, strlen(text)) || strcasestr(text, "authorization:"))
		return true;
	for (const char *p = text; *p; p++) {
		size_t n = 0;

		if (*p == ':' && p[1] == '/' && p[2] == '/' && secret_in_authority(p, text, p + 3))
			return true;
		if (p > text && secret_is_name_char(p[-1]))
			continue;
		while (secret_is_name_char(p[n]))
			n++;
		if (n && (secret_is_given(p, n) || secret_is_user_option(p)))
			return true;
	}
	return false;
}

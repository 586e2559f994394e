#include "seed/seed_secret.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define SECRET_TOKEN_MIN 16 /* characters behind a token's prefix */
#define SECRET_USER_MIN	 20 /* an http user name of this length is a token */

static const char *const token_prefixes[] = {"ghp_",   "gho_",	 "ghu_",    "ghs_",   "ghr_",  "github_pat_",
					     "glpat-", "gloas-", "sk-ant-", "xoxb-",  "xoxp-", "AKIA",
					     "ASIA",   "npm_",	 "pypi-",   "dop_v1_"};
static const char *const key_names[] = {"password", "passwd",	   "pass",	 "passphrase",
					"token",    "secret",	   "oauthtoken", "apikey",
					"smtppass", "extraheader", "privatekey", "accesstoken"};

static bool secret_is_token_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* A token that begins at p; what stands before it must not belong to the same word. */
static bool secret_is_token(const char *text, const char *p)
{
	if (p > text && isalnum((unsigned char)p[-1]))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(token_prefixes); i++) {
		size_t n = strlen(token_prefixes[i]);
		size_t more = 0;

		if (strncmp(p, token_prefixes[i], n) != 0)
			continue;
		while (secret_is_token_char(p[n + more]))
			more++;
		if (more >= SECRET_TOKEN_MIN)
			return true;
	}
	return false;
}

/* authority = user [":" password] "@" host (RFC 3986, 3.2); p stands behind "://". */
static bool secret_in_authority(const char *scheme_end, const char *text, const char *p)
{
	size_t n = strcspn(p, "/?#\\ \t\n\"'");
	const char *at = memrchr(p, '@', n);
	const char *colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;
	bool http = (scheme_end - text >= 4 && strncasecmp(scheme_end - 4, "http", 4) == 0) ||
		    (scheme_end - text >= 5 && strncasecmp(scheme_end - 5, "https", 5) == 0);

	if (!at)
		return false;
	if (colon && colon + 1 < at)
		return true;
	return http && at - p >= SECRET_USER_MIN;
}

bool seed_secret_in_text(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == ':' && p[1] == '/' && p[2] == '/' && secret_in_authority(p, text, p + 3))
			return true;
		if (secret_is_token(text, p))
			return true;
	}
	return strcasestr(text, "authorization:") != NULL;
}

bool seed_secret_key_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(key_names); i++)
		if (strcasecmp(name, key_names[i]) == 0)
			return true;
	return false;
}

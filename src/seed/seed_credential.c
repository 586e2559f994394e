#include "seed/seed_credential.h"
#include "base/mem.h"
#include "seed/seed_command.h"
#include "seed/seed_secret.h"
#include "seed/seed_token.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CREDENTIAL_USER_MIN	20 /* an http user name of this length is a token */
#define CREDENTIAL_USER_SHORT	8  /* so is one of this length that contains a digit or a capital */
#define CREDENTIAL_VALUE_MIN	4
#define CREDENTIAL_QUERY_MIN	8 /* characters of "?key=" */
#define CREDENTIAL_NAME_MAX	64
#define CREDENTIAL_PASSWORD_MIN 2 /* in a URL of a document */

/* A proxy without a scheme: "u:pw@h:3128". */
static bool credential_is_proxy(const char *value)
{
	const char *at = strrchr(value, '@'), *colon = strchr(value, ':');

	return at && colon && colon + 1 < at && strncmp(colon, "://", 3) != 0 &&
	       !strpbrk(value, " \t") &&
	       !seed_secret_is_reference(colon + 1, (size_t)(at - colon - 1));
}

bool seed_credential_in_setting(const char *name, const char *value)
{
	static const char *const logins[] = {"login", "username", "auth", "userpwd", "usercred"};
	const size_t n = strlen(name);

	if (seed_secret_key_name(name) && seed_secret_is_value(name, value))
		return true;
	if (n >= 5 && strcasecmp(name + n - 5, "proxy") == 0 && credential_is_proxy(value))
		return true;
	return seed_secret_is_listed(logins, ARRAY_LEN(logins), name) && !strchr(value, ' ') &&
	       seed_command_is_login(value);
}

/* ---- URLs ---- */

/* Passwords that documents write for any password. */
/* clang-format off */
static const char *const credential_any_password[] = {
	"password", "passwd", "pass", "pwd", "secret", "user", "username", "postgres", "root",
	"mysql", "changeme", "test", "admin", "guest", "example", "token", "key", "mypassword",
	"your_password", "yourpassword", "your-password", "mongo", "redis", "db", "my_password",
};
/* clang-format on */

/* Where the authority that begins at p has its "@"; NULL: it names no user. */
static const char *credential_user_end(const char *p, size_t n)
{
	size_t m = 0;

	while (m < n && p[m] && !strchr("/?#\\ \t\r\n\"'`", p[m]))
		m++;
	return memrchr(p, '@', m);
}

static bool credential_is_password(const char *p, size_t n)
{
	return n && !strchr("$<{*[", p[0]) && !(n == 2 && strncmp(p, "%s", 2) == 0) &&
	       !seed_secret_is_reference(p, n);
}

/* authority = user [":" password] "@" host (RFC 3986, 3.2); p stands behind "://". */
static bool credential_in_authority(const char *scheme_end, const char *text, const char *p)
{
	const char *at = credential_user_end(p, strlen(p));
	const char *colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;
	const bool http = (scheme_end - text >= 4 && strncasecmp(scheme_end - 4, "http", 4) == 0) ||
			  (scheme_end - text >= 5 && strncasecmp(scheme_end - 5, "https", 5) == 0);
	bool mixed = false;

	if (!at)
		return false;
	if (colon && credential_is_password(colon + 1, (size_t)(at - colon - 1)))
		return true;
	if (colon && colon + 1 < at)
		return false; /* the user of a reference: "oauth2:$TOKEN" */
	if (strchr("$<{*[%", p[0]))
		return false;
	if (colon)
		at = colon;
	for (const char *c = p; c < at; c++)
		mixed = mixed || isdigit((unsigned char)*c) || isupper((unsigned char)*c);
	return http &&
	       (at - p >= CREDENTIAL_USER_MIN || (mixed && at - p >= CREDENTIAL_USER_SHORT));
}

/* https://abc:xyz@sub.example.com: RFC 2606 keeps these hosts for documents. */
static bool credential_is_example_host(const char *scheme_end, const char *text, const char *host,
				       size_t n)
{
	static const char *const hosts[] = {"example.com", "example.org", "example.net"};
	size_t m = 0;

	while (m < n && (isalnum((unsigned char)host[m]) || host[m] == '.' || host[m] == '-'))
		m++;
	if (scheme_end - text < 4 || (strncasecmp(scheme_end - 4, "http", 4) != 0 &&
				      strncasecmp(scheme_end - 4, "ttps", 4) != 0))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (m >= strlen(hosts[i]) &&
		    strncasecmp(host + m - strlen(hosts[i]), hosts[i], strlen(hosts[i])) == 0)
			return true;
	return false;
}

/* In a document, a usual word as the password is an example, and so is one that is the user's name.
 * p stands behind "://". */
static bool credential_in_document_url(const char *text, const char *p, size_t n)
{
	const char *at = credential_user_end(p, n);
	const char *colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;
	const size_t user = colon ? (size_t)(colon - p) : 0,
		     m = colon ? (size_t)(at - colon - 1) : 0;
	char word[CREDENTIAL_NAME_MAX + 1];

	if (!colon || m < CREDENTIAL_PASSWORD_MIN || !credential_is_password(colon + 1, m))
		return false;
	if (credential_is_example_host(p - 3, text, at + 1, n - (size_t)(at + 1 - p)))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)(m < sizeof(word) ? m : sizeof(word) - 1),
		 colon + 1);
	if (strpbrk(word, "(){}[]<>$"))
		return false; /* an expression of a program */
	return !seed_secret_is_listed(credential_any_password, ARRAY_LEN(credential_any_password),
				      word) &&
	       !(user == m && strncasecmp(p, colon + 1, m) == 0);
}

bool seed_credential_in_bytes(const void *bytes, size_t n)
{
	const char *text = bytes, *end = text + n;

	if (memmem(text, n, "\"claudeAiOauth\"", 15) || seed_token_in(text, n))
		return true;
	for (const char *p = text; n && (p = memmem(p, (size_t)(end - p), "://", 3)); p += 3)
		if (credential_in_document_url(text, p + 3, (size_t)(end - p - 3)))
			return true;
	return false;
}

/* ---- texts of settings ---- */

static bool credential_is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Whether a value follows that could be a credential and is not a reference to one. */
static bool credential_is_given_value(const char *name, const char *p, size_t least)
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
static bool credential_is_query(const char *name, const char *value)
{
	static const char *const names[] = {
		"key", "sig", "signature", "auth", "x-amz-signature", "x-goog-signature"};

	if (strcasecmp(name, "config") == 0)
		return strncmp(value, "eyJ", 3) == 0;
	return seed_secret_is_listed(names, ARRAY_LEN(names), name) &&
	       credential_is_given_value(name, value, CREDENTIAL_QUERY_MIN);
}

/* The name that begins at p, of n characters, names a credential and is given one: "x=…", "--x …",
 * "a-x: …", "x-a:…". `before` is the character before. */
static bool credential_is_given(char before, const char *p, size_t n)
{
	char name[CREDENTIAL_NAME_MAX + 1];
	const size_t dashes = strspn(p, "-");
	const char *behind = p + n;

	/* What follows is looked at first: most words of a text are followed by another. */
	if (n <= dashes || n - dashes > CREDENTIAL_NAME_MAX ||
	    (*behind != '=' && *behind != ':' && !(dashes == 2 && *behind == ' ')))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(n - dashes), p + dashes);
	if ((before == '?' || before == '&') && *behind == '=' &&
	    credential_is_query(name, behind + 1))
		return true;
	if (dashes == 2 && strcasecmp(name, "key") == 0)
		return *behind == '=' && behind[1] != '/' &&
		       credential_is_given_value(name, behind + 1, CREDENTIAL_VALUE_MIN);
	if (!seed_secret_key_name(name))
		return false;
	if (*behind == '=')
		return credential_is_given_value(name, behind + 1, CREDENTIAL_VALUE_MIN);
	if (*behind == ':')
		return strchr(name, '-') && (behind[1] == ' ' || strncasecmp(name, "x-", 2) == 0) &&
		       credential_is_given_value(name, behind + 1, CREDENTIAL_VALUE_MIN);
	return dashes == 2 && *behind == ' ' &&
	       credential_is_given_value(name, behind, CREDENTIAL_VALUE_MIN);
}

/* "Authorization: x", with a scheme or without. */
static bool credential_has_authorization(const char *text)
{
	static const char name[] = "authorization:";
	static const char *const schemes[] = {"Bearer", "Basic", "token"};

	while ((text = strcasestr(text, name))) {
		bool bare = false;

		text += sizeof(name) - 1;
		text += strspn(text, " ");
		for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
			const size_t n = strlen(schemes[i]);

			if (strncasecmp(text, schemes[i], n) == 0 &&
			    !isalnum((unsigned char)text[n])) {
				text += n;
				/* nothing behind it: the text only mentions the header */
				bare = *text != ' ';
				text += strspn(text, " ");
				break;
			}
		}
		if (!bare && credential_is_given_value("password", text, 1))
			return true;
	}
	return false;
}

bool seed_credential_in_text(const char *text)
{
	if (seed_credential_in_bytes(text, strlen(text)) || credential_has_authorization(text) ||
	    seed_command_has_secret(text))
		return true;
	for (const char *p = text; *p; p++) {
		size_t n = 0;

		if (*p == ':' && p[1] == '/' && p[2] == '/' &&
		    credential_in_authority(p, text, p + 3))
			return true;
		if (p > text && credential_is_name_char(p[-1]))
			continue;
		while (credential_is_name_char(p[n]))
			n++;
		if (n && credential_is_given(p > text ? p[-1] : '\0', p, n))
			return true;
	}
	return false;
}

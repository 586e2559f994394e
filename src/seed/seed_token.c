#include "seed/seed_token.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define TOKEN_DISTINCT_MIN 6  /* different characters: "ghp_xxxxxxxxxxxxxxxxxxxx" is no token */
#define TOKEN_RUN_MIN	   10 /* of the longest part of Slack's */
#define TOKEN_HEADER_MIN   16 /* characters of a credential in an Authorization header */
#define TOKEN_BEARER_MIN   20 /* behind "Bearer" alone */
#define TOKEN_PATH_MIN	   16 /* of the longest part of a path that is a credential */
#define TOKEN_KEY_LINE_MIN 16 /* of a line of a private key */
#define TOKEN_KEY_SEARCH   512
#define TOKEN_PEM_MIN	   40

/* ---- forms ---- */

enum form_chars {
	FORM_ALNUM,
	FORM_CAPITALS, /* and digits */
	FORM_HEX,
};

enum form_rule {
	FORM_MIXED = 1, /* digits and letters */
	FORM_EXACT = 2, /* `least` characters and no more */
	FORM_RUN = 4,	/* with one long part between separators, as few words are */
};

struct form {
	const char *prefix;
	enum form_chars chars;
	const char *others; /* separators that occur in these tokens */
	size_t least;
	unsigned rules;
};

/* Where real tokens have no separator, words with dashes ("sk-circle-bounce-delay") are told apart
 * by that. */
static const struct form forms[] = {
	{"ghp_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"gho_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"ghu_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"ghs_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"ghr_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"github_pat_", FORM_ALNUM, "_", 22, FORM_MIXED},
	{"glpat-", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"glptt-", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"glrt-", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"gldt-", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"gloas-", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"sk-ant-", FORM_ALNUM, "_-", 16, FORM_MIXED},
	{"sk-proj-", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"sk-svcacct-", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"sk-or-v1-", FORM_ALNUM, "", 20, FORM_MIXED},
	{"sk-", FORM_ALNUM, "", 20, FORM_MIXED},
	{"sk_live_", FORM_ALNUM, "", 16, FORM_MIXED},
	{"sk_test_", FORM_ALNUM, "", 16, FORM_MIXED},
	{"rk_live_", FORM_ALNUM, "", 16, FORM_MIXED},
	{"rk_test_", FORM_ALNUM, "", 16, FORM_MIXED},
	{"whsec_", FORM_ALNUM, "+/=", 20, FORM_MIXED},
	{"xoxb-", FORM_ALNUM, "-", 16, FORM_MIXED | FORM_RUN},
	{"xoxp-", FORM_ALNUM, "-", 16, FORM_MIXED | FORM_RUN},
	{"xoxa-", FORM_ALNUM, "-", 16, FORM_MIXED | FORM_RUN},
	{"xoxr-", FORM_ALNUM, "-", 16, FORM_MIXED | FORM_RUN},
	{"xoxs-", FORM_ALNUM, "-", 16, FORM_MIXED | FORM_RUN},
	{"xapp-", FORM_ALNUM, "-", 16, FORM_MIXED | FORM_RUN},
	{"AKIA", FORM_CAPITALS, "", 16, FORM_MIXED | FORM_EXACT},
	{"ASIA", FORM_CAPITALS, "", 16, FORM_MIXED | FORM_EXACT},
	{"AIza", FORM_ALNUM, "_-", 30, FORM_MIXED},
	{"ya29.", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"npm_", FORM_ALNUM, "", 36, FORM_EXACT},
	{"pypi-AgE", FORM_ALNUM, "_-", 16, 0},
	{"dop_v1_", FORM_HEX, "", 32, FORM_MIXED},
	{"hf_", FORM_ALNUM, "", 30, 0}, /* many have no digit */
	{"dckr_pat_", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"shpat_", FORM_HEX, "", 32, FORM_MIXED},
	{"shpss_", FORM_HEX, "", 32, FORM_MIXED},
	{"SG.", FORM_ALNUM, "_-.", 50, FORM_MIXED},
	{"lin_api_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"ATATT", FORM_ALNUM, "_-=", 24, FORM_MIXED},
	{"ATCTT", FORM_ALNUM, "_-=", 24, FORM_MIXED},
	{"ATBB", FORM_ALNUM, "", 20, FORM_MIXED},
	{"AGE-SECRET-KEY-", FORM_CAPITALS, "", 40, FORM_MIXED},
	{"hvs.", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"figd_", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"sntrys_", FORM_ALNUM, "_+/=", 20, FORM_MIXED},
	{"tfp_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"glsa_", FORM_ALNUM, "_", 20, FORM_MIXED},
	{"gsk_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"xai-", FORM_ALNUM, "", 20, FORM_MIXED},
	{"pplx-", FORM_ALNUM, "", 20, FORM_MIXED},
	{"r8_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"ntn_", FORM_ALNUM, "", 20, FORM_MIXED},
	{"sbp_", FORM_HEX, "", 20, FORM_MIXED},
	{"dapi", FORM_HEX, "", 32, FORM_MIXED},
	{"PMAK-", FORM_HEX, "-", 40, FORM_MIXED},
	{"sq0atp-", FORM_ALNUM, "_-", 20, FORM_MIXED},
	{"tvly-", FORM_ALNUM, "", 20, FORM_MIXED},
	{"tvly-dev-", FORM_ALNUM, "", 20, FORM_MIXED},
	{"tvly-prod-", FORM_ALNUM, "", 20, FORM_MIXED},
	{"pscale_pw_", FORM_ALNUM, "_-.", 20, FORM_MIXED},
};

static int token_is_capital(int c)
{
	return isupper(c) || isdigit(c);
}

static bool token_is_of(const struct form *f, char c)
{
	static int (*const is[])(int) = {
		[FORM_ALNUM] = isalnum, [FORM_CAPITALS] = token_is_capital, [FORM_HEX] = isxdigit};

	return is[f->chars]((unsigned char)c) || (c && strchr(f->others, c));
}

static bool token_is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool token_is_placeholder(const char *p, size_t n)
{
	static const char *const words[] = {"EXAMPLE", "xxxx", "your", "YOUR"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (memmem(p, n, words[i], strlen(words[i])))
			return true;
	return false;
}

bool seed_token_is_random(const char *p, size_t n, size_t least)
{
	bool seen[256] = {false};
	size_t distinct = 0;

	for (size_t i = 0; i < n; i++) {
		distinct += !seen[(unsigned char)p[i]];
		seen[(unsigned char)p[i]] = true;
	}
	return n >= least && distinct >= TOKEN_DISTINCT_MIN && !token_is_placeholder(p, n);
}

bool seed_token_is_mixed(const char *p, size_t n, size_t least)
{
	bool digit = false, letter = false;

	for (size_t i = 0; i < n; i++) {
		digit = digit || isdigit((unsigned char)p[i]);
		letter = letter || isalpha((unsigned char)p[i]);
	}
	return digit && letter && seed_token_is_random(p, n, least);
}

static bool token_has_run(const char *p, size_t n)
{
	size_t run = 0;

	for (size_t i = 0; i < n && run < TOKEN_RUN_MIN; i++)
		run = isalnum((unsigned char)p[i]) ? run + 1 : 0;
	return run >= TOKEN_RUN_MIN;
}

static bool token_has_form(const struct form *f, const char *p, size_t n)
{
	const size_t m = strlen(f->prefix);
	size_t more = 0;

	if (n < m || memcmp(p, f->prefix, m) != 0)
		return false;
	while (m + more < n && token_is_of(f, p[m + more]))
		more++;
	if ((f->rules & FORM_EXACT) &&
	    (more != f->least ||
	     (m + more < n && (isalnum((unsigned char)p[m + more]) || p[m + more] == '_'))))
		return false;
	if ((f->rules & FORM_RUN) && !token_has_run(p + m, more))
		return false;
	return f->rules & FORM_MIXED ? seed_token_is_mixed(p + m, more, f->least)
				     : seed_token_is_random(p + m, more, f->least);
}

/* A token that begins at p; what stands before it belongs to another word. */
static bool token_has_prefix(const char *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].prefix[0] == p[0] && token_has_form(&forms[i], p, n))
			return true;
	return false;
}

/* Telegram's: "123456789:AA…". */
static bool token_is_bot(const char *p, size_t n)
{
	size_t digits = 0, more = 0;

	while (digits < n && digits < 12 && isdigit((unsigned char)p[digits]))
		digits++;
	if (digits < 8 || n < digits + 3 || memcmp(p + digits, ":AA", 3) != 0)
		return false;
	p += digits + 1;
	n -= digits + 1;
	while (more < n && token_is_word_char(p[more]) && p[more] != '.')
		more++;
	return seed_token_is_random(p, more, 30);
}

/* "eyJ….eyJ….…", a JSON Web Token, and not the sample of jwt.io. */
static bool token_is_jwt(const char *p, size_t n)
{
	static const char sample[] = ".eyJzdWIiOiIxMjM0NTY3ODkwIi";
	size_t word = 0;

	if (n < 3 || memcmp(p, "eyJ", 3) != 0)
		return false;
	while (word < n && token_is_word_char(p[word]))
		word++;
	return word > 40 && memmem(p, word, ".eyJ", 4) &&
	       !memmem(p, word, sample, sizeof(sample) - 1);
}

/* A PEM file as base64 that is no certificate and no public key. */
static bool token_is_pem(const char *p, size_t n)
{
	static const char begin[] = "LS0tLS1CRUdJTi", cert[] = "BDRVJU", public[] = "BQVUJM";
	const size_t m = sizeof(begin) - 1;
	size_t more = m;

	if (n < TOKEN_PEM_MIN || memcmp(p, begin, m) != 0)
		return false;
	while (more < n && (isalnum((unsigned char)p[more]) || p[more] == '+' || p[more] == '/'))
		more++;
	return more >= TOKEN_PEM_MIN && memcmp(p + m, cert, sizeof(cert) - 1) != 0 &&
	       memcmp(p + m, public, sizeof(public) - 1) != 0;
}

/* ---- headers ---- */

/* How many characters of a header's value, encoded or not, begin at p. */
static size_t token_header_value(const char *p, size_t n)
{
	size_t more = 0;

	while (more < n && p[more] && (token_is_word_char(p[more]) || strchr("+/=~", p[more])))
		more++;
	return more;
}

/* How long one of the schemes is that begins at p, with its blank. */
static size_t token_scheme(const char *p, size_t n)
{
	static const char *const schemes[] = {"Bearer ", "Basic ", "token "};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (n >= strlen(schemes[i]) && strncasecmp(p, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	return 0;
}

/* "Authorization: Basic x", and "Bearer x" alone; "token x" and "Basic x" are English without the
 * header's name. */
static bool token_is_header(const char *p, size_t n)
{
	static const char name[] = "Authorization";
	size_t at = sizeof(name) - 1, scheme;

	if (n <= at || strncasecmp(p, name, at) != 0) {
		scheme = tolower((unsigned char)p[0]) == 'b' && n > 1 &&
					 tolower((unsigned char)p[1]) == 'e'
				 ? token_scheme(p, n)
				 : 0;
		return scheme &&
		       seed_token_is_mixed(p + scheme, token_header_value(p + scheme, n - scheme),
					   TOKEN_BEARER_MIN);
	}
	while (at < n && p[at] && strchr(" \t:=\"'\\", p[at]))
		at++;
	scheme = token_scheme(p + at, n - at);
	at += scheme;
	return scheme &&
	       seed_token_is_mixed(p + at, token_header_value(p + at, n - at), TOKEN_HEADER_MIN);
}

/* "aws_secret_access_key = x", as AWS writes it. */
static bool token_is_aws_secret(const char *p, size_t n)
{
	static const char name[] = "aws_secret_access_key";
	size_t at = sizeof(name) - 1;

	if (n <= at || strncasecmp(p, name, at) != 0)
		return false;
	while (at < n && p[at] && strchr(" \t:=\"'\\", p[at]))
		at++;
	return seed_token_is_mixed(p + at, token_header_value(p + at, n - at), TOKEN_HEADER_MIN);
}

/* ---- URLs whose path is the credential ---- */

static bool token_is_path(const char *p, size_t n)
{
	static const char *const places[] = {
		"hooks.slack.com/services/", "discord.com/api/webhooks/",
		"discordapp.com/api/webhooks/", "mcp.zapier.com/api/mcp/s/"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const size_t m = strlen(places[i]);
		size_t from = m, at = m;

		if (n < m || strncasecmp(p, places[i], m) != 0)
			continue;
		for (; at <= n; at++) {
			if (at < n && (token_is_word_char(p[at]) || p[at] == '='))
				continue;
			if (seed_token_is_random(p + from, at - from, TOKEN_PATH_MIN))
				return true;
			if (at == n || p[at] != '/')
				break;
			from = at + 1;
		}
	}
	return false;
}

/* ---- private keys ---- */

/* A line of base64 and nothing else begins at p, where a line break may be written as one
 * ("\n"). */
static bool token_is_key_line(const char *p, size_t n)
{
	size_t m = 0;

	while (m < n && (isalnum((unsigned char)p[m]) || p[m] == '+' || p[m] == '/' || p[m] == '='))
		m++;
	return m >= TOKEN_KEY_LINE_MIN && (m == n || (p[m] && strchr("\r\n\\\"'", p[m])));
}

/* Behind "PRIVATE KEY-----": a line of the key, maybe after lines that say how it is encrypted. */
static bool token_has_key_lines(const char *p, size_t n)
{
	const size_t reach = n < TOKEN_KEY_SEARCH ? n : TOKEN_KEY_SEARCH;
	const char *stop = memmem(p, reach, "-----", 5);
	const size_t limit = stop ? (size_t)(stop - p) : reach;
	bool begins = true;

	for (size_t i = 0; i < limit; i++) {
		if (begins && token_is_key_line(p + i, n - i))
			return true;
		begins = p[i] == '\n' || (p[i] == 'n' && i > 0 && p[i - 1] == '\\') ||
			 (begins && (p[i] == ' ' || p[i] == '\t'));
	}
	return false;
}

static bool token_is_key_block(const char *p, size_t n)
{
	static const char begin[] = "-----BEGIN ", what[] = "PRIVATE KEY-----",
			  pgp[] = "PRIVATE KEY BLOCK-----";
	const size_t m = sizeof(begin) - 1, line = n < 64 ? n : 64;
	const char *key;

	if (n <= m || memcmp(p, begin, m) != 0)
		return false;
	key = memmem(p, line, what, sizeof(what) - 1);
	if (key)
		key += sizeof(what) - 1;
	else if ((key = memmem(p, line, pgp, sizeof(pgp) - 1)))
		key += sizeof(pgp) - 1;
	return key && token_has_key_lines(key, n - (size_t)(key - p));
}

/* ---- the search ---- */

typedef bool token_fn(const char *p, size_t n);

/* What can begin at a word, and with which letters; prefixes add their own. */
static const struct {
	const char *starts;
	token_fn *is;
} kinds[] = {
	{"", token_has_prefix},	   {"0123456789", token_is_bot}, {"e", token_is_jwt},
	{"L", token_is_pem},	   {"aAbB", token_is_header},	 {"aA", token_is_aws_secret},
	{"hdmHDM", token_is_path}, {"-", token_is_key_block},
};

static void token_starts(uint16_t start[256])
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		start[(unsigned char)forms[i].prefix[0]] |= 1;
	for (size_t i = 1; i < ARRAY_LEN(kinds); i++)
		for (const char *c = kinds[i].starts; *c; c++)
			start[(unsigned char)*c] |= (uint16_t)(1u << i);
}

bool seed_token_in(const char *p, size_t n)
{
	uint16_t start[256] = {0};

	token_starts(start);
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)p[i];

		/* "\nghp_…": the n belongs to the line break. */
		if (!start[c] || (c != '-' && i > 0 && isalnum((unsigned char)p[i - 1]) &&
				  !(i > 1 && p[i - 2] == '\\' && p[i - 1] == 'n')))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
			if ((start[c] & (1u << k)) && kinds[k].is(p + i, n - i))
				return true;
	}
	return false;
}

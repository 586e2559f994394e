#include "net/net_http.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct http_text {
	const char *at;
	size_t n;
};

static bool http_is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* The host of "host", "host:port"; false when it holds anything else. */
static bool http_copy_host(struct http_text t, char name[NET_TLS_NAME_MAX + 1])
{
	const char *colon = memchr(t.at, ':', t.n);
	size_t n = colon ? (size_t)(colon - t.at) : t.n;

	for (size_t i = n + 1; i < t.n; i++)
		if (t.at[i] < '0' || t.at[i] > '9')
			return false;
	if (n && t.at[n - 1] == '.')
		n--;
	return net_tls_copy_name(t.at, n, name);
}

/* METHOD SP target SP HTTP/1.x; a host in the target goes to *host, else host->n is 0. */
static bool http_read_request_line(struct http_text line, struct http_text *host)
{
	const char *end = line.at + line.n, *p = line.at;
	const char *target;

	while (p < end && http_is_token(*p))
		p++;
	if (p == line.at || p == end || *p != ' ')
		return false;
	target = ++p;
	while (p<end && * p> ' ' && *p < 0x7f)
		p++;
	if (p == target || end - p != 9 || memcmp(p, " HTTP/1.", 8) != 0 ||
	    (p[8] != '0' && p[8] != '1'))
		return false;
	*host = (struct http_text){0};
	if (*target == '/' || (*target == '*' && p - target == 1))
		return true;
	if (p - target < 7 || strncasecmp(target, "http://", 7) != 0)
		return false; /* CONNECT, or another scheme: this is no proxy */
	host->at = target + 7;
	while (host->at + host->n < p && !strchr("/?#", host->at[host->n]))
		host->n++;
	return host->n > 0;
}

static bool http_is_field(struct http_text line)
{
	size_t n = 0;

	while (n < line.n && http_is_token(line.at[n]))
		n++;
	if (n == 0 || n == line.n || line.at[n] != ':')
		return false;
	for (; n < line.n; n++)
		if (((unsigned char)line.at[n] < ' ' && line.at[n] != '\t') || line.at[n] == 0x7f)
			return false;
	return true;
}

static struct http_text http_trim(struct http_text t)
{
	while (t.n && (*t.at == ' ' || *t.at == '\t'))
		t.at++, t.n--;
	while (t.n && (t.at[t.n - 1] == ' ' || t.at[t.n - 1] == '\t'))
		t.n--;
	return t;
}

/* The next line without its CRLF. MORE: it is incomplete. */
static enum net_sniff http_next_line(struct http_text *rest, struct http_text *line)
{
	const char *end = memchr(rest->at, '\n', rest->n);
	size_t n = end ? (size_t)(end - rest->at) : rest->n;

	if (!end)
		return rest->n > NET_HTTP_HEAD_MAX ? NET_SNIFF_BAD : NET_SNIFF_MORE;
	if (n == 0 || end[-1] != '\r')
		return NET_SNIFF_BAD;
	*line = (struct http_text){rest->at, n - 1};
	*rest = (struct http_text){end + 1, rest->n - n - 1};
	return NET_SNIFF_FOUND;
}

static enum net_sniff http_agree(struct http_text target, struct http_text host, bool seen,
				 char name[NET_TLS_NAME_MAX + 1])
{
	char other[NET_TLS_NAME_MAX + 1];

	if (!seen)
		return NET_SNIFF_NONE;
	if (!http_copy_host(host, name))
		return NET_SNIFF_BAD;
	if (target.n && (!http_copy_host(target, other) || strcmp(name, other) != 0))
		return NET_SNIFF_BAD;
	return NET_SNIFF_FOUND;
}

enum net_sniff net_http_host(const uint8_t *bytes, size_t len, char name[NET_TLS_NAME_MAX + 1])
{
	struct http_text rest = {(const char *)bytes, len};
	struct http_text line, target = {0}, host = {0};
	bool first = true, seen = false;
	enum net_sniff got;

	/* Fails early on bytes that cannot become a request. */
	if (len && !http_is_token((char)bytes[0]))
		return NET_SNIFF_BAD;
	while ((got = http_next_line(&rest, &line)) == NET_SNIFF_FOUND) {
		if (first) {
			if (!http_read_request_line(line, &target))
				return NET_SNIFF_BAD;
			first = false;
		} else if (line.n == 0) {
			return http_agree(target, host, seen, name);
		} else if (!http_is_field(line)) {
			return NET_SNIFF_BAD;
		} else if (line.n > 4 && strncasecmp(line.at, "Host:", 5) == 0) {
			if (seen)
				return NET_SNIFF_BAD;
			seen = true;
			host = http_trim((struct http_text){line.at + 5, line.n - 5});
		}
	}
	return got;
}

size_t net_http_refusal(char out[NET_HTTP_REFUSAL_MAX], const char *name, unsigned port,
			const char *reason)
{
	char body[1024];
	int n = snprintf(body, sizeof(body),
			 "ccvm refused this connection to %.253s, port %u: %.200s.\n"
			 "This is the user's network policy and it is final: do not retry and do "
			 "not look for "
			 "another way. If the work needs this host, ask the user to allow it, on "
			 "the host with: "
			 "ccvmctl egress allow SESSION %.253s:%u\n",
			 name, port, reason, name, port);

	return (size_t)snprintf(
		out, NET_HTTP_REFUSAL_MAX,
		"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: %d\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n%s",
		n, body);
}

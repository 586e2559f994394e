#include "conf/egress_entry.h"
#include "base/mem.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#define EGRESS_NAME_MAX	 253 /* RFC 1035, 2.3.4 without the trailing dot */
#define EGRESS_LABEL_MAX 63

static bool egress_is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One label: letters, digits, inner hyphens, and the underscore that some services use. */
static bool egress_is_label(const char *p, size_t n)
{
	if (n == 0 || n > EGRESS_LABEL_MAX || p[0] == '-' || p[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!egress_is_alnum(p[i]) && p[i] != '-' && p[i] != '_')
			return false;
	return true;
}

/* A name of at least two labels whose last one is not a number: "10.0.0" or "1.2.3.4.5" is a
 * mistyped address. */
static bool egress_is_name(const char *name)
{
	size_t labels = 0;
	const char *p = name;
	size_t n;

	if (strlen(name) > EGRESS_NAME_MAX)
		return false;
	for (;; p += n + 1, labels++) {
		n = strcspn(p, ".");
		if (!egress_is_label(p, n))
			return false;
		if (!p[n])
			break;
	}
	return labels >= 1 && strspn(p, "0123456789") != n;
}

static void egress_mask(unsigned char *addr, size_t size, unsigned bits)
{
	for (size_t i = 0; i<size; i++, bits = bits> 8 ? bits - 8 : 0)
		addr[i] &= bits >= 8 ? 0xff : (unsigned char)(0xff00U >> bits);
}

static bool egress_prefix(const char *text, unsigned max, unsigned *bits)
{
	int64_t number;

	if ((text[0] == '0' && text[1]) || !number_parse(text, 0, max, &number))
		return false;
	*bits = (unsigned)number;
	return true;
}

static char *egress_address(const char *text)
{
	const char *slash = strchr(text, '/');
	AUTO_FREE char *host = mem_strndup(text, slash ? (size_t)(slash - text) : strlen(text));
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	unsigned max = family == AF_INET6 ? 128 : 32;
	unsigned char addr[16];
	char shown[INET6_ADDRSTRLEN];
	unsigned bits = max;

	if (inet_pton(family, host, addr) != 1)
		return NULL;
	if (slash && !egress_prefix(slash + 1, max, &bits))
		return NULL;
	egress_mask(addr, max / 8, bits);
	inet_ntop(family, addr, shown, sizeof(shown));
	return slash ? mem_format("%s/%u", shown, bits) : mem_strdup(shown);
}

/* The ASCII form of a name of another script, as a DNS question carries it; what is ASCII stays
 * as it is. */
static char *egress_to_ascii(const char *entry)
{
	const char *name = strncmp(entry, "*.", 2) == 0 ? entry + 2 : entry;
	char *ascii = NULL, *text;

	for (const char *p = name; *p; p++)
		if (*p & 0x80) {
			if (idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
				return mem_strdup(entry); /* refused for its bytes */
			text = mem_format("%s%s", name > entry ? "*." : "", ascii);
			idn2_free(ascii);
			return text;
		}
	return mem_strdup(entry);
}

char *egress_entry_normalise(const char *entry, struct err *e)
{
	AUTO_FREE char *text = egress_to_ascii(entry);
	size_t n = strlen(text);
	char *address;

	for (char *p = text; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	if (n > 1 && text[n - 1] == '.')
		text[n - 1] = '\0';
	address = egress_address(text);
	if (address)
		return address;
	if (egress_is_name(strncmp(text, "*.", 2) == 0 ? text + 2 : text))
		return mem_steal_ptr(&text);
	err_set(e, "invalid host \"%.100s\": not a name, *.domain, IP address or CIDR", entry);
	err_remedy(e, "Give entries as api.example.com, *.example.com, 192.0.2.7, 2001:db8::1 or "
		      "10.0.0.0/8, without "
		      "a scheme, port or path.");
	return NULL;
}

char *egress_target_normalise(const char *target, struct err *e)
{
	const char *colon = strrchr(target, ':');
	const bool brackets = target[0] == '[';
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *normal = NULL;
	unsigned port = 0;
	int used = 0;

	/* A bare IPv6 address has colons of its own. */
	if (colon &&
	    ((brackets && colon[-1] == ']') || (!brackets && strchr(target, ':') == colon))) {
		if (sscanf(colon + 1, "%5u%n", &port, &used) != 1 || colon[1 + used] || port < 1 ||
		    port > 65535) {
			err_set(e, "invalid port in \"%.100s\" (must be from 1 to 65535)", target);
			return NULL;
		}
		name = mem_strndup(target, (size_t)(colon - target));
	} else {
		name = mem_strdup(target);
	}
	if (brackets && strlen(name) > 2 && name[strlen(name) - 1] == ']') {
		memmove(name, name + 1, strlen(name));
		name[strlen(name) - 1] = '\0';
	}
	normal = egress_entry_normalise(name, e);
	if (!normal || !port)
		return mem_steal_ptr(&normal);
	return strchr(normal, ':') ? mem_format("[%s]:%u", normal, port)
				   : mem_format("%s:%u", normal, port);
}

bool egress_entry_is_literal(const char *entry)
{
	AUTO_FREE char *address = egress_address(entry);

	return address != NULL;
}

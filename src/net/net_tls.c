/* Theory of operation. The guest chooses every byte. Its handshake message may lie in any number of
 * TLS records and TCP segments; the caller puts the segments in order, this file the records: they
 * are copied into one bounded buffer, and only a whole message is looked at. What is ambiguous is
 * refused: two server names, two lists of them, a name with a byte no host name has, a length that
 * contradicts another one. A server that read the message in another way than this file does would
 * be reached under a false name.
 *
 * Encrypted Client Hello (ECH, draft-ietf-tls-esni) puts another ClientHello, with the name that
 * counts, into an extension of the one that can be read. It is refused. What browsers send when
 * they have no key for it (GREASE) is made to look the same, so it is too. */
#include "net/net_tls.h"
#include "net/net_reader.h"

#include <stdbool.h>
#include <string.h>

#define RECORD_HANDSHAKE 22
#define RECORD_MAX	 (1U << 14)
#define HELLO_MAX	 (16 * 1024)
#define CLIENT_HELLO	 1
#define EXTENSION_NAME	 0
#define NAME_TYPE_HOST	 0
#define MESSAGE_HEADER	 4

struct tls_message {
	uint8_t bytes[HELLO_MAX];
	size_t n;
};

/* Gathers the handshake message from its records. FOUND: whole. */
static enum net_sniff tls_gather(struct tls_message *m, struct net_reader *r)
{
	size_t want = MESSAGE_HEADER;

	for (;;) {
		struct net_reader record = *r;
		uint8_t type = net_reader_u8(&record);
		uint8_t major = net_reader_u8(&record);
		size_t length, have;

		net_reader_skip(&record, 1);
		length = net_reader_u16(&record);
		if ((r->at < r->end && type != RECORD_HANDSHAKE) ||
		    (r->end - r->at > 1 && major != 3))
			return NET_SNIFF_BAD;
		if (record.failed)
			return NET_SNIFF_MORE;
		if (length == 0 || length > RECORD_MAX)
			return NET_SNIFF_BAD;
		have = net_reader_left(&record) < length ? net_reader_left(&record) : length;
		if (m->n + have > HELLO_MAX)
			return NET_SNIFF_BAD;
		memcpy(m->bytes + m->n, record.bytes + record.at, have);
		m->n += have;
		if (m->n && m->bytes[0] != CLIENT_HELLO)
			return NET_SNIFF_BAD;
		if (m->n >= MESSAGE_HEADER)
			want = MESSAGE_HEADER +
			       ((size_t)m->bytes[1] << 16 | (size_t)m->bytes[2] << 8 | m->bytes[3]);
		if (want > HELLO_MAX || (m->n >= MESSAGE_HEADER && want == MESSAGE_HEADER))
			return NET_SNIFF_BAD;
		if (m->n >= want) {
			m->n = want;
			return NET_SNIFF_FOUND;
		}
		if (have < length)
			return NET_SNIFF_MORE;
		r->at = record.at + length;
	}
}

bool net_tls_copy_name(const void *bytes, size_t n, char name[NET_TLS_NAME_MAX + 1])
{
	const char *text = bytes;

	if (n == 0 || n > NET_TLS_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		      c == '_'))
			return false;
		name[i] = c;
	}
	name[n] = '\0';
	return true;
}

/* One list with one host name. */
static bool tls_read_name(struct net_reader *r, char name[NET_TLS_NAME_MAX + 1])
{
	size_t list = net_reader_u16(r);
	uint8_t type;
	size_t n;
	const uint8_t *bytes;

	if (list != net_reader_left(r))
		return false;
	type = net_reader_u8(r);
	n = net_reader_u16(r);
	bytes = net_reader_take(r, n);
	return bytes && type == NAME_TYPE_HOST && net_reader_left(r) == 0 &&
	       net_tls_copy_name(bytes, n, name);
}

/* The extension of Encrypted Client Hello, those of its drafts, and of the encrypted server name
 * before it. */
static bool tls_is_ech(uint16_t type)
{
	return type == 0xfe0d || (type >= 0xfe08 && type <= 0xfe0c) || type == 0xffce;
}

static enum net_sniff tls_read_extensions(struct net_reader *r, char name[NET_TLS_NAME_MAX + 1])
{
	bool found = false, ech = false;

	while (net_reader_left(r)) {
		uint16_t type = net_reader_u16(r);
		size_t length = net_reader_u16(r);
		struct net_reader body = *r;

		net_reader_limit(&body, length);
		net_reader_skip(r, length);
		if (r->failed)
			return NET_SNIFF_BAD;
		ech = ech || tls_is_ech(type);
		if (type != EXTENSION_NAME)
			continue;
		if (found || !tls_read_name(&body, name))
			return NET_SNIFF_BAD;
		found = true;
	}
	if (ech)
		return NET_SNIFF_ECH;
	return found ? NET_SNIFF_FOUND : NET_SNIFF_NONE;
}

static enum net_sniff tls_read_hello(const struct tls_message *m, char name[NET_TLS_NAME_MAX + 1])
{
	struct net_reader r = net_reader_init(m->bytes, m->n);

	net_reader_skip(&r, MESSAGE_HEADER + 2 + 32); /* header, version, random */
	net_reader_skip(&r, net_reader_u8(&r));	      /* session id */
	net_reader_skip(&r, net_reader_u16(&r));      /* cipher suites */
	net_reader_skip(&r, net_reader_u8(&r));	      /* compression methods */
	if (r.failed)
		return NET_SNIFF_BAD;
	if (!net_reader_left(&r))
		return NET_SNIFF_NONE;
	if (net_reader_u16(&r) != net_reader_left(&r))
		return NET_SNIFF_BAD;
	return tls_read_extensions(&r, name);
}

enum net_sniff net_tls_server_name(const uint8_t *bytes, size_t len,
				   char name[NET_TLS_NAME_MAX + 1])
{
	struct net_reader r = net_reader_init(bytes, len);
	struct tls_message m;
	enum net_sniff gathered;

	m.n = 0;
	gathered = tls_gather(&m, &r);
	return gathered == NET_SNIFF_FOUND ? tls_read_hello(&m, name) : gathered;
}

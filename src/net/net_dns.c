#include "net/net_dns.h"
#include "net/net_reader.h"

#include <string.h>

#define HEADER_LEN   12
#define FLAG_QR	     0x8000
#define FLAG_OPCODE  0x7800
#define FLAG_TC	     0x0200
#define FLAG_RD	     0x0100
#define FLAG_RA	     0x0080
#define LABEL_MAX    63
#define CLASS_IN     1
#define RECORDS_MAX  64 /* of an answer that is looked at */
#define POINTER_BITS 0xc0
#define NAME_AT	     (POINTER_BITS << 8 | HEADER_LEN) /* a pointer to the question's name */

/* Lower case, or 0 for a byte that no host name has. */
static char dns_letter(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ? (char)c
											: 0;
}

enum dns_name { DNS_NAME_OK, DNS_NAME_STRANGE, DNS_NAME_BAD };

/* Reads a name of plain labels as text. STRANGE: well formed, but with bytes that no host name has
 * (a dot or NUL within a label among them). */
static enum dns_name dns_read_name(struct net_reader *r, char out[NET_DNS_NAME_MAX + 1])
{
	enum dns_name result = DNS_NAME_OK;
	size_t n = 0;
	uint8_t label;

	while ((label = net_reader_u8(r)) != 0) {
		if (label > LABEL_MAX || n + (n > 0) + label > NET_DNS_NAME_MAX)
			return DNS_NAME_BAD;
		if (n)
			out[n++] = '.';
		for (uint8_t i = 0; i < label; i++) {
			char c = dns_letter(net_reader_u8(r));

			if (!c)
				result = DNS_NAME_STRANGE;
			out[n++] = c ? c : '?';
		}
		if (r->failed)
			return DNS_NAME_BAD;
	}
	out[n] = '\0';
	return r->failed ? DNS_NAME_BAD : n ? result : DNS_NAME_STRANGE;
}

int net_dns_parse_query(struct net_dns_question *q, const uint8_t *bytes, size_t len)
{
	struct net_reader r = net_reader_init(bytes, len);
	enum dns_name name;
	uint16_t questions;

	memset(q, 0, sizeof(*q));
	q->id = net_reader_u16(&r);
	q->flags = net_reader_u16(&r);
	questions = net_reader_u16(&r);
	net_reader_skip(&r, 6); /* answers, authorities, additional (EDNS): not used here */
	if (r.failed || q->flags & FLAG_QR)
		return -1;
	if (q->flags & FLAG_OPCODE)
		return NET_DNS_NOTIMP;
	if (questions != 1)
		return NET_DNS_FORMERR;
	name = dns_read_name(&r, q->name);
	q->type = net_reader_u16(&r);
	q->class = net_reader_u16(&r);
	if (name == DNS_NAME_BAD || r.failed)
		return NET_DNS_FORMERR;
	q->end = r.at;
	if (q->class != CLASS_IN)
		return NET_DNS_REFUSED;
	return name == DNS_NAME_STRANGE ? NET_DNS_NXDOMAIN : NET_DNS_NOERROR;
}

static size_t dns_put16(uint8_t *out, size_t at, unsigned value)
{
	out[at] = (uint8_t)(value >> 8);
	out[at + 1] = (uint8_t)value;
	return at + 2;
}

static size_t dns_put_record(uint8_t *out, size_t at, const uint8_t address[4], uint32_t ttl)
{
	at = dns_put16(out, at, NAME_AT);
	at = dns_put16(out, at, NET_DNS_TYPE_A);
	at = dns_put16(out, at, CLASS_IN);
	at = dns_put16(out, at, ttl >> 16);
	at = dns_put16(out, at, ttl & 0xffff);
	at = dns_put16(out, at, 4);
	memcpy(out + at, address, 4);
	return at + 4;
}

size_t net_dns_write_answer(uint8_t out[NET_DNS_MESSAGE_MAX], const struct net_dns_question *q,
			    const uint8_t *query, enum net_dns_rcode rcode, const uint8_t *address,
			    uint32_t ttl)
{
	size_t at = 0;

	at = dns_put16(out, at, q->id);
	at = dns_put16(out, at, FLAG_QR | FLAG_RA | (q->flags & (FLAG_OPCODE | FLAG_RD)) | rcode);
	at = dns_put16(out, at, q->end ? 1 : 0);
	at = dns_put16(out, at, address && q->end ? 1 : 0);
	at = dns_put16(out, at, 0);
	at = dns_put16(out, at, 0);
	if (!q->end)
		return at;
	memcpy(out + at, query + HEADER_LEN, q->end - HEADER_LEN);
	at += q->end - HEADER_LEN;
	return address ? dns_put_record(out, at, address, ttl) : at;
}

/* Steps over a name that may end with a pointer. */
static void dns_skip_name(struct net_reader *r)
{
	uint8_t label;

	while (!r->failed && (label = net_reader_u8(r)) != 0) {
		if ((label & POINTER_BITS) == POINTER_BITS) {
			net_reader_skip(r, 1);
			return;
		}
		if (label & POINTER_BITS)
			r->failed = true;
		net_reader_skip(r, label);
	}
}

static void dns_take_record(struct net_dns_addresses *a, struct net_reader *r)
{
	uint16_t type, class, size;
	const uint8_t *data;

	dns_skip_name(r);
	type = net_reader_u16(r);
	class = net_reader_u16(r);
	net_reader_skip(r, 4); /* time to live */
	size = net_reader_u16(r);
	data = net_reader_take(r, size);
	if (!data || class != CLASS_IN || a->n == NET_DNS_ADDRESSES)
		return;
	if ((type != NET_DNS_TYPE_A || size != 4) && (type != NET_DNS_TYPE_AAAA || size != 16))
		return;
	memcpy(a->address[a->n], data, size);
	a->len[a->n++] = (uint8_t)size;
}

bool net_dns_parse_answer(struct net_dns_addresses *a, const uint8_t *bytes, size_t len)
{
	struct net_reader r = net_reader_init(bytes, len);
	uint16_t flags, questions, answers;

	memset(a, 0, sizeof(*a));
	net_reader_skip(&r, 2);
	flags = net_reader_u16(&r);
	questions = net_reader_u16(&r);
	answers = net_reader_u16(&r);
	net_reader_skip(&r, 4);
	if (r.failed || !(flags & FLAG_QR) || flags & (FLAG_OPCODE | FLAG_TC | 0xf) ||
	    questions != 1)
		return false;
	if (dns_read_name(&r, a->name) != DNS_NAME_OK)
		return false;
	net_reader_skip(&r, 4);
	for (unsigned i = 0; i < answers && i < RECORDS_MAX && !r.failed; i++)
		dns_take_record(a, &r);
	return a->n > 0;
}

/* areas: base net proto
 * Any bytes as a DNS message: what is read is a name, what is written is an answer, and both
 * stay inside. */
#include "fuzz/fuzz.h"

#include "net/net_dns.h"

#include <stdlib.h>
#include <string.h>

static void check_name(const char *name)
{
	size_t n = strlen(name);

	MUST(n <= NET_DNS_NAME_MAX);
	MUST(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n);
	MUST(!strstr(name, "..") && name[0] != '.' && (!n || name[n - 1] != '.'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t address[4] = {198, 18, 0, 1};
	uint8_t out[NET_DNS_MESSAGE_MAX];
	struct net_dns_question q;
	struct net_dns_addresses a;
	int rcode = net_dns_parse_query(&q, data, size);

	if (rcode >= 0) {
		size_t n = net_dns_write_answer(out, &q, data, (enum net_dns_rcode)rcode,
						rcode ? NULL : address, 60);

		MUST(n >= 12 && n <= sizeof(out) && q.end <= size);
		MUST(memcmp(out, data, 2) == 0 && out[2] & 0x80);
		if (rcode == NET_DNS_NOERROR) {
			check_name(q.name);
			MUST(net_dns_parse_answer(&a, out, n) && strcmp(a.name, q.name) == 0 &&
			     a.n == 1);
		}
	}
	if (net_dns_parse_answer(&a, data, size)) {
		check_name(a.name);
		MUST(a.n >= 1 && a.n <= NET_DNS_ADDRESSES);
	}
	return 0;
}

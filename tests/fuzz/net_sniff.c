/* areas: base net proto
 * Any bytes as the beginning of a stream: a name that is found is one, and more bytes never take
 * back a verdict. */
#include "fuzz/fuzz.h"

#include "net/net_http.h"
#include "net/net_tls.h"

#include <stdlib.h>
#include <string.h>

typedef enum net_sniff sniff_fn(const uint8_t *bytes, size_t len, char name[NET_TLS_NAME_MAX + 1]);

static void check(sniff_fn *sniff, const uint8_t *data, size_t size)
{
	char name[NET_TLS_NAME_MAX + 1], before[NET_TLS_NAME_MAX + 1];
	enum net_sniff got = sniff(data, size, name), earlier;

	if (got == NET_SNIFF_FOUND)
		MUST(name[0] &&
		     strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name));
	/* The first half decides, or it does not; it never decides otherwise. */
	earlier = sniff(data, size / 2, before);
	MUST(earlier == NET_SNIFF_MORE || earlier == got);
	if (earlier == NET_SNIFF_FOUND)
		MUST(strcmp(name, before) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	MUST(copy);
	if (size)
		memcpy(copy, data, size);
	check(net_tls_server_name, copy, size);
	check(net_http_host, copy, size);
	free(copy);
	return 0;
}

/* areas: base net proto
 * Any bytes as a frame: what is reported lies inside, and two looks agree. */
#include "fuzz/fuzz.h"

#include "net/net_filter.h"
#include "net/net_frame.h"

#include <stdlib.h>
#include <string.h>

static void check_inside(const struct net_frame *f, const uint8_t *data, size_t size)
{
	MUST(f->bytes == data && f->len == size);
	MUST(f->ip_at <= f->ip_end && f->ip_end <= size);
	MUST(f->transport_at <= f->ip_end);
	MUST(f->payload_at <= f->ip_end && f->payload_len <= f->ip_end - f->payload_at);
	MUST(!f->has_transport || (f->payload_at >= f->transport_at + 8 &&
				   f->fault == NET_FRAME_OK && !f->fragment_offset));
	MUST((f->src != NULL) == (f->dst != NULL) && (f->src != NULL) == (f->addr_len != 0));
	if (f->src)
		MUST(f->src >= data && f->dst >= data && f->src + f->addr_len <= data + size &&
		     f->dst + f->addr_len <= data + size);
	MUST(f->fault != NET_FRAME_OK || f->layer == NET_FRAME_OTHER || f->addr_len);
}

/* What passes must be something libslirp can read the same way, and never TCP with urgent data. */
static void check_passed(const struct net_frame *f)
{
	MUST(f->fault == NET_FRAME_OK && f->vlan_tags == 0 && f->len <= 1514);
	if (f->layer == NET_FRAME_ARP) {
		MUST(f->ip_end == 42);
		return;
	}
	MUST(f->layer == NET_FRAME_IPV4 || f->layer == NET_FRAME_IPV6);
	if (f->proto == NET_FRAME_PROTO_TCP) {
		MUST(f->has_transport && !f->is_fragment);
		MUST(!(f->bytes[f->transport_at + 13] & NET_FRAME_TCP_URG));
	}
	MUST(f->dst[0] != 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_filter filter;
	struct net_frame first;
	struct net_frame second;
	uint8_t *copy = malloc(size ? size : 1);

	MUST(copy);
	if (size)
		memcpy(copy, data, size);
	net_frame_parse(&first, data, size);
	net_frame_parse(&second, copy, size);
	check_inside(&first, data, size);
	check_inside(&second, copy, size);
	MUST(net_frame_is_urgent(&first) == net_frame_is_urgent(&second));
	MUST(first.fault == second.fault && first.payload_at == second.payload_at &&
	     first.proto == second.proto);
	net_filter_init(&filter, 1500, false);
	if (net_filter_from_guest(&filter, &first, 0) == NET_FILTER_PASS)
		check_passed(&first);
	free(copy);
	return 0;
}

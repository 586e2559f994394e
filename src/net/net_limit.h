/* net_limit: a rate limit with a burst (token bucket). */
#ifndef CCVM_NET_LIMIT_H
#define CCVM_NET_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct net_limit {
	uint32_t per_second;
	uint32_t burst; /* what may come at once */
	uint64_t spent; /* thousandths of one; at most burst * 1000 */
	int64_t last_ms;
	uint64_t refused; /* since the start */
};

/* True when one more is within the limit at this time (ms of any clock that does not go back). */
bool net_limit_take(struct net_limit *l, int64_t now_ms);

#endif

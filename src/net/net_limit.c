#include "net/net_limit.h"

bool net_limit_take(struct net_limit *l, int64_t now_ms)
{
	uint64_t passed = now_ms > l->last_ms ? (uint64_t)(now_ms - l->last_ms) : 0;
	uint64_t full = (uint64_t)l->burst * 1000;
	uint64_t refill;

	if (passed > full) /* long enough for any rate of at least one a second */
		passed = full;
	refill = passed * l->per_second;
	l->spent = l->spent > refill ? l->spent - refill : 0;
	if (now_ms > l->last_ms)
		l->last_ms = now_ms;
	if (l->spent + 1000 > full) {
		l->refused++;
		return false;
	}
	l->spent += 1000;
	return true;
}

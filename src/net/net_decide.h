/* net_decide: whether a flow of a locked guest may go: the rules, the user's answer, and what the name resolves to. Part of
 * net_locked; l->now_ms is the time of the call. */
#ifndef CCVM_NET_DECIDE_H
#define CCVM_NET_DECIDE_H

#include "net/net_locked_state.h"

/* The flow may go: as soon as it is known where to. */
void net_decide_allow(struct net_locked *l, struct net_flow *f);
/* The flow waits for the user. Several about one name and port are one question. */
void net_decide_ask(struct net_locked *l, struct net_flow *f);
/* Another result of the name instead of one that does not answer; false: there is none. */
bool net_decide_try_next(struct net_locked *l, struct net_flow *f);

/* What net_locked.h says of the functions of these names. */
void net_decide_resolved(struct net_locked *l, const char *text, const struct net_locked_answer *answer);
void net_decide_watch(struct net_locked *l, bool watched);
void net_decide_rules_changed(struct net_locked *l);

#endif

/* egress_check: whether a host may be reached, by the rules of a session or of a start that has
 * not been made yet. */
#ifndef CCVM_CTL_EGRESS_CHECK_H
#define CCVM_CTL_EGRESS_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "net/net_rules.h"

struct egress_check {
	struct net_rules rules;
	bool open;	  /* no list: everything is reached but what a rule denies */
	bool no_loopback; /* hostLoopback is false */
	bool link_local;  /* linkLocal is true */
};

void egress_check_fini(struct egress_check *c);

/* One rule as a session tells it: rule is open, port, allow, deny, no-host-loopback or
 * link-local. The session's texts are not trusted: anything else is dropped. */
void egress_check_add(struct egress_check *c, const char *rule, const char *entry,
		      const char *from);

/* The rules that a start in this directory with this environment would have. */
int egress_check_configuration(struct egress_check *c, struct err *e);

/* Prints what holds for NAME, ADDRESS, NAME:PORT or [ADDRESS6]:PORT (443 without a port), as
 * JSON on wish: name, port, allowed, reason. 0 when it is allowed, 1 when not, -1 for an invalid
 * target (126). */
int egress_check_print(struct egress_check *c, const char *target, bool json, struct err *e);

#endif

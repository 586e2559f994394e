/* egress_entry: the syntax of one entry of egressAllowlist. What an entry allows is decided in
 * src/net. */
#ifndef CCVM_CONF_EGRESS_ENTRY_H
#define CCVM_CONF_EGRESS_ENTRY_H

#include <stdbool.h>

#include "base/err.h"

/* Checks an entry (a host name, "*.domain", an IPv4 or IPv6 address, or a CIDR) and returns its
 * normal form: lower case, no trailing dot, names of other scripts as their ASCII form (IDNA
 * 2008), addresses as inet_ntop(3) writes them, a CIDR with its host bits zero. NULL when it is
 * none of these. Free the result. */
char *egress_entry_normalise(const char *entry, struct err *e);

/* The same with an optional port behind it: NAME:PORT, ADDRESS:PORT, [ADDRESS6]:PORT. The port,
 * when there is one, stands behind the normal form in the same way. */
char *egress_target_normalise(const char *target, struct err *e);

/* Whether a normalised entry is an address or a CIDR and not a name. */
bool egress_entry_is_literal(const char *entry);

#endif

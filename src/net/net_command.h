/* net_command: what the session tells ccvm-net, one JSON object a line:
 *
 *   {"type":"stats"}                                     send the `stats` event
 *   {"type":"port","port":N}                             a port of the listed hosts
 *   {"type":"rule","entry":E}                            an entry of the allowlist
 *   {"type":"decide","entry":E,"allow":B,"once":B}       the user's word, for once or for the session
 *   {"type":"watch","on":B}                              somebody is there to be asked, or no longer
 *
 * E is as net_rules_parse reads it. What is not understood is for a newer ccvm-net and is passed over. */
#ifndef CCVM_NET_COMMAND_H
#define CCVM_NET_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum net_command_kind {
	NET_COMMAND_UNKNOWN,
	NET_COMMAND_STATS,
	NET_COMMAND_PORT,
	NET_COMMAND_RULE,
	NET_COMMAND_DECIDE,
	NET_COMMAND_WATCH,
};

#define NET_COMMAND_ENTRY_MAX 300

struct net_command {
	enum net_command_kind kind;
	char entry[NET_COMMAND_ENTRY_MAX];
	uint16_t port;
	bool on; /* of watch; allow, of decide */
	bool once;
};

/* Pure. */
void net_command_parse(struct net_command *c, const char *line, size_t len);

#endif

/* net_plan: the addresses of the guest's network, as libslirp's users know them. The guest sets its
 * own statically; there is no DHCP. */
#ifndef CCVM_NET_PLAN_H
#define CCVM_NET_PLAN_H

#define NET_PLAN_NETWORK4  10, 0, 2, 0 /* /24 */
#define NET_PLAN_NETMASK4  255, 255, 255, 0
#define NET_PLAN_GATEWAY4  10, 0, 2, 2 /* and the host's loopback, where that is open */
#define NET_PLAN_RESOLVER4 10, 0, 2, 3
#define NET_PLAN_GUEST4	   10, 0, 2, 15

#define NET_PLAN_PREFIX6     0xfe, 0xc0, 0, 0, 0, 0, 0, 0
#define NET_PLAN_PREFIX6_LEN 64
#define NET_PLAN_GATEWAY6    NET_PLAN_PREFIX6, 0, 0, 0, 0, 0, 0, 0, 2
#define NET_PLAN_RESOLVER6   NET_PLAN_PREFIX6, 0, 0, 0, 0, 0, 0, 0, 3

#define NET_PLAN_MTU 1500

/* Ports whose streams say which host they are for. */
#define NET_PLAN_HTTP  80
#define NET_PLAN_HTTPS 443

#endif

/* ccvm-net: the network of one guest. Between QEMU's `-netdev stream` socket and libslirp;
 * locked in before it reads the first byte (net/net_confine.c says how). Started by
 * ccvm-session, never by a user. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "net/net_bridge.h"
#include "net/net_confine.h"
#include "net/net_plan.h"
#include "net/net_slirp.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MTU_MIN 576   /* RFC 791 */
#define MTU_MAX 65521 /* libslirp's */

struct main_options {
	struct net_bridge_config bridge;
	bool ipv6, landlock, debug;
};

enum main_kind {
	MAIN_ON,     /* bool: set */
	MAIN_OFF,    /* bool: cleared */
	MAIN_TEXT,   /* const char * */
	MAIN_SOCKET, /* int: a stream socket */
	MAIN_MTU,    /* unsigned */
};

#define MAIN_AT(member) offsetof(struct main_options, member)
static const struct {
	const char *name, *value;
	enum main_kind kind;
	size_t at;
	const char *help;
} main_table[] = {
	{"qemu-fd", "N", MAIN_SOCKET, MAIN_AT(bridge.qemu_fd),
	 "the other end of QEMU's -netdev stream socket"},
	{"control-fd", "M", MAIN_SOCKET, MAIN_AT(bridge.control_fd),
	 "the session: JSON lines; its end of file ends this process"},
	{"no-host-loopback", NULL, MAIN_OFF, MAIN_AT(bridge.host_loopback),
	 "neither the gateway nor an address of the host reaches the host"},
	{"link-local", NULL, MAIN_ON, MAIN_AT(bridge.link_local),
	 "link-local and metadata addresses are reached"},
	{"no-ipv6", NULL, MAIN_OFF, MAIN_AT(ipv6), "the guest has no IPv6"},
	{"locked", NULL, MAIN_ON, MAIN_AT(bridge.locked),
	 "refuse what the session's rules do not allow"},
	{"resolver", "SERVERS", MAIN_TEXT, MAIN_AT(bridge.resolver),
	 "locked: DNS servers instead of /etc/resolv.conf's, ADDRESS[:PORT],..."},
	{"mtu", "BYTES", MAIN_MTU, MAIN_AT(bridge.mtu), "of the guest's network (default 1500)"},
	{"no-landlock", NULL, MAIN_OFF, MAIN_AT(landlock),
	 "behave as on a kernel without Landlock: no file is opened"},
	{"debug", NULL, MAIN_ON, MAIN_AT(debug), "log more on stderr"},
};

static void main_help(void)
{
	printf("usage: ccvm-net --qemu-fd N --control-fd M [option...]\n");
	for (size_t i = 0; i < ARRAY_LEN(main_table); i++) {
		const char *value = main_table[i].value;
		const int used = printf("  --%s%s%s", main_table[i].name, value ? " " : "",
					value ? value : "");

		printf("%*s%s\n", used < 22 ? 22 - used : 1, "", main_table[i].help);
	}
}

static int main_socket(const char *text, int *fd, struct err *e)
{
	socklen_t size = sizeof(int);
	int64_t number;
	int type;

	if (!number_parse(text, 3, INT_MAX, &number))
		return err_set(e, "\"%s\" is not a number from 3 to %d", text, INT_MAX);
	if (getsockopt((int)number, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return err_sys(e, "descriptor %d is not a socket", (int)number);
	if (type != SOCK_STREAM)
		return err_set(e, "descriptor %d is not a stream socket", (int)number);
	*fd = (int)number;
	return 0;
}

static int main_mtu(const char *text, unsigned *mtu, struct err *e)
{
	int64_t number;

	if (!number_parse(text, MTU_MIN, MTU_MAX, &number))
		return err_set(e, "\"%s\" is not a number from %d to %d", text, MTU_MIN, MTU_MAX);
	*mtu = (unsigned)number;
	return 0;
}

static int main_take(enum main_kind kind, void *at, const char *value, struct err *e)
{
	switch (kind) {
	case MAIN_ON:
	case MAIN_OFF:
		*(bool *)at = kind == MAIN_ON;
		return 0;
	case MAIN_TEXT:
		*(const char **)at = value;
		return 0;
	case MAIN_SOCKET:
		return main_socket(value, at, e);
	case MAIN_MTU:
		return main_mtu(value, at, e);
	}
	return -1;
}

static int main_parse(struct main_options *o, int argc, char **argv, struct err *e)
{
	struct option options[ARRAY_LEN(main_table) + 2] = {
		[ARRAY_LEN(main_table)] = {"help", no_argument, NULL, (int)ARRAY_LEN(main_table)}};
	int i;

	for (i = 0; i < (int)ARRAY_LEN(main_table); i++)
		options[i] = (struct option){main_table[i].name,
					     main_table[i].value ? required_argument : no_argument,
					     NULL, i};
	opterr = 0;
	while ((i = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (i == (int)ARRAY_LEN(main_table)) {
			main_help();
			exit(0);
		}
		if (i > (int)ARRAY_LEN(main_table))
			return err_set(e, "unknown option; see ccvm-net --help");
		if (main_take(main_table[i].kind, (char *)o + main_table[i].at, optarg, e) < 0)
			return err_wrap(e, "--%s", main_table[i].name);
	}
	if (optind != argc)
		return err_set(e, "unexpected argument; see ccvm-net --help");
	if (o->bridge.qemu_fd < 0 || o->bridge.control_fd < 0)
		return err_set(e, "--qemu-fd and --control-fd are both needed");
	if (o->bridge.qemu_fd == o->bridge.control_fd)
		return err_set(e, "--qemu-fd and --control-fd are the same");
	return 0;
}

static int main_serve(const struct main_options *o, struct err *e)
{
	const int keep[] = {o->bridge.qemu_fd, o->bridge.control_fd};
	struct net_bridge_config config = o->bridge;
	int landlock_abi = o->landlock ? net_confine_landlock_abi() : 0;
	struct net_bridge *bridge;
	int rc;

	if (net_confine_fds(keep, ARRAY_LEN(keep), e) < 0 || net_confine_limits(e) < 0)
		return -1;
	config.ipv6 = o->ipv6 && net_slirp_host_has_ipv6();
	bridge = net_bridge_new(&config, e);
	if (!bridge)
		return -1;
	if (landlock_abi == 0)
		net_bridge_prime_resolver(bridge);
	rc = net_confine_enter(landlock_abi, e);
	if (rc == 0) {
		net_bridge_announce(bridge, landlock_abi);
		rc = net_bridge_run(bridge, e);
	}
	net_bridge_free(bridge);
	return rc;
}

int main(int argc, char **argv)
{
	struct main_options options = {
		.bridge = {.qemu_fd = -1,
			   .control_fd = -1,
			   .host_loopback = true,
			   .mtu = NET_PLAN_MTU},
		.ipv6 = true,
		.landlock = true,
	};
	struct err e = {0};

	log_init("ccvm-net", LOG_LEVEL_NOTE);
	signal(SIGPIPE, SIG_IGN); /* libslirp writes to servers that may be gone */
	if (main_parse(&options, argc, argv, &e) < 0) {
		log_error("%s", e.text);
		return ERR_EXIT_POLICY;
	}
	if (options.debug)
		log_init("ccvm-net", LOG_LEVEL_DEBUG);
	if (main_serve(&options, &e) < 0) {
		log_error("%s", e.text);
		return ERR_EXIT_GUEST;
	}
	return 0;
}

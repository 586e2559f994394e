/* ccvm-net: the network of one guest. Between QEMU's `-netdev stream` socket and libslirp; locked in before
 * it reads the first byte (net/net_confine.c says how). Started by ccvm-session, never by a user. */
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
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MTU_MIN 576   /* RFC 791 */
#define MTU_MAX 65521 /* libslirp's */

struct main_options {
	struct net_bridge_config bridge;
	bool ipv6;
	bool landlock;
	bool debug;
};

enum main_option {
	OPTION_QEMU,
	OPTION_CONTROL,
	OPTION_NO_LOOPBACK,
	OPTION_LINK_LOCAL,
	OPTION_NO_IPV6,
	OPTION_LOCKED,
	OPTION_RESOLVER,
	OPTION_NO_LANDLOCK,
	OPTION_MTU,
	OPTION_DEBUG,
	OPTION_HELP
};

static const struct option main_option_table[] = {
    {"qemu-fd", required_argument, NULL, OPTION_QEMU},
    {"control-fd", required_argument, NULL, OPTION_CONTROL},
    {"no-host-loopback", no_argument, NULL, OPTION_NO_LOOPBACK},
    {"link-local", no_argument, NULL, OPTION_LINK_LOCAL},
    {"no-ipv6", no_argument, NULL, OPTION_NO_IPV6},
    {"locked", no_argument, NULL, OPTION_LOCKED},
    {"resolver", required_argument, NULL, OPTION_RESOLVER},
    {"no-landlock", no_argument, NULL, OPTION_NO_LANDLOCK},
    {"mtu", required_argument, NULL, OPTION_MTU},
    {"debug", no_argument, NULL, OPTION_DEBUG},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static const char main_usage[] =
    "usage: ccvm-net --qemu-fd N --control-fd M [option...]\n"
    "  --qemu-fd N         the other end of QEMU's -netdev stream socket\n"
    "  --control-fd M      the session: JSON lines; its end of file ends this process\n"
    "  --no-host-loopback  neither the gateway nor an address of the host reaches the host\n"
    "  --link-local        link-local and metadata addresses are reached\n"
    "  --no-ipv6           the guest has no IPv6\n"
    "  --locked            refuse what the session's rules do not allow\n"
    "  --resolver SERVERS  locked: DNS servers instead of /etc/resolv.conf's, ADDRESS[:PORT],...\n"
    "  --mtu BYTES         of the guest's network (default 1500)\n"
    "  --no-landlock       behave as on a kernel without Landlock: no file is opened\n"
    "  --debug             log more on stderr\n";

static int main_number(const char *text, long least, long most, long *out, struct err *e)
{
	int64_t number;

	if (!number_parse(text, least, most, &number))
		return err_set(e, "\"%s\" is not a number from %ld to %ld", text, least, most);
	*out = (long)number;
	return 0;
}

static int main_socket(const char *text, int *fd, struct err *e)
{
	socklen_t size = sizeof(int);
	long number;
	int type;

	if (main_number(text, 3, INT_MAX, &number, e) < 0)
		return -1;
	if (getsockopt((int)number, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return err_sys(e, "descriptor %ld is not a socket", number);
	if (type != SOCK_STREAM)
		return err_set(e, "descriptor %ld is not a stream socket", number);
	*fd = (int)number;
	return 0;
}

static int main_take_option(struct main_options *o, int option, struct err *e)
{
	long number;

	switch (option) {
	case OPTION_QEMU:
		return main_socket(optarg, &o->bridge.qemu_fd, e) < 0 ? err_wrap(e, "--qemu-fd") : 0;
	case OPTION_CONTROL:
		return main_socket(optarg, &o->bridge.control_fd, e) < 0 ? err_wrap(e, "--control-fd") : 0;
	case OPTION_NO_LOOPBACK:
		o->bridge.host_loopback = false;
		return 0;
	case OPTION_LINK_LOCAL:
		o->bridge.link_local = true;
		return 0;
	case OPTION_NO_IPV6:
		o->ipv6 = false;
		return 0;
	case OPTION_LOCKED:
		o->bridge.locked = true;
		return 0;
	case OPTION_RESOLVER:
		o->bridge.resolver = optarg;
		return 0;
	case OPTION_NO_LANDLOCK:
		o->landlock = false;
		return 0;
	case OPTION_MTU:
		if (main_number(optarg, MTU_MIN, MTU_MAX, &number, e) < 0)
			return err_wrap(e, "--mtu");
		o->bridge.mtu = (unsigned)number;
		return 0;
	case OPTION_DEBUG:
		o->debug = true;
		return 0;
	case OPTION_HELP:
		fputs(main_usage, stdout);
		exit(0);
	default:
		return err_set(e, "unknown option; see ccvm-net --help");
	}
}

static int main_parse(struct main_options *o, int argc, char **argv, struct err *e)
{
	int option;

	*o = (struct main_options){
	    .bridge = {.qemu_fd = -1, .control_fd = -1, .host_loopback = true, .mtu = NET_PLAN_MTU},
	    .ipv6 = true,
	    .landlock = true,
	};
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", main_option_table, NULL)) != -1)
		if (main_take_option(o, option, e) < 0)
			return -1;
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
	struct main_options options;
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

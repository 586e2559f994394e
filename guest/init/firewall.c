/* Theory of operation. The first of two walls; the second is ccvm-net on the host and trusts
 * nothing in here.
 *
 * 1. It stands before anything of the agent's runs, is made by root in one transaction, and the
 *    agent has no root then (agentSudo). Where any step fails the guest is powered off.
 * 2. Allowed: loopback, packets of connections that exist, DNS to the resolver, the synthetic
 *    addresses of names (198.18.0.0/15, on every port, since the host decides there and says why),
 *    and the listed addresses on the listed ports. Everything else is refused with a reset or an
 *    ICMP message, so nothing hangs, and the first packets of each second are logged to ccvm-report
 *    (NFLOG).
 * 3. Nothing is forwarded: networks that the agent makes for itself stay inside.
 * 4. Before the park point there may be a rehearsal (firewall_rehearse; firstuse.c says why). Its
 *    rule lets everything pass, there is nothing of the agent's yet, and it is gone before
 *    `parked`; firewall_install makes its table anew in any case. */
#include "init/boot.h"
#include "init/nftbatch.h"
#include "init/seedread.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/spawn.h"
#include "proto/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIREWALL_TABLE	   "ccvm"
#define FIREWALL_OUT	   "output"
#define FIREWALL_PORTS	   "ports"
#define FIREWALL_PORTS_MAX 1024
#define FIREWALL_LOG_RATE  20
#define FIREWALL_LOG_BURST 40
#define FIREWALL_LOG_BYTES 64
#define FIREWALL_LOOPBACK  1 /* index of lo, in every network namespace */
#define FIREWALL_WAIT_S	   30

struct firewall_network {
	int family;
	uint8_t address[16], mask[16];
};

static bool firewall_parse_network(const char *line, struct firewall_network *n)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(line, '/');
	size_t length = slash ? (size_t)(slash - line) : strlen(line);
	int64_t bits, most;
	struct err ignored;

	memset(n, 0, sizeof(*n));
	if (length >= sizeof(host))
		return false;
	memcpy(host, line, length);
	host[length] = '\0';
	n->family = strchr(host, ':') ? AF_INET6 : AF_INET;
	bits = most = n->family == AF_INET ? 32 : 128;
	if (slash && seedread_int(slash + 1, strlen(slash + 1), 0, most, &bits, &ignored) < 0)
		return false;
	if (inet_pton(n->family, host, n->address) != 1)
		return false;
	for (int64_t i = 0; i < bits; i++)
		n->mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return true;
}

/* The rule goes on for packets to this network. */
static void firewall_match_network(struct nftbatch *b, const struct firewall_network *n)
{
	const bool four = n->family == AF_INET;
	const size_t size = four ? 4 : 16;

	nftbatch_load_meta(b, NFT_META_NFPROTO);
	nftbatch_match_u8(b, four ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftbatch_load_payload(b, NFT_PAYLOAD_NETWORK_HEADER, four ? 16 : 24, (uint32_t)size);
	nftbatch_mask(b, n->mask, size);
	nftbatch_match(b, n->address, size);
}

static void firewall_match_proto(struct nftbatch *b, uint8_t proto)
{
	nftbatch_load_meta(b, NFT_META_L4PROTO);
	nftbatch_match_u8(b, proto);
}

static void firewall_match_port(struct nftbatch *b, uint8_t proto, uint16_t port)
{
	firewall_match_proto(b, proto);
	nftbatch_load_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	nftbatch_match_be16(b, port);
}

static void firewall_add_basics(struct nftbatch *b)
{
	/* NF_CT_STATE_BIT of both: a bit for each state, one up. */
	const uint32_t known = 1U << (IP_CT_ESTABLISHED + 1) | 1U << (IP_CT_RELATED + 1), none = 0;

	nftbatch_rule_begin(b, FIREWALL_OUT);
	nftbatch_load_meta(b, NFT_META_OIF);
	nftbatch_match_u32(b, FIREWALL_LOOPBACK);
	nftbatch_accept(b);
	nftbatch_rule_end(b);

	nftbatch_rule_begin(b, FIREWALL_OUT);
	nftbatch_load_ct_state(b);
	nftbatch_mask(b, &known, sizeof(known));
	nftbatch_match_not(b, &none, sizeof(none));
	nftbatch_accept(b);
	nftbatch_rule_end(b);
}

static void firewall_add_resolver(struct nftbatch *b)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP};
	struct firewall_network resolver;

	firewall_parse_network(NAME_GUEST_RESOLVER, &resolver);
	for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
		nftbatch_rule_begin(b, FIREWALL_OUT);
		firewall_match_network(b, &resolver);
		firewall_match_port(b, protos[i], 53);
		nftbatch_accept(b);
		nftbatch_rule_end(b);
	}
}

static void firewall_add_synthetic(struct nftbatch *b)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct firewall_network synthetic;

	firewall_parse_network(NAME_GUEST_SYNTHETIC, &synthetic);
	for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
		nftbatch_rule_begin(b, FIREWALL_OUT);
		firewall_match_network(b, &synthetic);
		firewall_match_proto(b, protos[i]);
		nftbatch_accept(b);
		nftbatch_rule_end(b);
	}
}

/* Listed IPv6 cannot be reached without finding the router (RFC 4861). */
static void firewall_add_discovery(struct nftbatch *b)
{
	for (uint8_t type = 133; type <= 136; type++) {
		nftbatch_rule_begin(b, FIREWALL_OUT);
		firewall_match_proto(b, IPPROTO_ICMPV6);
		nftbatch_load_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
		nftbatch_match_u8(b, type);
		nftbatch_accept(b);
		nftbatch_rule_end(b);
	}
}

static int firewall_add_networks(struct nftbatch *b, const struct strv *list, struct err *e)
{
	bool six = false;

	for (size_t i = 0; i < list->n; i++) {
		struct firewall_network n;

		if (!firewall_parse_network(list->v[i], &n))
			return err_set(e, "%s: invalid address", NAME_SEED_EGRESS_ALLOW);
		six = six || n.family == AF_INET6;
		nftbatch_rule_begin(b, FIREWALL_OUT);
		firewall_match_network(b, &n);
		nftbatch_jump(b, FIREWALL_PORTS);
		nftbatch_rule_end(b);
	}
	if (six)
		firewall_add_discovery(b);
	return 0;
}

static void firewall_add_ports(struct nftbatch *b, const uint16_t *ports, size_t n)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (size_t p = 0; p < n; p++)
		for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
			nftbatch_rule_begin(b, FIREWALL_PORTS);
			firewall_match_port(b, protos[i], ports[p]);
			nftbatch_accept(b);
			nftbatch_rule_end(b);
		}
}

/* The kernel's own words to IPv6 neighbours and routers, which nothing waits for and which are not
 * worth reporting. */
static void firewall_add_silence(struct nftbatch *b)
{
	struct firewall_network groups;

	firewall_parse_network("ff02::/16", &groups);
	nftbatch_rule_begin(b, FIREWALL_OUT);
	firewall_match_network(b, &groups);
	nftbatch_drop(b);
	nftbatch_rule_end(b);
}

static void firewall_add_refusals(struct nftbatch *b)
{
	nftbatch_rule_begin(b, FIREWALL_OUT);
	nftbatch_limit(b, FIREWALL_LOG_RATE, FIREWALL_LOG_BURST);
	nftbatch_log(b, NAME_GUEST_LOG_GROUP, FIREWALL_LOG_BYTES);
	nftbatch_rule_end(b);

	nftbatch_rule_begin(b, FIREWALL_OUT);
	firewall_match_proto(b, IPPROTO_TCP);
	nftbatch_counter(b);
	nftbatch_reject_reset(b);
	nftbatch_rule_end(b);

	nftbatch_rule_begin(b, FIREWALL_OUT);
	nftbatch_counter(b);
	nftbatch_reject_prohibited(b);
	nftbatch_rule_end(b);
}

static int firewall_fill(struct nftbatch *b, struct err *e)
{
	static uint16_t ports[FIREWALL_PORTS_MAX];
	AUTO_STRV struct strv networks = {0};
	size_t nports = 0;

	if (seedread_addresses_file(BOOT_SEED_FILE(NAME_SEED_EGRESS_ALLOW), &networks, e) < 0 ||
	    seedread_ports_file(BOOT_SEED_FILE(NAME_SEED_EGRESS_PORTS), ports, ARRAY_LEN(ports),
				&nports, e) < 0)
		return -1;
	nftbatch_begin(b, FIREWALL_TABLE);
	nftbatch_add_table(b);
	nftbatch_add_chain(b, FIREWALL_OUT, NF_INET_LOCAL_OUT);
	nftbatch_add_chain(b, "forward", NF_INET_FORWARD);
	nftbatch_add_chain(b, FIREWALL_PORTS, -1);
	firewall_add_ports(b, ports, nports);
	firewall_add_basics(b);
	firewall_add_resolver(b);
	firewall_add_synthetic(b);
	if (firewall_add_networks(b, &networks, e) < 0)
		return -1;
	firewall_add_silence(b);
	firewall_add_refusals(b);
	nftbatch_end(b);
	return 0;
}

/* Reads acknowledgements up to that of the message `last`. The first error is that of the whole
 * transaction. */
static int firewall_await(int fd, uint32_t last, struct err *e)
{
	char bytes[8192] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
		unsigned left = got > 0 ? (unsigned)got : 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_sys(e, "no answer of nftables");
		for (const struct nlmsghdr *h = (const struct nlmsghdr *)bytes; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			const struct nlmsgerr *answer = NLMSG_DATA(h);

			if (h->nlmsg_type != NLMSG_ERROR ||
			    h->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)))
				continue;
			if (answer->error) {
				errno = -answer->error;
				return err_sys(e, "nftables refused the rules (message %u)",
					       h->nlmsg_seq);
			}
			if (h->nlmsg_seq == last)
				return 0;
		}
	}
}

static int firewall_commit(const struct nftbatch *b, struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const struct timeval wait = {.tv_sec = FIREWALL_WAIT_S};
	const int room = 16 << 20;

	if (fd < 0)
		return err_sys(e, "this guest's kernel has no nftables");
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return err_sys(e, "netlink socket");
	if (sendto(fd, buf_data(&b->bytes), buf_len(&b->bytes), 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return err_sys(e, "send the rules to nftables");
	return firewall_await(fd, b->acknowledged, e);
}

/* The kernel would load each module by a modprobe of its own, which costs an emulated guest a
 * second a piece. If one cannot be loaded, the transaction fails, and that decides. */
void firewall_load_modules(void)
{
	char *const argv[] = {"/sbin/modprobe",	 "-a",	      "-q",	 "nf_tables",	  "nft_ct",
			      "nft_reject_inet", "nft_limit", "nft_log", "nfnetlink_log", NULL};
	char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const struct spawn s = {.path = argv[0], .argv = argv, .envp = env};
	struct err ignored;
	pid_t pid = spawn_start(&s, NULL, &ignored);

	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int firewall_rehearse_rule(struct err *e)
{
	struct nftbatch b;
	int rc;

	nftbatch_begin(&b, FIREWALL_TABLE);
	nftbatch_add_table(&b);
	nftbatch_add_chain(&b, FIREWALL_OUT, NF_INET_LOCAL_OUT);
	nftbatch_rule_begin(&b, FIREWALL_OUT);
	nftbatch_load_ct_state(&b);
	nftbatch_accept(&b);
	nftbatch_rule_end(&b);
	nftbatch_end(&b);
	rc = firewall_commit(&b, e);
	nftbatch_fini(&b);
	return rc;
}

static bool firewall_tracks_connections(void)
{
	AUTO_BUF struct buf users = {0};
	struct err ignored;
	int64_t number = 0;

	return file_read(AT_FDCWD, "/sys/module/nft_ct/refcnt", 64, &users, &ignored) == 0 &&
	       number_take(buf_text(&users), &number) && number > 0;
}

static int firewall_forget_rehearsal(struct err *e)
{
	const struct timespec turn = {.tv_nsec = 1000000};
	struct nftbatch b;
	int rc;

	nftbatch_begin(&b, FIREWALL_TABLE);
	nftbatch_remove_table(&b);
	nftbatch_end(&b);
	rc = firewall_commit(&b, e);
	nftbatch_fini(&b);
	/* The kernel frees the rule after it has answered. */
	for (int i = 0; rc == 0 && i < FIREWALL_WAIT_S * 1000 && firewall_tracks_connections(); i++)
		nanosleep(&turn, NULL);
	return rc;
}

int firewall_rehearse(void (*meanwhile)(void), struct err *e)
{
	firewall_load_modules();
	if (firewall_rehearse_rule(e) < 0)
		return -1;
	meanwhile();
	return firewall_forget_rehearsal(e);
}

int firewall_install(struct boot *boot, struct err *e)
{
	struct nftbatch b = {0};
	int rc;

	(void)boot;
	if (access(BOOT_SEED_FILE(NAME_SEED_EGRESS_ENFORCE), F_OK) != 0)
		return 0;
	firewall_load_modules();
	rc = firewall_fill(&b, e);
	if (rc == 0)
		rc = firewall_commit(&b, e);
	nftbatch_fini(&b);
	return rc;
}

#include "report/nflog.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NFLOG_COPY 64 /* bytes of each packet: its headers */

struct nflog_request {
	struct nlmsghdr head;
	struct nfgenmsg general;
	struct nlattr attr;
	union {
		struct nfulnl_msg_config_cmd command;
		struct nfulnl_msg_config_mode mode;
	} value;
} __attribute__((packed));

static int nflog_send(int fd, uint16_t group, uint16_t attr, const void *value, size_t n,
		      struct err *e)
{
	struct nflog_request r = {
		.head = {.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG,
			 .nlmsg_flags = NLM_F_REQUEST},
		.general = {.nfgen_family = AF_UNSPEC,
			    .version = NFNETLINK_V0,
			    .res_id = htons(group)},
		.attr = {.nla_len = (uint16_t)(NLA_HDRLEN + n), .nla_type = attr},
	};

	memcpy(&r.value, value, n);
	r.head.nlmsg_len = (uint32_t)(offsetof(struct nflog_request, value) + NLA_ALIGN(n));
	return send(fd, &r, r.head.nlmsg_len, 0) < 0 ? err_sys(e, "netlink log group") : 0;
}

int nflog_open(uint16_t group, struct err *e)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const struct nfulnl_msg_config_cmd bind_group = {.command = NFULNL_CFG_CMD_BIND};
	const struct nfulnl_msg_config_mode mode = {.copy_range = htonl(NFLOG_COPY),
						    .copy_mode = NFULNL_COPY_PACKET};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

	if (fd < 0)
		return err_sys(e, "netlink socket");
	if (connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		err_sys(e, "netlink socket");
	} else if (nflog_send(fd, group, NFULA_CFG_CMD, &bind_group, sizeof(bind_group), e) == 0 &&
		   nflog_send(fd, group, NFULA_CFG_MODE, &mode, sizeof(mode), e) == 0) {
		return fd;
	}
	close(fd);
	return -1;
}

int nflog_parse_packet(const uint8_t *bytes, size_t len, struct nflog_packet *p)
{
	const int four = len >= 20 && bytes[0] >> 4 == 4, six = len >= 40 && bytes[0] >> 4 == 6;
	const size_t header = four ? (size_t)(bytes[0] & 15) * 4 : 40;
	uint8_t proto;

	memset(p, 0, sizeof(*p));
	if (!four && !six)
		return 0;
	inet_ntop(four ? AF_INET : AF_INET6, bytes + (four ? 16 : 24), p->address,
		  sizeof(p->address));
	proto = bytes[four ? 9 : 6];
	p->proto = proto == IPPROTO_TCP				      ? "tcp"
		   : proto == IPPROTO_UDP			      ? "udp"
		   : proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ? "icmp"
								      : "other";
	if ((proto == IPPROTO_TCP || proto == IPPROTO_UDP) && header >= 20 && len >= header + 4)
		p->port = (uint16_t)(bytes[header + 2] << 8 | bytes[header + 3]);
	return 1;
}

static void nflog_message(const uint8_t *bytes, size_t len,
			  void (*on_packet)(void *ctx, const struct nflog_packet *p), void *ctx)
{
	struct nflog_packet p;
	struct nlattr attr;

	for (size_t at = NLMSG_ALIGN(sizeof(struct nfgenmsg)); at + sizeof(attr) <= len;
	     at += NLA_ALIGN(attr.nla_len)) {
		memcpy(&attr, bytes + at, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > len - at)
			return;
		if ((attr.nla_type & NLA_TYPE_MASK) == NFULA_PAYLOAD &&
		    nflog_parse_packet(bytes + at + NLA_HDRLEN, attr.nla_len - NLA_HDRLEN, &p))
			on_packet(ctx, &p);
	}
}

void nflog_each(const void *bytes, size_t len,
		void (*on_packet)(void *ctx, const struct nflog_packet *p), void *ctx)
{
	const uint8_t *p = bytes;
	struct nlmsghdr h;

	for (size_t at = 0; at + sizeof(h) <= len; at += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, p + at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len - at)
			return;
		if (h.nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
			nflog_message(p + at + sizeof(h), h.nlmsg_len - sizeof(h), on_packet, ctx);
	}
}

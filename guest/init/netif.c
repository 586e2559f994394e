#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr netif_address(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr out;

	inet_pton(AF_INET, text, &in.sin_addr);
	memcpy(&out, &in, sizeof(out));
	return out;
}

static int netif_up(int fd, const char *name, const char *address, struct err *e)
{
	struct ifreq r = {0};

	strncpy(r.ifr_name, name, sizeof(r.ifr_name) - 1);
	if (address) {
		r.ifr_addr = netif_address(address);
		if (ioctl(fd, SIOCSIFADDR, &r) < 0)
			return err_sys(e, "address of %s", name);
		r.ifr_netmask = netif_address("255.255.255.0"); /* NAME_GUEST_PREFIX */
		if (ioctl(fd, SIOCSIFNETMASK, &r) < 0)
			return err_sys(e, "netmask of %s", name);
	}
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		return err_sys(e, "bring up %s", name);
	return 0;
}

static int netif_default_route(int fd, struct err *e)
{
	struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};

	route.rt_dst = netif_address("0.0.0.0");
	route.rt_genmask = netif_address("0.0.0.0");
	route.rt_gateway = netif_address(NAME_GUEST_GATEWAY);
	if (ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST)
		return err_sys(e, "default route");
	return 0;
}

int netif_configure(struct boot *b, struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)b;
	if (fd < 0)
		return err_sys(e, "socket");
	if (sethostname("ccvm", 4) < 0)
		return err_sys(e, "set the host name");
	/* Static: a DHCP exchange would cost the start a second for an answer we know. */
	if (netif_up(fd, "lo", NULL, e) < 0 || netif_up(fd, "eth0", NAME_GUEST_ADDRESS, e) < 0 ||
	    netif_default_route(fd, e) < 0)
		return -1;
	unlink("/etc/resolv.conf");
	return file_createf(AT_FDCWD, "/etc/resolv.conf", 0644, e, "nameserver %s\noptions edns0\n",
			    NAME_GUEST_RESOLVER);
}

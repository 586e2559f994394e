/* A guest of one program for tests/bench/egress.py: loads the image's modules, sets up eth0,
 * downloads from $BENCH_TO (address:port, from the kernel's command line) a few times, and
 * prints the rates. */
#include "modules.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5

static struct sockaddr address(const char *text, int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr out;

	inet_pton(AF_INET, text, &in.sin_addr);
	memcpy(&out, &in, sizeof(out));
	return out;
}

static void configure(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = {.ifr_name = "eth0"};
	struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};

	for (int i = 0; i < 500 && ioctl(fd, SIOCGIFFLAGS, &r) < 0; i++)
		usleep(10000);
	r.ifr_addr = address("10.0.2.15", 0);
	ioctl(fd, SIOCSIFADDR, &r);
	r.ifr_netmask = address("255.255.255.0", 0);
	ioctl(fd, SIOCSIFNETMASK, &r);
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	ioctl(fd, SIOCSIFFLAGS, &r);
	route.rt_dst = route.rt_genmask = address("0.0.0.0", 0);
	route.rt_gateway = address("10.0.2.2", 0);
	ioctl(fd, SIOCADDRT, &route);
	close(fd);
}

static void download(const char *host, int port)
{
	static char bytes[1 << 18];
	struct sockaddr to = address(host, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct timespec begin, end;
	double seconds, total = 0;
	ssize_t n;

	if (connect(fd, &to, sizeof(to)) < 0 || write(fd, "x", 1) < 0)
		perror("connect");
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		total += (double)n;
	clock_gettime(CLOCK_MONOTONIC, &end);
	close(fd);
	seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("RATE %.1f\n", total / seconds / (1 << 20));
	fflush(stdout);
}

int main(void)
{
	char *to = getenv("BENCH_TO");
	char *colon = to ? strchr(to, ':') : NULL;

	load_modules();
	configure();
	if (colon) {
		*colon = '\0';
		for (int i = 0; i < ROUNDS; i++)
			download(to, atoi(colon + 1));
	}
	reboot(RB_POWER_OFF);
	return 0;
}

/* modules: the boot modules of a guest image, in the order tiny.py wrote down. Included by the
 * one-program guests. */
#ifndef CCVM_BENCH_MODULES_H
#define CCVM_BENCH_MODULES_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void load_modules(void)
{
	FILE *f = fopen("/modules/order", "r");
	char name[200], path[300];

	while (f && fscanf(f, "%199s", name) == 1) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
			fprintf(stderr, "%s was not loaded\n", name);
		close(fd);
	}
}

#endif

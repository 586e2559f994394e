#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* /dev/vportNpM: N and M depend on the device set, so the port is found by the name the host gave
 * it. */
static bool port_find(const char *name, char *path, size_t size)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		AUTO_BUF struct buf text = {0};
		struct err ignored;
		char attr[300];

		snprintf(attr, sizeof(attr), "/sys/class/virtio-ports/%s/name", entry->d_name);
		if (entry->d_name[0] == '.' || file_read(AT_FDCWD, attr, 128, &text, &ignored) < 0)
			continue;
		found = strncmp(buf_text(&text), name, strlen(name)) == 0 &&
			buf_text(&text)[strlen(name)] == '\n';
		if (found)
			snprintf(path, size, "/dev/%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

int port_open(const char *name, int flags, struct err *e)
{
	char path[300];

	/* The port's name arrives in a message some time after the driver was loaded. */
	for (int ms = 0; ms < 10000; ms += 2) {
		int fd;

		if (port_find(name, path, sizeof(path))) {
			fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
			if (fd >= 0)
				return fd;
			if (errno != ENOENT && errno != EBUSY)
				return err_sys(e, "open %s", path);
		}
		poll(NULL, 0, 2);
	}
	return err_set(e, "no virtio port named %s", name);
}

int port_open_ctl(struct boot *b, struct err *e)
{
	b->ctl_fd = port_open(NAME_PORT_CTL, O_RDWR, e);
	return b->ctl_fd < 0 ? -1 : 0;
}

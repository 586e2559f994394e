/* The initramfs of the yardstick (q35.py): loads the image's boot modules, puts a tmpfs over the
 * squashfs on the first disk, as ccvm-init does, and starts /sbin/init there. Debian's own
 * initramfs-tools would take longer. */
#include "modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void need(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1); /* a panic, and with panic=-1 the end of QEMU */
	}
}

static void mount_root(void)
{
	mkdir("/dev", 0755);
	mkdir("/lower", 0755);
	mkdir("/memory", 0755);
	mkdir("/root", 0755);
	need(mount("dev", "/dev", "devtmpfs", 0, NULL), "/dev");
	for (int i = 0; i < 1000 && access("/dev/vda", F_OK) < 0; i++)
		usleep(10000);
	need(mount("/dev/vda", "/lower", "squashfs", MS_RDONLY, NULL), "/dev/vda");
	need(mount("memory", "/memory", "tmpfs", 0, "mode=0755"), "tmpfs");
	need(mkdir("/memory/upper", 0755), "upper");
	need(mkdir("/memory/work", 0755), "work");
	need(mount("root", "/root", "overlay", 0,
		   "lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work"),
	     "overlay");
}

int main(void)
{
	load_modules();
	mount_root();
	need(mount("/dev", "/root/dev", NULL, MS_MOVE, NULL), "/root/dev");
	need(chdir("/root"), "/root");
	need(mount(".", "/", NULL, MS_MOVE, NULL), "the root");
	need(chroot("."), "chroot");
	need(chdir("/"), "/");
	execl("/sbin/init", "/sbin/init", (char *)NULL);
	perror("/sbin/init");
	return 1;
}

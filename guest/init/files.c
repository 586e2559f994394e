/* The host's files: one FUSE file system, whose root holds what ccvm-fs exports. It is mounted where only root
 * gets to, and what the agent may see of it is bound to its place. */
#include "init/boot.h"
#include "init/fsrelay.h"
#include "init/fstouch.h"
#include "base/mem.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_DIR  NAME_GUEST_DIR "/fs" /* for root alone */
#define FILES_ROOT FILES_DIR "/all"

/* The relay, and who tells of the host's changes what it says of them. */
static int files_start(struct boot *b, int fuse, int port, struct err *e)
{
	AUTO_CLOSE int root = open(FILES_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int from = -1, touches = -1;
	int pair[2];
	pid_t touch;

	if (root < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "the host's changes");
	from = pair[0];
	touches = pair[1];
	if (fcntl(touches, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "the host's changes");
	if (fsrelay_start(fuse, port, touches, b->relay, e) < 0)
		return -1;
	return fstouch_start(root, from, &touch, e);
}

int files_mount(struct boot *b, struct err *e)
{
	AUTO_CLOSE int port = port_open(NAME_PORT_FS, O_RDWR, e);
	AUTO_CLOSE int fuse = -1;
	char options[128];

	if (port < 0)
		return -1;
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		return err_sys(e, "open /dev/fuse");
	mkdir(FILES_DIR, 0700);
	mkdir(FILES_ROOT, 0700);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fuse);
	if (mount("ccvm", FILES_ROOT, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		return err_sys(e, "mount the host's files");
	return files_start(b, fuse, port, e);
}

int files_bind(const char *name, const char *target, unsigned long flags, struct err *e)
{
	AUTO_FREE char *source = mem_format(FILES_ROOT "/%s", name);

	if (mount(source, target, NULL, MS_BIND, NULL) < 0)
		return err_sys(e, "mount %s on %s", name, target);
	if (flags && mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | flags,
			   NULL) < 0)
		return err_sys(e, "protect %s", target);
	return 0;
}

int files_hide_root(struct err *e)
{
	return umount2(FILES_ROOT, MNT_DETACH) < 0 ? err_sys(e, "unmount " FILES_ROOT) : 0;
}

#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <dirent.h>

/* A file system of the early boot; the same rows are moved into the new root later. */
struct rootfs_mount {
	const char *target, *type, *options;
	unsigned long flags;
};

static const struct rootfs_mount rootfs_early[] = {
	{"/proc", "proc", "hidepid=invisible", /* the agent sees its own processes */
	 MS_NOSUID | MS_NODEV | MS_NOEXEC},
	{"/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
	{"/dev", "devtmpfs", "mode=0755", MS_NOSUID | MS_NOEXEC},
	{"/run", "tmpfs", "mode=0755", MS_NOSUID | MS_NODEV},
};

static const struct rootfs_mount rootfs_late[] = {
	{"/dev/pts", "devpts", "ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
	{"/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV},
	{"/tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV},
	{"/sys/fs/cgroup", "cgroup2", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
};

static int rootfs_mount_table(const struct rootfs_mount *table, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct rootfs_mount *m = &table[i];

		mkdir(m->target, 0755);
		if (mount(m->type, m->target, m->type, m->flags, m->options) < 0)
			return err_sys(e, "mount %s", m->target);
	}
	return 0;
}

int rootfs_mount_early(struct boot *b, struct err *e)
{
	(void)b;
	return rootfs_mount_table(rootfs_early, ARRAY_LEN(rootfs_early), e);
}

int rootfs_find_disk(const char *serial, char *path, size_t size, struct err *e)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		AUTO_BUF struct buf text = {0};
		struct err ignored;
		char name[300];

		snprintf(name, sizeof(name), "/sys/block/%s/serial", entry->d_name);
		if (file_read(AT_FDCWD, name, 64, &text, &ignored) < 0)
			continue;
		if (strncmp(buf_text(&text), serial, strlen(serial)) != 0)
			continue;
		snprintf(path, size, "/dev/%s", entry->d_name);
		closedir(dir);
		return 0;
	}
	if (dir)
		closedir(dir);
	return err_set(e, "no disk with serial %s", serial);
}

static int rootfs_move_early(struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(rootfs_early); i++) {
		char target[64];

		snprintf(target, sizeof(target), "/new%s", rootfs_early[i].target);
		mkdir(target, 0755);
		if (mount(rootfs_early[i].target, target, NULL, MS_MOVE, NULL) < 0)
			return err_sys(e, "move %s", rootfs_early[i].target);
	}
	return 0;
}

static int rootfs_move_program(const char *name, struct err *e)
{
	AUTO_FREE char *from = mem_format("/bin/%s", name);
	AUTO_FREE char *to = mem_format(NAME_GUEST_DIR "/bin/%s", name);
	AUTO_BUF struct buf bytes = {0};

	if (file_read(AT_FDCWD, from, 32 << 20, &bytes, e) < 0 ||
	    file_create(AT_FDCWD, to, buf_data(&bytes), buf_len(&bytes), 0755, e) < 0)
		return -1;
	/* What the initramfs held is RAM: give it back while its root is still reachable. */
	unlink(from);
	return 0;
}

/* The guest programs, all that is in /bin, outlive the initramfs on the tmpfs at /run. */
static int rootfs_keep_programs(struct err *e)
{
	DIR *dir = opendir("/bin");
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return err_sys(e, "open /bin");
	mkdir(NAME_GUEST_DIR, 0755);
	mkdir(NAME_GUEST_DIR "/bin", 0755);
	while (rc == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			rc = rootfs_move_program(entry->d_name, e);
	closedir(dir);
	return rc;
}

static int rootfs_overlay(struct err *e)
{
	char disk[300];

	mkdir("/lower", 0755);
	mkdir("/upper", 0755);
	mkdir("/new", 0755);
	if (rootfs_find_disk(NAME_DISK_ROOT, disk, sizeof(disk), e) < 0)
		return -1;
	if (mount(disk, "/lower", "squashfs", MS_RDONLY, NULL) < 0)
		return err_sys(e, "mount the image from %s", disk);
	if (mount("tmpfs", "/upper", "tmpfs", 0, "mode=0755,size=80%") < 0)
		return err_sys(e, "mount the root's tmpfs");
	mkdir("/upper/data", 0755);
	mkdir("/upper/work", 0755);
	if (mount("overlay", "/new", "overlay", 0,
		  "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work") < 0)
		return err_sys(e, "mount the root overlay");
	return 0;
}

static void rootfs_link(const char *target, const char *path)
{
	(void)!symlink(target, path);
}

int rootfs_switch(struct boot *b, struct err *e)
{
	(void)b;
	if (rootfs_overlay(e) < 0 || rootfs_keep_programs(e) < 0)
		return -1;
	unlink("/init");
	if (file_remove_tree(AT_FDCWD, "/modules", e) < 0 || rootfs_move_early(e) < 0)
		return -1;
	if (chdir("/new") < 0 || mount("/new", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		return err_sys(e, "switch to the image's root");
	if (rootfs_mount_table(rootfs_late, ARRAY_LEN(rootfs_late), e) < 0)
		return -1;
	rootfs_link("/proc/self/fd", "/dev/fd");
	rootfs_link("/proc/self/fd/0", "/dev/stdin");
	rootfs_link("/proc/self/fd/1", "/dev/stdout");
	rootfs_link("/proc/self/fd/2", "/dev/stderr");
	rootfs_link("/dev/pts/ptmx", "/dev/ptmx");
	mkdir("/run/sshd", 0755); /* sshd's privilege separation directory */
	mkdir("/run/lock", 0755);
	return 0;
}

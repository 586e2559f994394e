/* Directories of the workspace that are the guest's own: mounted over what the host has there, so that packages
 * and build results neither cross nor stay.
 *
 * The workspace is what an earlier guest left: its links are not followed, or a private directory, which the
 * agent may write, would cover one of the guest's system. */
#include "init/boot.h"
#include "init/seedread.h"
#include "base/mem.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PRIVATE_DIR  NAME_GUEST_DIR "/private"
#define PRIVATE_POOL NAME_POOL_DIR "/private"

int private_look(struct boot *b, struct err *e)
{
	static const char file[] = BOOT_SEED_FILE(NAME_SEED_PRIVATE);

	return access(file, F_OK) == 0 ? seedread_private_file(file, &b->private_dirs, e) : 0;
}

static int private_open_beneath(int dirfd, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* Where directories lie that are mounted; made with the first. */
static const char *private_store(struct err *e)
{
	const bool pool = pool_is_mounted();
	const char *store = pool ? PRIVATE_POOL : PRIVATE_DIR;

	if (mkdir(store, 0700) < 0)
		return errno == EEXIST ? store : (err_sys(e, "make %s", store), NULL);
	if (!pool && mount("tmpfs", store, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700,size=60%") < 0)
		return err_sys(e, "mount %s", store), NULL;
	return store;
}

/* The mount point, made where there is none; *made says so. */
static int private_open_point(const struct boot *b, int workdir, const char *path, bool *made,
			      struct err *e)
{
	AUTO_FREE char *parent = mem_strdup(path);
	AUTO_CLOSE int dir = -1;
	char *slash = strrchr(parent, '/');
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	int fd = private_open_beneath(workdir, path);

	*made = false;
	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : err_sys(e, "%s", path);
	if (slash)
		*slash = '\0';
	dir = private_open_beneath(workdir, slash ? parent : ".");
	if (dir < 0 || mkdirat(dir, name, 0755) < 0)
		return err_sys(e, "make %s", path);
	(void)!fchownat(dir, name, b->uid, b->gid, AT_SYMLINK_NOFOLLOW);
	*made = true;
	fd = private_open_beneath(dir, name);
	return fd >= 0 ? fd : err_sys(e, "%s", path);
}

static int private_mount_one(struct boot *b, const char *store, int workdir, size_t i,
			     struct err *e)
{
	AUTO_FREE char *own = mem_format("%s/%zu", store, i);
	bool made;
	AUTO_CLOSE int point = private_open_point(b, workdir, b->private_dirs.v[i], &made, e);
	char at[64];

	if (point < 0)
		return -1;
	/* For private_unmount, which another process may run. */
	if (made) {
		AUTO_FREE char *mark = mem_format(NAME_GUEST_DIR "/private-made-%zu", i);

		close(open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	if (mkdir(own, 0755) < 0 || chown(own, b->uid, b->gid) < 0)
		return err_sys(e, "make %s", own);
	snprintf(at, sizeof(at), "/proc/self/fd/%d", point);
	return mount(own, at, NULL, MS_BIND, NULL) < 0
		       ? err_sys(e, "mount %s", b->private_dirs.v[i])
		       : 0;
}

int private_mount(struct boot *b, struct err *e)
{
	AUTO_CLOSE int workdir = -1;
	const char *store;
	struct err one;
	int rc = 0;

	if (!b->private_dirs.n || !b->workdir_mounted || b->private_mounted)
		return 0;
	store = private_store(e);
	workdir = store ? open(b->workdir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (workdir < 0)
		return store ? err_sys(e, "open %s", b->workdir) : -1;
	for (size_t i = 0; i < b->private_dirs.n; i++)
		if (private_mount_one(b, store, workdir, i, &one) < 0) {
			*e = one;
			rc = -1;
		}
	b->private_mounted = true;
	return rc;
}

int private_mount_now(struct boot *b, struct err *e)
{
	return b->pool_wanted && !b->pool_first ? 0 : private_mount(b, e);
}

void private_unmount(struct boot *b)
{
	for (size_t i = b->private_dirs.n; i-- > 0;) {
		AUTO_FREE char *mark = mem_format(NAME_GUEST_DIR "/private-made-%zu", i);
		AUTO_FREE char *path = mem_format("%s/%s", b->workdir, b->private_dirs.v[i]);

		(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
		/* Somebody may have put something there on the host: then it stays. */
		if (access(mark, F_OK) == 0)
			(void)rmdir(path);
	}
}

/* Theory of operation.
 *
 * 1. The file has a name for the instant between open and unlink, so that only QEMU (which gets an
 *    fd) and this session hold it: however they die, the kernel frees it with the last of them.
 * 2. A process killed in that instant leaves an empty file. Every later start removes what has such
 *    a name: it is a leftover, or its maker is about to unlink it anyway.
 * 3. It is never read by this process, which keeps an O_PATH fd to ask for its size. */
#include "vm/poolfile.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define POOLFILE_PREFIX "vmdisk-"
#define POOLFILE_SUFFIX ".img"
/* Kept free on the host for everything else: this much, on small file systems a twentieth of
 * them. */
#define POOLFILE_RESERVE (INT64_C(512) << 20)

void poolfile_init(struct poolfile *p)
{
	*p = (struct poolfile){.fd = -1, .watch = -1, .dir = -1};
}

void poolfile_fini(struct poolfile *p)
{
	int *const all[] = {&p->fd, &p->watch, &p->dir};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (*all[i] >= 0)
			close(*all[i]);
	poolfile_init(p);
}

static int poolfile_check_path(const char *path, struct err *e)
{
	if (path[0] == '/')
		return 0;
	err_set(e, "CCVM_SCRATCH_DIR=%s is not an absolute path", path);
	err_remedy(e, "set the absolute path of a directory on a disk");
	return err_exit_code(e, ERR_EXIT_POLICY);
}

static bool poolfile_is_name(const char *name)
{
	const size_t n = strlen(name), p = sizeof(POOLFILE_PREFIX) - 1,
		     s = sizeof(POOLFILE_SUFFIX) - 1;

	return n > p + s && strncmp(name, POOLFILE_PREFIX, p) == 0 &&
	       strcmp(name + n - s, POOLFILE_SUFFIX) == 0;
}

int poolfile_clean(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int removed = 0;

	while (dir && (entry = readdir(dir)))
		if (poolfile_is_name(entry->d_name) && unlinkat(dirfd, entry->d_name, 0) == 0)
			removed++;
	if (dir)
		closedir(dir);
	return removed;
}

static int poolfile_refuse(struct err *e, const char *remedy)
{
	err_remedy(e, "%s", remedy);
	return err_exit_code(e, ERR_EXIT_POLICY);
}

/* A disk in memory would take twice what it saves. */
static int poolfile_check_kind(int dirfd, const struct hostenv *host, struct err *e)
{
	const char *const path = host->scratch;
	struct statfs fs;

	if (fstatfs(dirfd, &fs) < 0)
		return err_sys(e, "statfs %s", path);
	if ((fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC) || host->scratch_may_be_tmpfs)
		return 0;
	err_set(e, "vmDiskSize: %s is in memory, which the encrypted disk is meant to save", path);
	return poolfile_refuse(
		e, "set CCVM_SCRATCH_DIR to a directory on a disk, or CCVM_SCRATCH_ALLOW_TMPFS=1");
}

static int poolfile_open_dir(const struct hostenv *host, struct err *e)
{
	static const char remedy[] =
		"set CCVM_SCRATCH_DIR to a directory that you own on a disk, or vmDiskSize to 0";
	const char *const path = host->scratch;
	AUTO_CLOSE int fd = -1;

	if (poolfile_check_path(path, e) < 0)
		return -1;
	if (file_mkdirs(path, 0700, e) < 0) {
		err_wrap(e, "vmDiskSize");
		return poolfile_refuse(e, remedy);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) < 0) {
		err_sys(e, "vmDiskSize: use %s", path);
		return poolfile_refuse(e, remedy);
	}
	return poolfile_check_kind(fd, host, e) < 0 ? -1 : mem_steal_fd(&fd);
}

static int poolfile_make(struct poolfile *p, struct err *e)
{
	unsigned char random[8];
	char name[64];
	int n, rc;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return err_sys(e, "getrandom");
	n = snprintf(name, sizeof(name), POOLFILE_PREFIX);
	for (size_t i = 0; i < sizeof(random); i++)
		n += snprintf(name + n, sizeof(name) - (size_t)n, "%02x", random[i]);
	snprintf(name + n, sizeof(name) - (size_t)n, POOLFILE_SUFFIX);
	p->fd = openat(p->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->fd < 0)
		return err_sys(e, "make the encrypted disk's file");
	p->watch = openat(p->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	rc = p->watch < 0 ? err_sys(e, "open the encrypted disk's file") : 0;
	if (unlinkat(p->dir, name, 0) < 0 && errno != ENOENT)
		rc = err_sys(e, "unlink the encrypted disk's file");
	return rc < 0 || ftruncate(p->fd, p->size) == 0
		       ? rc
		       : err_sys(e, "make a file of %lld bytes", (long long)p->size);
}

int poolfile_open(struct poolfile *p, const struct hostenv *host, int64_t size, struct err *e)
{
	poolfile_init(p);
	p->size = size;
	p->dir = poolfile_open_dir(host, e);
	if (p->dir < 0)
		return -1;
	(void)poolfile_clean(p->dir);
	if (poolfile_make(p, e) == 0)
		return 0;
	poolfile_fini(p);
	err_remedy(e, "set CCVM_SCRATCH_DIR to another file system, or lower vmDiskSize");
	return err_exit_code(e, ERR_EXIT_POLICY);
}

int64_t poolfile_allocated(const struct poolfile *p)
{
	struct stat st;

	return fstat(p->watch, &st) < 0 ? -1 : (int64_t)st.st_blocks * 512;
}

int64_t poolfile_limit(const struct poolfile *p)
{
	const int64_t allocated = poolfile_allocated(p);
	struct statvfs fs;
	int64_t total, reserve, limit;

	if (allocated < 0 || fstatvfs(p->dir, &fs) < 0)
		return -1;
	total = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
	reserve = total / 20 < POOLFILE_RESERVE ? total / 20 : POOLFILE_RESERVE;
	limit = allocated + (int64_t)fs.f_bavail * (int64_t)fs.f_frsize - reserve;
	return limit < 0 ? 0 : limit;
}

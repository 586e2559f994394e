#include "fs/fs_attr.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define ATTR_SPREAD 0x9e3779b97f4a7c15u

static uint32_t attr_device(uint32_t major, uint32_t minor)
{
	/* new_encode_dev of the kernel, which the guest's decodes */
	return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

static uint64_t attr_version(const struct statx *s)
{
	uint64_t v = s->stx_size;

	v = v * ATTR_SPREAD + (uint64_t)s->stx_mtime.tv_sec * 1000000000u + s->stx_mtime.tv_nsec;
	v = v * ATTR_SPREAD + (uint64_t)s->stx_ctime.tv_sec * 1000000000u + s->stx_ctime.tv_nsec;
	return v | 1;
}

int fs_attr_read(struct fs_attr *a, int dirfd, const char *name, uint64_t device)
{
	struct statx s;

	if (statx(dirfd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_AS_STAT,
		  STATX_BASIC_STATS | STATX_BTIME, &s) < 0)
		return errno;
	*a = (struct fs_attr){
		.identity =
			{
				.device = makedev(s.stx_dev_major, s.stx_dev_minor),
				.inode = s.stx_ino,
				.type = s.stx_mode & S_IFMT,
			},
		.attr =
			{
				.ino = s.stx_ino,
				.size = s.stx_size,
				.blocks = s.stx_blocks,
				.atime = (uint64_t)s.stx_atime.tv_sec,
				.mtime = (uint64_t)s.stx_mtime.tv_sec,
				.ctime = (uint64_t)s.stx_ctime.tv_sec,
				.atimensec = s.stx_atime.tv_nsec,
				.mtimensec = s.stx_mtime.tv_nsec,
				.ctimensec = s.stx_ctime.tv_nsec,
				.mode = s.stx_mode,
				.nlink = s.stx_nlink,
				.uid = s.stx_uid,
				.gid = s.stx_gid,
				.rdev = attr_device(s.stx_rdev_major, s.stx_rdev_minor),
				.blksize = s.stx_blksize,
			},
		.version = attr_version(&s),
	};
	if (s.stx_mask & STATX_BTIME) {
		a->identity.birth_s = s.stx_btime.tv_sec;
		a->identity.birth_ns = s.stx_btime.tv_nsec;
	}
	if (a->identity.device != device)
		a->attr.ino ^= a->identity.device * ATTR_SPREAD;
	return 0;
}

mode_t fs_attr_safe_mode(uint32_t type, uint32_t mode)
{
	mode &= 07777;
	if (type != S_IFDIR)
		mode &= mode & S_IXGRP ? ~(uint32_t)(S_ISUID | S_ISGID) : ~(uint32_t)S_ISUID;
	return (mode_t)mode;
}

#include "base/owner.h"

#include <stddef.h>
#include <unistd.h>

const char *owner_doubt(const struct stat *st)
{
	if (st->st_mode & S_IWOTH && !(S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX))
		return "everybody can write to it";
	if (st->st_mode & S_IWGRP && st->st_gid != getegid() && st->st_gid != 0)
		return "a group can write to it";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "it belongs to another user";
	return NULL;
}

const char *owner_doubt_path(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? NULL : owner_doubt(&st);
}

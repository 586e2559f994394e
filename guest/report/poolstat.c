#include "report/poolstat.h"
#include "proto/guest.h"
#include "proto/names.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int poolstat_read(struct poolstat *p)
{
	struct stat pool, parent;
	struct statvfs fs;

	/* A folder without a mount reports the guest's memory. */
	if (stat(NAME_POOL_DIR, &pool) < 0 || stat(NAME_GUEST_DIR, &parent) < 0 ||
	    pool.st_dev == parent.st_dev || statvfs(NAME_POOL_DIR, &fs) < 0)
		return -1;
	p->total_kib = (int64_t)(fs.f_blocks * (fs.f_frsize / 1024));
	p->used_kib = p->total_kib - (int64_t)(fs.f_bfree * (fs.f_frsize / 1024));
	return 0;
}

int poolstat_tell(struct poolstat *last)
{
	AUTO_BUF struct buf line = {0};
	struct poolstat now;

	if (poolstat_read(&now) < 0 ||
	    (now.total_kib == last->total_kib && now.used_kib == last->used_kib))
		return 0;
	*last = now;
	guest_put(&line, &(struct guest_message){.type = GUEST_POOL,
						 .pool_total_kib = now.total_kib,
						 .pool_used_kib = now.used_kib});
	return write(STDOUT_FILENO, buf_data(&line), buf_len(&line)) < 0 ? -1 : 0;
}

#include "base/usercache.h"
#include "base/mem.h"

#include <stdlib.h>

char *usercache_path(const char *name)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (cache && cache[0] == '/')
		return mem_format("%s/ccvm/%s", cache, name);
	return mem_format("%s/.cache/ccvm/%s", home ? home : "", name);
}

/* usercache: ccvm's own directory of the user's cache (XDG Base Directory Specification). */
#ifndef CCVM_BASE_USERCACHE_H
#define CCVM_BASE_USERCACHE_H

/* The name in it: $XDG_CACHE_HOME/ccvm/NAME, or ~/.cache/ccvm/NAME. Free it. */
char *usercache_path(const char *name);

#endif

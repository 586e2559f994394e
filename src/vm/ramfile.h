/* ramfile: the memory of a saved guest on its way into and out of the cache: read, checked and
 * copied by several threads, since a start waits for it. Pages that hold nothing but zeros are left
 * out. */
#ifndef CCVM_VM_RAMFILE_H
#define CCVM_VM_RAMFILE_H

#include <sys/types.h>

#include "base/err.h"

#define RAMFILE_HASH_SIZE 33

/* The hash, a text, of the pages of fd, which has at least size bytes, a multiple of 4096; its
 * holes are not read. The pages are copied into `to`, a new file or memfd of that size that is all
 * hole; -1: into nothing. */
int ramfile_copy(int fd, int to, off_t size, char hash[RAMFILE_HASH_SIZE], struct err *e);

#endif

/* template: saved guests at their park point, in $XDG_CACHE_HOME/ccvm/templates/<machine key>/.
 *
 *   ram     the guest's memory at its own offsets; pages of zeros are holes
 *   state   the devices' state, as QEMU's migration stream
 *   meta    JSON: sizes and checksums of both, image, size of the machine, QEMU's version
 *   checked that the memory was compared with its checksum (vm/checked.h)
 *
 * A template holds no user data. A directory appears by rename(2), whole, and its memory and state
 * are never changed afterwards. A clone cannot change them either: its QEMU maps the memory private
 * and has it open for reading. */
#ifndef CCVM_VM_TEMPLATE_H
#define CCVM_VM_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "vm/machine.h"
#include "vm/ramfile.h"

/* Arguments of migrate-set-capabilities, for saving and restoring: memory that is a shared mapping
 * is not in the stream, and each step of the migration is an event. */
#define TEMPLATE_QMP_CAPABILITIES                                                                  \
	"{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true},"                  \
	"{\"capability\":\"events\",\"state\":true}]}"

struct template
{
	int dir_fd; /* owned; -1: none */
	int ram_fd; /* owned; what QEMU maps, opened for reading; -1: none */
	/* before 8.2: it cannot be told to open its memory for reading (src/cmd/ccvm-ram.c) */
	bool old_qemu;
	struct buf state;
	int64_t ram_size;
	char ram_hash[RAMFILE_HASH_SIZE];
};

void template_init(struct template *t);
void template_fini(struct template *t);

/* Opens the machine's template: 1: done, 0: there is none, -1: it is damaged or cannot be read. Its
 * memory is not checked yet, but ram_fd can be handed to a QEMU that is starting. A damaged one is
 * removed. */
int template_open(struct template *t, const struct machine *m, struct err *e);
/* Checks the memory, unless that was done since the computer started; QEMU may run by now, but no
 * guest in it. -1: damaged, and removed. */
int template_load(struct template *t, const struct machine *m, struct err *e);

/* Saves: ram is the guest's memory (a memfd of the machine's size), state the stream. qemu_version
 * as in "7.2.11". Replaces an older one of the same key. */
int template_save(const struct machine *m, int ram, const struct buf *state,
		  const char *qemu_version, struct err *e);

/* Takes the lock on the making of templates, one at a time for a user: an fd to close, or -1 when
 * another process holds it (e->sys EWOULDBLOCK) or the cache cannot be written. */
int template_lock(const struct hostenv *host, struct err *e);

/* One entry of the cache. */
struct template_info {
	char key[MACHINE_KEY_SIZE];
	char image[80];
	char qemu_version[32];
	int64_t memory_mib, cores;
	int64_t bytes;	 /* on disk */
	int64_t used_at; /* seconds since 1970; the last start from it */
	int64_t made_at;
};

/* All of them, the last used first: an array to free. Damaged ones are left out. Never fails:
 * without a cache there are none. */
struct template_info *template_list(const struct hostenv *host, size_t *n);

/* Removes one, or those of an image (image id). Returns how many went. */
int template_remove(const struct hostenv *host, const char *key);
int template_remove_of_image(const struct hostenv *host, const char *image);

/* Removes the least recently used ones until the sum is at most max_bytes; keep is never
 * removed. */
int template_prune(const struct hostenv *host, int64_t max_bytes, const char *keep);

#endif

/* disk: what a session knows of its encrypted disk. */
#ifndef CCVM_SESSION_DISK_H
#define CCVM_SESSION_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct event;
struct loop;
struct conf;
struct guest_message;

struct disk;
struct hostenv;

struct disk_callbacks {
	void (*to_guest)(void *ctx, const void *line, size_t n);
	void (*go_on)(void *ctx); /* QEMU is to let the guest run again */
	void (*event)(void *ctx, const struct event *e);
	void (*note)(void *ctx, const char *stage, const char *text);
	void (*changed)(void *ctx); /* what disk_add_status says */
};

/* conf: borrowed. */
struct disk *disk_new(struct loop *loop, const struct conf *conf, const struct hostenv *host,
		      const struct disk_callbacks *callbacks, void *ctx);
void disk_free(struct disk *d); /* NULL is fine */

bool disk_is_wanted(const struct disk *d);
/* The machine has one; wanted, unless a test says otherwise. */
bool disk_is_there(const struct disk *d);

/* The file of a new attempt, if any; its fd is the disk's until disk_handed_over, -1 without one.
 */
int disk_open(struct disk *d, struct err *e);
int disk_fd(const struct disk *d);
void disk_handed_over(struct disk *d); /* QEMU has it */
void disk_close(struct disk *d);

/* How large the file may become: to the guest, where it changed. */
void disk_tell_limit(struct disk *d);
void disk_on_figures(struct disk *d, const struct guest_message *m);
void disk_on_note(struct disk *d, const struct guest_message *m);
void disk_on_io_error(struct disk *d, bool no_space);
/* The guest waits for space on the host. */
bool disk_stands_still(const struct disk *d);

/* Fields of status.json. */
void disk_add_status(const struct disk *d, struct buf *text);

#endif

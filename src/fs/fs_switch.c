/* Theory of operation.
 *
 * 1. For each process of the guest an entry says what it holds; among themselves they are
 *    judged by these entries. Of each file one description of the host stands for all of them,
 *    locked for writing.
 * 2. What cannot be opened for writing cannot be locked so: then nobody in the guest gets the
 *    lock. SQLite reads such a database without it as long as nobody else uses it.
 * 3. A gate that is shut is an entry of nobody's, which is in nobody's way within the guest; it
 *    goes with the last one that holds the lock. That it could not be shut (a program is just
 *    on its way in) harms nothing.
 * 4. Entries are bounded: a guest's root can ask for any number. */
#include "fs/fs_switch.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SWITCH_MAX	4096
#define SWITCH_SHM_BYTE 128
#define SWITCH_NOBODY	UINT64_MAX /* as owner */

struct switch_row {
	const char *name; /* of the file, or its end */
	bool whole;	  /* the name is all of it */
	uint64_t byte;
	const char *companion[2]; /* in place of the name, or of its end */
};

static const struct switch_row switch_rows[] = {
	{FS_SWITCH_SHM, false, SWITCH_SHM_BYTE, {"", "-wal"}}, /* SQLite's dead man's switch */
	{"lock.mdb", true, 0, {"data.mdb", NULL}},
};

struct switch_entry {
	uint32_t node;
	uint64_t owner;
	int via; /* fd of the handle; only compared */
	int type;
	uint64_t byte;
	uint32_t holder; /* of a gate: the node whose lock shuts it; else 0 */
	int fd;		 /* of the host's description, shared by all entries of the node */
};

struct fs_switches {
	struct switch_entry *entry;
	size_t n;
	int process_fds;
};

static const struct switch_row *switch_row(const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(switch_rows); i++) {
		const struct switch_row *row = &switch_rows[i];
		const size_t end = strlen(row->name);

		if (n >= end && (n == end) == row->whole && strcmp(name + n - end, row->name) == 0)
			return row;
	}
	return NULL;
}

bool fs_switch_companion(const char *name, bool mapped, size_t i, char companion[FS_SWITCH_NAME])
{
	const struct switch_row *row = mapped ? switch_row(name) : NULL;

	if (!row) { /* a database that its user locks: SQLite's rollback journal */
		snprintf(companion, FS_SWITCH_NAME, "%s-journal", name);
		return i == 0;
	}
	if (i >= ARRAY_LEN(row->companion) || !row->companion[i])
		return false;
	snprintf(companion, FS_SWITCH_NAME, "%.*s%s", (int)(strlen(name) - strlen(row->name)), name,
		 row->companion[i]);
	return true;
}

struct fs_switches *fs_switches_new(int process_fds)
{
	struct fs_switches *t = mem_alloc(sizeof(*t));

	t->process_fds = process_fds;
	return t;
}

static bool switches_is_last(const struct fs_switches *t, size_t i)
{
	for (size_t k = 0; k < t->n; k++)
		if (k != i && t->entry[k].node == t->entry[i].node)
			return false;
	return true;
}

static void switches_drop(struct fs_switches *t, size_t i)
{
	const struct switch_entry gone = t->entry[i];
	const bool last = switches_is_last(t, i);

	if (last)
		close(gone.fd);
	t->entry[i] = t->entry[--t->n];
	for (size_t k = 0; last && k < t->n; k++)
		if (t->entry[k].holder == gone.node) { /* has no gate of its own */
			switches_drop(t, k);
			return;
		}
}

void fs_switches_free(struct fs_switches *t)
{
	if (!t)
		return;
	while (t->n)
		switches_drop(t, t->n - 1);
	free(t->entry);
	free(t);
}

bool fs_switches_are(const struct fs_switches *t, uint32_t node, const char *name, uint64_t start,
		     uint64_t end)
{
	const struct switch_row *row = start == end ? switch_row(name) : NULL;

	if (row && row->byte == start)
		return true;
	for (size_t i = 0; i < t->n && start == end && start == FS_SWITCH_GATE; i++)
		if (t->entry[i].node == node && t->entry[i].byte == start)
			return true;
	return false;
}

static void switches_add(struct fs_switches *t, const struct switch_entry *e)
{
	t->entry = mem_resize(t->entry, t->n + 1, sizeof(*t->entry));
	t->entry[t->n++] = *e;
}

void fs_switches_shut(struct fs_switches *t, uint32_t node, uint32_t database, int fd)
{
	struct flock gate = {.l_type = F_WRLCK, .l_start = FS_SWITCH_GATE, .l_len = 1};

	if (t->n == SWITCH_MAX || fcntl(fd, F_OFD_SETLK, &gate) < 0) {
		close(fd);
		return;
	}
	switches_add(t, &(struct switch_entry){.node = database,
					       .owner = SWITCH_NOBODY,
					       .via = -1,
					       .type = F_UNLCK,
					       .byte = FS_SWITCH_GATE,
					       .holder = node,
					       .fd = fd});
}

bool fs_switches_is_abroad(const struct fs_switches *t, uint32_t node, int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = SWITCH_SHM_BYTE, .l_len = 1};

	for (size_t i = 0; i < t->n; i++)
		if (t->entry[i].node == node)
			return false;
	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* What of the others' is in the way. fd: the description that stands for them; -1: there are
 * none. */
static int switches_judge(const struct fs_switches *t, uint32_t node, uint64_t owner, int type,
			  int *fd, size_t *own)
{
	int found = F_UNLCK;

	*fd = -1;
	*own = t->n;
	for (size_t i = 0; i < t->n; i++) {
		const struct switch_entry *e = &t->entry[i];

		if (e->node != node)
			continue;
		*fd = e->fd;
		if (e->owner == owner)
			*own = i;
		else if (found != F_WRLCK && (type == F_WRLCK || e->type == F_WRLCK))
			found = e->type;
	}
	return found;
}

static int switches_lock(const struct fs_switches *t, const struct fs_handle *h, int64_t byte,
			 int *result)
{
	struct flock all = {.l_type = F_WRLCK, .l_start = byte, .l_len = 1};
	char name[16];
	int fd, code;

	snprintf(name, sizeof(name), "%d", h->fd);
	fd = openat(t->process_fds, name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? ENOLCK : EAGAIN;
	if (fcntl(fd, F_OFD_SETLK, &all) < 0) {
		code = errno == EACCES ? EAGAIN : errno;
		close(fd);
		return code;
	}
	*result = fd;
	return 0;
}

int fs_switches_set(struct fs_switches *t, const struct fs_handle *h, uint64_t owner, int64_t byte,
		    int type, bool *first)
{
	size_t own;
	int fd, code, other = switches_judge(t, h->node, owner, type, &fd, &own);

	if (first)
		*first = fd < 0 && type != F_UNLCK;
	if (type == F_UNLCK) {
		if (own < t->n)
			switches_drop(t, own);
		return 0;
	}
	if (other != F_UNLCK)
		return EAGAIN;
	if (own < t->n) {
		t->entry[own].type = type;
		return 0;
	}
	if (t->n == SWITCH_MAX)
		return ENOLCK;
	code = fd < 0 ? switches_lock(t, h, byte, &fd) : 0;
	if (code)
		return code;
	switches_add(t, &(struct switch_entry){.node = h->node,
					       .owner = owner,
					       .via = h->fd,
					       .type = type,
					       .byte = (uint64_t)byte,
					       .fd = fd});
	return 0;
}

int fs_switches_get(struct fs_switches *t, const struct fs_handle *h, uint64_t owner, int64_t byte,
		    int *type)
{
	struct flock range = {.l_type = F_WRLCK, .l_start = byte, .l_len = 1};
	size_t own;
	int fd, other = switches_judge(t, h->node, owner, *type, &fd, &own);

	if (fd < 0) { /* any lock of the host's */
		if (fcntl(h->fd, F_OFD_GETLK, &range) < 0)
			return errno;
		other = range.l_type;
	}
	*type = other;
	return 0;
}

void fs_switches_release(struct fs_switches *t, uint32_t node, uint64_t owner, uint64_t start,
			 uint64_t end)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->entry[i].node == node && t->entry[i].owner == owner &&
		    t->entry[i].byte >= start && t->entry[i].byte <= end) {
			switches_drop(t, i);
			return; /* a file has one such lock */
		}
}

bool fs_switches_drop_owner(struct fs_switches *t, uint32_t node, uint64_t owner)
{
	for (size_t i = t->n; i-- > 0;)
		if (t->entry[i].node == node && t->entry[i].owner == owner) {
			switches_drop(t, i);
			return true;
		}
	return false;
}

bool fs_switches_drop_handle(struct fs_switches *t, const struct fs_handle *h)
{
	bool any = false;

	for (size_t i = 0; i < t->n;)
		if (t->entry[i].via == h->fd) {
			switches_drop(t, i);
			any = true;
			i = 0; /* a gate may have gone, too */
		} else {
			i++;
		}
	return any;
}

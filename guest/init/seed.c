/* Theory of operation. Runs as root in the guest.
 *
 * 1. The seed is a directory the host filled for this run. It is mounted read-only below a directory
 *    only root may enter: it holds sshd's host key. Each file that is opened there takes an
 *    emulated guest two milliseconds, so the host packs them all into one, and they are read from a
 *    copy. Folders (the shared configuration) are read from the share.
 * 2. Entropy comes first: a guest started from a template shares its RNG state with every other
 *    clone until fresh bytes are credited and the generator is reseeded; no key may be made or used
 *    before that.
 * 3. Every value is read through seedread.h's bounded readers; a malformed one fails its stage. */
#include "base/clock.h"
#include "init/boot.h"
#include "init/seedread.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pack.h"
#include "base/text.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/random.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

static int seed_create(const char *name, const void *bytes, size_t n, struct err *e)
{
	AUTO_FREE char *path = mem_format(BOOT_SEED_FILE("%s"), name);

	return file_create(AT_FDCWD, path, bytes, n, 0600, e);
}

static int seed_unpack(struct err *e)
{
	AUTO_BUF struct buf pack = {0};
	struct pack_entry f;
	size_t at = 0;
	int rc;

	if (file_read(AT_FDCWD, BOOT_SEED_SHARE "/" NAME_SEED_PACK, NAME_SEED_PACK_MAX, &pack, e) <
	    0)
		return -1;
	while ((rc = pack_next(buf_data(&pack), buf_len(&pack), &at, &f, e)) > 0)
		if (seed_create(f.name, f.bytes, f.n, e) < 0)
			break;
	secret_wipe(pack.bytes, pack.size);
	return rc == 0 ? 0 : -1;
}

int seed_mount(struct boot *b, struct err *e)
{
	(void)b;
	mkdir(BOOT_SEED_DIR, 0700);
	if (chmod(BOOT_SEED_DIR, 0700) < 0)
		return err_sys(e, "chmod " BOOT_SEED_DIR);
	mkdir(BOOT_SEED_SHARE, 0700);
	mkdir(BOOT_SEED_FILES, 0700);
	return files_bind(NAME_EXPORT_SEED, BOOT_SEED_SHARE, MS_RDONLY | MS_NOEXEC, e) < 0
		       ? -1
		       : seed_unpack(e);
}

int seed_entropy(struct boot *b, struct err *e)
{
	struct {
		struct rand_pool_info info;
		unsigned char bytes[NAME_SEED_ENTROPY_SIZE];
	} pool = {.info = {.entropy_count = NAME_SEED_ENTROPY_SIZE * 8,
			   .buf_size = NAME_SEED_ENTROPY_SIZE}};
	AUTO_CLOSE int fd = -1;
	AUTO_BUF struct buf bytes = {0};
	int rc;

	(void)b;
	if (file_read(AT_FDCWD, BOOT_SEED_FILE(NAME_SEED_ENTROPY), NAME_SEED_ENTROPY_SIZE, &bytes,
		      e) < 0)
		return -1;
	if (buf_len(&bytes) != NAME_SEED_ENTROPY_SIZE)
		return err_set(e, "entropy: %zu bytes instead of %d", buf_len(&bytes),
			       NAME_SEED_ENTROPY_SIZE);
	memcpy(pool.bytes, buf_data(&bytes), NAME_SEED_ENTROPY_SIZE);
	secret_wipe(bytes.bytes, bytes.size);
	fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
	rc = fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0;
	secret_wipe(&pool, sizeof(pool));
	return rc ? err_sys(e, "reseed /dev/urandom") : 0;
}

/* Setting the clock is not free (the kernel rechecks timers), and a difference this small does no
 * harm. */
#define SEED_CLOCK_TOLERANCE_NS 10000000
#define SEED_COPY_MAX		(8 << 20)

int seed_set_clock(int64_t ns, struct err *e)
{
	struct timespec wanted = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	int64_t off;

	if (ns < 0)
		return err_set(e, "a time before 1970");
	off = ns - clock_wall_ns();
	if (off > -SEED_CLOCK_TOLERANCE_NS && off < SEED_CLOCK_TOLERANCE_NS)
		return 0;
	return clock_settime(CLOCK_REALTIME, &wanted) < 0 ? err_sys(e, "set the clock") : 0;
}

int seed_clock(struct boot *b, struct err *e)
{
	int64_t ns;

	(void)b;
	if (seedread_int_file(BOOT_SEED_FILE(NAME_SEED_CLOCK), 0, INT64_MAX, &ns, e) < 0)
		return -1;
	return seed_set_clock(ns, e);
}

/* In place: replacing a file of an overlay takes longer than the rest of a stage. Nothing reads
 * these yet. */
static int seed_overwrite(const char *path, const void *bytes, size_t n, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0)
		return err_sys(e, "open %s", path);
	return file_write_all(fd, bytes, n, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

/* RFC 4122, version 4. */
static void seed_format_uuid(unsigned char b[16], char out[38])
{
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(out, 38, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
}

/* The kernel makes its boot id when it is first asked for, which may have been before the template
 * was saved. */
static int seed_replace_boot_id(struct err *e)
{
	static const char path[] = NAME_GUEST_DIR "/boot_id",
			  shown[] = "/proc/sys/kernel/random/boot_id";
	unsigned char bytes[16];
	char uuid[38];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_sys(e, "getrandom");
	seed_format_uuid(bytes, uuid);
	if (file_create(AT_FDCWD, path, uuid, 37, 0444, e) < 0)
		return -1;
	if (mount(path, shown, NULL, MS_BIND, NULL) < 0)
		return err_sys(e, "mount %s", shown);
	return mount(NULL, shown, NULL,
		     MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
		       ? err_sys(e, "protect %s", shown)
		       : 0;
}

int seed_machine_id(struct boot *b, struct err *e)
{
	unsigned char bytes[16];
	char text[34];

	(void)b;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_sys(e, "getrandom");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	text[32] = '\n';
	return seed_overwrite("/etc/machine-id", text, 33, e) < 0 ? -1 : seed_replace_boot_id(e);
}

/* Rewrites one colon-separated table, giving the agent's line new numbers and freeing them where a
 * system account of the image has them (two names for one uid would let the wrong one win in ls and
 * ssh). */
static int seed_rewrite_table(const char *path, int id_field, long id, long second, struct err *e)
{
	AUTO_BUF struct buf in = {0}, out = {0};
	char *lines, *line;

	if (file_read(AT_FDCWD, path, 1 << 20, &in, e) < 0)
		return -1;
	(void)buf_text(&in);
	lines = (char *)in.bytes;
	while ((line = text_next_word(&lines, "\n"))) {
		char name[64] = "", rest[512] = "";
		long a = -1, c = -1;
		int n = id_field == 3
				? sscanf(line, "%63[^:]:%*[^:]:%ld:%ld:%511[^\n]", name, &a, &c,
					 rest)
				: sscanf(line, "%63[^:]:%*[^:]:%ld:%511[^\n]", name, &a, rest);

		if (n < 2) {
			buf_addf(&out, "%s\n", line);
			continue;
		}
		if (strcmp(name, NAME_AGENT_USER) == 0) {
			if (id_field == 3)
				buf_addf(&out, "%s:x:%ld:%ld:%s\n", name, id, second, rest);
			else
				buf_addf(&out, "%s:x:%ld:%s\n", name, id, rest);
		} else if (a != id || id == 0) {
			buf_addf(&out, "%s\n", line);
		}
	}
	return seed_overwrite(path, buf_data(&out), buf_len(&out), e);
}

/* nftw(3) passes no context. */
static uid_t seed_new_uid;
static gid_t seed_new_gid;

/* What the image put into the home belongs to the agent's old number. */
static int seed_give_to_agent(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return lchown(path, seed_new_uid, seed_new_gid);
}

int seed_identity(struct boot *b, struct err *e)
{
	int64_t uid, gid;

	b->uid = b->gid = 1000;
	if (seedread_int_file(BOOT_SEED_FILE(NAME_SEED_HOST_UID), 0, 0xfffffffe, &uid, e) < 0 ||
	    seedread_int_file(BOOT_SEED_FILE(NAME_SEED_HOST_GID), 0, 0xfffffffe, &gid, e) < 0)
		return -1;
	/* Root on the host (allowed in containers only) does not become root here: the agent would
	 * then pass every check of the guest. */
	if (uid == 0)
		return err_set(e, "the host user is root: the agent keeps uid 1000 and can only "
				  "write what others may");
	if (gid == 0)
		gid = uid;
	if (seed_rewrite_table("/etc/passwd", 3, (long)uid, (long)gid, e) < 0 ||
	    seed_rewrite_table("/etc/group", 2, (long)gid, 0, e) < 0)
		return -1;
	b->uid = (uid_t)uid;
	b->gid = (gid_t)gid;
	seed_new_uid = b->uid;
	seed_new_gid = b->gid;
	if (nftw(NAME_AGENT_HOME, seed_give_to_agent, 16, FTW_PHYS) != 0)
		return err_sys(e, "chown " NAME_AGENT_HOME);
	return 0;
}

int seed_sudo(struct boot *b, struct err *e)
{
	AUTO_BUF struct buf in = {0}, out = {0};
	char *lines, *line;
	int64_t sudo;

	(void)b;
	if (seedread_int_file(BOOT_SEED_FILE(NAME_SEED_AGENT_SUDO), 0, 1, &sudo, e) < 0)
		return -1;
	if (file_read(AT_FDCWD, "/etc/group", 1 << 20, &in, e) < 0)
		return -1;
	(void)buf_text(&in);
	lines = (char *)in.bytes;
	while ((line = text_next_word(&lines, "\n"))) {
		char *members = strncmp(line, "wheel:", 6) == 0 ? strrchr(line, ':') : NULL;

		if (members) /* never a member by the image's own doing, only by this run's */
			buf_addf(&out, "%.*s:%s\n", (int)(members - line), line,
				 sudo ? NAME_AGENT_USER : "");
		else
			buf_addf(&out, "%s\n", line);
	}
	return seed_overwrite("/etc/group", buf_data(&out), buf_len(&out), e);
}

int seed_copy(const char *from, const char *to, mode_t mode, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	int rc = file_read(AT_FDCWD, from, SEED_COPY_MAX, &bytes, e);

	if (rc == 0)
		rc = file_create(AT_FDCWD, to, buf_data(&bytes), buf_len(&bytes), mode, e);
	if (bytes.bytes)
		secret_wipe(bytes.bytes, bytes.size);
	return rc;
}

/* It is not needed any more, and what is gone cannot be read, even by root. */
int seed_unmount(struct boot *b, struct err *e)
{
	(void)b;
	if (umount2(BOOT_SEED_SHARE, 0) < 0)
		return err_sys(e, "unmount the seed");
	if (files_hide_root(e) < 0)
		return -1;
	return file_remove_tree(AT_FDCWD, BOOT_SEED_FILES, e);
}

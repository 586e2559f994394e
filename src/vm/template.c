/* Theory of operation. The cache is the user's own, but a disk can fail, a write can be cut short
 * and a faulty program can write anywhere: everything read here is checked before a guest is
 * started from it.
 *
 * 1. meta is parsed with bounds and types; its sizes must be those of the files, the memory's that
 *    of the machine.
 * 2. Every byte that is used is covered by a checksum (XXH3, 128 bits: damage, not malice; who can
 *    write to the cache can run programs as this user anyway). The memory's is looked at once after
 *    each start of the computer, and when its file was written to since: any changed bit, unless
 *    the disk itself changed it, is noticed at the next start from it.
 * 3. That happens while QEMU starts, and before it is given a guest: until template_load has
 *    returned, QEMU runs nothing hostile. QEMU has the file open for reading and is confined to
 *    that, so a guest that takes it over cannot reach later sessions. */
#include "vm/template.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/owner.h"
#include "vm/checked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <xxhash.h>

#define TEMPLATE_META_MAX  65536
#define TEMPLATE_STATE_MAX (64 << 20)

struct template_meta {
	int64_t memory_mib, cores, made_at, state_size;
	char image[80], qemu_version[32], ram_hash[RAMFILE_HASH_SIZE],
		state_hash[RAMFILE_HASH_SIZE];
};

void template_init(struct template *t)
{
	memset(t, 0, sizeof(*t));
	t->ram_fd = t->dir_fd = -1;
}

void template_fini(struct template *t)
{
	if (t->ram_fd >= 0)
		close(t->ram_fd);
	if (t->dir_fd >= 0)
		close(t->dir_fd);
	buf_fini(&t->state);
	template_init(t);
}

static void template_hash_text(char out[RAMFILE_HASH_SIZE], XXH128_hash_t hash)
{
	snprintf(out, RAMFILE_HASH_SIZE, "%016llx%016llx", (unsigned long long)hash.high64,
		 (unsigned long long)hash.low64);
}

/* ---- meta ---- */

static bool template_meta_int(struct json_value json, const char *name, int64_t *out)
{
	return json_int(json_member(json, name), 0, INT64_C(1000000000000000), out);
}

static bool template_meta_text(struct json_value json, const char *name, char *out, size_t size)
{
	AUTO_FREE char *text = json_text(json_member(json, name));

	if (!text || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool template_meta_parse(const char *text, size_t n, struct template_meta *m)
{
	struct json_value json;
	int64_t format = 0;

	memset(m, 0, sizeof(*m));
	json_open(text, n, &json);
	return template_meta_int(json, "format", &format) && format == 1 &&
	       template_meta_int(json, "memory_mib", &m->memory_mib) &&
	       template_meta_int(json, "cores", &m->cores) &&
	       template_meta_int(json, "made_at", &m->made_at) &&
	       template_meta_int(json, "state_size", &m->state_size) &&
	       template_meta_text(json, "image", m->image, sizeof(m->image)) &&
	       template_meta_text(json, "qemu_version", m->qemu_version, sizeof(m->qemu_version)) &&
	       template_meta_text(json, "ram_hash", m->ram_hash, sizeof(m->ram_hash)) &&
	       template_meta_text(json, "state_hash", m->state_hash, sizeof(m->state_hash));
}

static char *template_meta_format(const struct template_meta *m)
{
	AUTO_BUF struct buf json = {0};

	json_begin(&json);
	json_add_int(&json, "format", 1);
	json_add_string(&json, "image", m->image);
	json_add_string(&json, "qemu_version", m->qemu_version);
	json_add_int(&json, "memory_mib", m->memory_mib);
	json_add_int(&json, "cores", m->cores);
	json_add_int(&json, "made_at", m->made_at);
	json_add_int(&json, "state_size", m->state_size);
	json_add_string(&json, "ram_hash", m->ram_hash);
	json_add_string(&json, "state_hash", m->state_hash);
	json_end(&json);
	return mem_strdup(buf_text(&json));
}

/* 1 read, 0 not there, -1 damaged. */
static int template_meta_read(int dirfd, struct template_meta *m, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	if (file_read(dirfd, "meta", TEMPLATE_META_MAX, &text, e) < 0)
		return e->sys == ENOENT ? 0 : -1;
	if (!template_meta_parse(buf_text(&text), buf_len(&text), m))
		return err_set(e, "malformed description");
	return 1;
}

/* QEMU 7.2 and 8.1 open a memory file for writing even where they map it private; 8.2 has
 * readonly=on,rom=off. */
static bool template_qemu_is_old(const char *version)
{
	int major = 0, minor = 0;

	return sscanf(version, "%d.%d", &major, &minor) != 2 || major < 8 ||
	       (major == 8 && minor < 2);
}

/* ---- opening ---- */

static int template_check_state(struct template *t, int dirfd, const struct template_meta *m,
				struct err *e)
{
	char hash[RAMFILE_HASH_SIZE];

	if (file_read(dirfd, "state", TEMPLATE_STATE_MAX, &t->state, e) < 0)
		return -1;
	template_hash_text(hash, XXH3_128bits(buf_data(&t->state), buf_len(&t->state)));
	if ((int64_t)buf_len(&t->state) != m->state_size || strcmp(hash, m->state_hash) != 0)
		return err_set(e, "the devices' state is damaged");
	return 0;
}

static int template_open_ram(struct template *t, const struct template_meta *meta, struct err *e)
{
	struct stat st;

	t->ram_size = meta->memory_mib << 20;
	memcpy(t->ram_hash, meta->ram_hash, sizeof(t->ram_hash));
	t->ram_fd = openat(t->dir_fd, "ram", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (t->ram_fd < 0 || fstat(t->ram_fd, &st) < 0)
		return err_sys(e, "open its memory");
	if (!S_ISREG(st.st_mode) || st.st_size != t->ram_size)
		return err_set(e, "its memory has %lld bytes instead of %lld",
			       (long long)st.st_size, (long long)t->ram_size);
	t->old_qemu = template_qemu_is_old(meta->qemu_version);
	return 0;
}

static int template_read(struct template *t, const struct machine *m, struct err *e)
{
	struct template_meta meta;
	int rc = template_meta_read(t->dir_fd, &meta, e);

	if (rc <= 0)
		return rc;
	if (meta.memory_mib != m->size.memory_mib || meta.cores != m->size.cores)
		return err_set(e, "it was made for another machine");
	if (template_check_state(t, t->dir_fd, &meta, e) < 0 || template_open_ram(t, &meta, e) < 0)
		return -1;
	/* Marks it as used now; the least recently used goes first when space is needed. */
	(void)utimensat(t->dir_fd, "meta", NULL, 0);
	return 1;
}

static int template_give_up(struct template *t, const struct machine *m, struct err *e)
{
	template_fini(t);
	template_remove(m->host, m->key);
	return err_wrap(e, "the template is unusable and was removed");
}

int template_open(struct template *t, const struct machine *m, struct err *e)
{
	const char *const cache = m->host->templates;
	AUTO_FREE char *dir = mem_format("%s/%s", cache, m->key);
	const char *doubt;
	int rc;

	t->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir_fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", dir);
	/* Its checksums lie beside it, so anyone who can write here can give a session any
	 * guest. */
	doubt = owner_doubt_path(cache);
	if (!doubt)
		doubt = owner_doubt_path(dir);
	if (doubt)
		return err_set(e, "the saved guests in %s are not used: %s (chmod -R go-w %s)",
			       cache, doubt, cache);
	rc = template_read(t, m, e);
	return rc < 0 ? template_give_up(t, m, e) : rc;
}

static int template_check(const struct template *t, struct err *e)
{
	static const char note[] = "checked";
	char hash[RAMFILE_HASH_SIZE] = "", before[CHECKED_TEXT_MAX], after[CHECKED_TEXT_MAX];
	const bool described = checked_describe(t->ram_fd, time(NULL), before);

	if (described && checked_is_noted(t->dir_fd, note, before))
		return 0;
	if (ramfile_copy(t->ram_fd, -1, t->ram_size, hash, e) < 0)
		return -1;
	if (strcmp(hash, t->ram_hash) != 0)
		return err_set(e, "its memory is damaged");
	if (described && checked_describe(t->ram_fd, time(NULL), after) &&
	    strcmp(before, after) == 0)
		checked_note(t->dir_fd, note, after);
	return 0;
}

int template_load(struct template *t, const struct machine *m, struct err *e)
{
	return template_check(t, e) < 0 ? template_give_up(t, m, e) : 0;
}

/* ---- saving ---- */

int template_lock(const struct hostenv *host, struct err *e)
{
	const char *const cache = host->templates;
	AUTO_FREE char *path = mem_format("%s/.lock", cache);
	AUTO_CLOSE int fd = -1;

	if (file_mkdirs(cache, 0700, e) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "lock %s", path);
	return mem_steal_fd(&fd);
}

static int template_write_files(int dirfd, const struct machine *m, int ram,
				const struct buf *state, const char *qemu_version, struct err *e)
{
	const off_t size = (off_t)m->size.memory_mib << 20;
	struct template_meta meta = {.memory_mib = m->size.memory_mib,
				     .cores = m->size.cores,
				     .made_at = time(NULL),
				     .state_size = (int64_t)buf_len(state)};
	AUTO_CLOSE int file = openat(dirfd, "ram", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	AUTO_FREE char *text = NULL;

	if (file < 0 || ftruncate(file, size) < 0)
		return err_sys(e, "make the template's memory file");
	if (ramfile_copy(ram, file, size, meta.ram_hash, e) < 0)
		return -1;
	if (fchmod(file, 0400) < 0)
		return err_sys(e, "chmod");
	if (file_create(dirfd, "state", buf_data(state), buf_len(state), 0400, e) < 0)
		return -1;
	template_hash_text(meta.state_hash, XXH3_128bits(buf_data(state), buf_len(state)));
	snprintf(meta.image, sizeof(meta.image), "%s", m->image->id);
	snprintf(meta.qemu_version, sizeof(meta.qemu_version), "%s", qemu_version);
	text = template_meta_format(&meta);
	return file_create(dirfd, "meta", text, strlen(text), 0600, e);
}

int template_save(const struct machine *m, int ram, const struct buf *state,
		  const char *qemu_version, struct err *e)
{
	const char *const cache = m->host->templates;
	AUTO_FREE char *fresh = mem_format("%s/.new-%s", cache, m->key);
	AUTO_FREE char *final = mem_format("%s/%s", cache, m->key);
	AUTO_CLOSE int dirfd = -1;
	struct err ignored;

	/* left by a killed maker; the lock shows that no process uses it */
	(void)file_remove_tree(AT_FDCWD, fresh, &ignored);
	if (mkdir(fresh, 0700) < 0)
		return err_sys(e, "make %s", fresh);
	dirfd = open(fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || template_write_files(dirfd, m, ram, state, qemu_version, e) < 0) {
		if (dirfd < 0)
			err_sys(e, "open %s", fresh);
		(void)file_remove_tree(AT_FDCWD, fresh, &ignored);
		return -1;
	}
	template_remove(m->host, m->key);
	return rename(fresh, final) < 0 ? err_sys(e, "rename %s", fresh) : 0;
}

/* ---- the cache as a whole ---- */

static bool template_is_key(const char *name)
{
	return strlen(name) == MACHINE_KEY_SIZE - 1 &&
	       strspn(name, "0123456789abcdef") == MACHINE_KEY_SIZE - 1;
}

static bool template_describe(const char *cache, const char *key, struct template_info *out)
{
	AUTO_FREE char *dir = mem_format("%s/%s", cache, key);
	AUTO_CLOSE int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct template_meta meta;
	struct stat ram, state, used;
	struct err ignored;

	if (dirfd < 0 || template_meta_read(dirfd, &meta, &ignored) <= 0 ||
	    fstatat(dirfd, "ram", &ram, 0) < 0 || fstatat(dirfd, "state", &state, 0) < 0 ||
	    fstatat(dirfd, "meta", &used, 0) < 0)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->key, key, MACHINE_KEY_SIZE);
	memcpy(out->image, meta.image, sizeof(out->image));
	memcpy(out->qemu_version, meta.qemu_version, sizeof(out->qemu_version));
	out->memory_mib = meta.memory_mib;
	out->cores = meta.cores;
	out->made_at = meta.made_at;
	out->used_at = used.st_mtim.tv_sec;
	out->bytes = ((int64_t)ram.st_blocks + state.st_blocks + used.st_blocks) * 512;
	return true;
}

static int template_compare_use(const void *a, const void *b)
{
	const struct template_info *x = a, *y = b;

	return x->used_at < y->used_at ? 1 : x->used_at > y->used_at ? -1 : strcmp(x->key, y->key);
}

struct template_info *template_list(const struct hostenv *host, size_t *n)
{
	const char *const cache = host->templates;
	struct template_info *all = NULL;
	DIR *dir = opendir(cache);
	struct dirent *entry;

	*n = 0;
	while (dir && (entry = readdir(dir))) {
		if (!template_is_key(entry->d_name))
			continue;
		all = mem_resize(all, *n + 1, sizeof(*all));
		if (template_describe(cache, entry->d_name, &all[*n]))
			(*n)++;
	}
	if (dir)
		closedir(dir);
	if (all)
		qsort(all, *n, sizeof(*all), template_compare_use);
	return all;
}

int template_remove(const struct hostenv *host, const char *key)
{
	const char *const cache = host->templates;
	AUTO_FREE char *dir = mem_format("%s/%s", cache, key);
	struct err ignored;

	if (!template_is_key(key) || access(dir, F_OK) < 0)
		return 0;
	return file_remove_tree(AT_FDCWD, dir, &ignored) == 0;
}

int template_remove_of_image(const struct hostenv *host, const char *image)
{
	size_t n;
	AUTO_FREE struct template_info *all = template_list(host, &n);
	int removed = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].image, image) == 0)
			removed += template_remove(host, all[i].key);
	return removed;
}

int template_prune(const struct hostenv *host, int64_t max_bytes, const char *keep)
{
	size_t n;
	AUTO_FREE struct template_info *all = template_list(host, &n);
	int64_t sum = 0;
	int removed = 0;

	for (size_t i = 0; i < n; i++)
		sum += all[i].bytes;
	for (size_t i = n; i > 0 && sum > max_bytes; i--) {
		if (keep && strcmp(all[i - 1].key, keep) == 0)
			continue;
		sum -= all[i - 1].bytes;
		removed += template_remove(host, all[i - 1].key);
	}
	return removed;
}

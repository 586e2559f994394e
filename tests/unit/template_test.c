/* areas: base
 * files: src/vm/template.c src/vm/checked.c src/vm/ramfile.c src/vm/image.c
 * Saved guests on disk: what comes back, each way one can be damaged, and what goes first when
 * space is needed. */
#include "unit/unit.h"

#include "base/file.h"
#include "vm/template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MEMORY_MIB 4

static char top[64], cache[96];
static const struct hostenv host = {.templates = cache};

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/ccvm-template-XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(cache, sizeof(cache), "%s/ccvm/templates", top);
	return 0;
}

static int teardown(void **state)
{
	struct err e;

	(void)state;
	return file_remove_tree(AT_FDCWD, top, &e);
}

static struct machine machine(char digit)
{
	static char id[] = "image-1";
	static const struct image image = {.id = id};
	struct machine m = {.size = {MEMORY_MIB, 2}, .image = &image, .host = &host};

	memset(m.key, digit, MACHINE_KEY_SIZE - 1);
	return m;
}

/* Memory with something in its first, a middle and its last page. */
static int fill_ram(void)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, MEMORY_MIB << 20), 0);
	assert_int_equal(pwrite(fd, "first", 5, 0), 5);
	assert_int_equal(pwrite(fd, "middle", 6, (1 << 20) + 5000), 6);
	assert_int_equal(pwrite(fd, "last", 4, (MEMORY_MIB << 20) - 4), 4);
	return fd;
}

static void save(const struct machine *m, const char *qemu_version)
{
	AUTO_CLOSE int ram = fill_ram();
	AUTO_BUF struct buf devices = {0};
	struct err e;

	buf_add(&devices, "devices\0state", 13);
	AUTO_CLOSE int lock = template_lock(&host, &e);
	assert_true(lock >= 0);
	assert_int_equal(template_save(m, ram, &devices, qemu_version, &e), 0);
}

static void expect_ram(int fd)
{
	char bytes[8] = "";

	assert_int_equal(lseek(fd, 0, SEEK_END), MEMORY_MIB << 20);
	assert_int_equal(pread(fd, bytes, 5, 0), 5);
	assert_string_equal(bytes, "first");
	assert_int_equal(pread(fd, bytes, 6, (1 << 20) + 5000), 6);
	assert_string_equal(bytes, "middle");
	assert_int_equal(pread(fd, bytes, 4, (MEMORY_MIB << 20) - 4), 4);
	assert_memory_equal(bytes, "last", 4);
	assert_int_equal(pread(fd, bytes, 1, 2 << 20), 1);
	assert_int_equal(bytes[0], 0);
}

static int open_and_load(struct template *t, const struct machine *m, struct err *e)
{
	int found = template_open(t, m, e);

	return found > 0 && template_load(t, m, e) < 0 ? -1 : found;
}

static void test_saved_comes_back(void **state)
{
	struct machine m = machine('a');
	struct template t;
	struct err e;

	(void)state;
	template_init(&t);
	assert_int_equal(template_open(&t, &m, &e), 0);
	save(&m, "7.2.22");
	assert_int_equal(open_and_load(&t, &m, &e), 1);
	assert_true(t.old_qemu);
	expect_ram(t.ram_fd);
	assert_int_equal(buf_len(&t.state), 13);
	assert_memory_equal(buf_data(&t.state), "devices\0state", 13);
	template_fini(&t);
}

/* A guest that took its QEMU over can neither write to the memory nor map it for writing. */
static void test_memory_cannot_be_written(void **state)
{
	struct machine m = machine('a');
	struct template t;
	struct err e;

	(void)state;
	template_init(&t);
	save(&m, "7.2.22");
	assert_int_equal(open_and_load(&t, &m, &e), 1);
	assert_int_equal(fcntl(t.ram_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, t.ram_fd, 0),
			 MAP_FAILED);
	char *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, t.ram_fd, 0);
	assert_ptr_not_equal(private, MAP_FAILED);
	private[0] = 'F';
	expect_ram(t.ram_fd);
	munmap(private, 4096);
	template_fini(&t);
}

static void test_old_qemu_is_known(void **state)
{
	static const struct {
		const char *version;
		bool old;
	} cases[] = {{"8.1.5", true},
		     {"8.2.0", false},
		     {"10.0.2", false},
		     {"7.2", true},
		     {"of my own", true}};
	struct machine m = machine('a');

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct template t;
		struct err e;

		template_init(&t);
		save(&m, cases[i].version);
		assert_int_equal(open_and_load(&t, &m, &e), 1);
		assert_int_equal(t.old_qemu, cases[i].old);
		template_fini(&t);
	}
}

/* ---- damage: each is noticed, and the template removed ---- */

static void path_of(const struct machine *m, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s/%s", cache, m->key, name);
	chmod(path, 0600);
}

static void flip(const char *path, off_t at)
{
	AUTO_CLOSE int fd = open(path, O_RDWR);
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void flip_ram(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/ram", dir);
	flip(path, (1 << 20) + 5003);
}

static void flip_zero_page(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/ram", dir);
	flip(path, (3 << 20) + 17);
}

static void flip_state(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/state", dir);
	flip(path, 3);
}

static void cut_ram(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/ram", dir);
	assert_int_equal(truncate(path, 1 << 20), 0);
}

static void cut_state(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/state", dir);
	assert_int_equal(truncate(path, 4), 0);
}

static void remove_ram(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/ram", dir);
	assert_int_equal(unlink(path), 0);
}

static void link_ram(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/ram", dir), *other = mem_format("%s/elsewhere", dir);

	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
}

static void garble_meta(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/meta", dir);
	flip(path, 0);
}

static void forge_hash(const char *dir)
{
	AUTO_FREE char *path = mem_format("%s/meta", dir);
	AUTO_BUF struct buf text = {0};
	struct err e;
	char *at;

	assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, &e), 0);
	at = strstr((char *)(uintptr_t)buf_text(&text), "ram_hash");
	assert_non_null(at);
	flip(path, at - buf_text(&text) + 13);
}

static void test_damage_is_noticed(void **state)
{
	static const struct {
		const char *what;
		void (*damage)(const char *dir);
	} cases[] = {
		{"memory bit", flip_ram},	{"zero page", flip_zero_page},
		{"state bit", flip_state},	{"short memory", cut_ram},
		{"short state", cut_state},	{"no memory", remove_ram},
		{"memory is a link", link_ram}, {"meta", garble_meta},
		{"hash", forge_hash},
	};
	static const char *const versions[] = {"7.2.22", "10.0.2"};
	struct machine m = machine('d');

	(void)state;
	for (size_t v = 0; v < ARRAY_LEN(versions); v++)
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			char dir[200], path[220];
			struct template t;
			struct err e;

			template_init(&t);
			save(&m, versions[v]);
			snprintf(dir, sizeof(dir), "%s/%s", cache, m.key);
			path_of(&m, "ram", path, sizeof(path));
			path_of(&m, "state", path, sizeof(path));
			cases[i].damage(dir);
			if (open_and_load(&t, &m, &e) != -1)
				fail_msg("%s: not noticed (QEMU %s)", cases[i].what, versions[v]);
			assert_non_null(strstr(e.text, "removed"));
			assert_int_equal(access(dir, F_OK), -1);
			assert_int_equal(t.ram_fd, -1);
		}
}

static void test_other_machine(void **state)
{
	struct machine m = machine('a'), larger = machine('a');
	struct template t;
	struct err e;

	(void)state;
	template_init(&t);
	save(&m, "7.2.22");
	larger.size.memory_mib = 2 * MEMORY_MIB;
	assert_int_equal(template_open(&t, &larger, &e), -1);
}

/* ---- the cache ---- */

static void used_at(const struct machine *m, time_t when)
{
	char path[200];
	struct timespec times[2] = {{when, 0}, {when, 0}};

	path_of(m, "meta", path, sizeof(path));
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_least_recently_used_goes_first(void **state)
{
	struct machine a = machine('a'), b = machine('b'), c = machine('c');
	struct template_info *all;
	size_t n;

	(void)state;
	save(&a, "7.2.22");
	save(&b, "7.2.22");
	save(&c, "7.2.22");
	used_at(&a, 3000);
	used_at(&b, 1000);
	used_at(&c, 2000);
	all = template_list(&host, &n);
	assert_int_equal(n, 3);
	assert_string_equal(all[0].key, a.key);
	assert_string_equal(all[2].key, b.key);
	assert_string_equal(all[0].image, "image-1");
	assert_int_equal(all[0].memory_mib, MEMORY_MIB);
	assert_true(all[0].bytes >= 3 * 4096 && all[0].bytes < 1 << 20); /* holes take no space */
	int64_t two = all[0].bytes + all[1].bytes;
	free(all);
	assert_int_equal(template_prune(&host, two, NULL), 1);
	all = template_list(&host, &n);
	assert_int_equal(n, 2);
	assert_string_equal(all[1].key, c.key);
	free(all);
	/* the new one stays, whatever its size */
	assert_int_equal(template_prune(&host, 0, c.key), 1);
	assert_int_equal(template_remove_of_image(&host, "another"), 0);
	assert_int_equal(template_remove_of_image(&host, "image-1"), 1);
	all = template_list(&host, &n);
	assert_int_equal(n, 0);
	free(all);
}

static void test_one_maker_at_a_time(void **state)
{
	struct err e;
	int first, second;

	(void)state;
	first = template_lock(&host, &e);
	assert_true(first >= 0);
	second = template_lock(&host, &e);
	assert_int_equal(second, -1);
	assert_int_equal(e.sys, EWOULDBLOCK);
	close(first);
	second = template_lock(&host, &e);
	assert_true(second >= 0);
	close(second);
}

/* A maker that was killed leaves its half behind: it is no template, and the next maker takes
 * its place. */
static void test_half_of_a_template(void **state)
{
	struct machine m = machine('a');
	AUTO_FREE char *half = mem_format("%s/.new-%s", cache, m.key);
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(file_mkdirs(half, 0700, &e), 0);
	free(template_list(&host, &n));
	assert_int_equal(n, 0);
	save(&m, "7.2.22");
	free(template_list(&host, &n));
	assert_int_equal(n, 1);
	assert_int_equal(access(half, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_saved_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_cannot_be_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_qemu_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_least_recently_used_goes_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_one_maker_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_of_a_template, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

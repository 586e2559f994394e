/* areas: base
 * files: src/vm/ramfile.c
 * A saved guest's memory: copied and hashed by however many threads there are. */
#include "unit/unit.h"

#include "vm/ramfile.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MIB  ((off_t)1 << 20)
#define SIZE (100 * MIB) /* some chunks, the last one short */

static void put(int fd, off_t page, int value)
{
	unsigned char bytes[4096];

	memset(bytes, value, sizeof(bytes));
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), page * 4096), sizeof(bytes));
}

/* Holes, zeros that were written, runs that cross the bounds of blocks and chunks, the first
 * page and the last. */
static int memory(void)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, SIZE), 0);
	put(fd, 0, 1);
	for (off_t page = 200; page < 300; page++)
		put(fd, page, page % 7 ? 3 : 0);
	for (off_t page = 16 * 256 - 2; page < 16 * 256 + 2; page++)
		put(fd, page, (int)page);
	for (off_t page = 40 * 256; page < 70 * 256; page += 3)
		put(fd, page, (int)(page % 250) + 1);
	put(fd, SIZE / 4096 - 1, 9);
	return fd;
}

static int empty(off_t size)
{
	int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void assert_same(int a, int b)
{
	unsigned char x[65536], y[65536];

	for (off_t at = 0; at < SIZE; at += (off_t)sizeof(x)) {
		assert_int_equal(pread(a, x, sizeof(x), at), sizeof(x));
		assert_int_equal(pread(b, y, sizeof(y), at), sizeof(y));
		if (memcmp(x, y, sizeof(x)) != 0)
			fail_msg("the copy differs behind %lld", (long long)at);
	}
}

static void test_copy(void **state)
{
	AUTO_CLOSE int ram = memory(), copy = empty(SIZE);
	char hash[RAMFILE_HASH_SIZE], again[RAMFILE_HASH_SIZE];
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(ramfile_copy(ram, copy, SIZE, hash, &e), 0);
	assert_same(ram, copy);
	assert_int_equal(fstat(copy, &st), 0);
	assert_true(st.st_blocks * 512 < 12 * MIB); /* a third of 30 MiB: zeros took no place */
	assert_int_equal(strlen(hash), RAMFILE_HASH_SIZE - 1);
	/* holes where there were zeros */
	assert_int_equal(ramfile_copy(copy, -1, SIZE, again, &e), 0);
	assert_string_equal(hash, again);
}

/* One processor: the caller does it all. */
static int hash_alone(void *expected)
{
	AUTO_CLOSE int ram = memory();
	char hash[RAMFILE_HASH_SIZE];
	cpu_set_t cpus;
	struct err e;
	int cpu = 0;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) == 0 &&
			       ramfile_copy(ram, -1, SIZE, hash, &e) == 0 &&
			       strcmp(hash, expected) == 0
		       ? 0
		       : 1;
}

static void test_hash(void **state)
{
	AUTO_CLOSE int ram = memory();
	char hash[RAMFILE_HASH_SIZE], other[RAMFILE_HASH_SIZE];
	struct err e;

	(void)state;
	assert_int_equal(ramfile_copy(ram, -1, SIZE, hash, &e), 0);
	assert_int_equal(unit_child(hash_alone, hash), 0);
	assert_int_equal(pwrite(ram, "!", 1, 50 * MIB + 5), 1);
	assert_int_equal(ramfile_copy(ram, -1, SIZE, other, &e), 0);
	assert_string_not_equal(hash, other);
	put(ram, 0, 0); /* the same page elsewhere is another memory */
	put(ram, 1, 1);
	assert_int_equal(ramfile_copy(ram, -1, SIZE, hash, &e), 0);
	assert_string_not_equal(hash, other);
}

static void test_failures(void **state)
{
	AUTO_CLOSE int ram = memory(), sealed = empty(SIZE);
	char hash[RAMFILE_HASH_SIZE];
	struct err e;

	(void)state;
	assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_int_equal(ramfile_copy(ram, sealed, SIZE, hash, &e), -1);
	assert_non_null(strstr(e.text, "write the memory"));
	assert_int_equal(ftruncate(ram, SIZE - 5000), 0);
	put(ram, SIZE / 4096 - 3, 1);
	assert_int_equal(ramfile_copy(ram, -1, SIZE, hash, &e), -1);
	assert_non_null(strstr(e.text, "ends early"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_copy), cmocka_unit_test(test_hash),
					   cmocka_unit_test(test_failures)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

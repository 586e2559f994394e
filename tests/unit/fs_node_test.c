/* areas: base fs
 * The table of what a guest's kernel knows: found by identity and by name, whatever the table's
 * size. */
#include "unit/unit.h"

#include "fs/fs_node.h"

#include <stdio.h>
#include <sys/stat.h>

#define MANY 20000

static struct fs_identity identity(uint64_t i)
{
	return (struct fs_identity){.inode = i * 7919, .type = S_IFREG};
}

static void assert_found(struct fs_nodes *t, uint32_t parent, const uint32_t *number, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct fs_identity id = identity(i);
		struct fs_node *found = fs_nodes_find(t, 0, &id);
		char name[32];

		snprintf(name, sizeof(name), "name%u", i);
		assert_true(found && fs_nodes_number(t, found) == number[i]);
		assert_ptr_equal(fs_nodes_find_entry(t, parent, name), found);
		assert_null(fs_nodes_find_entry(t, parent + 1, name));
	}
}

static void test_found_at_any_size(void **state)
{
	struct fs_nodes *t = fs_nodes_new(NULL, NULL);
	const struct fs_identity top = {.device = 1, .inode = 1, .type = S_IFDIR};
	uint32_t parent, number[MANY];
	char name[32];

	(void)state;
	parent = fs_nodes_number(t, fs_nodes_add(t, 0, &top, 0, "top"));
	for (uint32_t i = 0; i < MANY; i++) {
		const struct fs_identity id = identity(i);

		snprintf(name, sizeof(name), "name%u", i);
		number[i] = fs_nodes_number(t, fs_nodes_add(t, 0, &id, parent, name));
		if (((i + 2) & (i + 1)) == 0 || ((i + 1) & i) == 0) /* the table grows about here */
			assert_found(t, parent, number, i + 1);
	}
	assert_found(t, parent, number, MANY);
	for (uint32_t i = 0; i < MANY; i += 2) {
		snprintf(name, sizeof(name), "moved%u", i);
		assert_true(fs_nodes_move(t, fs_nodes_get(t, number[i]), parent, name));
		assert_ptr_equal(fs_nodes_find_entry(t, parent, name), fs_nodes_get(t, number[i]));
		snprintf(name, sizeof(name), "name%u", i);
		assert_null(fs_nodes_find_entry(t, parent, name));
	}
	for (uint32_t i = 0; i < MANY; i++)
		fs_nodes_forget(t, number[i], 1);
	assert_int_equal(fs_nodes_count(t), 1);
	assert_null(fs_nodes_find_entry(t, parent, "name1"));
	fs_nodes_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_found_at_any_size)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

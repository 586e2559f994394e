/* areas: base
 * The byte queue against a plain array, its ends, and what stops the process. */
#include "unit/unit.h"

#include "base/buf.h"

static void test_empty(void **state)
{
	AUTO_BUF struct buf b = {0};

	(void)state;
	assert_int_equal(buf_len(&b), 0);
	assert_non_null(buf_data(&b));
	buf_add(&b, NULL, 0);
	assert_int_equal(b.size, 0);
	assert_string_equal(buf_text(&b), "");
	buf_drop(&b, 0);
	buf_fini(&b);
	assert_non_null(buf_data(&b));
}

/* A fixed sequence of numbers, the same in every run. */
static unsigned next(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static void test_against_array(void **state)
{
	enum { SIZE = 1 << 20 };
	AUTO_FREE unsigned char *model = mem_alloc(SIZE);
	AUTO_BUF struct buf b = {0};
	size_t start = 0, end = 0;
	unsigned seed = 1;

	(void)state;
	while (end < SIZE - 4096) {
		size_t n = next(&seed) % 700;
		size_t gone = next(&seed) % 900;

		for (size_t i = 0; i < n; i++)
			model[end + i] = (unsigned char)next(&seed);
		if (n % 2) {
			buf_add(&b, model + end, n);
		} else {
			memcpy(buf_room(&b, n + 100), model + end, n);
			buf_grew(&b, n);
		}
		end += n;
		gone = gone > end - start ? end - start : gone;
		buf_drop(&b, gone);
		start += gone;
		assert_int_equal(buf_len(&b), end - start);
		assert_memory_equal(buf_data(&b), model + start, end - start);
		assert_int_equal(buf_text(&b)[end - start], 0);
	}
	/* a queue that is emptied does not grow with what went through */
	assert_true(b.size <= 8192);
}

static void test_addf(void **state)
{
	AUTO_BUF struct buf b = {0};

	(void)state;
	buf_addf(&b, "%s", "");
	for (int i = 0; i < 300; i++)
		buf_addf(&b, "%03d", i);
	assert_int_equal(buf_len(&b), 900);
	assert_memory_equal(buf_data(&b), "000001002", 9);
	assert_string_equal(buf_text(&b) + 894, "298299");
}

static int drop_too_much(void *ctx)
{
	buf_drop(ctx, 4);
	return 0;
}

static int grow_too_much(void *ctx)
{
	struct buf *b = ctx;

	buf_grew(b, b->size - b->end + 1);
	return 0;
}

static int room_too_large(void *ctx)
{
	return buf_room(ctx, SIZE_MAX - 1) != NULL;
}

static void test_stops(void **state)
{
	AUTO_BUF struct buf b = {0};

	(void)state;
	buf_add(&b, "abc", 3);
	unit_expect_abort(drop_too_much, &b, "drop of more than there is");
	unit_expect_abort(grow_too_much, &b, "commit of more than the room");
	unit_expect_abort(room_too_large, &b, "a size that overflows");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_against_array),
		cmocka_unit_test(test_addf),
		cmocka_unit_test(test_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

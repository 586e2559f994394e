/* areas: base
 * Decimal numbers: what is one, what is not, and the bounds. */
#include "unit/unit.h"

#include "base/number.h"

static void numbers_are_strict(void **state)
{
	static const struct {
		const char *text;
		int64_t least, most, value;
		bool ok;
	} cases[] = {
		{"0", 0, 9, 0, true},
		{"007", 0, 9, 7, true},
		{"65535", 1, 65535, 65535, true},
		{"65536", 1, 65535, 0, false},
		{"0", 1, 65535, 0, false},
		{"", 0, 9, 0, false},
		{"-", -9, 9, 0, false},
		{"-3", -9, 9, -3, true},
		{"-0", 0, 9, 0, false},
		{"+3", 0, 9, 0, false},
		{" 3", 0, 9, 0, false},
		{"3 ", 0, 9, 0, false},
		{"0x3", 0, 9, 0, false},
		{"3.0", 0, 9, 0, false},
		{"1e3", 0, 9999, 0, false},
		{"\xd9\xa3", 0, 9, 0, false}, /* a digit of another script */
		{"9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, true},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, true},
		{"9223372036854775808", INT64_MIN, INT64_MAX, 0, false},
		{"-9223372036854775809", INT64_MIN, INT64_MAX, 0, false},
		{"99999999999999999999999999", INT64_MIN, INT64_MAX, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t value = 42;
		bool ok = number_parse(cases[i].text, cases[i].least, cases[i].most, &value);

		if (ok != cases[i].ok || value != (ok ? cases[i].value : 42))
			fail_msg("\"%s\": %d, %lld", cases[i].text, ok, (long long)value);
	}
}

static void a_text_may_begin_with_one(void **state)
{
	int64_t value = 0;

	(void)state;
	assert_string_equal(number_take("12;rest", &value), ";rest");
	assert_int_equal(value, 12);
	assert_string_equal(number_take("-7", &value), "");
	assert_int_equal(value, -7);
	assert_null(number_take("x1", &value));
	assert_null(number_take("99999999999999999999", &value));
	assert_int_equal(value, -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(a_text_may_begin_with_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* areas: base
 * UTF-8 against the table of well-formed sequences, by both decoders, and the characters that
 * may be shown. */
#include "unit/unit.h"

#include <string.h>

#include "base/text.h"

/* Table 3-7 of Unicode 15, written down again. */
static bool is_well_formed(const unsigned char *b, size_t n)
{
	static const struct {
		size_t n;
		unsigned char first[2], second[2];
	} table[] = {
		{1, {0x00, 0x7f}, {0, 0}},	 {2, {0xc2, 0xdf}, {0x80, 0xbf}},
		{3, {0xe0, 0xe0}, {0xa0, 0xbf}}, {3, {0xe1, 0xec}, {0x80, 0xbf}},
		{3, {0xed, 0xed}, {0x80, 0x9f}}, {3, {0xee, 0xef}, {0x80, 0xbf}},
		{4, {0xf0, 0xf0}, {0x90, 0xbf}}, {4, {0xf1, 0xf3}, {0x80, 0xbf}},
		{4, {0xf4, 0xf4}, {0x80, 0x8f}},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		bool ok = n == table[i].n && b[0] >= table[i].first[0] && b[0] <= table[i].first[1];

		ok = ok && (n < 2 || (b[1] >= table[i].second[0] && b[1] <= table[i].second[1]));
		for (size_t k = 2; ok && k < n; k++)
			ok = b[k] >= 0x80 && b[k] <= 0xbf;
		if (ok)
			return true;
	}
	return false;
}

static bool is_put_together(const unsigned char *b, size_t n)
{
	struct text_utf8 u = {0};

	for (size_t i = 0; i < n; i++)
		if (text_utf8_put(&u, b[i]) != (i + 1 < n ? TEXT_UTF8_MORE : TEXT_UTF8_WHOLE))
			return false;
	return true;
}

static void check_sequence(const unsigned char *b, size_t n)
{
	const bool right = is_well_formed(b, n);
	uint32_t ch;

	if ((text_get_utf8(b, n, &ch) == n) != right || (n > 1 && is_put_together(b, n) != right))
		fail_msg("%02x %02x %02x %02x, %zu bytes", b[0], b[1], b[2], b[3], n);
}

/* All one and two byte sequences; of the longer ones the edges of each byte. */
static void sequences_are_well_formed_or_refused(void **state)
{
	static const unsigned char edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90,
					      0x9f, 0xa0, 0xbf, 0xc0, 0xff};

	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		check_sequence((unsigned char[4]){(unsigned char)a}, 1);
		for (unsigned b = 0; b < 256; b++) {
			check_sequence((unsigned char[4]){(unsigned char)a, (unsigned char)b}, 2);
			for (size_t c = 0; c < sizeof(edges); c++) {
				check_sequence((unsigned char[4]){(unsigned char)a,
								  (unsigned char)b, edges[c]},
					       3);
				for (size_t d = 0; d < sizeof(edges); d++)
					check_sequence((unsigned char[4]){(unsigned char)a,
									  (unsigned char)b,
									  edges[c], edges[d]},
						       4);
			}
		}
	}
}

static void every_code_point_comes_back(void **state)
{
	AUTO_BUF struct buf text = {0};

	(void)state;
	for (uint32_t ch = 0; ch <= 0x10ffff; ch++) {
		uint32_t back = ~ch;
		size_t n;

		buf_cut(&text, 0);
		text_put_utf8(&text, ch);
		n = text_get_utf8(buf_data(&text), buf_len(&text), &back);
		if (ch >= 0xd800 && ch <= 0xdfff)
			assert_int_equal(n, 0);
		else if (n != buf_len(&text) || back != ch)
			fail_msg("U+%04X", ch);
	}
}

static void a_cut_sequence_is_none(void **state)
{
	uint32_t ch;

	(void)state;
	assert_int_equal(text_get_utf8((const unsigned char *)"\xf0\x9f\x9f\xa2", 3, &ch), 0);
	assert_int_equal(text_get_utf8((const unsigned char *)"", 0, &ch), 0);
	assert_true(text_is_utf8("a\xf0\x9f\x9f\xa2z", 6));
	assert_false(text_is_utf8("a\xf0\x9f\x9f", 4));
	assert_false(text_is_utf8("a\0b", 3));
}

/* What may stand in a line may stand in a cell; what hides in a name, moves text or acts as a
 * control may not stand in a line. */
static void characters_that_may_be_shown(void **state)
{
	static const struct {
		uint32_t ch;
		bool cell, line;
	} cases[] = {
		{'a', true, true},	  {0x1b, false, false},	  {0x7f, false, false},
		{0x85, false, false},	  {0xe4, true, true},	  {0xad, true, false},
		{0x0301, true, true},	  {0x200b, true, false},  {0x200d, true, false},
		{0x200f, false, false},	  {0x202e, false, false}, {0x2060, true, false},
		{0x2066, false, false},	  {0xfe0f, true, true},	  {0xfeff, true, false},
		{0xe0041, false, false},  {0xd800, false, false}, {0x1f7e2, true, true},
		{0x110000, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (text_is_cell(cases[i].ch) != cases[i].cell ||
		    text_is_shown(cases[i].ch) != cases[i].line)
			fail_msg("U+%04X", cases[i].ch);
	for (uint32_t ch = 0; ch < 0x110100; ch++)
		assert_true(!text_is_shown(ch) || text_is_cell(ch));
}

static void words_are_cut_off(void **state)
{
	char text[] = "  a,bc \n,d";
	char *rest = text;

	(void)state;
	assert_string_equal(text_next_word(&rest, " ,\n"), "a");
	assert_string_equal(text_next_word(&rest, " ,\n"), "bc");
	assert_string_equal(text_next_word(&rest, " ,\n"), "d");
	assert_null(text_next_word(&rest, " ,\n"));
	assert_null(text_next_word(&rest, " ,\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_are_well_formed_or_refused),
		cmocka_unit_test(every_code_point_comes_back),
		cmocka_unit_test(a_cut_sequence_is_none),
		cmocka_unit_test(characters_that_may_be_shown),
		cmocka_unit_test(words_are_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* areas: base
 * What a stranger's bytes look like once escaped, and our own lines by level. */
#include "unit/unit.h"

#include "base/log.h"

#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *bytes;
	size_t n;
	size_t max;
	const char *shown;
} escape_cases[] = {
	{BYTES(""), 99, ""},
	{BYTES("plain ~"), 99, "plain ~"},
	{BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 99, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	{BYTES("\n\r\t\b\0\x7f"), 99, "\\x0a\\x0d\\x09\\x08\\x00\\x7f"},
	{BYTES("\x1b[2J\x1b]0;t\x07"), 99, "\\x1b[2J\\x1b]0;t\\x07"},
	{BYTES("\xc2\x9b"), 99, "\\xc2\\x9b"}, /* C1: CSI */
	{BYTES("\x9b"
	       "1m"),
	 99, "\\x9b1m"},
	{BYTES("\xc0\x9b\xff\xfe"), 99,
	 "\\xc0\\x9b\\xff\\xfe"}, /* overlong, and bytes that are never UTF-8 */
	{BYTES("\xe0\x9f\xbf"), 99, "\\xe0\\x9f\\xbf"},		 /* overlong */
	{BYTES("\xf0\x8f\xbf\xbf"), 99, "\\xf0\\x8f\\xbf\\xbf"}, /* overlong */
	{BYTES("\xed\xa0\x80"), 99, "\\xed\\xa0\\x80"},		 /* surrogate */
	{BYTES("\xf4\x90\x80\x80"), 99, "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
	{BYTES("\xe2\x82"), 99, "\\xe2\\x82"},			 /* cut off */
	{BYTES("\xe2\x80\xae"), 99, "\\xe2\\x80\\xae"},		 /* right-to-left override */
	{BYTES("\xe2\x80\x8b"), 99, "\\xe2\\x80\\x8b"},		 /* zero width space */
	{BYTES("\xe2\x80\xa8"), 99, "\\xe2\\x80\\xa8"},		 /* line separator */
	{BYTES("\xe2\x81\xa6"), 99, "\\xe2\\x81\\xa6"},		 /* isolate */
	{BYTES("\xd8\x9c"), 99, "\\xd8\\x9c"},		/* Arabic letter mark: reorders too */
	{BYTES("\xe2\x81\xa0"), 99, "\\xe2\\x81\\xa0"}, /* word joiner: nothing to see */
	{BYTES("\xf3\xa0\x81\x81"), 99, "\\xf3\\xa0\\x81\\x81"}, /* tag letter: nothing to see */
	{BYTES("\xef\xbb\xbf"), 99, "\\xef\\xbb\\xbf"},		 /* byte order mark */
	/* the bound never cuts a character or an escape */
	{BYTES("abc"), 2, "ab"},
	{BYTES("abc"), 0, ""},
	{BYTES("a\xe2\x82\xac"), 3, "a"},
	{BYTES("a\xe2\x82\xac"), 4, "a\xe2\x82\xac"},
	{BYTES("a\x1b"), 4, "a"},
	{BYTES("a\x1b"), 5, "a\\x1b"},
};

static void test_escape(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(escape_cases); i++) {
		AUTO_BUF struct buf out = {0};
		AUTO_FREE char *exact = malloc(escape_cases[i].n + 1);

		memcpy(exact, escape_cases[i].bytes, escape_cases[i].n);
		buf_add(&out, "> ", 2); /* the bound is of what is added */
		log_escape(&out, exact, escape_cases[i].n, escape_cases[i].max);
		if (strcmp(buf_text(&out) + 2, escape_cases[i].shown) != 0)
			fail_msg("case %zu: got %s, wanted %s", i, buf_text(&out) + 2,
				 escape_cases[i].shown);
	}
}

static void test_every_byte_is_harmless(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++)
		for (unsigned second = 0; second < 256; second++) {
			const unsigned char bytes[] = {(unsigned char)first, (unsigned char)second};
			AUTO_BUF struct buf out = {0};
			const char *p;

			log_escape(&out, bytes, sizeof(bytes), 99);
			for (p = buf_text(&out); *p; p++)
				if ((unsigned char)*p < 0x20 || *p == 0x7f)
					fail_msg("%02x %02x comes out as %s", first, second,
						 buf_text(&out));
			if ((unsigned char)p[-1] < 0xa0 && (unsigned char)p[-1] >= 0x80 &&
			    first == 0xc2)
				fail_msg("U+%04X comes out as it is", second);
		}
}

static void test_levels(void **state)
{
	static const struct {
		enum log_level lowest;
		const char *lines;
	} cases[] = {
		{LOG_LEVEL_ERROR, "t: error: e\\x1bc 1\n  m\\x1b[2J\\x0a\n"},
		{LOG_LEVEL_WARN, "t: error: e\\x1bc 1\nt: warning: w\n  m\\x1b[2J\\x0a\n"},
		{LOG_LEVEL_NOTE, "t: error: e\\x1bc 1\nt: warning: w\nt: n\n  m\\x1b[2J\\x0a\n"},
		{LOG_LEVEL_DEBUG,
		 "t: error: e\\x1bc 1\nt: warning: w\nt: n\nt: d\n  m\\x1b[2J\\x0a\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf got = {0};
		struct err e;
		int ends[2];

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		log_init("t", cases[i].lowest);
		log_set_fd(ends[1]);
		log_error("e%s %d", "\033c", 1);
		log_warn("w");
		log_note("n");
		log_debug("d");
		log_more("%s", "m\033[2J\n");
		log_set_fd(STDERR_FILENO);
		close(ends[1]);
		assert_int_equal(file_read_fd(ends[0], 4096, &got, &e), 0);
		close(ends[0]);
		assert_string_equal(buf_text(&got), cases[i].lines);
		assert_int_equal(log_lowest(), cases[i].lowest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_every_byte_is_harmless),
		cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

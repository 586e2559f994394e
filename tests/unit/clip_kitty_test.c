/* areas: base
 * files: src/clip/clip_kitty.c src/clip/clip_request.c
 * The clipboard of a terminal that knows kitty's protocol, and input beside its answers. */
#include "unit/unit.h"

#include "clip/clip_kitty.h"

#define S(text) "\033]5522;" text "\033\\"
#define OK	S("type=read:status=OK")
#define DONE	S("type=read:status=DONE")

static const struct {
	const char *what, *bytes, *rest, *data;
	enum clip_type wanted;
	enum clip_kitty_result result;
} cases[] = {
	/* "." and "text/plain image/png image/x-other image/webp" */
	{"list",
	 OK S("type=read:status=DATA:mime=Lg==;"
	      "dGV4dC9wbGFpbiBpbWFnZS9wbmcgaW1hZ2UveC1vdGhlciBpbWFnZS93ZWJw") DONE,
	 "", "image/png\nimage/webp\n", CLIP_NO_TYPE, CLIP_KITTY_DONE},
	/* image/png, text/html */
	{"list, a packet each",
	 OK S("type=read:status=DATA:mime=aW1hZ2UvcG5n")
		 S("type=read:status=DATA:mime=dGV4dC9odG1s") DONE,
	 "", "image/png\n", CLIP_NO_TYPE, CLIP_KITTY_DONE},
	{"list of nothing", OK DONE, "", "", CLIP_NO_TYPE, CLIP_KITTY_DONE},
	{"bytes in chunks",
	 OK S("type=read:status=DATA:mime=aW1hZ2UvcG5n;aGVs")
		 S("type=read:status=DATA:mime=aW1hZ2UvcG5n;bG8=") DONE,
	 "", "hello", CLIP_PNG, CLIP_KITTY_DONE},
	{"ended by BEL", "\033]5522;type=read:status=OK\007\033]5522;type=read:status=DONE\007", "",
	 "", CLIP_PNG, CLIP_KITTY_DONE},
	{"another type's bytes", OK S("type=read:status=DATA:mime=dGV4dC9wbGFpbg==;aGVsbG8=") DONE,
	 "", "", CLIP_PNG, CLIP_KITTY_DONE},
	{"denied", S("type=read:status=EPERM"), "", "", CLIP_PNG, CLIP_KITTY_DENIED},
	{"denied half-way",
	 OK S("type=read:status=DATA:mime=aW1hZ2UvcG5n;aGVs") S("type=read:status=EPERM"), "", "",
	 CLIP_PNG, CLIP_KITTY_DENIED},
	{"busy", S("type=read:status=EBUSY"), "", "", CLIP_PNG, CLIP_KITTY_FAILED},
	{"no base64", OK S("type=read:status=DATA:mime=aW1hZ2UvcG5n;a*b"), "", "", CLIP_PNG,
	 CLIP_KITTY_FAILED},
	{"no end", OK S("type=read:status=DATA:mime=aW1hZ2UvcG5n;aGVs"), "", "hel", CLIP_PNG,
	 CLIP_KITTY_GOING_ON},
	{"keys among it", "a" OK "b\033[A" DONE "c\033", "ab\033[Ac\033", "", CLIP_PNG,
	 CLIP_KITTY_DONE},
	{"other strings", "\033]52;c;aGVs\033\\\033]552;x\007",
	 "\033]52;c;aGVs\033\\\033]552;x\007", "", CLIP_PNG, CLIP_KITTY_GOING_ON},
	{"of a write", S("type=write:status=DONE"), "", "", CLIP_PNG, CLIP_KITTY_GOING_ON},
	{"after the end", DONE S("type=read:status=OK"), S("type=read:status=OK"), "", CLIP_PNG,
	 CLIP_KITTY_DONE},
	{"two ESC", "\033\033]5522;type=read:status=DONE\033\\", "\033", "", CLIP_PNG,
	 CLIP_KITTY_DONE},
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t step = 1; step < 64; step += 20) {
			struct clip_kitty k = {0};
			AUTO_BUF struct buf question = {0}, out = {0};
			const size_t n = strlen(cases[i].bytes);

			clip_kitty_ask(&k, cases[i].wanted, &question);
			for (size_t at = 0; at < n; at += step)
				clip_kitty_feed(&k, cases[i].bytes + at,
						n - at < step ? n - at : step, &out);
			clip_kitty_settle(&k, &out);
			if (k.result != cases[i].result ||
			    strcmp(buf_text(&out), cases[i].rest) != 0 ||
			    strcmp(buf_text(&k.data), cases[i].data) != 0)
				fail_msg("%s: result %d, rest %s, data %s", cases[i].what,
					 (int)k.result, buf_text(&out), buf_text(&k.data));
			clip_kitty_fini(&k);
		}
}

static void test_question(void **state)
{
	struct clip_kitty k = {0};
	AUTO_BUF struct buf out = {0};

	(void)state;
	clip_kitty_ask(&k, CLIP_NO_TYPE, &out);
	clip_kitty_ask(&k, CLIP_PNG, &out);
	assert_string_equal(buf_text(&out), S("type=read;Lg==") S("type=read;aW1hZ2UvcG5n"));
	clip_kitty_fini(&k);
}

static void test_too_long(void **state)
{
	struct clip_kitty k = {0};
	AUTO_BUF struct buf out = {0};

	(void)state;
	clip_kitty_ask(&k, CLIP_PNG, &out);
	buf_drop(&out, buf_len(&out));
	clip_kitty_feed(&k, "\033]5522;", 7, &out);
	for (size_t i = 0; i < 100000; i++)
		clip_kitty_feed(&k, "x", 1, &out);
	assert_true(buf_len(&k.string) <= CLIP_KITTY_STRING);
	clip_kitty_feed(&k, "\007y", 2, &out);
	assert_int_equal(k.result, CLIP_KITTY_FAILED);
	assert_string_equal(buf_text(&out), "y");
	clip_kitty_fini(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers),
					   cmocka_unit_test(test_question),
					   cmocka_unit_test(test_too_long)};

	return cmocka_run_group_tests_name("clip_kitty", tests, NULL, NULL);
}

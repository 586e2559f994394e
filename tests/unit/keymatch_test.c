/* areas: base
 * files: src/client/keymatch.c src/client/keyname.c src/proto/view.c src/proto/links.c src/proto/message.c
 * One key in what a terminal sends, however the terminal says it. */
#include "unit/unit.h"

#include "client/keymatch.h"

#define CSI "\033["

static const struct {
	const char *key, *sent;
	bool found;
} cases[] = {
	{"C-\\", "\034", true},
	{"C-\\", CSI "92;5u", true},
	{"C-\\", CSI "92;133u", true}, /* NumLock */
	{"C-\\", CSI "92;69u", true},  /* CapsLock */
	{"C-\\", CSI "92;197u", true}, /* both */
	{"C-\\", CSI "92;5:1u", true},
	{"C-\\", CSI "92;5:2u", true},	/* it repeats */
	{"C-\\", CSI "92;5:3u", false}, /* released */
	{"C-\\", CSI "92::92;5u", true},
	{"C-\\", CSI "246::92;5u", true}, /* the place of the key on another layout */
	{"C-\\", CSI "223:92:45;6u", true},
	{"C-\\", CSI "92;5;28u", true}, /* with its text */
	{"C-\\", CSI "27;5;92~", true},
	{"C-\\", CSI "92;7u", false}, /* Alt too */
	{"C-\\", CSI "92u", false},
	{"C-\\", "\\", false},
	{"C-\\", CSI "93;5u", false},
	{"C-\\", CSI "200~\034\034" CSI "201~", false},
	{"C-\\", CSI "200~" CSI "92;5u" CSI "201~", false},
	{"C-\\", CSI "200~x" CSI "201~\034", true},
	{"C-\\", CSI "M !!\034", true}, /* the mouse, and then the key */
	{"C-b", "\002", true},
	{"C-b", CSI "98;133u", true},
	{"C-b", CSI "1080::98;5u", true}, /* Cyrillic */
	{"C-B", CSI "98;5u", true},
	{"C-Space", "", false},
	{"C-Space", CSI "32;5u", true},
	{"C-]", "\035", true},
	{"C-_", "\037", true},
	{"M-x", "\033x", true},
	{"M-x", CSI "120;3u", true},
	{"M-x", CSI "120;131u", true},
	{"M-x", CSI "120;33u", true}, /* Meta */
	{"M-x", CSI "27;3;120~", true},
	{"M-x", "x", false},
	{"M-x", "\033X", false},
	{"M-\xc3\xb6", "\033\xc3\xb6", true},
	{"M-C-x", "\033\030", true},
	{"C-M-x", CSI "120;7u", true},
	{"F12", CSI "24~", true},
	{"F12", CSI "24;129~", true},
	{"F12", CSI "24;5~", false},
	{"F1", "\033OP", true},
	{"F1", CSI "P", true},
	{"F1", CSI "11~", true},
	{"F3", CSI "13~", true},
	{"S-F1", CSI "1;2P", true},
	{"C-Up", CSI "1;5A", true},
	{"C-Up", CSI "1;133:1A", true},
	{"Up", "\033OA", true},
	{"Home", CSI "1~", true},
	{"Home", CSI "7~", true},
	{"C-Enter", CSI "13;5u", true},
	{"M-Enter", "\033\r", true},
	{"M-Escape", CSI "27;3u", true},
	{"Home", CSI "~", false},
	{"C-\\", CSI "99999999999999999999;5u", false},
	{"C-\\", CSI ";;;;;;;;;u", false},
};

/* In one piece, byte by byte, and with text on both sides. */
static void check(size_t i, const char *before, size_t step)
{
	struct keymatch m = {0};
	AUTO_BUF struct buf out = {0}, sent = {0};
	bool found = false;
	size_t at = 0;

	assert_true(keyname_parse(&m.key, cases[i].key));
	buf_addf(&sent, "%s%s", before, cases[i].sent);
	if (!cases[i].found)
		buf_addf(&sent, "tail");
	for (; at < buf_len(&sent) && !found; at += step) {
		const size_t left = buf_len(&sent) - at;

		found = keymatch_feed(&m, buf_data(&sent) + at, left < step ? left : step, &out);
	}
	found = found || keymatch_flush(&m, &out);
	if (found != cases[i].found)
		fail_msg("%s in case %zu: %s", cases[i].key, i, found ? "found" : "missed");
	assert_int_equal(strncmp(buf_text(&out), before, strlen(before)), 0);
	if (!found)
		assert_string_equal(buf_text(&out), buf_text(&sent));
}

static void test_forms(void **state)
{
	static const char *const before[] = {"", "abc", "\xe6\x97\xa5", CSI "E", "\033"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < ARRAY_LEN(before); k++)
			for (size_t step = 2; step < 64; step += step) {
				/* ESC before a character is another key */
				if (before[k][0] == '\033' && !before[k][1] &&
				    cases[i].sent[0] != '\033')
					continue;
				check(i, before[k], step);
			}
}

/* Escape itself is known by the silence behind it; and nothing is kept for ever. */
static void test_escape(void **state)
{
	struct keymatch m = {0};
	AUTO_BUF struct buf out = {0};

	(void)state;
	assert_true(keyname_parse(&m.key, "Escape"));
	assert_false(keymatch_feed(&m, "a\033", 2, &out));
	assert_true(keymatch_is_holding(&m));
	assert_true(keymatch_flush(&m, &out));
	assert_string_equal(buf_text(&out), "a");
	assert_false(keymatch_is_holding(&m));
	assert_true(keyname_parse(&m.key, "C-b"));
	assert_false(keymatch_feed(&m, "\033[1;", 4, &out));
	assert_false(keymatch_flush(&m, &out));
	assert_string_equal(buf_text(&out), "a\033[1;");
}

/* The end of a paste may get lost; a key that comes alone is one. */
static void test_alone_in_a_paste(void **state)
{
	struct keymatch m = {0};
	AUTO_BUF struct buf out = {0};

	(void)state;
	assert_true(keyname_parse(&m.key, "C-\\"));
	assert_false(keymatch_feed(&m, CSI "200~text", 10, &out));
	assert_false(keymatch_feed(&m, "x\034", 2, &out));
	assert_true(keymatch_feed(&m, "\034", 1, &out));
}

/* A sequence without an end passes, in order, and is bounded. */
static void test_endless(void **state)
{
	struct keymatch m = {0};
	AUTO_BUF struct buf out = {0}, sent = {0};

	(void)state;
	assert_true(keyname_parse(&m.key, "C-\\"));
	buf_addf(&sent, CSI);
	for (int i = 0; i < 1000; i++)
		buf_addf(&sent, "%d;", i);
	assert_false(keymatch_feed(&m, buf_data(&sent), buf_len(&sent), &out));
	assert_true(buf_len(&sent) - buf_len(&out) < KEYMATCH_HELD_MAX);
	(void)keymatch_flush(&m, &out);
	assert_string_equal(buf_text(&out), buf_text(&sent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms), cmocka_unit_test(test_escape),
		cmocka_unit_test(test_alone_in_a_paste), cmocka_unit_test(test_endless)};

	return cmocka_run_group_tests_name("keymatch", tests, NULL, NULL);
}

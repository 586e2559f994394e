/* areas: base
 * files: src/term/keyenc.c src/proto/message.c src/proto/view.c src/proto/links.c
 * The bytes of keys, pastes and the mouse. */
#include "unit/unit.h"

#include "term/keyenc.h"

static void test_keys(void **state)
{
	static const struct {
		uint32_t code;
		unsigned mods, modes;
		const char *wanted;
	} cases[] = {
		{'a', 0, 0, "a"},
		{'a', VIEW_ALT, 0, "\033a"},
		{'c', VIEW_CTRL, 0, "\003"},
		{'\\', VIEW_CTRL, 0, "\034"},
		{'c', VIEW_CTRL | VIEW_ALT, 0, "\033\003"},
		{'1', VIEW_CTRL, 0, ""},
		{'1', VIEW_CTRL, VIEW_KITTY_KEYS, "\033[49;5u"},
		{0xe9, 0, 0, "\xc3\xa9"},
		{0x1b, 0, 0, ""}, /* a control character as a key sends nothing */
		{0x9b, 0, 0, ""},
		{0x110000, 0, 0, ""},
		{VIEW_KEY_UP, 0, 0, "\033[A"},
		{VIEW_KEY_UP, 0, VIEW_CURSOR_KEYS, "\033OA"},
		{VIEW_KEY_UP, VIEW_CTRL, VIEW_CURSOR_KEYS, "\033[1;5A"},
		{VIEW_KEY_F1, 0, 0, "\033OP"},
		{VIEW_KEY_F12, VIEW_SHIFT, 0, "\033[24;2~"},
		{VIEW_KEY_DELETE, 0, 0, "\033[3~"},
		{VIEW_KEY_ENTER, 0, 0, "\r"},
		{VIEW_KEY_ENTER, VIEW_SHIFT, 0, "\033\r"},
		{VIEW_KEY_ENTER, VIEW_SHIFT, VIEW_KITTY_KEYS, "\033[13;2u"},
		{VIEW_KEY_TAB, VIEW_SHIFT, 0, "\033[Z"},
		{VIEW_KEY_BACKSPACE, 0, 0, "\177"},
		{VIEW_KEY_ESCAPE, 0, 0, "\033"},
		{VIEW_KEY_END_OF_LIST, 0, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf out = {0};

		keyenc_key(&out, cases[i].code, cases[i].mods, cases[i].modes);
		if (strcmp(buf_text(&out), cases[i].wanted) != 0)
			fail_msg("case %zu: got \"%s\", wanted \"%s\"", i, buf_text(&out),
				 cases[i].wanted);
	}
}

static void test_paste_cannot_end_its_brackets(void **state)
{
	static const char text[] = "a\nb\033[201~rm\tc\x9b\xc2\x9b"
				   "d";
	AUTO_BUF struct buf out = {0};

	(void)state;
	keyenc_bracket(&out, true);
	keyenc_paste(&out, (const unsigned char *)text, sizeof(text) - 1);
	keyenc_bracket(&out, false);
	assert_string_equal(buf_text(&out), "\033[200~a\rb[201~rm\tcd\033[201~");
}

static void test_mouse(void **state)
{
	static const struct {
		unsigned mods, button, kind, modes;
		const char *wanted;
	} cases[] = {
		{0, 0, 0, 0, ""},
		{0, 0, 0, VIEW_MOUSE_CLICK | VIEW_MOUSE_SGR, "\033[<0;3;2M"},
		{0, 0, 1, VIEW_MOUSE_CLICK | VIEW_MOUSE_SGR, "\033[<0;3;2m"},
		{VIEW_CTRL, 64, 0, VIEW_MOUSE_CLICK | VIEW_MOUSE_SGR, "\033[<80;3;2M"},
		{0, 0, 2, VIEW_MOUSE_CLICK | VIEW_MOUSE_SGR, ""},
		{0, 0, 2, VIEW_MOUSE_DRAG | VIEW_MOUSE_SGR, "\033[<32;3;2M"},
		{0, 0, 0, VIEW_MOUSE_CLICK, "\033[M #\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf out = {0};

		keyenc_mouse(&out, cases[i].mods, cases[i].button, cases[i].kind, 1, 2,
			     cases[i].modes);
		if (strcmp(buf_text(&out), cases[i].wanted) != 0)
			fail_msg("case %zu: got \"%s\", wanted \"%s\"", i, buf_text(&out),
				 cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_paste_cannot_end_its_brackets),
		cmocka_unit_test(test_mouse),
	};

	return cmocka_run_group_tests_name("term_keyenc", tests, NULL, NULL);
}

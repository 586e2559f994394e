/* areas: base
 * files: src/clip/clip_typed.c
 * What is a press of Ctrl+V, and what only looks like one. */
#include "unit/unit.h"

#include "clip/clip_typed.h"

static const struct {
	const char *what, *bytes;
	bool pressed;
} cases[] = {
	{"the byte", "\x16", true},
	{"among others",
	 "ab\x16"
	 "c",
	 true},
	{"kitty", "\033[118;5u", true},
	{"kitty, press", "\033[118;5:1u", true},
	{"kitty, repeated", "\033[118;5:2u", true},
	{"kitty, shifted key named", "\033[118:86;5u", true},
	{"kitty, caps lock", "\033[118;69u", true},
	{"kitty, num lock", "\033[118;133u", true},
	{"kitty, another layout", "\033[1084::118;5u", true},
	{"kitty, text", "\033[118;5;118u", true},
	{"modifyOtherKeys", "\033[27;5;118~", true},
	{"after an answer", "\033]11;rgb:0/0/0\033\\\x16", true},
	{"after a paste", "\033[200~x\033[201~\x16", true},
	{"kitty, released", "\033[118;5:3u", false},
	{"kitty, plain v", "\033[118u", false},
	{"kitty, ctrl and shift", "\033[118;6u", false},
	{"kitty, ctrl and alt", "\033[118;7u", false},
	{"kitty, another key", "\033[1118;5u", false},
	{"kitty, its prefix", "\033[1;5u", false},
	{"kitty, base layout elsewhere", "\033[118118::1180;5u", false},
	{"plain v", "v", false},
	{"Alt and Ctrl", "\033\x16", false},
	{"in a paste",
	 "\033[200~a\x16"
	 "b\033[201~",
	 false},
	{"as a key in a paste", "\033[200~\033[118;5u\033[201~", false},
	{"paste with a string's beginning", "\033[200~\033]0;\x16\033[201~", false},
	{"empty paste", "\033[200~\033[201~", false},
	{"in an OSC", "\033]52;c;\x16\007", false},
	{"in a title's answer", "\033]l\x16\033\\", false},
	{"in a DCS", "\033P1$r\x16[118;5u\033\\", false},
	{"in an APC", "\033_G\x16\033\\", false},
	{"cursor position report", "\033[118;5R", false},
	{"device attributes", "\033[?118;5u", false},
	{"too long", "\033[0000000000000000000000000000000000000000118;5u", false},
};

static bool feed(const char *bytes, size_t step)
{
	struct clip_typed t = {0};
	const size_t n = strlen(bytes);
	bool pressed = false;

	for (size_t at = 0; at < n; at += step)
		pressed = clip_typed_feed(&t, bytes + at, n - at < step ? n - at : step) || pressed;
	return pressed;
}

static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t step = 1; step <= 16; step += 5)
			if (feed(cases[i].bytes, step) != cases[i].pressed)
				fail_msg("%s, %zu bytes a time: expected %d", cases[i].what, step,
					 cases[i].pressed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys)};

	return cmocka_run_group_tests_name("clip_typed", tests, NULL, NULL);
}

/* areas: base
 * files: src/proto/message.c src/proto/view.c src/proto/links.c src/client/keyname.c src/ui/input.c
 * What a terminal sends, cut anywhere, in every terminal type: reports of the mouse are never keys. */
#include "unit/unit.h"

#include <stdio.h>

#include "ui/input.h"

/* clang-format off */
static const char *const terms[] = {
	"xterm-256color", "xterm", "tmux-256color", "screen-256color", "screen", "tmux", "linux",
	"xterm-kitty", "foot", "alacritty", "vt100", "vt220", "st-256color",
	"rxvt-unicode-256color",
};
/* clang-format on */

struct got {
	char text[1024]; /* keys by name, and mouse events */
	unsigned keys, reports;
};

static void on_key(void *ctx, const struct key *k)
{
	struct got *g = ctx;
	char name[KEYNAME_SIZE];
	const size_t n = strlen(g->text);

	keyname_format(name, k);
	snprintf(g->text + n, sizeof(g->text) - n, "%s ", name);
	g->keys++;
}

static void on_paste(void *ctx, const char *text, size_t size, bool whole)
{
	struct got *g = ctx;
	const size_t n = strlen(g->text);

	snprintf(g->text + n, sizeof(g->text) - n, "paste(%s) ",
		 size > 100 ? "long"
		 : whole    ? text
			    : "too long");
}

static void on_mouse(void *ctx, unsigned mods, unsigned button, unsigned kind, int row, int col)
{
	struct got *g = ctx;
	const size_t n = strlen(g->text);

	snprintf(g->text + n, sizeof(g->text) - n, "mouse(%u %u %u %d %d) ", mods, button, kind,
		 row, col);
	g->reports++;
}

/* The first part, a pause where it is wanted, the second part. */
static struct got feed(const char *term, const char *bytes, size_t n, size_t cut, bool pause)
{
	struct got g = {0};
	const struct input_callbacks cb = {on_key, on_paste, on_mouse, &g};
	struct input *in = input_new(term, &cb);

	if (!in) {
		strcpy(g.text, "unknown");
		return g;
	}
	input_feed(in, bytes, cut);
	if (pause)
		input_settle(in);
	input_feed(in, bytes + cut, n - cut);
	input_settle(in);
	input_free(in);
	return g;
}

static const struct {
	const char *bytes, *wanted;
} reports[] = {
	{"\033[<0;80;20M", "mouse(0 0 0 19 79) "},
	{"\033[<0;80;20m", "mouse(0 0 1 19 79) "},
	{"\033[<32;1;1M", "mouse(0 0 2 0 0) "},
	{"\033[<64;400;120M", "mouse(0 64 0 119 399) "},
	{"\033[<65;3;4M", "mouse(0 65 0 3 2) "},
	{"\033[<28;3;4M", "mouse(7 0 0 3 2) "},
	{"\033[<2;1;2M", "mouse(0 2 0 1 0) "},
	{"\033[M !!", "mouse(0 0 0 0 0) "},
	{"\033[M#!!", "mouse(0 0 1 0 0) "},
	{"\033[M`1y", "mouse(0 64 0 88 16) "},
	{"\033[M@qx", "mouse(0 0 2 87 80) "},
	{"\033[M \xf0\x9b", "mouse(0 0 0 122 207) "},
	{"\033[32;80;20M", "mouse(0 0 0 19 79) "},
	{"\033[35;80;20M", "mouse(0 0 1 19 79) "},
	{"\033[96;2;3M", "mouse(0 64 0 2 1) "},
	{"\x9b<0;80;20M", "mouse(0 0 0 19 79) "},
	/* What nothing here has a use for, and what is none at all. */
	{"\033[<66;1;1M", ""},
	{"\033[<35;7;7M", ""},
	{"\033[<128;1;1M", ""},
	{"\033[<0;0;0M", ""},
	{"\033[<0;80M", ""},
	{"\033[<;;M", ""},
	{"\033[<0;80;20;5M", ""},
	{"\033[<99999999;1;1M", ""},
	{"\033[<0;80;99999999M", ""},
	{"\033[0;1;1M", ""},
	{"\033[M\x01\x02\x03", ""},
	{"\033[1M", ""},
	{"\033[<0:80:20M", ""},
	{"\033[<0;80;20 M", ""},
	{"\033[<123123123123123123123123123123123123123123123123123123123123123123123123;1;1M", ""},
};

static void test_reports_are_no_keys(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(terms); t++)
		for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
			const size_t n = strlen(reports[i].bytes);

			for (size_t cut = 0; cut <= n; cut++) {
				const struct got g = feed(terms[t], reports[i].bytes, n, cut,
							  false);

				if (strcmp(g.text, "unknown") != 0 &&
				    strcmp(g.text, reports[i].wanted) != 0)
					fail_msg("%s: report %zu cut at %zu: \"%s\", not \"%s\"",
						 terms[t], i, cut, g.text, reports[i].wanted);
			}
		}
}

/* A slow line: ESC, or ESC [, has become a key by then, and nothing else does. */
static void test_reports_with_a_pause(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(terms); t++)
		for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
			const size_t n = strlen(reports[i].bytes);

			for (size_t cut = 0; reports[i].wanted[0] && cut <= n; cut++) {
				const struct got g = feed(terms[t], reports[i].bytes, n, cut, true);
				AUTO_FREE char *early = mem_format("Escape %s", reports[i].wanted),
					       *bracket = mem_format("M-[ %s", reports[i].wanted);

				if (strcmp(g.text, "unknown") != 0 &&
				    strcmp(g.text, reports[i].wanted) != 0 &&
				    !(cut == 1 && strcmp(g.text, early) == 0) &&
				    !(cut <= 2 && strcmp(g.text, bracket) == 0))
					fail_msg("%s: report %zu, a pause at %zu: \"%s\"", terms[t],
						 i, cut, g.text);
			}
		}
}

/* A stream of them with keys between. */
static void test_among_keys(void **state)
{
	static const char bytes[] = "a\033[<0;80;20Mb\033[M "
				    "!!c\033[<0;80;20m\033[A\033[<64;1;1M\033[32;2;2Md\033[200~"
				    "\033[<0;80;20M\033[201~e\033";
	static const char wanted[] = "a mouse(0 0 0 19 79) b mouse(0 0 0 0 0) c mouse(0 0 1 19 79) "
				     "Up mouse(0 64 0 0 0) mouse(0 0 0 1 1) d "
				     "paste(\033[<0;80;20M) e Escape ";

	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(terms); t++)
		for (size_t cut = 0; cut < sizeof(bytes); cut++) {
			const struct got g = feed(terms[t], bytes, sizeof(bytes) - 1, cut, false);

			if (strcmp(g.text, "unknown") != 0 && strcmp(g.text, wanted) != 0)
				fail_msg("%s cut at %zu: \"%s\"", terms[t], cut, g.text);
		}
}

/* Keys are what they were. */
static void test_keys(void **state)
{
	static const struct {
		const char *term, *bytes, *wanted;
	} cases[] = {
		{"xterm-256color", "\033[A\033OA\033[1;5C\033[3~\033[15~\033OP",
		 "Up Up C-Right Delete F5 F1 "},
		{"xterm-256color", "\033", "Escape "},
		{"xterm-256color", "\033[", "M-[ "},
		{"xterm-256color", "\033x\033\033", "M-x M-Escape "},
		{"xterm-256color", "\033[Z\033[13;2u", "S-Tab S-Enter "},
		/* answers of a terminal; one is like a key */
		{"xterm-256color", "\033[<u\033[?1;2c\033[1;1R", "F3 "},
		{"xterm", "\xc3\xa9\xe2\x9d\xaf\x1b[H", "\xc3\xa9 \xe2\x9d\xaf Home "},
		{"linux", "\033[17~\033[A", "F6 Up "},
		{"tmux-256color", "\033[1;3A\033[5~\177\t\r", "M-Up PageUp Backspace Tab Enter "},
		{"screen-256color", "\033[1~\033[4~\033[2~", "Home End Insert "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct got g = feed(cases[i].term, cases[i].bytes, strlen(cases[i].bytes), 0,
					  false);

		if (strcmp(g.text, cases[i].wanted) != 0)
			fail_msg("%s %zu: \"%s\", not \"%s\"", cases[i].term, i, g.text,
				 cases[i].wanted);
	}
}

/* Pastes of any size come whole, up to a bound; beyond it nothing of one comes. */
static void test_pastes(void **state)
{
	static const struct {
		size_t n;
		const char *wanted;
	} cases[] = {{60 << 10, "paste(long) x "},
		     {64 << 10, "paste(long) x "},
		     {1 << 20, "paste(long) x "},
		     {INPUT_PASTE_MAX, "paste(long) x "},
		     {INPUT_PASTE_MAX + 1, "paste(too long) x "},
		     {2 * INPUT_PASTE_MAX, "paste(too long) x "}};
	static char part[4096];

	(void)state;
	memset(part, 'p', sizeof(part));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct got g = {0};
		const struct input_callbacks cb = {on_key, on_paste, on_mouse, &g};
		struct input *in = input_new("xterm", &cb);

		input_feed(in, "\033[200~", 6);
		for (size_t left = cases[i].n, n; left; left -= n) {
			n = left < sizeof(part) ? left : sizeof(part);
			input_feed(in, part, n);
		}
		input_feed(in, "\033[201~x", 7);
		if (strcmp(g.text, cases[i].wanted) != 0)
			fail_msg("%zu bytes: \"%s\"", cases[i].n, g.text);
		input_free(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports_are_no_keys),
		cmocka_unit_test(test_reports_with_a_pause),
		cmocka_unit_test(test_among_keys),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_pastes),
	};

	return cmocka_run_group_tests_name("ui_input", tests, NULL, NULL);
}

/* areas: base term
 * files: src/proto/message.c src/proto/view.c src/proto/links.c src/proto/wire.c src/proto/request.c src/proto/hostenv.c src/proto/outcome.c src/proto/document.c
 * Output made to harm: what has broken other terminals, by name, and random bytes with random
 * resizes. */
#include "unit/unit.h"

#include <stdio.h>
#include <time.h>

#include "term/emu.h"

struct fixture {
	struct emu *emu;
	struct view_screen screen;
	struct buf answers;
};

static void on_answer(void *ctx, const void *bytes, size_t n)
{
	buf_add(&((struct fixture *)ctx)->answers, bytes, n);
}

/* What a viewer gets passes its checks, and what it would draw has no control but those of our
 * own attributes. */
static void check_frame(struct fixture *f)
{
	AUTO_BUF struct buf frame = {0}, text = {0};

	emu_put_frame(f->emu, &frame, f->screen.s.gen);
	assert_int_equal(view_take_frame(&f->screen, buf_data(&frame), buf_len(&frame)), 0);
	for (uint16_t i = 0; i < f->screen.rows; i++)
		view_row_text(&text, view_row(&f->screen, i), f->screen.cols);
	for (size_t i = 0; i < buf_len(&text); i++)
		assert_true(buf_data(&text)[i] >= 0x20 && buf_data(&text)[i] != 0x7f);
	for (const char *p = f->screen.title; *p; p++)
		assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void open_fixture(struct fixture *f, int cols, int rows)
{
	memset(f, 0, sizeof(*f));
	f->emu = emu_new(cols, rows, 50, 1, &(struct emu_callbacks){on_answer, f});
	check_frame(f);
}

static void close_fixture(struct fixture *f)
{
	emu_free(f->emu);
	view_screen_fini(&f->screen);
	buf_fini(&f->answers);
}

struct hostile {
	const char *name, *before, *repeated, *after; /* repeated 5000 times */
};

static const struct hostile hostile[] = {
	{"CVE-2003-0063 xterm: the title is typed", "\033]0;touch /tmp/x\r\007\033[21t", "",
	 "\033[20t"},
	{"CVE-2008-2383 xterm: DECRQSS is typed", "\033P$q\n", "id\n", "\033\\"},
	{"CVE-2020-9366 screen: OSC 49", "\033]49;", "aaaa", "\007"},
	{"CVE-2020-27347 tmux: colons in SGR", "\033[38", ":9", "m"},
	{"CVE-2020-27347 tmux: empty parameters", "\033[", ":", "m"},
	{"CVE-2021-26937 screen: combining characters", "a", "\xcc\x80\xdf\x80\xe1\x85\xa0", "b"},
	{"CVE-2021-27135 xterm: wide and combining", "\xe4\xb8\xad", "\xcc\x81\xe3\x82\x99",
	 "\xe4\xb8\xad"},
	{"CVE-2021-33477 rxvt: ESC G Q", "\033GQ\n", "id\n", "\033GQ"},
	{"CVE-2022-45063 xterm: the font's name", "\033]50;i$(touch /tmp/x)\007", "",
	 "\033]50;?\007"},
	{"CVE-2022-45872 iTerm2: DECRQSS", "\033P$qm\n", "id\n", "\033\\"},
	{"CVE-2024-38396 iTerm2: title and tmux mode", "\033]2;\nid\n\007\033[21t\033P1000p",
	 "%begin 1 1 1\n", "\033\\\033[20t"},
	{"libvterm: parameters without end", "\033[", ";", "H"},
	{"libvterm: parameters without end, of a private mode", "\033[?", "1;", "h"},
	{"libvterm: intermediates without end", "\033[1", "!", "p"},
	{"libvterm: REP of nothing", "\033[99999b", "", "\033[b"},
	{"libvterm: tab stops left of the screen", "\033[H", "\xc2\x85\033H", "x"},
	{"clipboard", "\033]52;c;", "cm0g", "\007\033]52;c;?\007"},
	{"link with a control", "\033]8;;http://x/\x9b", "\033[5n", "\033\\"},
};

static void feed_cut(struct fixture *f, const struct buf *bytes, size_t piece)
{
	for (size_t at = 0; at < buf_len(bytes); at += piece) {
		const size_t left = buf_len(bytes) - at;

		emu_feed(f->emu, buf_data(bytes) + at, left < piece ? left : piece);
	}
}

static void test_named(void **state)
{
	static const size_t pieces[] = {1, 7, 100000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hostile) * ARRAY_LEN(pieces); i++) {
		const struct hostile *h = &hostile[i / ARRAY_LEN(pieces)];
		AUTO_BUF struct buf bytes = {0};
		AUTO_BUF struct buf text = {0};
		struct fixture f;

		buf_add(&bytes, h->before, strlen(h->before));
		for (int k = 0; k < 5000; k++)
			buf_add(&bytes, h->repeated, strlen(h->repeated));
		buf_add(&bytes, h->after, strlen(h->after));
		open_fixture(&f, 10, 4);
		feed_cut(&f, &bytes, pieces[i % ARRAY_LEN(pieces)]);
		check_frame(&f);
		emu_resize(f.emu, 3, 2);
		feed_cut(&f, &bytes, pieces[i % ARRAY_LEN(pieces)]);
		check_frame(&f);
		/* it goes on as if nothing had been */
		emu_feed(f.emu, "\030\033[1;1H\033[2JOK", 13);
		check_frame(&f);
		view_row_text(&text, view_row(&f.screen, 0), f.screen.cols);
		if (strcmp(buf_text(&text), "OK") != 0)
			fail_msg("%s: then shows \"%s\"", h->name, buf_text(&text));
		/* The only answer is to the status queries of the last case. */
		for (size_t k = 0; k < buf_len(&f.answers); k++)
			if (memcmp(buf_data(&f.answers) + k / 4 * 4, "\033[0n", 4) != 0)
				fail_msg("%s: answered \"%s\"", h->name, buf_text(&f.answers));
		close_fixture(&f);
	}
}

/* ---- random ---- */

static uint64_t dice_state;

static unsigned dice(unsigned n) /* xorshift64*, so that a seed gives the same run everywhere */
{
	dice_state ^= dice_state >> 12;
	dice_state ^= dice_state << 25;
	dice_state ^= dice_state >> 27;
	return (unsigned)((dice_state * 0x2545f4914f6cdd1dull) >> 33) % n;
}

/* Half of it is made of the pieces that sequences are made of, so that many of them are whole. */
static size_t make_bytes(char *out, size_t max)
{
	/* clang-format off */
	static const char *const pieces[] = {
		"\033[", "\033]", "\033P", "\033", "\033\\", "\007", ";", ":", "?", ">", "0", "1",
		"5", "99", "65535", "h", "l", "m", "H", "J", "K", "r", "s", "u", "b", "@", "P", "L",
		"M", "S", "T", "X", "A", "B", "7", "8", "c", "#8", "!p", "1049", "69", "6", "7",
		"4", "\r\n", "\n", "\t", "\b", "\016", "\017", "\033(0", "\033D", "\033M", "\033H",
		"\xc2", "\x85", "\xe4\xb8\xad", "\xcc\x81", "\xf0\x9f\x99\x82", "\xe2\x80\x8d",
		"8;;http://a/", "0;t", "2026", "38;5;", "48:2:", "hello", "0123456789", " q", "'}",
		"'~", "\xe3\x82\x99",
	};
	/* clang-format on */
	size_t n = 0, wanted = 1 + dice((unsigned)max - 16);

	while (n < wanted) {
		const char *piece = pieces[dice(ARRAY_LEN(pieces))];

		if (dice(2)) {
			memcpy(out + n, piece, strlen(piece));
			n += strlen(piece);
		} else {
			out[n++] = (char)dice(256);
		}
	}
	return n;
}

static void random_step(struct fixture *f)
{
	char bytes[80];

	if (dice(32) == 0)
		emu_resize(f->emu, (int)dice(90), (int)dice(40));
	else
		emu_feed(f->emu, bytes, make_bytes(bytes, sizeof(bytes) - 16));
	if (dice(16) == 0)
		check_frame(f);
	if (buf_len(&f->answers) > 1 << 16)
		buf_drop(&f->answers, buf_len(&f->answers));
}

/* CCVM_TEST_STORM=STEPS,SEED for another length; without it ends after some seconds on a slow
 * machine too. */
static void test_random(void **state)
{
	const char *wanted = getenv("CCVM_TEST_STORM");
	const time_t end = time(NULL) + 20;
	unsigned long steps = 20000, seed = 1, done = 0;
	struct fixture f;

	(void)state;
	if (wanted)
		assert_int_equal(sscanf(wanted, "%lu,%lu", &steps, &seed), 2);
	dice_state = seed * 0x9e3779b97f4a7c15ull + 1;
	open_fixture(&f, 80, 24);
	for (; done < steps && (wanted || done < 1000 || time(NULL) < end); done++)
		random_step(&f);
	check_frame(&f);
	close_fixture(&f);
	print_message("%lu steps, seed %lu\n", done, seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_named),
					   cmocka_unit_test(test_random)};

	return cmocka_run_group_tests_name("term_hostile", tests, NULL, NULL);
}

/* areas: base term
 * files: src/proto/message.c src/proto/view.c src/proto/links.c src/proto/wire.c src/proto/request.c src/proto/hostenv.c src/proto/outcome.c src/proto/document.c
 * The terminal: bytes in, rows out, as a viewer that only gets frames sees them. */
#include "unit/unit.h"

#include "term/emu.h"

struct fixture {
	struct emu *emu;
	struct view_screen screen; /* of a viewer */
	struct buf answers;
};

static void on_answer(void *ctx, const void *bytes, size_t n)
{
	buf_add(&((struct fixture *)ctx)->answers, bytes, n);
}

static void pull(struct fixture *f)
{
	AUTO_BUF struct buf frame = {0};

	emu_put_frame(f->emu, &frame, f->screen.s.gen);
	assert_int_equal(view_take_frame(&f->screen, buf_data(&frame), buf_len(&frame)), 0);
}

static void open_fixture(struct fixture *f, int cols, int rows, size_t history)
{
	memset(f, 0, sizeof(*f));
	f->emu = emu_new(cols, rows, history, 7, &(struct emu_callbacks){on_answer, f});
	pull(f);
}

static void close_fixture(struct fixture *f)
{
	emu_free(f->emu);
	view_screen_fini(&f->screen);
	buf_fini(&f->answers);
}

static void feed(struct fixture *f, const char *text)
{
	emu_feed(f->emu, text, strlen(text));
}

/* Rows joined by '|', trailing empty ones left out. */
static char *shown(const struct view_screen *v)
{
	AUTO_BUF struct buf out = {0};
	size_t used = 0;

	for (uint16_t i = 0; i < v->rows; i++) {
		const size_t before = buf_len(&out);

		if (i)
			buf_add(&out, "|", 1);
		view_row_text(&out, view_row(v, i), v->cols);
		if (buf_len(&out) > before + (i > 0))
			used = buf_len(&out);
	}
	return mem_strndup(buf_text(&out), used);
}

static void expect(struct fixture *f, const char *input, const char *wanted)
{
	AUTO_FREE char *got = NULL;

	pull(f);
	got = shown(&f->screen);
	if (strcmp(got, wanted) != 0)
		fail_msg("input \"%s\": got \"%s\", wanted \"%s\"", input, got, wanted);
}

static void test_sequences(void **state)
{
	static const struct {
		const char *input, *wanted;
	} cases[] = {
		{"hello", "hello"},
		{"a\r\nb\r\nc\r\nd\r\ne", "b|c|d|e"}, /* one line went to the history */
		{"0123456789x", "0123456789|x"},      /* wraps */
		{"\033[2;3Hx", "|  x"},
		{"abc\033[1;1H\033[K", ""},
		{"abc\033[1;2H\033[1K", "  c"},
		{"abc\033[2J", ""},
		{"abcdef\033[1;2H\033[2P", "adef"},	/* delete characters */
		{"abcdef\033[1;2H\033[2@", "a  bcdef"}, /* insert */
		{"a\r\nb\r\nc\033[1;1H\033[L", "|a|b|c"},
		{"a\r\nb\r\nc\033[1;1H\033[M", "b|c"},
		{"a\r\nb\r\nc\r\nd\033[2;3r\033[3;1H\n", "a|c||d"}, /* margins */
		{"a\r\nb\033[1;1H\033M", "|a|b"},
		{"main\033[?1049halt\033[?1049l", "main"},
		{"main\033[?1049h\033[1;1Halt", "alt"},
		{"\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad\xe6\x96\x87"}, /* wide */
		{"\xe4\xb8\xad\033[1;2Hx", " x"}, /* half of a wide one overwritten */
		{"\xe4\xb8\xad\033[1;1Hx", "x"},
		{"e\xcc\x81x", "e\xcc\x81x"}, /* combining */
		{"a\tb", "a       b"},
		{"\033(0q\033(B", "\xe2\x94\x80"}, /* line drawing */
		{"ab\033[1;31mcd\033[0m", "abcd"},
		{"x\033]0;title\007y", "xy"},
		{"a\033P1$r0m\033\\b", "ab"},
		{"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"abc\033c", ""},
		{"\033[9999;9999Hx", "|||         x"},
		{"a\033[9999Xb", "ab"},
		{"\033[5b", ""}, /* libvterm never came back */
		{"a\033[5b", "aaaaaa"},
		{"\xc2\x85\xc2\x80x\033H", "x"}, /* libvterm went to column -2 */
		{"a\xc2", "a"},
		{"a\xc2"
		 "b",
		 "a\xef\xbf\xbd"
		 "b"},
		{"a\xc2\n\x85"
		 "b",
		 "a\xef\xbf\xbd|  \xef\xbf\xbd"
		 "b"},
		{"a\xe4\xb8\033[mb", "a\xef\xbf\xbd"
				     "b"},
		{"a\xc2\xa0"
		 "b\xc2\xbf",
		 "a\xc2\xa0"
		 "b\xc2\xbf"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;

		open_fixture(&f, 10, 4, 100);
		feed(&f, cases[i].input);
		expect(&f, cases[i].input, cases[i].wanted);
		close_fixture(&f);
	}
}

/* A character cut by the end of what was read at a time. */
static void test_cut_character(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, 10, 4, 100);
	feed(&f, "abc\xe4");
	feed(&f, "\xb8");
	feed(&f, "\xad"
		 "d\xf0\x9f\x99");
	feed(&f, "\x82");
	expect(&f, "cut",
	       "abc\xe4\xb8\xad"
	       "d\xf0\x9f\x99\x82");
	close_fixture(&f);
}

static void test_attributes(void **state)
{
	static const struct {
		const char *input;
		uint32_t fg, bg;
		unsigned attr;
	} cases[] = {
		{"x", 0, 0, 0},
		{"\033[1mx", 0, 0, VIEW_BOLD},
		{"\033[2mx", 0, 0, VIEW_DIM},
		{"\033[2m\033[22mx", 0, 0, 0},
		{"\033[38;5;2mx", VIEW_INDEXED(2), 0, 0}, /* the 2 is no dim */
		{"\033[38;2;2;2;2mx", VIEW_RGB(2, 2, 2), 0, 0},
		{"\033[2;38;5;9mx", VIEW_INDEXED(9), 0, VIEW_DIM},
		{"\033[3;7;9mx", 0, 0, VIEW_ITALIC | VIEW_REVERSE | VIEW_STRIKE},
		{"\033[4mx", 0, 0, 1 << 3},
		{"\033[21mx", 0, 0, 2 << 3},
		{"\033[4:3mx", 0, 0, 3 << 3},
		{"\033[31;44mx", VIEW_INDEXED(1), VIEW_INDEXED(4), 0},
		{"\033[97mx", VIEW_INDEXED(15), 0, 0},
		{"\033[38;2;1;2;3;48;2;4;5;6mx", VIEW_RGB(1, 2, 3), VIEW_RGB(4, 5, 6), 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		const struct view_cell *c;

		open_fixture(&f, 10, 2, 10);
		feed(&f, cases[i].input);
		pull(&f);
		c = view_row(&f.screen, 0);
		if (c->ch != 'x' || c->fg != cases[i].fg || c->bg != cases[i].bg ||
		    c->attr != cases[i].attr)
			fail_msg("case %zu: got %x %x %x %x", i, c->ch, c->fg, c->bg, c->attr);
		close_fixture(&f);
	}
}

static void test_answers(void **state)
{
	static const struct {
		const char *input, *wanted;
	} cases[] = {
		{"\033[c", "\033[?62;22c"},
		{"\033[>c", "\033[>1;10;0c"},
		{"\033[5n", "\033[0n"},
		{"ab\033[6ncd", "\033[1;3R"}, /* of the moment it was asked in */
		{"\033[?2004h\033[?2004$p", "\033[?2004;1$y"},
		{"\033[?2026$p", "\033[?2026;2$y"},
		{"\033[?31337$p", "\033[?31337;0$y"},
		{"\033[>0q", "\033P>|ccvm\033\\"},
		{"\033[?u", "\033[?0u"},
		{"\033[>1u\033[?u", "\033[?1u"},
		{"\033[18t", "\033[8;4;10t"},
		{"\033[=c", "\033P!|00000000\033\\"},
		{"\033]4;1;?\007", "\033]4;1;rgb:cdcd/0000/0000\033\\"},
		{"\033]4;1;#fff;255;?\033\\", "\033]4;255;rgb:eeee/eeee/eeee\033\\"},
		{"\033]10;?\007\033]11;?\007\033]12;?\007",
		 "\033]10;rgb:e5e5/e5e5/e5e5\033\\\033]11;rgb:0000/0000/0000\033\\\033]12;rgb:e5e5/"
		 "e5e5/e5e5\033\\"},
		{"\033P+q436f\033\\\033P+q524742\033\\",
		 "\033P1+r436f=323536\033\\\033P1+r524742=38\033\\"},
		{"\033[2;3r\033P$qr\033\\\033[4 q\033P$q q\033\\",
		 "\033P1$r2;3r\033\\\033P1$r4 q\033\\"},
		/* nothing of these comes back: CVE-2003-0063, 2008-2383, 2020-27347, 2021-33477,
		 * 2022-45063, 2022-45872 */
		{"\033]0;touch /tmp/x\007\033[21t", ""},
		{"\033[20t", ""},
		{"\033P$q\"p\033\\", "\033P0$r\033\\"},
		{"\033P$q\nid\n\033\\", "\033P0$r\033\\"},
		{"\033P+q736574\033\\", "\033P0+r\033\\"},
		{"\033]50;?\007", ""},
		{"\033]50;i$(touch /tmp/x)\007\033]50;?\007", ""},
		{"\033G Q\033\\", ""},
		{"\033]52;c;?\007", ""},
		{"\033]4;x;?\007\033]10;?x\007\033]11;id\007\033]4;1;id\007", ""},
		{"\005", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;

		open_fixture(&f, 10, 4, 10);
		feed(&f, cases[i].input);
		if (strcmp(buf_text(&f.answers), cases[i].wanted) != 0)
			fail_msg("case %zu: got \"%s\", wanted \"%s\"", i, buf_text(&f.answers),
				 cases[i].wanted);
		close_fixture(&f);
	}
}

/* What is answered elsewhere is not answered here, from the very byte on where that changed. */
static void test_answered_elsewhere(void **state)
{
	/* clang-format off */
	static const char *const asks[] = {
		"\033[c", "\033[>c", "\033[=c", "\033[5n", "\033[6n", "\033[?6n", "\033[?2004$p",
		"\033[>0q", "\033[?u", "\033[18t", "\033]4;1;?\007", "\033]10;?\007",
		"\033]11;?\033\\", "\033]12;?\007", "\033P+q436f\033\\", "\033P$qr\033\\",
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		const bool dcs = asks[i][1] == 'P';
		/* a string ends with the ESC of ST */
		const size_t n = strlen(asks[i]), last = n - (asks[i][n - 1] == '\\');

		for (size_t cut = 0; cut <= n; cut++) {
			struct fixture f;
			size_t one;

			open_fixture(&f, 10, 4, 10);
			feed(&f, asks[i]);
			one = buf_len(&f.answers);
			assert_true(one > 0);
			emu_set_answers(f.emu, false, !dcs);
			feed(&f, asks[i]);
			assert_int_equal(buf_len(&f.answers), one);
			/* Asked here, and the end of it comes when another one answers: that one
			 * saw only the end. */
			emu_set_answers(f.emu, true, true);
			emu_feed(f.emu, asks[i], cut);
			emu_set_answers(f.emu, false, false);
			emu_feed(f.emu, asks[i] + cut, n - cut);
			assert_int_equal(buf_len(&f.answers), cut ? 2 * one : one);
			/* Asked there, and it went away in the middle. */
			emu_feed(f.emu, asks[i], cut);
			emu_set_answers(f.emu, true, true);
			emu_feed(f.emu, asks[i] + cut, n - cut);
			assert_int_equal(buf_len(&f.answers),
					 (cut ? 2 * one : one) + (cut < last ? one : 0));
			close_fixture(&f);
		}
	}
}

static void test_events(void **state)
{
	struct fixture f;
	struct vt_events *ev;

	(void)state;
	open_fixture(&f, 10, 4, 10);
	ev = emu_events(f.emu);
	feed(&f, "\033]2;\xe2\x9c\xb3 a\xc2\x9b"
		 "b\xe2\x80\xae"
		 "c\033\\");
	assert_true(ev->title);
	assert_false(ev->bell);
	/* C1 and direction controls are gone */
	assert_string_equal(ev->title_text, "\xe2\x9c\xb3 abc");
	pull(&f);
	assert_string_equal(f.screen.title, "\xe2\x9c\xb3 abc");
	feed(&f, "\007\033]9;done\007");
	assert_true(ev->bell);
	assert_true(ev->notified);
	assert_string_equal(ev->notify_text, "done");
	feed(&f, "\033]777;notify;t;b\007\033]9;4;1;50\007");
	assert_string_equal(ev->notify_text, "t;b");
	feed(&f, "\033]52;c;cm0gLXJm\007");
	assert_int_equal(ev->clipboard_refused, 1);
	close_fixture(&f);
}

static void test_history_and_find(void **state)
{
	struct fixture f;
	struct view_screen lines = {0};
	AUTO_BUF struct buf out = {0};
	AUTO_FREE char *text = NULL;
	int col = 0;

	(void)state;
	open_fixture(&f, 20, 3, 5);
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *line = mem_format("line %d\r\n", i);

		feed(&f, line);
	}
	expect(&f, "20 lines", "line 18|line 19");
	assert_int_equal(f.screen.s.top, 18);
	assert_int_equal(f.screen.s.first, 13); /* five are kept */
	emu_put_history(f.emu, &out, 0, 3);
	assert_int_equal(view_take_history(&lines, 20, 3, buf_data(&out), buf_len(&out)), 0);
	text = shown(&lines);
	assert_string_equal(text, "line 13|line 14|line 15");
	assert_int_equal(lines.s.top, 13);
	assert_int_equal(grid_find(emu_grid(f.emu), UINT64_MAX, false, "e 1", &col), 19);
	assert_int_equal(col, 3);
	assert_int_equal(grid_find(emu_grid(f.emu), 0, true, "line 12", &col), UINT64_MAX);
	assert_int_equal(grid_find(emu_grid(f.emu), 13, true, "14", &col), 14);
	feed(&f, "\033[3J");
	pull(&f);
	assert_int_equal(f.screen.s.first, f.screen.s.top);
	view_screen_fini(&lines);
	close_fixture(&f);
}

/* A viewer that was away gets the same screen as one that was not. */
static void test_late_viewer(void **state)
{
	struct fixture f;
	struct view_screen late = {0};
	AUTO_BUF struct buf frame = {0};

	(void)state;
	open_fixture(&f, 20, 5, 50);
	for (int i = 0; i < 40; i++) {
		AUTO_FREE char *line = mem_format("\033[3%dmn %d\033[0m\r\n\033[2;5Hy", i % 8,
						  i * i);

		feed(&f, line);
		if (i % 3)
			pull(&f);
	}
	pull(&f);
	emu_put_frame(f.emu, &frame, 0);
	assert_int_equal(view_take_frame(&late, buf_data(&frame), buf_len(&frame)), 0);
	assert_memory_equal(late.cells, f.screen.cells, 20 * 5 * sizeof(*late.cells));
	view_screen_fini(&late);
	close_fixture(&f);
}

static void test_resize_keeps_state(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, 10, 4, 100);
	feed(&f, "a\r\nb\r\nc\r\nd\033[1;31m");
	emu_resize(f.emu, 12, 2);
	feed(&f, "!");
	expect(&f, "shrunk", "c|d!");
	assert_int_equal(view_row(&f.screen, 1)[1].attr, VIEW_BOLD); /* the pen went along */
	assert_int_equal(view_row(&f.screen, 1)[1].fg, VIEW_INDEXED(1));
	emu_resize(f.emu, 5, 6);
	feed(&f, "\r\nlong line");
	expect(&f, "grown", "c|d!|long|line");
	feed(&f, "\033[?1049h\033[2J\033[Halt");
	emu_resize(f.emu, 8, 3);
	feed(&f, "x");
	expect(&f, "alternate", "altx");
	assert_true(f.screen.s.modes & VIEW_ALTERNATE);
	feed(&f, "\033[?1049l");
	pull(&f);
	assert_false(f.screen.s.modes & VIEW_ALTERNATE);
	emu_resize(f.emu, 0, 99999);
	pull(&f);
	assert_int_equal(f.screen.cols, 1);
	assert_int_equal(f.screen.rows, VIEW_ROWS_MAX);
	close_fixture(&f);
}

static void test_only_changes_are_sent(void **state)
{
	struct fixture f;
	AUTO_BUF struct buf whole = {0}, one = {0};

	(void)state;
	open_fixture(&f, 80, 24, 100);
	for (int i = 0; i < 23; i++)
		feed(&f, "the quick brown fox jumps over the lazy dog\r\n");
	pull(&f);
	assert_false(emu_has_news(f.emu, f.screen.s.gen));
	feed(&f, "\033[5;5Hx");
	assert_true(emu_has_news(f.emu, f.screen.s.gen));
	emu_put_frame(f.emu, &whole, 0);
	emu_put_frame(f.emu, &one, f.screen.s.gen);
	assert_true(buf_len(&one) < 200);
	assert_true(buf_len(&whole) > 1000);
	close_fixture(&f);
}

/* Which URIs become links, as a viewer has them, and that text behind a refused one has none. */
static void test_links(void **state)
{
	static const struct {
		const char *uri;
		bool kept;
	} cases[] = {
		{"https://example.org/a?b#c", true},
		{"http://x/", true},
		{"file:///etc/x", true},
		{"mailto:a@b", true},
		{"javascript:alert(1)", false},
		{"https://", false},
		{"https://a b", false},
		{"https://a/\xc3\xa4", false},
		{"https://a/\"", false},
		{"HTTPS://x/", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text = mem_format(
			"\033]8;;http://before/\007a\033]8;id=1;%s\007b\033]8;;\007c",
			cases[i].uri);
		AUTO_BUF struct buf ansi = {0};
		struct fixture f;
		const struct view_cell *c;
		const char *got;

		open_fixture(&f, 10, 2, 10);
		feed(&f, text);
		pull(&f);
		c = view_row(&f.screen, 0);
		got = links_uri(&f.screen.links, c[1].link);
		if (cases[i].kept ? !got || strcmp(got, cases[i].uri) != 0 : c[1].link != 0)
			fail_msg("%s: got %s", cases[i].uri, got ? got : "none");
		assert_string_equal(links_uri(&f.screen.links, c[0].link), "http://before/");
		assert_int_equal(c[2].link, 0);
		view_row_ansi(&ansi, c, 10, &f.screen.links);
		assert_non_null(strstr(buf_text(&ansi), "\033]8;;http://before/\033\\a\033]8;;"));
		assert_non_null(strstr(buf_text(&ansi), "\033]8;;\033\\"));
		close_fixture(&f);
	}
}

/* The oldest lead nowhere when there are too many; none leads where another does. */
static void test_many_links(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, 10, 300, 10);
	for (int i = 0; i < 300; i++) {
		AUTO_FREE char *text = mem_format("\033]8;;http://x/%d\007a\r\n", i);

		feed(&f, text);
	}
	pull(&f);
	for (int i = 1; i < 299; i++) {
		AUTO_FREE char *wanted = mem_format("http://x/%d", i + 1);
		const char *got = links_uri(&f.screen.links,
					    view_row(&f.screen, (uint16_t)i)->link);

		if (i + 1 < 300 - LINKS_MAX)
			assert_null(got);
		else
			assert_string_equal(got, wanted);
	}
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_answered_elsewhere),
		cmocka_unit_test(test_history_and_find),
		cmocka_unit_test(test_late_viewer),
		cmocka_unit_test(test_resize_keeps_state),
		cmocka_unit_test(test_only_changes_are_sent),
		cmocka_unit_test(test_cut_character),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_many_links),
	};

	return cmocka_run_group_tests_name("term_emu", tests, NULL, NULL);
}

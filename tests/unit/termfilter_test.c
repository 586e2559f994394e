/* areas: base
 * files: src/client/termfilter.c src/proto/message.c src/proto/view.c src/proto/links.c
 * What of a guest's output reaches the user's terminal, cut anywhere; and what is undone at the
 * end. */
#include "unit/unit.h"

#include <stdio.h>

#include "client/termfilter.h"
#include "unit/termfilter_check.h"

#define SAME NULL /* the output is the input */

static const struct {
	const char *what, *in, *out;
} cases[] = {
	{"text", "plain \r\n\t text \xc3\xa9 \xe2\x9d\xaf \xf0\x9f\x99\x82 \xc2\xa0", SAME},
	{"attributes", "\033[1;31mred\033[0m \033[38;2;1;2;3m\033[4:3m\033[58:2::1:2:3m", SAME},
	{"cursor and screen",
	 "\033[H\033[2J\033[10;20H\033[?25l\033[?1049h\033[3;9r\033[K\033["
	 "2P\0337\0338\033D\033M\033c",
	 SAME},
	{"titles, links, colours",
	 "\033]8;;https://a.example/"
	 "\033\\x\033]8;;\033\\\033]11;#123456\007\033]133;A\007\033]9;4;1;50\007",
	 SAME},
	{"keyboard", "\033[>1u\033[<u\033[=1;1u\033[>4;2m\033[?1u",
	 "\033[>1u\033[<u\033[=1;1u\033[>4;2m"},
	{"synchronized", "\033[?2026h\033[?2026l\033[?2004h", SAME},
	/* Strings. */
	{"the clipboard is written", "a\033]52;c;aGk=\007b\033]52;;aGk=\033\\c", "abc"},
	{"the clipboard is read", "a\033]52;c;?\007b", "ab"},
	{"by other numbers",
	 "\033]1337;Copy=:aGk=\007\033]1337;CopyToClipboard=\007\033]5522;type=write;aGk="
	 "\033\\\033]1337;File=:AA==\007",
	 ""},
	{"files and fonts",
	 "\033]46;/tmp/"
	 "x\007\033]50;x\007\033]3;WM_NAME=x\007\033]5113;ac=send\033\\\033]Lx\033\\\033]"
	 "52\007\033]0052;c;x\007\033]+8;;\007",
	 ""},
	{"DCS",
	 "a\033Pq#0;2;0;0;0~\033\\b\033P$q\"p\033\\c\033P+q544e\033\\d\033Ptmux;\033\033]52;c;aGk="
	 "\007\033\\e",
	 "abcde"},
	{"APC, PM, SOS", "a\033_Gf=100;AAAA\033\\b\033^x\033\\c\033Xy\033\\d", "abcd"},
	{"one that does not end", "a\033_Gf=100;AAAA\nmore \xc3\xa9", "a"},
	{"ended by another", "a\033_G\033[31mb\033]52;c;x\033[1mc", "a\033[31mb\033[1mc"},
	{"broken off", "a\033]52;c;x\030b\033Pq\032c", "abc"},
	{"C1 bytes",
	 "a\x9d"
	 "52;c;aGk=\x9c"
	 "b\x90q~\x9c"
	 "c\x9fG\x9c"
	 "d\x9ex\x9c"
	 "e\x98y\x9c"
	 "f",
	 "abcdef"},
	{"C1 in UTF-8",
	 "a\xc2\x9d"
	 "52;c;aGk=\xc2\x9c"
	 "b\xc2\x90q\xc2\x9c"
	 "c\xc2\x9fG\xc2\x9c"
	 "d",
	 "abcd"},
	{"C1 mixed",
	 "a\033]52;c;x\xc2\x9c"
	 "b\x9d"
	 "52;c;x\033\\c\xc2\x9d"
	 "52;c;x\007d",
	 "abcd"},
	{"C1 sequences",
	 "\x9b"
	 "31m\xc2\x9b"
	 "1mx\x84\xc2\x85\x8d",
	 "\033[31m\033[1mx\033D\033E\033M"},
	{"C1 bytes within characters",
	 "\xe2\x9d\xaf\xe2\x90\x9b\xe2\x98\x9d\xf0\x9f\x98\x9e\xc3\x9d\xc3\x9b", SAME},
	{"no UTF-8", "a\xff\xc3(\xe2\x9d(\xed\xa0\x80\xf5z",
	 "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd"},
	{"overlong",
	 "a\xc1\x9d"
	 "52;c;x\007b",
	 "a\xef\xbf\xbd"
	 "b"},
	/* Queries. */
	{"reports",
	 "\033[6n\033[5n\033[?6n\033[c\033[>c\033[=c\033[0c\033[x\033[>q\033[>0q\033[?u\033[?2026$"
	 "p\033[4$p\033[18t\033[14t\033Z\005",
	 ""},
	{"colours asked for",
	 "\033]4;1;?\007\033]10;?\007\033]11;?\033\\\033]12;?\007\033]4;1;#fff;2;?\007\033]22;?"
	 "\007",
	 ""},
	{"more reports",
	 "\033[1;1;1;1;1;1*y\033[?1;1;0S\033[#R\033['|\033[&u\033[1$w\033[?4m\033[?996n", ""},
	{"a number that only looks so", "\033[>4n\033[4;1t\033[3t", SAME},
	{"reports of the title", "\033[20t\033[21t", ""},
	{"printing", "\033[5i\033[?5i\033[4i", ""},
	{"of the Linux console", "\033[12;3]\033[1;30]\033[]\033[?6c", ""},
	{"status lines, title modes, lights, locators, levels",
	 "\033[1$}\033[2$~\033[>2t\033[>0T\033[>1p\033[1q\033[1'z\033[1'{\033[62;0\"p\033[4;1y",
	 ""},
	{"rectangles, columns, soft reset",
	 "\033[1;1;2;2$z\033[2'}\033[2 @\033[!p\033[1\"q\033[?J\033[#{", SAME},
	{"colons", "\033[?1003:1h\033[21:1t\033[:21t\033[>4:2m\033[>1:1u\033[1:1H\033[4:3m",
	 "\033[4:3m"},
	{"numbers beyond", "\033[4294967317t\033[?65539003h\033[000021t\033[99999C", "\033[99999C"},
	{"VT52, the keyboard, what is not the guest's",
	 "\033[?2l\033[?2h\033[2h\033[?1036l\033[?1007l\033[?1007h\033[?2004l\033[?1000l\033["
	 "4l\033[?1036r\033[?1034h",
	 ""},
	{"modes that pass among others",
	 "\033[?1000;2;1006h\033[?1000;1003;1006;1015l\033[?1007;1036l\033[?;h",
	 "\033[?1000;1006h\033[?1000;1006l\033[?0h"},
	{"the cursor's place", "\033[?1048h\033[?1048l\033[?1048l\033[?25h\033[?7h", SAME},
	{"screen's title",
	 "a\033kvim x\033\\b\033k\xc3\xa9\xc2\x9c"
	 "c\033kt\007u\033[1md",
	 "abc\033[1md"},
	{"OSC 9 and 777",
	 "\033]9;done\007\033]9;3 of 4 failed\007\033]9;4;1;50\007\033]777;notify;a;b\007", SAME},
	{"ConEmu's and other commands",
	 "\033]9;6;macro\007\033]9;2;box\007\033]9;12\007\033]9;4\007\033]9; "
	 "6;x\007\033]9;\007\033]9\007\033]777;precmd\007\033]777;notify\007\033]777;x;notify;"
	 "y\007",
	 ""},
	{"rxvt's question", "\033GQ", "Q"},
	{"codings", "\033%@\033%G\033 G\033$(Bx", "x"},
	{"out of place", "\033[$1p\033[1?6n\033[6 0n\033[1!2p\033[>1;?m", ""},
	{"a control within", "\033[3\r1mx\033[\0332Jy", "\r\033[31mx\0332Jy"},
	{"broken off by text", "\033[3\xc3\xa9x\033\xc3\xa9", "\xc3\xa9x\xc3\xa9"},
	{"pops beyond", "\033[<u\033[>1u\033[<2u\033[23t\033[22;0t\033[23;0t\033[23;0t",
	 "\033[>1u\033[22;0t\033[23;0t"},
};

static void run(struct termfilter *f, const char *in, size_t n, size_t cut, struct buf *out)
{
	termfilter_feed(f, in, cut, out);
	termfilter_feed(f, in + cut, n - cut, out);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const size_t n = strlen(cases[i].in);
		const char *wanted = cases[i].out ? cases[i].out : cases[i].in;

		for (size_t cut = 0; cut <= n; cut++) {
			static struct termfilter f;
			AUTO_BUF struct buf out = {0};

			f = (struct termfilter){0};
			run(&f, cases[i].in, n, cut, &out);
			if (strcmp(buf_text(&out), wanted) != 0 &&
			    !(strstr(cases[i].what, "no UTF-8") &&
			      strncmp(buf_text(&out), wanted, strlen(wanted)) == 0))
				fail_msg("%s, cut at %zu: \"%s\"", cases[i].what, cut,
					 buf_text(&out));
			check_filtered(buf_data(&out), buf_len(&out), false);
		}
	}
}

/* To the terminal that answers everything that asks passes, but what would be answered in the
 * guest's words. */
static void test_answering(void **state)
{
	/* clang-format off */
	static const char *const pass[] = {
		"\033[6n", "\033[c", "\033[>c", "\033[=c", "\033[>q", "\033[?u", "\033[?2026$p",
		"\033]11;?\033\\", "\033]4;1;?\007", "\033[14t", "\033Z", "\005",
	};
	/* clang-format on */
	static const char *const drop[] = {"\033[21t", "\033]52;c;?\007", "\033P+q544e\033\\",
					   "\033P$qm\033\\", "\033]50;?\007"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pass) + ARRAY_LEN(drop); i++) {
		static struct termfilter f;
		const char *in = i < ARRAY_LEN(pass) ? pass[i] : drop[i - ARRAY_LEN(pass)];
		AUTO_BUF struct buf out = {0};

		f = (struct termfilter){.answers = true};
		termfilter_feed(&f, in, strlen(in), &out);
		assert_string_equal(buf_text(&out), i < ARRAY_LEN(pass) ? in : "");
	}
}

/* Without the filter all passes as it came, but queries to a terminal that does not answer. */
static void test_open(void **state)
{
	/* clang-format off */
	static const char *const pass[] = {
		"a\033]52;c;aGk=\007b", "\033Pq#0~\033\\", "\033_Gf=100;AAAA\033\\",
		"\x9d" "52;c;x\x9c", "a\xff\xc3(", "\033[5i", "\033]1337;File=:AA==\007",
		"\033[21t", "\xc2\x9b" "1m", "\033%@",
	};
	/* clang-format on */
	static const char *const drop[] = {"\033[6n", "\033[c", "\033]11;?\033\\",
					   "\033P+q544e\033\\", "\033P$qm\033\\"};
	AUTO_FREE char *longer = mem_alloc(100001);

	(void)state;
	memset(longer, 'A', 100000);
	memcpy(longer, "\033]52;c;", 7);
	memcpy(longer + 99998, "\033\\", 2);
	for (size_t i = 0; i < ARRAY_LEN(pass) + ARRAY_LEN(drop) + 1; i++) {
		static struct termfilter f;
		const bool passes = i < ARRAY_LEN(pass) || i == ARRAY_LEN(pass) + ARRAY_LEN(drop);
		const char *in = i < ARRAY_LEN(pass) ? pass[i]
				 : passes	     ? longer
						     : drop[i - ARRAY_LEN(pass)];
		AUTO_BUF struct buf out = {0};

		f = (struct termfilter){.open = true};
		termfilter_feed(&f, in, strlen(in), &out);
		if (strcmp(buf_text(&out), passes ? in : "") != 0)
			fail_msg("%zu: \"%.60s\"", i, buf_text(&out));
	}
}

static const struct {
	const char *in, *undo;
} undone[] = {
	{"text\r\n", ""},
	{"\033[1m", "\033[0m"},
	{"\033[?1000h\033[?1002h\033[?1006h\033[?1004h\033[?2004h",
	 "\033[?1000l\033[?1002l\033[?1006l\033[?1004l\033[?2004l"},
	{"\033[?1000h\033[?1000l\033[?25l\033[?25h", ""},
	{"\033[?25l\033[?7l", "\033[?25h\033[?7h"},
	{"\033[?1049h\033[>1u", "\033[<1u\033[?1049l"},
	{"\033[>1u\033[?1049h\033[>1u\033[>5u", "\033[<2u\033[?1049l\033[<1u"},
	{"\033[>4;2m", "\033[>4m"},
	{"\033[>4n\033[>n", "\033[>2m\033[>4m"},
	{"\033[>8;1m\033[>12n", ""},
	{"\033[12l", "\033[12h"},
	{"\033[?1003:1h\033[?2l", ""},
	{"\033[4 q\033=\033(0\016", "\033[0 q\033>\033(B\033)B\017"},
	{"\033[2;5r", "\0337\033[r\0338"},
	{"\033]0;t\007", "\033[23;0t"},
	{"\033[22;0t\033]2;t\007", "\033[23;0t\033[23;0t"},
	{"\033]11;#000\007\033]4;1;#111\007", "\033]104\033\\\033]111\033\\"},
	{"\033[?1000s\033[?1000r", "\033[?1000l"},
	{"\033[?1000;1006h", "\033[?1000l\033[?1006l"},
	{"\033[4h\033[20h", "\033[4l\033[20l"},
	{"\033[?1000h\033[1m\033c", "\033[0m"},
	{"\033]8;;http://a/\007\033]9;4;3\007\033]22;wait\007",
	 "\033]8;;\033\\\033]9;4;0\033\\\033]22;\033\\"},
	{"\033[=5u", "\033[=0u"},
	{"\033]52;c;cut in the mi", ""},
};

static void test_undo(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(undone); i++)
		for (int open = 0; open < 2; open++) {
			static struct termfilter f;
			AUTO_BUF struct buf out = {0}, undo = {0}, again = {0};

			f = (struct termfilter){.open = open};
			termfilter_feed(&f, undone[i].in, strlen(undone[i].in), &out);
			termfilter_undo(&f, &undo);
			if (strcmp(buf_text(&undo), undone[i].undo) != 0)
				fail_msg("%zu: \"%s\"", i, buf_text(&undo));
			termfilter_undo(&f, &again);
			assert_int_equal(buf_len(&again), 0);
		}
}

/* Random pieces of what is dangerous, cut at random places: the same output however it is cut,
 * and nothing of it filtered; and what was undone leaves nothing on. */
static void test_random(void **state)
{
	/* clang-format off */
	static const char *const pieces[] = {
		"\033]", "52;c;aGk=", "\007", "\033\\", "\033P", "\033_", "\033^", "\033X", "\x9d",
		"\x90", "\x9f", "\x9c", "\x9b", "\xc2\x9d", "\xc2\x90", "\xc2\x9c", "\xc2",
		"\xe2\x9d", "\xaf", "\xf0\x9f", "\x18", "\x1a", "\033", "[", "?", "1000", ";", "h",
		"l", "6n", "$p", "text", "\r\n", "0;title", "8;;u", "q", "+q", "\033%@", "\033c",
		"\x7f", "\xff", "\xed\xa0\x80", "\033[>1u", "\033[<u", "m", "1337;File=",
		"\xc3\xa9", "i", "21t", "Z", "\x05", "\033k", ":", "]", "2l", "$}", ">", "1003:1h",
		"9;6;x", "777;notify;",
	};
	/* clang-format on */
	unsigned seed = 20261130;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		static struct termfilter f, g;
		AUTO_BUF struct buf in = {0}, whole = {0}, cut = {0};

		f = g = (struct termfilter){.answers = round & 1};
		for (int i = 0; i < 12; i++) {
			seed = seed * 1103515245 + 12345;
			buf_add(&in, pieces[(seed >> 8) % ARRAY_LEN(pieces)],
				strlen(pieces[(seed >> 8) % ARRAY_LEN(pieces)]));
		}
		termfilter_feed(&f, buf_data(&in), buf_len(&in), &whole);
		for (size_t at = 0, n; at < buf_len(&in); at += n) {
			seed = seed * 1103515245 + 12345;
			n = 1 + (seed >> 8) % 5;
			n = n < buf_len(&in) - at ? n : buf_len(&in) - at;
			termfilter_feed(&g, buf_data(&in) + at, n, &cut);
		}
		if (buf_len(&whole) != buf_len(&cut) ||
		    memcmp(buf_data(&whole), buf_data(&cut), buf_len(&cut)) != 0)
			fail_msg("round %d: \"%s\" and \"%s\"", round, buf_text(&whole),
				 buf_text(&cut));
		check_filtered(buf_data(&whole), buf_len(&whole), round & 1);
	}
}

/* A mode that cannot be recorded does not pass: everything that passed is reset. */
static void test_full(void **state)
{
	static const char *const more[] = {"\033[?1003h", "\033[?1003r", "\033[?25l", "\033[4h"};

	(void)state;
	for (int open = 0; open < 2; open++) {
		static struct termfilter f;
		AUTO_BUF struct buf in = {0}, out = {0}, undo = {0};

		f = (struct termfilter){.open = open};
		for (int i = 0; i < TERMFILTER_MODES; i++)
			buf_addf(&in, "\033[?%dh", 5000 + i);
		for (size_t i = 0; i < ARRAY_LEN(more); i++)
			buf_addf(&in, "%s", more[i]);
		termfilter_feed(&f, buf_data(&in), buf_len(&in), &out);
		assert_int_equal(buf_len(&out), 8 * TERMFILTER_MODES);
		termfilter_undo(&f, &undo);
		assert_int_equal(buf_len(&undo), 8 * TERMFILTER_MODES);
	}
}

/* Text of files, where a sequence may be cut off. */
static void test_lines(void **state)
{
	static const char in[] = "a\033Pq\nb\x9d"
				 "52;c;\ncd\033]0;t\033\ne\033_x\033\\f\033[3\n1mg",
			  out[] = "a\nb\ncd\nef\n\033[31mg";

	(void)state;
	for (size_t cut = 0; cut < sizeof(in); cut++) {
		static struct termfilter f;
		AUTO_BUF struct buf got = {0};

		f = (struct termfilter){.lines = true};
		run(&f, in, sizeof(in) - 1, cut, &got);
		assert_string_equal(buf_text(&got), out);
	}
}

/* So many pushes as can be popped. */
static void test_pushes(void **state)
{
	static const char *const push[] = {"\033[22;0t", "\033[>1u"};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(push); k++) {
		static struct termfilter f;
		AUTO_BUF struct buf out = {0};

		f = (struct termfilter){0};
		for (int i = 0; i < TERMFILTER_PUSHED_MAX + 10; i++)
			termfilter_feed(&f, push[k], strlen(push[k]), &out);
		assert_int_equal(buf_len(&out), strlen(push[k]) * TERMFILTER_PUSHED_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),  cmocka_unit_test(test_answering),
		cmocka_unit_test(test_open),   cmocka_unit_test(test_undo),
		cmocka_unit_test(test_random), cmocka_unit_test(test_full),
		cmocka_unit_test(test_pushes), cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests_name("termfilter", tests, NULL, NULL);
}

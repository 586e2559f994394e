/* areas: base term
 * files: src/session/attention.c src/proto/message.c src/proto/view.c src/proto/links.c src/proto/wire.c src/proto/request.c src/proto/hostenv.c src/proto/outcome.c src/proto/document.c src/base/sched.c
 * What an agent does, from what its terminal shows. */
#include "unit/unit.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/file.h"
#include "proto/wire.h"
#include "session/attention.h"
#include "term/emu.h"

#define ARROW	"\xe2\x9d\xaf"
#define RULE	"\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80"
#define NBSP	"\xc2\xa0"
#define PROMPT	ARROW NBSP
#define SIDE	"\xe2\x94\x82"
#define IDLE	"\xe2\x9c\xb3 Claude Code"
#define SPINNER "\xe2\x97\x90 Claude Code"

static const struct {
	const char *what, *title, *screen;
	enum attention wanted;
} cases[] = {
	{"nothing yet", "", "", ATTENTION_UNKNOWN},
	{"a shell", "vim", "$ make\n", ATTENTION_UNKNOWN},
	{"idle", "\xe2\x9c\xb3 Claude Code", ARROW " \n? for shortcuts\n", ATTENTION_IDLE},
	{"working", "\xe2\x97\x90 Fix the bug", "Thinking\n", ATTENTION_WORKING},
	{"working, braille", "\xe2\xa0\x82 Fix", "", ATTENTION_WORKING},
	{"a permission", "\xe2\x9c\xb3 x",
	 "Do you want to create a.txt?\n " ARROW " 1. Yes\n   2. No\nEsc to cancel\n",
	 ATTENTION_WAITING},
	{"in a frame", "\xe2\x97\x90 x",
	 SIDE " Do you want to proceed? " SIDE "\n" SIDE " " ARROW " 2. No " SIDE "\n",
	 ATTENTION_WAITING},
	{"a plan", "\xe2\x9c\xb3 x", "Would you like to proceed?\n" ARROW " 1. Yes\n",
	 ATTENTION_WAITING},
	{"the login", "", "Select login method:\n " ARROW " 1. Claude account\n",
	 ATTENTION_WAITING},
	{"the question is quoted, no choice", "\xe2\x9c\xb3 x",
	 "I asked: Do you want to create a.txt?\n" ARROW " \n", ATTENTION_IDLE},
	{"a list somebody typed", "\xe2\x9c\xb3 x", ARROW " 1. buy milk\n", ATTENTION_IDLE},
	{"the arrow within a line", "\xe2\x97\x90 x", "Do you want to\nthe text " ARROW " 1. Yes\n",
	 ATTENTION_WORKING},
	{"cut short", "\xe2", ARROW, ATTENTION_UNKNOWN},
	{"answers without numbers", "",
	 ARROW " No, exit\n  Yes, I trust this folder\n\nEnter to confirm\n", ATTENTION_WAITING},
	{"the same words further up", "\xe2\x9c\xb3 x",
	 "Enter to confirm\n" ARROW " half a question\nmanual mode\n", ATTENTION_IDLE},
	{"a choice in place of the prompt", "\xe2\x9c\xb3 x",
	 RULE "\n Make it the default?\n\n  " ARROW " Yes, all\n    No\n", ATTENTION_WAITING},
	{"the same in a shell", "vim", " " ARROW " Yes\n   No\n", ATTENTION_UNKNOWN},
	{"a prompt within its rules", "\xe2\x9c\xb3 x",
	 ARROW " done before\nyes\n" RULE "\n" ARROW " half a question\n" RULE "\n  manual mode\n",
	 ATTENTION_IDLE},
	{"a question asked before", "\xe2\x97\x90 x",
	 ARROW " please count\n\n  Counting\n" RULE "\n" ARROW " \n" RULE "\n", ATTENTION_WORKING},
	{"a draft that looks like a choice", IDLE,
	 "Do you want to buy milk?\n" RULE "\n" ARROW " 1. buy milk\n  2. and bread\n" RULE
	 "\n  manual mode\n",
	 ATTENTION_IDLE},
	{"a question of an earlier turn", IDLE,
	 "Do you want to proceed?\n " ARROW " 1. Yes\n" RULE "\n" ARROW " \n" RULE "\n",
	 ATTENTION_IDLE},
	{"words of an earlier turn", SPINNER,
	 "Do you want to proceed?\n" ARROW " write a list\n" ARROW " 1. one\n", ATTENTION_WORKING},
	{"the answer below the rule", SPINNER,
	 "Which?\n   3. Type something.\n" RULE "\n" ARROW " 4. Chat about this\nEnter to select\n",
	 ATTENTION_WAITING},
	{"an empty prompt", "\xe2\x9c\xb3 x", ARROW "\nEnter to confirm\n", ATTENTION_IDLE},
	{"a fresh prompt", "", RULE "\n" PROMPT "\n" RULE "\n  ? for shortcuts\n", ATTENTION_IDLE},
	{"a fresh prompt for a shell command", "", RULE "\n!" NBSP "ls\n" RULE "\n",
	 ATTENTION_IDLE},
	{"a prompt whose rules a resize ate", IDLE, PROMPT "\n        ? for shortcuts\n",
	 ATTENTION_IDLE},
	{"the prompt of a shell", "", "~\n" ARROW " \n", ATTENTION_UNKNOWN},
	{"a draft that quotes a dialog", SPINNER,
	 PROMPT "Do you want to\n   " ARROW " 1. Yes\n     2. No\n  Esc to cancel\n" RULE "\n",
	 ATTENTION_WORKING},
	{"a conversation that quotes one", IDLE,
	 "  Do you want to\n   " ARROW " 1. Yes\n     2. No\n   Esc to cancel\n" RULE "\n" PROMPT
	 "\n" RULE "\n",
	 ATTENTION_IDLE},
	{"a dialog below an old prompt", IDLE,
	 RULE "\n" PROMPT "\n" RULE "\n Overwrite?\n " ARROW " 1. Yes\n   2. No\n Esc to cancel\n",
	 ATTENTION_WAITING},
	{"a prompt that is a list, and its run", IDLE,
	 ARROW " 1. create made.txt\n  2. run sleep 60\n\xe2\x97\x8f Waiting\n" RULE "\n" PROMPT
	       "\n" RULE "\n  esc to interrupt\n",
	 ATTENTION_WORKING},
	{"words of the conversation", IDLE,
	 "press esc to interrupt\n" RULE "\n" PROMPT "\n" RULE "\n", ATTENTION_IDLE},
	{"a panel that is cut off", "",
	 "\xe2\x96\x94\xe2\x96\x94\xe2\x96\x94\n  Login\n\n  Select login method:\n",
	 ATTENTION_WAITING},
	{"a panel that was closed", "",
	 "\xe2\x96\x94\xe2\x96\x94\xe2\x96\x94\n  Login\n" RULE "\n" PROMPT "\n" RULE "\n",
	 ATTENTION_IDLE},
};

static struct attention_verdict judge(const char *title, const char *screen)
{
	return attention_judge(&(struct attention_signs){.title = title, .screen = screen});
}

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct attention_verdict v = judge(cases[i].title, cases[i].screen);

		if (v.state != cases[i].wanted)
			fail_msg("%s: got %s (%s)", cases[i].what, attention_name(v.state), v.why);
		assert_true(strlen(v.why) > 10);
	}
}

#define CHOICE "May I?\n" ARROW " 1. Yes\n"

static const struct {
	const char *what, *hook;
	int64_t hook_ms;
	const char *title;
	int64_t title_ms;
	const char *screen;
	enum attention wanted;
} hook_cases[] = {
	{"a prompt, the title not yet", "prompt", 2, IDLE, 1, "", ATTENTION_WORKING},
	{"the title is later", "prompt", 2, IDLE, 3, "", ATTENTION_IDLE},
	{"done, the title not yet", "stop", 2, SPINNER, 1, "", ATTENTION_IDLE},
	{"an error", "failure", 2, SPINNER, 1, "", ATTENTION_IDLE},
	{"a new prompt by the title alone", "stop", 2, SPINNER, 3, "", ATTENTION_WORKING},
	{"no title at all", "prompt", 2, "", 0, "", ATTENTION_WORKING},
	{"started, nothing painted", "start", 2, "", 0, "", ATTENTION_UNKNOWN},
	{"started, at its prompt", "start", 2, "", 0, RULE "\n" PROMPT "\n" RULE "\n",
	 ATTENTION_IDLE},
	{"ended, its prompt is still there", "end", 2, IDLE, 1, RULE "\n" PROMPT "\n" RULE "\n",
	 ATTENTION_UNKNOWN},
	{"given a prompt, no title yet", "prompt", 2, "", 0, RULE "\n" PROMPT "\n" RULE "\n",
	 ATTENTION_WORKING},
	{"done, but it can be interrupted", "stop", 2, IDLE, 1,
	 RULE "\n" PROMPT "\n" RULE "\n esc to interrupt\n", ATTENTION_WORKING},
	{"started and painted", "start", 2, IDLE, 3, "", ATTENTION_IDLE},
	{"ended, the title stays behind", "end", 2, IDLE, 1, "", ATTENTION_UNKNOWN},
	{"a question in words nobody foresaw", "permission", 2, IDLE, 1, CHOICE, ATTENTION_WAITING},
	{"numbered answers without a hook", "stop", 2, IDLE, 3, CHOICE, ATTENTION_IDLE},
	{"a question that was cancelled", "permission", 2, IDLE, 1, "", ATTENTION_IDLE},
	{"a question that was answered", "permission", 2, SPINNER, 3, "", ATTENTION_WORKING},
	{"a question outranks a later hook", "prompt", 2, SPINNER, 1,
	 "Do you want to proceed?\n" ARROW " 1. Yes\n", ATTENTION_WAITING},
	{"a name that is none", "permission2", 2, "", 0, CHOICE, ATTENTION_UNKNOWN},
};

static void test_hooks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hook_cases); i++) {
		const struct attention_signs signs = {attention_hook_named(hook_cases[i].hook),
						      hook_cases[i].hook_ms, hook_cases[i].title,
						      hook_cases[i].title_ms, hook_cases[i].screen};
		struct attention_verdict v = attention_judge(&signs);

		if (v.state != hook_cases[i].wanted)
			fail_msg("%s: got %s (%s)", hook_cases[i].what, attention_name(v.state),
				 v.why);
	}
	assert_int_equal(attention_hook_named(""), ATTENTION_HOOK_NONE);
}

/* Screens of the real claude, recorded by tools/record-screens.py: the first line is the title,
 * the name says the state and the size. */
#define RECORDED     "tests/screen/claude"
#define RECORDED_MIN 100 /* of them: fewer, and the recorder was not run whole */

static const struct {
	const char *scene; /* which the name begins with */
	enum attention state;
	const char *why; /* NULL: any reason */
} scenes[] = {
	{"idle-", ATTENTION_IDLE, NULL},
	{"idle-fresh@", ATTENTION_IDLE, "claude shows its prompt"},
	{"idle-menu-", ATTENTION_IDLE, "claude shows its prompt"},
	{"idle-after-answer@", ATTENTION_IDLE, "the title begins with the idle mark"},
	{"panel-", ATTENTION_WAITING, NULL},
	{"waiting-", ATTENTION_WAITING, NULL},
	{"waiting-login@", ATTENTION_WAITING, NULL},
	{"waiting-permission", ATTENTION_WAITING,
	 "the screen shows a question with numbered answers"},
	{"waiting-plan@", ATTENTION_WAITING, "the screen shows a plan to approve"},
	{"waiting-question", ATTENTION_WAITING,
	 "the screen shows a question with numbered answers"},
	{"waiting-trust@", ATTENTION_WAITING, "the screen shows a dialog"},
	{"working-", ATTENTION_WORKING, NULL},
};

/* Judges a recorded screen against the last row of the table that its name fits. */
static void check_scene(const char *name, struct attention_verdict v)
{
	size_t row = ARRAY_LEN(scenes);

	for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
		if (strncmp(name, scenes[i].scene, strlen(scenes[i].scene)) == 0)
			row = i;
	if (row == ARRAY_LEN(scenes))
		fail_msg("%s: not in the table", name);
	if (v.state != scenes[row].state ||
	    (scenes[row].why && strcmp(v.why, scenes[row].why) != 0))
		fail_msg("%s: got %s because %s", name, attention_name(v.state), v.why);
}

/* Calls fn with the name, title and screen of each; returns how many. */
static size_t each_recorded(void (*fn)(const char *name, const char *title, const char *screen))
{
	DIR *d = opendir(RECORDED);
	const struct dirent *entry;
	size_t n = 0;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		AUTO_FREE char *path = mem_format(RECORDED "/%s", entry->d_name);
		AUTO_BUF struct buf text = {0};
		struct err e;
		char *screen;

		if (entry->d_name[0] == '.')
			continue;
		if (file_read(AT_FDCWD, path, 65536, &text, &e) < 0)
			fail_msg("%s", e.text);
		screen = strchr(buf_text(&text), '\n');
		assert_non_null(screen);
		*screen = '\0';
		fn(entry->d_name, buf_text(&text), screen + 1);
		n++;
	}
	closedir(d);
	return n;
}

static void check_recorded(const char *name, const char *title, const char *screen)
{
	check_scene(name, judge(title, screen));
}

static void test_recorded(void **state)
{
	(void)state;
	assert_true(each_recorded(check_recorded) >= RECORDED_MIN);
}

/* A recorded screen as a terminal of that size shows it: conversation that fills `above` rows in
 * full width, the screen's last lines, and as many blank rows as are left. */
static void show(struct emu *e, const char *screen, int cols, int rows, int above)
{
	const char *line = screen, *end = screen + strlen(screen);
	int lines = 0;

	for (const char *p = screen; *p; p++)
		lines += *p == '\n';
	emu_resize(e, cols, rows);
	emu_feed(e, "\033[2J\033[H", 7);
	for (int i = 0; i < above; i++) {
		for (int col = 0; col < cols; col++)
			emu_feed(e, "\xe2\x97\x8f", 3);
		emu_feed(e, "\r\n", 2);
	}
	for (; lines > rows - above; lines--)
		line = strchr(line, '\n') + 1;
	for (int row = above; line < end; row++) {
		const size_t n = strcspn(line, "\n");
		AUTO_FREE char *at = mem_format("\033[%d;1H\033[?7l", row + 1);

		emu_feed(e, at, strlen(at));
		emu_feed(e, line, n);
		line += n + 1;
	}
	emu_feed(e, "\033[?7h", 5);
}

static const struct {
	int cols, rows;
} attention_sizes[] = {{40, 12},  {80, 24},  {120, 30}, {132, 43},
		       {280, 30}, {60, 120}, {400, 40}, {400, 120}};

/* A question may be anywhere on a screen of any size. */
static void check_at_every_size(const char *name, const char *title, const char *screen)
{
	const struct emu_callbacks none = {0};

	if (!strstr(name, "@100x30") || strncmp(name, "panel-", 6) == 0)
		return; /* a panel's rule is above what is left of it here */
	for (size_t k = 0; k < ARRAY_LEN(attention_sizes); k++)
		for (int above = 0; above + 12 <= attention_sizes[k].rows; above += 9) {
			struct emu *emu = emu_new(80, 24, 100, 1, &none);
			AUTO_BUF struct buf shown = {0};

			show(emu, screen, attention_sizes[k].cols, attention_sizes[k].rows, above);
			emu_put_text(emu, &shown, WIRE_SCREEN_CELLS);
			assert_true(buf_len(&shown) <= 4 * WIRE_SCREEN_CELLS + VIEW_ROWS_MAX);
			check_scene(name, judge(title, buf_text(&shown)));
			emu_free(emu);
		}
}

static void test_every_size(void **state)
{
	(void)state;
	each_recorded(check_at_every_size);
}

/* The largest screen there may be, full of the longest characters: its end, within the bound. */
static void test_text_is_bounded(void **state)
{
	const struct emu_callbacks none = {0};
	struct emu *emu = emu_new(VIEW_COLS_MAX, VIEW_ROWS_MAX, 0, 1, &none);
	AUTO_BUF struct buf shown = {0};

	(void)state;
	for (int i = 0; i < VIEW_COLS_MAX * VIEW_ROWS_MAX - 4; i++)
		emu_feed(emu, "\xf0\x90\x80\x80\xcc\x81", 6);
	emu_feed(emu, "last", 4);
	emu_put_text(emu, &shown, WIRE_SCREEN_CELLS);
	assert_int_equal(buf_len(&shown),
			 4 * (WIRE_SCREEN_CELLS - 4) + 4 + WIRE_SCREEN_CELLS / VIEW_COLS_MAX);
	assert_non_null(strstr(buf_text(&shown), "last\n"));
	emu_free(emu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge), cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_recorded), cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_text_is_bounded)};

	return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}

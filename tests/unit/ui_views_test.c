/* areas: base
 * files: src/proto/message.c src/proto/view.c src/proto/links.c src/client/keyname.c src/ui/canvas.c src/ui/command.c src/ui/command_copy.c src/ui/command_form.c src/ui/model.c src/ui/views.c
 * What ccvm-tui shows, as text, attributes and cursor, against tests/screen; UPDATE_GOLDEN=1
 * writes those anew. And what keys do to the model. */
#include "base/bytes.h"
#include "unit/unit.h"

#include <locale.h>
#include <stdio.h>

#include "conf/tui_command.h"
#include "ui/command.h"
#include "ui/views.h"

#define NOW 1700000600000

static void take(struct model *m, const char *id, const char *json)
{
	static struct json_line l;

	assert_int_equal(json_parse_line(json, strlen(json), &l), 0);
	model_take_status(m, id, &l);
}

static void show_text(struct model_session *s, const char *const *lines, size_t n, int cols)
{
	struct view_state st = {.gen = 1,
				.cols = (uint16_t)cols,
				.rows = 12,
				.cursor_row = 2,
				.cursor_col = 4,
				.modes = VIEW_CURSOR_VISIBLE | VIEW_WHOLE};
	AUTO_BUF struct buf frame = {0};
	size_t at = view_begin_frame(&frame, &st, "title");

	for (size_t i = 0; i < n; i++) {
		struct view_cell cells[80] = {0};

		for (size_t c = 0; lines[i][c]; c++)
			cells[c] = (struct view_cell){.ch = (unsigned char)lines[i][c],
						      .attr = i == 1 ? VIEW_BOLD : 0};
		(void)view_put_row(&frame, (uint16_t)i, cells, strlen(lines[i]));
	}
	view_end(&frame, at, (uint16_t)n);
	bytes_put_u16(&frame, 0); /* no links */
	assert_int_equal(view_take_frame(&s->screen, buf_data(&frame), buf_len(&frame)), 0);
}

static void fill(struct model *m)
{
	static const char *const claude[] = {"Do you want to make this edit?", "> 1. Yes",
					     "  2. No"};
	static const char *const shell[] = {"$ make", "cc -o x x.c", "$ "};

	model_init(m, NOW);
	model_begin_list(m);
	take(m, "aaaaaa",
	     "{\"name\":\"web\",\"workspace\":\"/src/"
	     "web\",\"state\":\"running\",\"mode\":\"rw\",\"agent\":\"waiting\","
	     "\"agent_why\":\"the screen shows a question with numbered "
	     "answers\",\"started_ms\":1,\"state_since_ms\":1700000000000,"
	     "\"agent_since_ms\":1700000570000,\"terminal\":true,\"detached\":true,\"egress\":"
	     "\"locked\",\"egress_refused\":3,"
	     "\"egress_last_refused\":\"evil.example\",\"guest_memory_total_kib\":4096000,\"guest_"
	     "memory_used_kib\":512000,"
	     "\"guest_load_milli\":430,\"title\":\"t\"}");
	take(m, "bbbbbb",
	     "{\"name\":\"api\",\"state\":\"running\",\"mode\":\"overlay\",\"agent\":\"working\","
	     "\"started_ms\":2,"
	     "\"agent_since_ms\":1700000400000,\"terminal\":true,\"detached\":true,\"egress\":"
	     "\"open\","
	     "\"guest_memory_total_kib\":2048000,\"guest_memory_used_kib\":1024000,\"guest_load_"
	     "milli\":1980,"
	     "\"pool\":\"on\",\"pool_total_kib\":8126464,\"pool_used_kib\":3145728}");
	take(m, "cccccc",
	     "{\"name\":\"a-rather-long-name-of-a-project\",\"state\":\"starting\",\"mode\":\"rw\","
	     "\"agent\":\"unknown\","
	     "\"started_ms\":3,\"state_since_ms\":1700000599000,\"terminal\":false,\"egress\":"
	     "\"open\"}");
	model_end_list(m);
	model_choose(m, 0);
	show_text(&m->session[0], claude, 3, 60);
	show_text(&m->session[1], shell, 3, 60);
}

/* These sessions are left. */
static void list(struct model *m, const char *ids)
{
	static const struct {
		const char *id, *json;
	} all[] = {{"aaaaaa", "{\"name\":\"web\",\"started_ms\":1,\"terminal\":true}"},
		   {"bbbbbb", "{\"name\":\"api\",\"started_ms\":2,\"terminal\":true}"},
		   {"cccccc", "{\"name\":\"c\",\"started_ms\":3,\"terminal\":false}"}};

	model_begin_list(m);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strstr(ids, all[i].id))
			take(m, all[i].id, all[i].json);
	model_end_list(m);
}

/* As a session's last frame says. */
static void exit_with(struct model *m, const char *id, int code)
{
	model_take_exit(m, id, &(struct outcome){.code = code});
}

/* ---- goldens ---- */

static char attr_letter(const struct view_cell *c)
{
	if (c->attr & VIEW_REVERSE)
		return c->attr & VIEW_BOLD ? 'B' : 'r';
	return c->fg ? 'c' : c->attr & VIEW_BOLD ? 'b' : c->attr & VIEW_DIM ? 'd' : '.';
}

static void dump(const struct canvas *c, struct buf *out)
{
	for (int row = 0; row < c->rows; row++) {
		const struct view_cell *cells = &c->cells[row * c->cols];
		int n = c->cols;

		view_row_text(out, cells, (size_t)c->cols);
		buf_addf(out, "\n");
		while (n > 0 && attr_letter(&cells[n - 1]) == '.')
			n--;
		buf_addf(out, "  ");
		for (int col = 0; col < n; col++)
			buf_addf(out, "%c", attr_letter(&cells[col]));
		buf_addf(out, "\n");
	}
	buf_addf(out, "cursor %d %d\n", c->cursor_row, c->cursor_col);
}

static void compare(const char *name, const struct buf *got)
{
	AUTO_FREE char *path = mem_format("tests/screen/%s.txt", name);
	AUTO_FREE char *wanted = NULL;
	AUTO_BUF struct buf text = {0};
	struct err e;

	if (getenv("UPDATE_GOLDEN")) {
		unlink(path);
		unit_write(path, buf_data(got), buf_len(got));
		return;
	}
	if (file_read(AT_FDCWD, path, 1 << 20, &text, &e) < 0)
		fail_msg("%s (UPDATE_GOLDEN=1 writes it)", e.text);
	(void)buf_text(&text);
	if (buf_len(&text) != buf_len(got) ||
	    memcmp(buf_data(&text), buf_data(got), buf_len(got)) != 0)
		fail_msg("%s differs; got:\n%.*s", path, (int)buf_len(got),
			 (const char *)buf_data(got));
}

/* Keys so many milliseconds apart; what each one brings about is painted at once. */
static void press_every(struct model *m, const char *keys, int64_t ms)
{
	AUTO_FREE char *copy = mem_strdup(keys);
	char *rest = NULL;

	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		struct key k;

		assert_true(keyname_parse(&k, w));
		model_on_painted(m, m->input_ms + 1);
		model_on_input(m, m->input_ms + ms);
		(void)command_key(m, &k);
	}
	model_on_painted(m, m->input_ms + 1);
}

static void press(struct model *m, const char *keys)
{
	press_every(m, keys, 2 * MODEL_SETTLE_MS);
}

static const struct {
	const char *name, *keys;
} screens[] = {
	{"list", ""},
	{"pane", "Enter"},
	{"two-panes", "s"},
	{"four-panes", "s s"},
	{"zoom", "z"},
	{"help", "?"},
	{"explain", "e"},
	{"peek", "a"},
	{"new", "n Down a b"},
	{"rename", "r x"},
	{"stop", "x"},
	{"stop-overlay", "Down x"},
	{"quit", "q"},
	{"egress", "g"},
	{"log", "v"},
	{"find", "/ a p"},
	{"copy", "[ Up"},
	{"prefix", "Enter C-\\"},
	{"copy-chars", "[ Right Right v Up Right"},
	{"restart", "R"},
	{"new-directory", "n C-n"},
	{"save", "[ w a"},
	{"light", "l"},
	{"mono", "m"},
	{"overlay", "2"},
	{"search", "[ / e d i t"},
	{"held", "g"},
	{"empty", ""},
	{"ended", "Enter x y"},
	{"ended-killed", ""},
};

/* What no key brings about. */
static void prepare(struct model *m, const char *name)
{
	static const char held[] =
		"{\"event\":\"egress-question\",\"host\":\"x.example\",\"port\":443}";
	static struct json_line l;

	m->theme = strcmp(name, "light") == 0  ? THEME_LIGHT
		   : strcmp(name, "mono") == 0 ? THEME_MONO
					       : THEME_DARK;
	if (strncmp(name, "new", 3) == 0)
		m->suggestions = snprintf(m->suggestion[0].text, MODEL_TEXT, "/src/web") > 0;
	if (strcmp(name, "held") == 0) {
		assert_int_equal(json_parse_line(held, strlen(held), &l), 0);
		(void)model_take_event(m, "aaaaaa", &l);
	}
	if (strcmp(name, "empty") == 0) {
		list(m, "");
		for (int i = 0; i < 3; i++)
			model_dismiss(m, (const char *const[]){"aaaaaa", "bbbbbb", "cccccc"}[i]);
		m->message[0] = '\0';
	}
	if (strcmp(name, "ended") == 0)
		exit_with(m, "aaaaaa", 3);
	if (strcmp(name, "ended-killed") == 0)
		list(m, "aaaaaa cccccc");
}

static const struct {
	int cols, rows;
} sizes[] = {{120, 30}, {80, 24}, {40, 12}};

static void test_screens(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(screens); i++)
		for (size_t j = 0; j < ARRAY_LEN(sizes); j++) {
			AUTO_FREE char *name = mem_format("%s-%dx%d", screens[i].name,
							  sizes[j].cols, sizes[j].rows);
			static struct model m;
			struct canvas c;
			AUTO_BUF struct buf got = {0};

			fill(&m);
			prepare(&m, screens[i].name);
			press(&m, screens[i].keys);
			canvas_init(&c, sizes[j].cols, sizes[j].rows);
			views_draw(&m, &c);
			dump(&c, &got);
			canvas_fini(&c);
			model_fini(&m);
			compare(name, &got);
		}
}

/* Any size at all: nothing is drawn outside (ASan sees it), nothing loops. */
static void test_every_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(screens); i++)
		for (int cols = 1; cols < 140; cols += 7)
			for (int rows = 1; rows < 40; rows += 3) {
				static struct model m;
				struct canvas c;

				fill(&m);
				press(&m, screens[i].keys);
				canvas_init(&c, cols, rows);
				views_draw(&m, &c);
				canvas_fini(&c);
				model_fini(&m);
			}
}

/* ---- keys ---- */

static void test_keys_change_the_model(void **state)
{
	static const struct {
		const char *keys;
		enum model_mode mode;
		enum model_wish wish;
		int chosen;
	} cases[] = {
		{"", MODEL_LIST, WISH_NOTHING, 0},
		{"Down", MODEL_LIST, WISH_NOTHING, 1},
		{"Down Down Down Down", MODEL_LIST, WISH_NOTHING, 2},
		{"3", MODEL_LIST, WISH_NOTHING, 2},
		{"M-2", MODEL_LIST, WISH_NOTHING, 1},
		{"2 Tab", MODEL_LIST, WISH_NOTHING, 0}, /* the one that waits */
		{"Enter", MODEL_PANE, WISH_NOTHING, 0},
		{"3 Enter", MODEL_LIST, WISH_NOTHING, 2}, /* a script's: nothing to type into */
		{"Enter x", MODEL_PANE, WISH_NOTHING, 0},
		{"Enter C-\\ x", MODEL_ASK_STOP, WISH_NOTHING, 0},
		{"Enter C-\\ x y", MODEL_PANE, WISH_STOP, 0},
		{"x n", MODEL_LIST, WISH_NOTHING, 0},
		{"x y", MODEL_LIST, WISH_STOP, 0},
		{"q l", MODEL_LIST, WISH_QUIT, 0},
		{"q S", MODEL_LIST, WISH_QUIT_AND_STOP, 0},
		{"q x", MODEL_LIST, WISH_NOTHING, 0},
		{"/ a p i Enter", MODEL_LIST, WISH_NOTHING, 1},
		{"/ r t h Enter", MODEL_LIST, WISH_NOTHING, 2},
		{"r x Enter", MODEL_LIST, WISH_RENAME, 0},
		{"r x Escape", MODEL_LIST, WISH_NOTHING, 0},
		{"n Enter", MODEL_LIST, WISH_NEW, 0},
		{"n", MODEL_NEW, WISH_SUGGEST, 0},
		{"n Tab", MODEL_NEW, WISH_SUGGEST, 0}, /* nothing was typed: the next field */
		{"n / Tab", MODEL_NEW, WISH_COMPLETE, 0},
		{"n Down Tab", MODEL_NEW, WISH_SUGGEST, 0}, /* no directory: the next field */
		{"R", MODEL_ASK_RESTART, WISH_NOTHING, 0},
		{"R y", MODEL_LIST, WISH_RESTART, 0},
		{"R x", MODEL_LIST, WISH_NOTHING, 0},
		{"3 R", MODEL_LIST, WISH_NOTHING, 2}, /* a terminal's */
		{"[ w a Enter", MODEL_COPY, WISH_SAVE, 0},
		{"[ w Enter", MODEL_COPY, WISH_LINES, 0},
		{"[ w a Escape", MODEL_COPY, WISH_LINES, 0},
		{"g", MODEL_EGRESS, WISH_EGRESS_LOG, 0},
		{"g a", MODEL_EGRESS, WISH_ALLOW, 0},
		{"a 1", MODEL_PEEK, WISH_NOTHING, 0},
		{"a C-\\", MODEL_LIST, WISH_NOTHING, 0},
		{"[ / e", MODEL_SEARCH, WISH_LINES, 0},
		{"[ / e Enter", MODEL_COPY, WISH_SEARCH, 0},
		{"[ v Up y", MODEL_COPY, WISH_COPY, 0},
		{"[ q", MODEL_LIST, WISH_LINES, 0},
		{"C-l", MODEL_LIST, WISH_REDRAW, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct model m;

		fill(&m);
		press(&m, cases[i].keys);
		if (m.mode != cases[i].mode || m.wish != cases[i].wish ||
		    m.chosen != cases[i].chosen)
			fail_msg("keys \"%s\": mode %d wish %d chosen %d", cases[i].keys,
				 (int)m.mode, (int)m.wish, m.chosen);
		model_fini(&m);
	}
}

static void test_selection(void **state)
{
	static const struct {
		const char *keys;
		struct model_span span;
	} cases[] = {
		{"[", {2, 2, 0, 0, COPY_LINES}},
		{"[ V Up", {1, 2, 0, 0, COPY_LINES}},
		{"[ Right Right v Up Left", {1, 2, 1, 2, COPY_CHARS}},
		{"[ Up v Right Down $", {1, 2, 0, 59, COPY_CHARS}},
		{"[ v $ 0 Left", {2, 2, 0, 0, COPY_CHARS}},
		{"[ v Up v", {1, 1, 0, 0, COPY_LINES}}, /* off again */
		{"[ v g", {0, 2, 0, 0, COPY_CHARS}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct model m;
		struct model_span got;

		fill(&m);
		press(&m, cases[i].keys);
		got = model_selected(&m);
		if (got.from != cases[i].span.from || got.to != cases[i].span.to ||
		    got.kind != cases[i].span.kind ||
		    got.from_column != cases[i].span.from_column ||
		    got.to_column != cases[i].span.to_column)
			fail_msg("\"%s\": %d,%d to %d,%d", cases[i].keys, (int)got.from,
				 got.from_column, (int)got.to, got.to_column);
		model_fini(&m);
	}
}

/* n goes on as the search was typed, N the other way, and neither changes what the other does. */
static void test_search_directions(void **state)
{
	static const struct {
		const char *keys;
		bool down;
	} cases[] = {
		{"[ / e Enter", true},	    {"[ / e Enter n", true},	  {"[ / e Enter N", false},
		{"[ / e Enter N N", false}, {"[ / e Enter N n", true},	  {"[ ? e Enter", false},
		{"[ ? e Enter N", true},    {"[ ? e Enter N N n", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct model m;

		fill(&m);
		press(&m, cases[i].keys);
		if (m.wish != WISH_SEARCH || m.search_now_down != cases[i].down)
			fail_msg("\"%s\": wish %d, down %d", cases[i].keys, (int)m.wish,
				 m.search_now_down);
		model_fini(&m);
	}
}

/* What is looked for is kept while another line is typed, and only taken with Enter. */
static void test_search_text_stays(void **state)
{
	static const char *const keys[] = {"[ / e Enter", "[ / e Enter w x Escape n",
					   "[ / e Enter w x Enter N", "[ / e Enter / z Escape n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		static struct model m;

		fill(&m);
		press(&m, keys[i]);
		assert_int_equal(m.wish, WISH_SEARCH);
		assert_string_equal(m.search.text, "e");
		assert_false(model_take_found(&m, UINT64_MAX));
		assert_string_equal(m.message, "not found: e");
		assert_true(model_take_found(&m, 1));
		assert_int_equal(m.copy_line, 1);
		model_fini(&m);
	}
}

/* Rows of a session's log, as far as there is room; rules are none. */
static void test_egress_rows(void **state)
{
	static struct model m;
	static const struct egressctl_row error = {.type = EGRESSCTL_DONE, .error = "no"};
	static const struct egressctl_row rule = {
		.type = EGRESSCTL_RULE, .rule = "allow", .entry = "a.example"};
	/* clang-format off */
	static const struct egressctl_row row = {
		.type = EGRESSCTL_CONNECTION, .host = "a.example", .port = 443, .count = 2,
		.verdict = "refused", .reason = "not listed",
	};
	/* clang-format on */

	(void)state;
	fill(&m);
	model_take_egress_row(&m, &rule);
	assert_int_equal(m.egress_n, 0);
	for (int i = 0; i < MODEL_EGRESS_ROWS + 2; i++)
		model_take_egress_row(&m, &row);
	assert_int_equal(m.egress_n, MODEL_EGRESS_ROWS);
	assert_string_equal(m.egress[0].entry, "a.example:443");
	assert_string_equal(m.egress[MODEL_EGRESS_ROWS - 1].reason, "not listed");
	model_take_egress_row(&m, &error);
	assert_string_equal(m.message, "no");
	model_fini(&m);
}

/* Letters that lie closer together rank first, wherever in the name they are. */
static void test_find_by_letters(void **state)
{
	static const struct {
		const char *names[3], *letters;
		int found;
	} cases[] = {
		{{"w-e-b", "the-web", "other"}, "web", 1}, /* together, though later */
		{{"w-x-web", "w-eb", "other"}, "web", 0},  /* not from the first w on */
		/* as close: what comes earlier, then the first */
		{{"a-web", "web", "web"}, "web", 1},
		{{"other", "API", "a-p-i"}, "api", 1}, /* whatever the case */
		{{"aab", "ab", "other"}, "ab", 1},
		{{"ab", "abb", "other"}, "bb", 1},
		{{"one", "two", "three"}, "x", -1},
		{{"one", "two", "three"}, "", 0},
		{{"ba", "ab", "other"}, "ab", 1},
		{{"a", "b", "other"}, "ab", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct model m;

		fill(&m);
		for (int s = 0; s < 3; s++)
			snprintf(m.session[s].name, sizeof(m.session[s].name), "%s",
				 cases[i].names[s]);
		if (model_find_by_letters(&m, cases[i].letters) != cases[i].found)
			fail_msg("case %zu, \"%s\": %d, not %d", i, cases[i].letters,
				 model_find_by_letters(&m, cases[i].letters), cases[i].found);
		model_fini(&m);
	}
}

/* Where something happened can be gone to. */
static void test_marks(void **state)
{
	static struct model m;
	static struct json_line l;
	static const char prompt[] = "{\"event\":\"prompt\"}",
			  denied[] = "{\"event\":\"egress\",\"host\":\"evil.example\"}";

	(void)state;
	fill(&m);
	m.session[0].screen.s.top = 100;
	assert_int_equal(json_parse_line(prompt, strlen(prompt), &l), 0);
	(void)model_take_event(&m, "aaaaaa", &l);
	m.session[0].screen.s.top = 200;
	assert_int_equal(json_parse_line(denied, strlen(denied), &l), 0);
	(void)model_take_event(&m, "aaaaaa", &l);
	m.session[0].screen.s.top = 300;
	press(&m, "[ {");
	assert_int_equal(m.copy_line, 202);
	assert_string_equal(m.message, "refused: evil.example");
	press(&m, "{");
	assert_int_equal(m.copy_line, 102);
	assert_string_equal(m.message, "a prompt");
	press(&m, "{");
	assert_int_equal(m.copy_line, 102);
	press(&m, "}");
	assert_int_equal(m.copy_line, 202);
	/* More than are kept, and lines that are gone. */
	for (int i = 0; i < 3 * MODEL_MARKS; i++)
		(void)model_take_event(&m, "aaaaaa", &l);
	m.session[0].screen.s.first = 302;
	press(&m, "{ { {");
	assert_int_equal(m.copy_line, 202);
	/* A program on the alternate screen leaves no lines behind. */
	m.session[0].screen.s.modes |= VIEW_ALTERNATE;
	(void)model_take_event(&m, "aaaaaa", &l);
	assert_int_equal(m.session[0].marks, 3 * MODEL_MARKS + 2);
	model_fini(&m);
}

static void test_suggestions_are_taken(void **state)
{
	static struct model m;

	(void)state;
	fill(&m);
	press(&m, "n");
	m.suggestions = 2;
	strcpy(m.suggestion[0].text, "/one");
	strcpy(m.suggestion[1].text, "/two");
	press(&m, "C-n");
	assert_string_equal(m.form[FORM_DIRECTORY].text, "/one");
	press(&m, "C-n C-n");
	assert_string_equal(m.form[FORM_DIRECTORY].text, "/one");
	press(&m, "C-p");
	assert_string_equal(m.form[FORM_DIRECTORY].text, "/two");
	press(&m, "x");
	assert_string_equal(m.form[FORM_DIRECTORY].text, "/twox");
	assert_int_equal(m.suggestion_chosen, -1);
	m.suggestions = 0;
	press(&m, "C-n C-p");
	assert_string_equal(m.form[FORM_DIRECTORY].text, "/twox");
	model_fini(&m);
}

static void test_bindings(void **state)
{
	static const char *const bad[] = {"", "stop", "stop=", "=X", "nonsense=X", "stop=Nokey"};
	static struct model m;
	char key[KEYNAME_SIZE];

	(void)state;
	fill(&m);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (command_bind(&m, bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_true(command_bind(&m, "stop=F9"));
	assert_true(command_bind(&m, "zoom=x"));
	press(&m, "x");
	assert_true(m.zoomed);
	assert_int_equal(m.mode, MODEL_LIST);
	press(&m, "F9");
	assert_int_equal(m.mode, MODEL_ASK_STOP);
	for (size_t i = 0; command_at(i); i++)
		if (strcmp(command_at(i)->name, "stop") == 0)
			command_key_of(&m, command_at(i), key);
	assert_string_equal(key, "F9");
	model_fini(&m);
}

/* The config file and the table know the same commands. */
static void test_names_of_the_table(void **state)
{
	static const char *const names[] = {TUI_COMMANDS};
	bool seen[ARRAY_LEN(names)] = {false};

	(void)state;
	for (size_t i = 0; command_at(i); i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(names) && strcmp(names[k], command_at(i)->name) != 0)
			k++;
		if (command_at(i)->name[0] && k == ARRAY_LEN(names))
			fail_msg("%s is not in TUI_COMMANDS", command_at(i)->name);
		if (k < ARRAY_LEN(names))
			seen[k] = true;
	}
	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		if (!seen[k])
			fail_msg("%s is no command", names[k]);
}

static void test_which_keys_go_to_the_session(void **state)
{
	static const struct {
		const char *before, *key;
		bool passes;
	} cases[] = {
		{"", "y", false},
		{"Enter", "y", true},
		{"Enter", "C-c", true},
		{"Enter", "C-\\", false},
		{"Enter C-\\", "C-\\", true},
		{"Enter C-\\", "l", false},
		{"Enter", "M-1", false},
		{"a", "1", true},
		{"a", "Enter", true},
		{"g", "a", false},
		{"[", "k", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct model m;
		struct key k;

		fill(&m);
		press(&m, cases[i].before);
		assert_true(keyname_parse(&k, cases[i].key));
		if (command_key(&m, &k) != cases[i].passes)
			fail_msg("\"%s\" behind \"%s\"", cases[i].key, cases[i].before);
		model_fini(&m);
	}
}

static void test_keys_of_the_table_are_keys(void **state)
{
	const struct command *a, *b;
	struct key k;

	(void)state;
	for (size_t i = 0; (a = command_at(i)); i++) {
		assert_true(keyname_parse(&k, a->key));
		assert_true(strlen(a->help) > 0);
		for (size_t j = 0; j < i && (b = command_at(j)); j++)
			assert_string_not_equal(a->key, b->key);
	}
}

/* ---- what sessions say ---- */

static void event(struct model *m, const char *id, const char *json, bool calls)
{
	static struct json_line l;

	assert_int_equal(json_parse_line(json, strlen(json), &l), 0);
	if (model_take_event(m, id, &l) != calls)
		fail_msg("%s", json);
}

static void test_events(void **state)
{
	static struct model m;

	(void)state;
	fill(&m);
	assert_int_equal(model_waiting(&m), 1);
	event(&m, "bbbbbb", "{\"event\":\"agent\",\"agent\":\"waiting\",\"why\":\"w\"}", true);
	assert_int_equal(model_waiting(&m), 2);
	/* rings once */
	event(&m, "bbbbbb", "{\"event\":\"agent\",\"agent\":\"waiting\",\"why\":\"w\"}", false);
	event(&m, "bbbbbb", "{\"event\":\"agent\",\"agent\":\"idle\",\"why\":\"w\"}", false);
	event(&m, "zzzzzz", "{\"event\":\"bell\"}", false);
	press(&m, "2 Enter");
	event(&m, "bbbbbb", "{\"event\":\"bell\"}", false); /* it is being looked at */
	event(&m, "cccccc", "{\"event\":\"bell\"}", true);
	event(&m, "cccccc", "{\"event\":\"bell\"}", false); /* once, until it is looked at */
	event(&m, "cccccc", "{\"event\":\"notification\",\"text\":\"t\"}", false);
	event(&m, "aaaaaa", "{\"event\":\"bell\"}", false); /* its question has rung */
	event(&m, "aaaaaa", "{\"event\":\"egress-question\",\"host\":\"x.example\",\"port\":443}",
	      true);
	assert_string_equal(m.session[0].question, "x.example:443");
	model_fini(&m);
}

/* How many were refused is what the session counts: an event may stand for several, and
 * status.json may be behind it. */
static void test_refused_count(void **state)
{
	static struct model m;

	(void)state;
	fill(&m);
	assert_int_equal(m.session[0].refused, 3);
	event(&m, "aaaaaa",
	      "{\"event\":\"egress\",\"host\":\"x.example\",\"count\":5,\"egress_refused\":8}",
	      false);
	assert_int_equal(m.session[0].refused, 8);
	assert_string_equal(m.session[0].last_refused, "x.example");
	take(&m, "aaaaaa", "{\"name\":\"web\",\"started_ms\":1,\"egress_refused\":3}");
	assert_int_equal(m.session[0].refused, 8);
	/* it does not say */
	event(&m, "aaaaaa", "{\"event\":\"egress\",\"host\":\"y.example\",\"count\":1}", false);
	assert_int_equal(m.session[0].refused, 8);
	take(&m, "aaaaaa", "{\"name\":\"web\",\"started_ms\":1,\"egress_refused\":9}");
	assert_int_equal(m.session[0].refused, 9);
	model_fini(&m);
}

/* However a session ends, its pane, its row and the focus stay; keys that were on their way to
 * it do nothing, at any speed. */
static void test_session_ends(void **state)
{
	static const int64_t pauses[] = {
		0, 1, 50, 150, MODEL_SETTLE_MS - 1, MODEL_SETTLE_MS, 3 * MODEL_SETTLE_MS};

	(void)state;
	for (int how = 0; how < 4; how++)
		for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
			static struct model m;
			struct key k;

			fill(&m);
			press(&m, "2 Enter");
			if (how != 1)
				exit_with(
					&m, "bbbbbb",
					0); /* and then its directory goes, or the other way round */
			if (how != 0)
				list(&m, "aaaaaa cccccc");
			if (how == 2)
				list(&m, "aaaaaa bbbbbb cccccc"); /* read before it went */
			if (how == 3)
				exit_with(&m, "bbbbbb", 0);
			press_every(&m, "x y x y x y q S a n Tab 1 j k d C-c Escape Space",
				    pauses[i]);
			if (m.n != 3 || m.mode != MODEL_PANE || m.wish != WISH_NOTHING ||
			    m.chosen != 1 || strcmp(m.pane[0], "bbbbbb") != 0)
				fail_msg("way %d, pause %d: %d sessions, mode %d, wish %d, chosen "
					 "%d",
					 how, (int)pauses[i], m.n, (int)m.mode, (int)m.wish,
					 m.chosen);
			assert_true(keyname_parse(&k, "a"));
			assert_false(command_key(&m, &k));
			assert_int_equal(model_living(&m), 2);
			press(&m, "Enter");
			assert_int_equal(m.n, 2);
			assert_int_equal(m.mode, MODEL_LIST);
			assert_non_null(model_chosen(&m));
			model_fini(&m);
		}
}

/* What is typed in one go neither closes nor restarts, with Enter and R among it. */
static void test_ended_needs_a_pause(void **state)
{
	static struct model m;

	(void)state;
	fill(&m);
	press(&m, "Enter");
	exit_with(&m, "aaaaaa", 7);
	press_every(&m, "e x i t Enter Enter R R Enter x y", 100);
	assert_int_equal(m.n, 3);
	assert_int_equal(m.wish, WISH_NOTHING);
	press(&m, "R");
	assert_int_equal(m.wish, WISH_RESTART);
	assert_int_equal(m.chosen, 0);
	/* The one that follows takes its place, pane and focus. */
	take(&m, "dddddd",
	     "{\"name\":\"web\",\"started_ms\":9,\"terminal\":true,\"state\":\"running\"}");
	model_replace(&m, "aaaaaa", "dddddd");
	assert_int_equal(m.n, 3);
	assert_string_equal(model_chosen(&m)->id, "dddddd");
	assert_string_equal(m.pane[0], "dddddd");
	assert_int_equal(m.mode, MODEL_PANE);
	model_fini(&m);
}

/* Behind the prefix key commands work as in any pane; one that has ended goes by x without a
 * question, since nothing is lost. */
static void test_ended_in_the_list(void **state)
{
	static struct model m;

	(void)state;
	fill(&m);
	press(&m, "Enter");
	exit_with(&m, "aaaaaa", 0);
	press(&m, "C-\\ l");
	assert_int_equal(m.mode, MODEL_LIST);
	press(&m, "r [ g");
	assert_int_equal(m.mode, MODEL_LIST);
	press(&m, "x");
	assert_int_equal(m.mode, MODEL_LIST);
	assert_int_equal(m.n, 2);
	list(&m, "");
	assert_int_equal(m.n, 1); /* the script is forgotten */
	press(&m, "Up Down Enter x e a g Tab / q");
	model_fini(&m);
}

/* Sessions of scripts come and go; the list has room for new ones when many have ended. */
static void test_many_end(void **state)
{
	static struct model m;

	(void)state;
	fill(&m);
	list(&m, "aaaaaa bbbbbb");
	assert_int_equal(m.n, 2);
	for (int i = 0; i < 3 * MODEL_SESSIONS; i++) {
		AUTO_FREE char *id = mem_format("e%05d", i),
			       *json = mem_format(
				       "{\"name\":\"n\",\"started_ms\":%d,\"terminal\":true}",
				       10 + i);

		model_begin_list(&m);
		take(&m, id, json);
		take(&m, "aaaaaa", "{\"name\":\"web\",\"started_ms\":1,\"terminal\":true}");
		model_end_list(&m);
		assert_non_null(model_find(&m, id));
	}
	assert_int_equal(m.n, MODEL_SESSIONS);
	assert_string_equal(model_chosen(&m)->id, "aaaaaa");
	assert_string_equal(m.pane[0], "aaaaaa");
	model_fini(&m);
}

/* Every question, with the key that would lose the most: not before it is painted, not in the
 * same breath. */
static void test_questions_ignore_type_ahead(void **state)
{
	static const struct {
		const char *opens, *answer;
		enum model_mode mode;
		enum model_wish wish;
	} cases[] = {{"x", "y", MODEL_ASK_STOP, WISH_STOP},
		     {"R", "y", MODEL_ASK_RESTART, WISH_RESTART},
		     {"q", "S", MODEL_ASK_QUIT, WISH_QUIT_AND_STOP},
		     {"q", "l", MODEL_ASK_QUIT, WISH_QUIT},
		     {"q", "Enter", MODEL_ASK_QUIT, WISH_QUIT},
		     {"g", "a", MODEL_EGRESS, WISH_ALLOW},
		     {"g", "o", MODEL_EGRESS, WISH_ALLOW_ONCE},
		     {"g", "d", MODEL_EGRESS, WISH_DENY},
		     {"g", "h", MODEL_EGRESS, WISH_HOLD}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct model m;
		struct key k;

		fill(&m);
		press(&m, cases[i].opens);
		m.wish = WISH_NOTHING;
		for (int n = 0; n < 5; n++) {
			press_every(&m, cases[i].answer, MODEL_SETTLE_MS - 1);
			if (m.mode != cases[i].mode || m.wish != WISH_NOTHING)
				fail_msg("%s %s: typed ahead", cases[i].opens, cases[i].answer);
		}
		/* Not painted, however long ago the key before was. */
		m.shown_ms = 0;
		model_on_input(&m, m.input_ms + 100 * MODEL_SETTLE_MS);
		assert_true(keyname_parse(&k, cases[i].answer));
		(void)command_key(&m, &k);
		assert_int_equal(m.wish, WISH_NOTHING);
		press(&m, cases[i].answer);
		if (m.wish != cases[i].wish)
			fail_msg("%s %s: wish %d", cases[i].opens, cases[i].answer, (int)m.wish);
		model_fini(&m);
	}
}

/* A name that is asked for while the panel is open changes what `a` means. */
static void test_egress_question_comes_late(void **state)
{
	static const char held[] =
		"{\"event\":\"egress-question\",\"host\":\"x.example\",\"port\":443}";
	static struct model m;
	static struct json_line l;
	struct key k;

	(void)state;
	fill(&m);
	press(&m, "g");
	m.wish = WISH_NOTHING;
	assert_int_equal(json_parse_line(held, strlen(held), &l), 0);
	(void)model_take_event(&m, "aaaaaa", &l);
	model_on_input(&m, m.input_ms + 100 * MODEL_SETTLE_MS);
	assert_true(keyname_parse(&k, "a"));
	(void)command_key(&m, &k);
	assert_int_equal(m.wish, WISH_NOTHING);
	press(&m, "a");
	assert_int_equal(m.wish, WISH_ALLOW);
	model_fini(&m);
}

/* A session that was asked for takes the list's choice, not that of somebody who went on typing. */
static void test_new_session_moves_no_focus(void **state)
{
	static const struct {
		const char *keys;
		int chosen;
	} cases[] = {{"", 2}, {"Down", 1}, {"Enter", 0}, {"x", 0}, {"a", 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct model m;
		unsigned keys;

		fill(&m);
		keys = m.keys;
		press(&m, cases[i].keys);
		model_offer(&m, "cccccc", keys);
		if (m.chosen != cases[i].chosen)
			fail_msg("keys \"%s\": %d", cases[i].keys, m.chosen);
		model_fini(&m);
	}
}

static void test_key_names(void **state)
{
	static const struct {
		const char *name;
		uint32_t code;
		unsigned mods;
	} cases[] = {
		{"a", 'a', 0},
		{"C-x", 'x', VIEW_CTRL},
		{"M-x", 'x', VIEW_ALT},
		{"C-\\", '\\', VIEW_CTRL},
		{"-", '-', 0},
		{"C--", '-', VIEW_CTRL},
		{"S-Enter", VIEW_KEY_ENTER, VIEW_SHIFT},
		{"F12", VIEW_KEY_F12, 0},
		{"C-M-a", 'a', VIEW_CTRL | VIEW_ALT},
		{"Space", ' ', 0},
		{"\xc3\xa9", 0xe9, 0},
	};
	static const char *const bad[] = {"", "ab", "F0", "F13", "C-", "\x1b", "\xff", "Nokey"};
	struct key k;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char back[KEYNAME_SIZE];

		if (!keyname_parse(&k, cases[i].name) || k.code != cases[i].code ||
		    k.mods != cases[i].mods)
			fail_msg("%s", cases[i].name);
		keyname_format(back, &k);
		assert_true(keyname_parse(&k, back));
		assert_int_equal(k.code, cases[i].code);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (keyname_parse(&k, bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_screens),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_keys_change_the_model),
		cmocka_unit_test(test_selection),
		cmocka_unit_test(test_search_directions),
		cmocka_unit_test(test_search_text_stays),
		cmocka_unit_test(test_egress_rows),
		cmocka_unit_test(test_find_by_letters),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_suggestions_are_taken),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_names_of_the_table),
		cmocka_unit_test(test_which_keys_go_to_the_session),
		cmocka_unit_test(test_keys_of_the_table_are_keys),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_refused_count),
		cmocka_unit_test(test_session_ends),
		cmocka_unit_test(test_ended_needs_a_pause),
		cmocka_unit_test(test_ended_in_the_list),
		cmocka_unit_test(test_many_end),
		cmocka_unit_test(test_questions_ignore_type_ahead),
		cmocka_unit_test(test_egress_question_comes_late),
		cmocka_unit_test(test_new_session_moves_no_focus),
		cmocka_unit_test(test_key_names),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("ui_views", tests, NULL, NULL);
}

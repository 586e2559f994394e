#include "session/attention.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

/* Claude marks the chosen answer of a question with this arrow and numbers the answers; its
 * input line has the arrow without a number. */
#define ATTENTION_ARROW "\xe2\x9d\xaf" /* ❯ */

/* Texts beside numbered answers. */
static const struct {
	const char *text;
	const char *why;
} attention_questions[] = {
	{"Do you want to", "the screen shows a question with numbered answers"},
	{"Would you like to proceed", "the screen shows a plan to approve"},
	{"Exit plan mode?", "the screen shows a plan to approve"},
	{"Select login method", "the screen shows the login"},
	{"Enter to select", "the screen shows a question with numbered answers"},
	{"Esc to cancel", "the screen shows a dialog"},
	{"Enter to confirm", "the screen shows a dialog"},
};

static const struct {
	const char *prefix;
	enum attention state;
	const char *why;
} attention_titles[] = {
	/* ✳ */
	{"\xe2\x9c\xb3", ATTENTION_IDLE, "the title begins with the idle mark"},
	{"\xe2\x97\x90", ATTENTION_WORKING, "the title begins with a spinner"}, /* ◐ */
	{"\xe2\x97\x93", ATTENTION_WORKING, "the title begins with a spinner"}, /* ◓ */
	{"\xe2\x97\x91", ATTENTION_WORKING, "the title begins with a spinner"}, /* ◑ */
	{"\xe2\x97\x92", ATTENTION_WORKING, "the title begins with a spinner"}, /* ◒ */
	/* ⠀ to ⣿: braille */
	{"\xe2\xa0", ATTENTION_WORKING, "the title begins with a spinner"},
	{"\xe2\xa1", ATTENTION_WORKING, "the title begins with a spinner"},
	{"\xe2\xa2", ATTENTION_WORKING, "the title begins with a spinner"},
	{"\xe2\xa3", ATTENTION_WORKING, "the title begins with a spinner"},
};

static const struct {
	const char *name;
	enum attention state;
	const char *why;
} attention_hooks[] = {
	[ATTENTION_HOOK_NONE] = {"", ATTENTION_UNKNOWN, "neither hooks, title nor screen tell"},
	/* Its prompt comes later, and its title with it. */
	[ATTENTION_HOOK_START] = {"start", ATTENTION_UNKNOWN,
				  "claude reported its start and shows nothing yet"},
	[ATTENTION_HOOK_PROMPT] = {"prompt", ATTENTION_WORKING,
				   "claude reported that it was given a prompt"},
	/* On its own it tells nothing: a question that was cancelled is not reported. */
	[ATTENTION_HOOK_PERMISSION] =
		{"permission", ATTENTION_UNKNOWN,
		 "claude reported a question that is no longer on the screen"},
	[ATTENTION_HOOK_STOP] = {"stop", ATTENTION_IDLE, "claude reported that it is done"},
	[ATTENTION_HOOK_FAILURE] = {"failure", ATTENTION_IDLE,
				    "claude reported that it stopped with an error"},
	[ATTENTION_HOOK_END] = {"end", ATTENTION_UNKNOWN, "claude reported its end"},
};

/* Where the text behind the arrow begins (n: there is none), in a line whose first mark is the
 * arrow, behind at most a frame's side; 0: no such line. */
static size_t attention_find_arrow(const char *line, size_t n)
{
	static const char side[] = "\xe2\x94\x82"; /* │ */
	size_t i = 0;

	while (i < n && (line[i] == ' ' || (n - i >= 3 && memcmp(line + i, side, 3) == 0)))
		i += line[i] == ' ' ? 1 : 3;
	if (n - i < 3 || memcmp(line + i, ATTENTION_ARROW, 3) != 0)
		return 0;
	i += 3;
	while (i < n && line[i] == ' ')
		i++;
	return i;
}

static size_t attention_behind_arrow(const char *line, size_t n)
{
	const size_t at = attention_find_arrow(line, n);

	return at < n ? at : 0;
}

/* A rule, or the upper or lower side of a frame. */
static bool attention_is_rule(const char *line, size_t n)
{
	static const char *const begins[] = {"\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80" /* ─── */,
					     "\xe2\x95\xad\xe2\x94\x80" /* ╭─ */,
					     "\xe2\x95\xb0\xe2\x94\x80" /* ╰─ */};
	const size_t blanks = strspn(line, " ");

	for (size_t i = 0; blanks < n && i < ARRAY_LEN(begins); i++)
		if (strncmp(line + blanks, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

/* The last line with the arrow. In a dialog it is the chosen answer; everywhere else it is
 * claude's input line, which has a rule above and one below, or a shell's prompt. */
struct attention_choice {
	const char *answer; /* behind the arrow, to the line's end; NULL: there is no choice */
	/* the line behind the arrow before that one: what was said earlier asks nothing any more */
	const char *from;
};

static struct attention_choice attention_find_choice(const char *screen)
{
	struct attention_choice c = {.from = screen};
	const char *from = screen;
	bool rule = false, below_rule = false;

	while (*screen) {
		const size_t n = strcspn(screen, "\n"), at = attention_find_arrow(screen, n);
		const bool was_rule = rule;

		rule = attention_is_rule(screen, n);
		if (at) {
			c = (struct attention_choice){at < n ? screen + at : NULL, from};
			below_rule = was_rule;
			from = screen + n;
		} else if (rule && below_rule) {
			c.answer = NULL; /* an input line, with or without a draft */
		}
		screen += n + (screen[n] == '\n');
	}
	return c;
}

static bool attention_is_numbered(const char *answer)
{
	return answer && answer[0] >= '1' && answer[0] <= '9' && answer[1] == '.';
}

/* The last line that is not blank. */
static bool attention_ends_with(const char *screen, const char *text)
{
	const char *last = screen;

	for (const char *p = screen; *p;) {
		const size_t n = strcspn(p, "\n");

		if (strspn(p, " ") < n)
			last = p;
		p += n + (p[n] == '\n');
	}
	for (size_t i = 0; last[i] && last[i] != '\n'; i++)
		if (strncmp(last + i, text, strlen(text)) == 0)
			return true;
	return false;
}

/* An answer with the arrow at the screen's end, where below it come only lines that stand as far
 * in: other answers. Around claude's input line, which has the arrow too, are rules. */
static bool attention_has_bare_choice(const char *screen)
{
	size_t column = 0; /* of the answers; 0: none so far */
	bool more = false;

	while (*screen) {
		const size_t n = strcspn(screen, "\n"), blanks = strspn(screen, " "),
			     at = attention_behind_arrow(screen, n);

		if (at) {
			column = at - (sizeof(ATTENTION_ARROW) - 2);
			more = false;
		} else if (blanks < n) {
			more = column && blanks >= column;
			column = more ? column : 0;
		}
		screen += n + (screen[n] == '\n');
	}
	return more;
}

/* Whether it is claude that owns the screen: a shell's prompt may have the same arrow. */
static bool attention_is_claude(const struct attention_signs *signs)
{
	for (size_t i = 0; i < ARRAY_LEN(attention_titles); i++)
		if (strncmp(signs->title, attention_titles[i].prefix,
			    strlen(attention_titles[i].prefix)) == 0)
			return signs->hook != ATTENTION_HOOK_END;
	return false;
}

/* A dialog whose answers have no numbers has its keys in the last line. */
static const char *attention_dialog(const struct attention_signs *signs)
{
	const struct attention_choice c = attention_find_choice(signs->screen);

	if (attention_is_numbered(c.answer)) {
		for (size_t i = 0; i < ARRAY_LEN(attention_questions); i++)
			if (strstr(c.from, attention_questions[i].text))
				return attention_questions[i].why;
		if (signs->hook == ATTENTION_HOOK_PERMISSION)
			return "claude reported a question, and the screen shows numbered answers";
	}
	if (c.answer && attention_ends_with(signs->screen, "Enter to confirm"))
		return "the screen shows a dialog";
	if (attention_is_claude(signs) && attention_has_bare_choice(signs->screen))
		return "the screen shows a choice in place of the prompt";
	return NULL;
}

struct attention_verdict attention_judge(const struct attention_signs *signs)
{
	const char *dialog = attention_dialog(signs);
	const bool hook_is_later = signs->hook && signs->hook != ATTENTION_HOOK_PERMISSION &&
				   signs->hook_ms > signs->title_ms;

	if (dialog)
		return (struct attention_verdict){ATTENTION_WAITING, dialog};
	for (size_t i = 0; !hook_is_later && i < ARRAY_LEN(attention_titles); i++)
		if (strncmp(signs->title, attention_titles[i].prefix,
			    strlen(attention_titles[i].prefix)) == 0)
			return (struct attention_verdict){attention_titles[i].state,
							  attention_titles[i].why};
	return (struct attention_verdict){attention_hooks[signs->hook].state,
					  attention_hooks[signs->hook].why};
}

enum attention_hook attention_hook_named(const char *name)
{
	for (size_t i = 1; i < ARRAY_LEN(attention_hooks); i++)
		if (strcmp(attention_hooks[i].name, name) == 0)
			return (enum attention_hook)i;
	return ATTENTION_HOOK_NONE;
}

const char *attention_name(enum attention state)
{
	static const char *const names[] = {"unknown", "working", "idle", "waiting"};

	return names[state];
}

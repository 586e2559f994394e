#include "session/attention.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

/* Claude marks the chosen answer of a question with this arrow and numbers the answers; its input line has the arrow
 * without a number. */
#define ATTENTION_ARROW "\xe2\x9d\xaf" /* ❯ */

static const struct {
	const char *text;
	const char *why;
} attention_questions[] = {
	{"Do you want to", "the screen shows a question with numbered answers"},
	{"Would you like to proceed", "the screen shows a plan to approve"},
	{"Do you trust", "the screen asks whether to trust the folder"},
	{"Select login method", "the screen shows the login"},
	{"Esc to cancel", "the screen shows a dialog"},
	{"Enter to confirm", "the screen shows a dialog"},
};

static const struct {
	const char *prefix;
	enum attention state;
	const char *why;
} attention_titles[] = {
	{"\xe2\x9c\xb3", ATTENTION_IDLE, "the title begins with the idle mark"},		/* ✳ */
	{"\xe2\x97\x90", ATTENTION_WORKING, "the title begins with a spinner"},	/* ◐ */
	{"\xe2\x97\x93", ATTENTION_WORKING, "the title begins with a spinner"},	/* ◓ */
	{"\xe2\x97\x91", ATTENTION_WORKING, "the title begins with a spinner"},	/* ◑ */
	{"\xe2\x97\x92", ATTENTION_WORKING, "the title begins with a spinner"},	/* ◒ */
	{"\xe2\xa0", ATTENTION_WORKING, "the title begins with a spinner"},		/* ⠀ to ⣿: braille */
	{"\xe2\xa1", ATTENTION_WORKING, "the title begins with a spinner"},
	{"\xe2\xa2", ATTENTION_WORKING, "the title begins with a spinner"},
	{"\xe2\xa3", ATTENTION_WORKING, "the title begins with a spinner"},
};

/* A line whose first mark is the arrow in front of a numbered answer, behind at most a frame's side. */
static bool attention_is_choice(const char *line, size_t n)
{
	static const char side[] = "\xe2\x94\x82"; /* │ */
	size_t i = 0;

	while (i < n && (line[i] == ' ' || (n - i >= 3 && memcmp(line + i, side, 3) == 0)))
		i += line[i] == ' ' ? 1 : 3;
	if (n - i < 3 || memcmp(line + i, ATTENTION_ARROW, 3) != 0)
		return false;
	i += 3;
	while (i < n && line[i] == ' ')
		i++;
	return n - i >= 2 && line[i] >= '1' && line[i] <= '9' && line[i + 1] == '.';
}

static bool attention_has_choice(const char *screen)
{
	while (*screen) {
		size_t n = strcspn(screen, "\n");

		if (attention_is_choice(screen, n))
			return true;
		screen += n + (screen[n] == '\n');
	}
	return false;
}

struct attention_verdict attention_judge(const char *title, const char *screen)
{
	if (attention_has_choice(screen)) {
		for (size_t i = 0; i < ARRAY_LEN(attention_questions); i++)
			if (strstr(screen, attention_questions[i].text))
				return (struct attention_verdict){ATTENTION_WAITING, attention_questions[i].why};
	}
	for (size_t i = 0; i < ARRAY_LEN(attention_titles); i++)
		if (strncmp(title, attention_titles[i].prefix, strlen(attention_titles[i].prefix)) == 0)
			return (struct attention_verdict){attention_titles[i].state, attention_titles[i].why};
	return (struct attention_verdict){ATTENTION_UNKNOWN, "neither the title nor the screen tells"};
}

const char *attention_name(enum attention state)
{
	static const char *const names[] = {"unknown", "working", "idle", "waiting"};

	return names[state];
}

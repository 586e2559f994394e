#include "session/attention.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

/*
 * Theory of operation
 *
 * 1. Claude's prompt stands at the end of its screen: a rule, the line that it reads, a rule, and
 *    below that a line of hints. The mark of the line that it reads (an arrow, or ! for a shell
 *    command) is followed by a no-break space, which the arrows of old prompts and of answers are
 *    not. A dialog takes the place of all that.
 * 2. So the screen is read from its beginning, and each line that claude reads makes void whatever
 *    looked like a question above it: a conversation that quotes a question, a draft that does.
 * 3. Below the last one, an answer with the arrow is the choice of a dialog while nothing follows
 *    it but other answers and the keys of the dialog. A panel that the user opened (/config) has a
 *    thick rule above it, and may be cut off below.
 * 4. A dialog outranks everything, claude's own word that it can be interrupted comes next, then
 *    the later of hook and title. A new session has no title: its prompt says that it is idle.
 */

/* Claude marks the chosen answer of a question with this arrow and numbers the answers. */
#define ATTENTION_ARROW "\xe2\x9d\xaf" /* ❯ */
#define ATTENTION_NBSP	"\xc2\xa0"

/* Texts beside answers. */
static const struct {
	const char *text;
	const char *why;
} attention_questions[] = {
	{"Do you want to", "the screen shows a question with numbered answers"},
	{"Would you like to proceed", "the screen shows a plan to approve"},
	{"Exit plan mode?", "the screen shows a plan to approve"},
	{"Select login method", "the screen shows the login"},
};

/* Keys that a dialog names in its last lines. */
static const struct {
	const char *text;
	const char *why;
} attention_keys[] = {
	{"Enter to select", "the screen shows a question with numbered answers"},
	{"Esc to ", "the screen shows a dialog"},
	{"Enter to ", "the screen shows a dialog"},
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

/* A line of the screen, cut out of it. */
struct attention_line {
	const char *p;
	size_t n;
	size_t indent; /* columns: blanks and the side of a frame */
	const char *text;
	size_t ntext;
};

static struct attention_line attention_cut(const char *p)
{
	static const char side[] = "\xe2\x94\x82"; /* │ */
	struct attention_line l = {.p = p, .n = strcspn(p, "\n")};
	size_t i = 0;

	for (; i < l.n; l.indent++)
		if (l.n - i >= 3 && memcmp(p + i, side, 3) == 0)
			i += 3;
		else if (p[i] == ' ')
			i++;
		else
			break;
	l.text = p + i;
	l.ntext = l.n - i;
	return l;
}

static bool attention_begins(const struct attention_line *l, const char *with)
{
	return l->ntext >= strlen(with) && memcmp(l->text, with, strlen(with)) == 0;
}

static bool attention_has(const struct attention_line *l, const char *text)
{
	return memmem(l->text, l->ntext, text, strlen(text)) != NULL;
}

static bool attention_begins_with_one_of(const struct attention_line *l, const char *const *texts,
					 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (attention_begins(l, texts[i]))
			return true;
	return false;
}

static bool attention_is_panel(const struct attention_line *l)
{
	return attention_begins(l, "\xe2\x96\x94\xe2\x96\x94\xe2\x96\x94"); /* ▔▔▔ */
}

/* A rule, or the upper or lower side of a frame. */
static bool attention_is_rule(const struct attention_line *l)
{
	static const char *const begins[] = {"\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80", /* ─── */
					     "\xe2\x95\xad\xe2\x94\x80",	     /* ╭─ */
					     "\xe2\x95\xb0\xe2\x94\x80"};	     /* ╰─ */

	return attention_is_panel(l) || attention_begins_with_one_of(l, begins, ARRAY_LEN(begins));
}

/* Where answers are left out above or below. */
static bool attention_is_more(const struct attention_line *l)
{
	static const char *const begins[] = {"\xe2\x86\x91", "\xe2\x86\x93"}; /* ↑ ↓ */

	return attention_begins_with_one_of(l, begins, ARRAY_LEN(begins));
}

/* The text behind the arrow; NULL: the line does not begin with one, or ends with it. */
static const char *attention_answer(const struct attention_line *l)
{
	size_t i = strlen(ATTENTION_ARROW);

	if (!attention_begins(l, ATTENTION_ARROW))
		return NULL;
	while (i < l->ntext && l->text[i] == ' ')
		i++;
	return i < l->ntext && l->text[i] != '\xc2' ? l->text + i : NULL;
}

/* The line that claude reads, with or without a draft. */
static bool attention_is_prompt(const struct attention_line *l)
{
	return attention_begins(l, ATTENTION_ARROW ATTENTION_NBSP) ||
	       attention_begins(l, "!" ATTENTION_NBSP);
}

/* The same of a shell, whose prompt may end with the same arrow. */
static bool attention_is_bare_arrow(const struct attention_line *l)
{
	return attention_begins(l, ATTENTION_ARROW) && !attention_answer(l);
}

static bool attention_is_numbered(const char *answer)
{
	return answer[0] >= '1' && answer[0] <= '9' && answer[1] == '.';
}

/* What the lines so far come to. */
struct attention_view {
	bool prompt; /* claude's prompt is the last thing on it */
	bool draft;  /* the lines belong to it, up to the rule */
	bool busy;   /* below it: that claude can be interrupted */
	bool panel;  /* one was opened in the prompt's place */
	/* the chosen answer of what may be a dialog; NULL: none */
	const char *answer;
	size_t column;	   /* of its arrow */
	size_t others;	   /* answers below it */
	const char *from;  /* where the text beside the answers begins */
	const char *begin; /* the same for the next answer */
	const char *keys;  /* why the lines below it make a dialog; NULL: they name no keys */
};

static const char *attention_key(const struct attention_line *l)
{
	for (size_t i = 0; i < ARRAY_LEN(attention_keys); i++)
		if (attention_has(l, attention_keys[i].text))
			return attention_keys[i].why;
	return NULL;
}

static void attention_below_answer(struct attention_view *v, const struct attention_line *l)
{
	const size_t least = v->column ? v->column : 2;
	const char *keys = attention_key(l);

	if (keys && !v->keys)
		v->keys = keys;
	if (keys || v->keys)
		return; /* keys may take more than one line of a narrow screen */
	if (l->indent >= least || attention_is_more(l))
		v->others++;
	else
		v->answer = NULL; /* something came after it */
}

static void attention_add(struct attention_view *v, const struct attention_line *l)
{
	const char *answer = attention_answer(l);

	if (attention_is_prompt(l) || attention_is_bare_arrow(l)) {
		*v = (struct attention_view){
			.prompt = attention_is_prompt(l), .draft = true, .begin = l->p + l->n};
	} else if (attention_is_rule(l)) {
		v->draft = v->draft && l->indent;
		v->panel = v->panel || attention_is_panel(l);
		v->begin = l->p + l->n;
	} else if (v->draft || !l->ntext) {
		return;
	} else if (answer) {
		v->answer = answer;
		v->column = l->indent;
		v->others = 0;
		v->keys = NULL;
		v->from = v->begin;
		v->begin = l->p + l->n;
	} else if (v->answer) {
		attention_below_answer(v, l);
	} else if (v->prompt && attention_has(l, "esc to int")) {
		v->busy = true; /* a narrow screen cuts the word */
	}
}

static struct attention_view attention_look(const char *screen)
{
	struct attention_view v = {.from = screen, .begin = screen};

	while (*screen) {
		const struct attention_line l = attention_cut(screen);

		attention_add(&v, &l);
		screen += l.n + (screen[l.n] == '\n');
	}
	return v;
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

/* Why the view is a dialog; NULL: it is none. */
static const char *attention_dialog(const struct attention_signs *signs,
				    const struct attention_view *v)
{
	if (v->answer && attention_is_numbered(v->answer)) {
		for (size_t i = 0; i < ARRAY_LEN(attention_questions); i++)
			if (strstr(v->from, attention_questions[i].text))
				return attention_questions[i].why;
		if (signs->hook == ATTENTION_HOOK_PERMISSION)
			return "claude reported a question, and the screen shows numbered answers";
	}
	if (v->answer && v->keys)
		return v->keys;
	if (v->panel)
		return "the screen shows a panel of claude's";
	if (v->answer && v->column && v->others && attention_is_claude(signs))
		return "the screen shows a choice in place of the prompt";
	return NULL;
}

struct attention_verdict attention_judge(const struct attention_signs *signs)
{
	const struct attention_view v = attention_look(signs->screen);
	const bool hook_is_later = signs->hook && signs->hook != ATTENTION_HOOK_PERMISSION &&
				   signs->hook_ms > signs->title_ms;
	const bool ended = signs->hook == ATTENTION_HOOK_END && hook_is_later;
	const char *dialog = attention_dialog(signs, &v);

	if (dialog)
		return (struct attention_verdict){ATTENTION_WAITING, dialog};
	if (v.busy && !ended)
		return (struct attention_verdict){ATTENTION_WORKING,
						  "the screen says that claude can be interrupted"};
	for (size_t i = 0; !hook_is_later && i < ARRAY_LEN(attention_titles); i++)
		if (strncmp(signs->title, attention_titles[i].prefix,
			    strlen(attention_titles[i].prefix)) == 0)
			return (struct attention_verdict){attention_titles[i].state,
							  attention_titles[i].why};
	if (v.prompt && !ended && attention_hooks[signs->hook].state == ATTENTION_UNKNOWN)
		return (struct attention_verdict){ATTENTION_IDLE, "claude shows its prompt"};
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

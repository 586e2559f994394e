/* command_form: keys in what is typed into: the form of a new session, names, questions. */
#include "base/text.h"
#include "ui/command.h"
#include "ui/command_mode.h"

#include <string.h>

/* ---- a line being typed ---- */

static void command_line_add(struct model_line *line, uint32_t ch)
{
	AUTO_BUF struct buf text = {0};
	size_t n = strlen(line->text);

	text_put_utf8(&text, ch);
	if (n + buf_len(&text) < sizeof(line->text))
		memcpy(line->text + n, buf_text(&text), buf_len(&text) + 1);
}

static void command_line_back(struct model_line *line)
{
	size_t n = strlen(line->text);

	while (n > 0 && (line->text[n - 1] & 0xc0) == 0x80)
		n--;
	line->text[n ? n - 1 : 0] = '\0';
}

bool command_edit(struct model_line *line, const struct key *k)
{
	if (k->code == VIEW_KEY_BACKSPACE)
		command_line_back(line);
	else if (k->code == 'u' && k->mods == VIEW_CTRL)
		line->text[0] = '\0';
	else if (k->code < VIEW_KEY_BASE && !(k->mods & (VIEW_CTRL | VIEW_ALT)) &&
		 text_is_cell(k->code))
		command_line_add(line, k->code);
	else
		return false;
	return true;
}

/* ---- one function a mode ---- */

bool command_in_find(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER || k->code == VIEW_KEY_ESCAPE)
		model_close(m);
	else if (command_edit(&m->line, k) && m->line.text[0])
		model_choose(m, model_find_by_letters(m, m->line.text));
	return false;
}

bool command_in_rename(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER && m->line.text[0])
		m->wish = WISH_RENAME;
	if (k->code == VIEW_KEY_ENTER || k->code == VIEW_KEY_ESCAPE)
		model_close(m);
	else
		(void)command_edit(&m->line, k);
	return false;
}

static void command_take_suggestion(struct model *m, int by)
{
	if (m->suggestions == 0)
		return;
	m->suggestion_chosen = m->suggestion_chosen < 0 && by < 0
				       ? m->suggestions - 1
				       : (m->suggestion_chosen + by + m->suggestions) %
						 m->suggestions;
	m->form[FORM_DIRECTORY] = m->suggestion[m->suggestion_chosen];
	m->directory_typed = false;
}

/* Tab completes what was typed where it can, and goes to the next field otherwise. */
static bool command_in_directory(struct model *m, const struct key *k)
{
	if (k->code == 'n' && k->mods == VIEW_CTRL) {
		command_take_suggestion(m, 1);
	} else if (k->code == 'p' && k->mods == VIEW_CTRL) {
		command_take_suggestion(m, -1);
	} else if (k->code == VIEW_KEY_TAB && !k->mods && m->directory_typed) {
		m->wish = WISH_COMPLETE;
	} else if (command_edit(&m->form[FORM_DIRECTORY], k)) {
		m->suggestion_chosen = -1;
		m->directory_typed = true;
		m->wish = WISH_SUGGEST;
	} else {
		return false;
	}
	return true;
}

bool command_in_new(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER) {
		m->wish = WISH_NEW;
		model_close(m);
	} else if (k->code == VIEW_KEY_ESCAPE) {
		model_close(m);
	} else if (m->form_field == FORM_DIRECTORY && command_in_directory(m, k)) {
		return false;
	} else if (k->code == VIEW_KEY_DOWN || (k->code == VIEW_KEY_TAB && !k->mods)) {
		m->form_field = (m->form_field + 1) % FORM_FIELDS;
	} else if (k->code == VIEW_KEY_UP || k->code == VIEW_KEY_TAB) {
		m->form_field = (m->form_field + FORM_FIELDS - 1) % FORM_FIELDS;
	} else if (m->form_field == FORM_MODE) {
		if (k->code == ' ' || k->code == VIEW_KEY_LEFT || k->code == VIEW_KEY_RIGHT)
			strcpy(m->form[FORM_MODE].text,
			       strcmp(m->form[FORM_MODE].text, "overlay") == 0 ? "live"
									       : "overlay");
	} else {
		(void)command_edit(&m->form[m->form_field], k);
	}
	return false;
}

/* A key that was typed ahead of the question, or too soon to be an answer to it, leaves it
 * standing. */
bool command_in_ask_stop(struct model *m, const struct key *k)
{
	if (!model_may_answer(m))
		return false;
	if (k->code == 'y')
		m->wish = WISH_STOP;
	model_close(m);
	return false;
}

bool command_in_ask_restart(struct model *m, const struct key *k)
{
	if (!model_may_answer(m))
		return false;
	if (k->code == 'y')
		m->wish = WISH_RESTART;
	model_close(m);
	return false;
}

bool command_in_ask_quit(struct model *m, const struct key *k)
{
	if (!model_may_answer(m))
		return false;
	if (k->code == 'l' || k->code == VIEW_KEY_ENTER)
		m->wish = WISH_QUIT;
	else if (k->code == 'S')
		m->wish = WISH_QUIT_AND_STOP;
	model_close(m);
	return false;
}

bool command_paste(struct model *m, const char *text, size_t n)
{
	struct model_line *line = m->mode == MODEL_NEW && m->form_field != FORM_MODE
					  ? &m->form[m->form_field]
				  : m->mode == MODEL_RENAME || m->mode == MODEL_FIND ||
						  m->mode == MODEL_SEARCH || m->mode == MODEL_SAVE
					  ? &m->line
					  : NULL;

	if (!line)
		return m->mode == MODEL_PANE || m->mode == MODEL_PEEK;
	for (size_t i = 0; i < n && i < 4 * sizeof(line->text);) { /* no line is longer */
		uint32_t ch;
		size_t len = text_get_utf8((const unsigned char *)text + i, n - i, &ch);

		if (len && text_is_cell(ch))
			command_line_add(line, ch);
		i += len ? len : 1;
	}
	if (m->mode == MODEL_NEW && m->form_field == FORM_DIRECTORY) {
		m->directory_typed = true;
		m->wish = WISH_SUGGEST;
	}
	return false;
}

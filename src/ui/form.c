#include "ui/form.h"
#include "base/text.h"
#include "client/recent.h"
#include "ui/suggest.h"

#include <stdio.h>
#include <string.h>

void form_suggest(struct model *m)
{
	AUTO_STRV struct strv recent = {0}, found = {0};

	recent_load(&recent);
	suggest_directories(m->form[FORM_DIRECTORY].text, m->directory_typed, &recent,
			    MODEL_SUGGESTIONS, &found);
	for (size_t i = 0; i < found.n; i++)
		snprintf(m->suggestion[i].text, MODEL_TEXT, "%s", found.v[i]);
	m->suggestions = (int)found.n;
	m->suggestion_chosen = -1;
}

void form_complete(struct model *m)
{
	AUTO_FREE char *more = suggest_complete(m->form[FORM_DIRECTORY].text);

	if (more && strlen(more) < MODEL_TEXT && strcmp(more, m->form[FORM_DIRECTORY].text) != 0)
		strcpy(m->form[FORM_DIRECTORY].text, more);
	else
		m->form_field++;
	form_suggest(m);
}

char *form_directory(const struct model *m)
{
	const char *typed = m->form[FORM_DIRECTORY].text;

	return suggest_expand(typed[0] ? typed : ".");
}

/* Words of a line, split at spaces; a prompt is one word. */
void form_arguments(const struct model *m, struct strv *argv)
{
	AUTO_FREE char *words = mem_strdup(m->form[FORM_ARGUMENTS].text);
	char *rest = words;

	strv_add(argv, "new");
	if (m->form[FORM_NAME].text[0]) {
		strv_add(argv, "--name");
		strv_add(argv, m->form[FORM_NAME].text);
	}
	strv_add(argv, strcmp(m->form[FORM_MODE].text, "overlay") == 0 ? "--read-only-cwd"
								       : "--writable-cwd");
	if (strcmp(words, "--shell") == 0)
		strv_add(argv, "--shell");
	strv_add(argv, "--");
	for (char *w; (w = text_next_word(&rest, " ")) && strcmp(w, "--shell") != 0;)
		strv_add(argv, w);
	if (m->form[FORM_PROMPT].text[0])
		strv_add(argv, m->form[FORM_PROMPT].text);
}

void form_environment(const struct model *m, struct strv *env)
{
	static const struct {
		enum model_field field;
		const char *variable;
	} table[] = {{FORM_MEMORY, "CCVM_MEMORY"},
		     {FORM_CORES, "CCVM_CORES"},
		     {FORM_POOL, "CCVM_VM_DISK_SIZE"},
		     {FORM_ALLOWLIST, "CCVM_EGRESS_ALLOWLIST"}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (m->form[table[i].field].text[0])
			strv_addf(env, "%s=%s", table[i].variable, m->form[table[i].field].text);
}

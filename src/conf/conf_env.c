#include "conf/conf_env.h"
#include "base/log.h"
#include "base/spawn.h"
#include "conf/conf_fields.h"
#include "conf/env.h"
#include "conf/option.h"
#include "conf/value.h"

#include <string.h>

#define CONF_ENV_PREFIX "CCVM_"

static int conf_env_group(struct conf *c, const char *text, struct err *e)
{
	int on = value_parse_bool(text);

	if (on < 0)
		return err_set(e, "%s: must be 1, true, yes, 0, false or no, not \"%.100s\"",
			       OPTION_GROUP_VARIABLE, text);
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if (!o->group || (on && !o->group_on))
			continue;
		*(bool *)option_field(o, c) = on;
		c->source[i] = CONF_SOURCE_GROUP;
	}
	return 0;
}

/* For a variable that can only take away: asked to grant what is off already, it changes nothing. */
static bool conf_env_would_raise(struct conf *c, const struct option *o, const char *text)
{
	if (!o->only_lowers || value_parse_bool(text) != 1 ||
	    *(const bool *)option_field_const(o, c))
		return false;
	strv_addf(&c->notes, "%s can only switch %s off: it stays off", o->variable, o->name);
	return true;
}

static int conf_env_option(struct conf *c, size_t row, const char *text, struct err *e)
{
	const struct option *o = option_at(row);

	if (conf_env_would_raise(c, o, text))
		return 0;
	if (value_from_variable(o, text, option_field(o, c), e) < 0)
		return err_wrap(e, "%s", o->variable);
	c->source[row] = CONF_SOURCE_VARIABLE;
	return 0;
}

static void conf_env_note_unknown(struct conf *c, const char *entry)
{
	size_t n = strcspn(entry, "=");
	AUTO_FREE char *name = mem_strndup(entry, n);
	AUTO_BUF struct buf shown = {0};
	const char *near;

	if (option_is_variable(name))
		return;
	log_escape(&shown, name, n, 128);
	near = option_nearest_variable(name);
	if (near)
		strv_addf(&c->notes, "unknown variable %s is ignored: did you mean %s?",
			  buf_text(&shown), near);
	else
		strv_addf(&c->notes, "unknown variable %s is ignored", buf_text(&shown));
}

int conf_env_load(struct conf *c, char *const *envp, struct err *e)
{
	const char *group = env_in(envp, ENV_SHARE_CLAUDE_CONFIG);

	if (group && conf_env_group(c, group, e) < 0)
		return err_exit_code(e, ERR_EXIT_POLICY);
	for (size_t i = 0; i < option_count(); i++) {
		const char *variable = option_at(i)->variable;
		const char *text = variable ? spawn_env(envp, variable) : NULL;

		if (text && conf_env_option(c, i, text, e) < 0)
			return err_exit_code(e, ERR_EXIT_POLICY);
	}
	for (; *envp; envp++)
		if (strncmp(*envp, CONF_ENV_PREFIX, strlen(CONF_ENV_PREFIX)) == 0)
			conf_env_note_unknown(c, *envp);
	return 0;
}

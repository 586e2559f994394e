#include "ui/setup.h"
#include "base/mem.h"
#include "client/keyname.h"
#include "conf/conf.h"
#include "ui/command.h"
#include "conf/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void setup_form(struct model *m, const struct conf *conf)
{
	char *here = getcwd(NULL, 0);

	snprintf(m->form[FORM_DIRECTORY].text, MODEL_TEXT, "%.250s", here ? here : "");
	if (conf->tui_warm_spare && here && strlen(here) < MODEL_TEXT)
		strcpy(m->spare_directory, here);
	snprintf(m->form[FORM_MODE].text, MODEL_TEXT, "%s",
		 conf->writable_cwd ? "live" : "overlay");
	free(here);
}

/* What the terminal says of its background, where it says anything (COLORFGBG is
 * "foreground;background"). */
static enum model_theme setup_theme(const char *wanted)
{
	const char *colours = env_get(ENV_COLORFGBG),
		   *background = colours ? strrchr(colours, ';') : NULL;

	if (strcmp(wanted, "mono") == 0 || (strcmp(wanted, "auto") == 0 && env_get(ENV_NO_COLOR)))
		return THEME_MONO;
	if (strcmp(wanted, "light") == 0 ||
	    (strcmp(wanted, "auto") == 0 && background &&
	     (strcmp(background, ";7") == 0 || strcmp(background, ";15") == 0)))
		return THEME_LIGHT;
	return THEME_DARK;
}

static int setup_keys(struct model *m, const struct conf *conf, struct err *e)
{
	for (size_t i = 0; i < conf->tui_keys.n; i++)
		if (!command_bind(m, conf->tui_keys.v[i])) {
			err_set(e,
				"tui.keys: \"%.60s\" is not of the form COMMAND=KEY with a key as "
				"C-x, M-x, F5 or a letter",
				conf->tui_keys.v[i]);
			err_remedy(e, "ccvm-tui --help shows the commands");
			return err_exit_code(e, ERR_EXIT_POLICY);
		}
	return 0;
}

int setup_model(struct model *m, const struct conf *conf, struct err *e)
{
	if (!keyname_parse(&m->prefix, conf->tui_prefix))
		return err_set(e, "tui.prefix: invalid key %s", conf->tui_prefix);
	if (setup_keys(m, conf, e) < 0)
		return -1;
	m->theme = setup_theme(conf->tui_theme);
	setup_form(m, conf);
	return 0;
}

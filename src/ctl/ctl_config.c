#include "ctl/ctl.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/launch.h"
#include "conf/conf.h"
#include "conf/conf_show.h"
#include "conf/conf_table.h"
#include "vm/image.h"
#include "conf/env.h"

#include <stdio.h>
#include <string.h>

/* As a run would see them now; without a usable image, as far as they are known. */
static int config_apply_image(struct conf *c, struct err *e)
{
	AUTO_FREE char *share = launch_share();
	struct err none;
	AUTO_FREE char *path = image_find(env_host(), share, &none);
	struct image img;
	int rc;

	if (!path || image_open(&img, path, &none) < 0)
		return 0;
	rc = conf_apply_image(c, img.options, e);
	image_fini(&img);
	return rc;
}

int ctl_load_conf(struct conf *c, struct err *e)
{
	conf_init(c);
	return conf_load(c, NULL, env_all(), e) < 0 || config_apply_image(c, e) < 0 ? -1 : 0;
}

static int config_show(const struct ctl_args *a, struct err *e)
{
	struct conf c;

	if (ctl_load_conf(&c, e) < 0)
		return -1;
	for (size_t i = 0; i < c.notes.n; i++)
		log_note("%s", c.notes.v[i]);
	conf_print(&c, stdout, ctl_has(a, "json"));
	conf_fini(&c);
	return 0;
}

static int config_table(const struct ctl_args *a, struct err *e)
{
	(void)a;
	(void)e;
	conf_print_table(stdout);
	return 0;
}

static int config_mdoc(const struct ctl_args *a, struct err *e)
{
	(void)a;
	(void)e;
	conf_print_mdoc(stdout);
	return 0;
}

static const struct ctl_command config_commands[] = {
	{.name = "show",
	 .help = "print each option's value and its origin",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .run = config_show},
	{.name = "table",
	 .help = "print every option, its type and default, as JSON",
	 .options = (const struct ctl_option[]){CTL_JSON, {0}},
	 .run = config_table},
	{.name = "mdoc", .help = "for mk/pages.sh", .hidden = true, .run = config_mdoc},
};

const struct ctl_command ctl_config = {
	.name = "config",
	.operands = "COMMAND ...",
	.help = "show ccvm's options",
	.commands = (const struct ctl_command *const[]){&config_commands[0], &config_commands[1],
							&config_commands[2], NULL},
};

#include "ctl/ctl.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/launch.h"
#include "conf/conf.h"
#include "conf/conf_table.h"
#include "vm/image.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

/* As a run would see them now; without a usable image, as far as they are known. */
static int config_apply_image(struct conf *c, struct err *e)
{
	AUTO_FREE char *share = launch_share();
	struct err none;
	AUTO_FREE char *path = image_find(share, &none);
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
	return conf_load(c, NULL, environ, e) < 0 || config_apply_image(c, e) < 0 ? -1 : 0;
}

int ctl_config(int argc, char **argv, struct err *e)
{
	const int json = argc == 3 && strcmp(argv[2], "--json") == 0;
	struct conf c;

	if (argc == 2 && strcmp(argv[1], "table") == 0) {
		conf_print_table(stdout);
		return 0;
	}
	/* For the build alone, and so in no usage line. */
	if (argc == 2 && strcmp(argv[1], "mdoc") == 0) {
		conf_print_mdoc(stdout);
		return 0;
	}
	if (argc < 2 || strcmp(argv[1], "show") != 0 || (argc > 2 && !json))
		return CTL_USAGE;
	if (ctl_load_conf(&c, e) < 0)
		return -1;
	for (size_t i = 0; i < c.notes.n; i++)
		log_note("%s", c.notes.v[i]);
	conf_print(&c, stdout, json);
	conf_fini(&c);
	return 0;
}

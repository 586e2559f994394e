#include "ctl/ctl.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

int ctl_config(int argc, char **argv, struct err *e)
{
	const int json = argc == 3 && strcmp(argv[2], "--json") == 0;
	struct conf c;

	if (argc < 2 || strcmp(argv[1], "show") != 0 || (argc > 2 && !json))
		return CTL_USAGE;
	conf_init(&c);
	if (conf_load(&c, NULL, environ, e) < 0)
		return -1;
	for (size_t i = 0; i < c.notes.n; i++)
		log_note("%s", c.notes.v[i]);
	conf_print(&c, stdout, json);
	conf_fini(&c);
	return 0;
}

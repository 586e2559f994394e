/* areas: base conf proto
 * Any bytes as a config file: refused as a matter of policy with a printable text, or read into
 * options that survive the hand-over to the session unchanged. */
#include "fuzz/fuzz.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/conf_file.h"
#include "base/jscan.h"
#include "conf/conf_pass.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_error(const struct err *e)
{
	check(e->exit_code == ERR_EXIT_POLICY);
	check(strncmp(e->text, "config.json:", 12) == 0);
	for (const char *p = e->text; *p; p++)
		check((unsigned char)*p >= 0x20 || *p == '\t' || *p == '\n');
}

static void check_hand_over(const struct conf *c)
{
	AUTO_FREE char *one = conf_to_json(c);
	AUTO_FREE char *two = NULL;
	struct conf d;
	struct err e;

	check(jscan_is_valid(one, strlen(one), NULL));
	conf_init(&d);
	check(conf_from_json(&d, one, &e) == 0);
	two = conf_to_json(&d);
	check(strcmp(one, two) == 0);
	conf_fini(&d);
}

/* Into options that hold nothing yet: setting up the defaults takes far longer than reading most
 * inputs. */
static bool is_accepted(const char *text, size_t size)
{
	struct conf c = {0};
	struct err e = {0};
	bool ok = conf_file_read_text(&c, text, size, "config.json", &e) == 0;

	if (!ok)
		check_error(&e);
	conf_fini(&c);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1);
	struct conf c;
	struct err e;

	if (size)
		memcpy(text, data, size);
	if (!is_accepted(text, size))
		return 0;
	conf_init(&c);
	check(conf_file_read_text(&c, text, size, "config.json", &e) == 0);
	check(c.memory >= 512 && c.cores >= 1 && c.vm_disk_size >= 0);
	for (size_t i = 0; i < c.pass_env.n; i++)
		check(!conf_pass_is_credential(c.pass_env.v[i]));
	check_hand_over(&c);
	conf_fini(&c);
	return 0;
}

#include "ctl/ctl.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/launch.h"
#include "ctl/doctor.h"
#include "vm/image.h"
#include "conf/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	doctor_check *check;
} doctor_checks[] = {
	{"config", doctor_config},
	{"user", doctor_user},
	{"programs", doctor_programs},
	{"image", doctor_image},
	{"qemu", doctor_qemu},
	{"qemu-features", doctor_qemu_features},
	{"kvm", doctor_kvm},
	{"landlock", doctor_landlock},
	{"run-dir", doctor_rundir},
	{"run-dir-space", doctor_rundir_space},
	{"cache-space", doctor_cache_space},
	{"memlock", doctor_memlock},
	{"open-files", doctor_fds},
	{"terminal", doctor_terminal},
	{"clipboard", doctor_clipboard},
};

static const char *const doctor_levels[] = {
	[DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_PROBLEM] = "problem"};

void doctor_say(struct finding *f, enum doctor_level level, const char *fmt, ...)
{
	va_list ap;

	f->level = level;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void doctor_remedy(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

void doctor_say_err(struct finding *f, enum doctor_level level, const struct err *e)
{
	doctor_say(f, level, "%s", e->text);
	doctor_remedy(f, "%s", e->remedy);
}

static void doctor_init(struct doctor *d)
{
	struct err none;
	struct image img;

	memset(d, 0, sizeof(*d));
	d->share = launch_share();
	conf_init(&d->conf);
	d->conf_is_valid = conf_load(&d->conf, NULL, env_all(), &d->conf_err) == 0;
	if (!d->conf_is_valid) {
		conf_fini(&d->conf);
		conf_init(&d->conf);
	} else {
		AUTO_FREE char *path = image_find(env_host(), d->share, &none);

		if (path && image_open(&img, path, &none) == 0) {
			d->conf_is_valid = conf_apply_image(&d->conf, img.options, &d->conf_err) ==
					   0;
			image_fini(&img);
		}
	}
}

static void doctor_print(const char *name, const struct finding *f, bool json, bool first)
{
	AUTO_BUF struct buf line = {0};

	if (!json) {
		/* Paths and variables are in it, which may hold anything. */
		log_escape(&line, f->text, strlen(f->text), 4 * ERR_TEXT_MAX);
		printf("%-8s %-14s %s\n", doctor_levels[f->level], name, buf_text(&line));
		if (f->remedy[0])
			printf("%-23s → %s\n", "", f->remedy);
		return;
	}
	json_begin(&line);
	json_add_string(&line, "check", name);
	json_add_string(&line, "status", doctor_levels[f->level]);
	json_add_bytes(&line, "text", f->text, strlen(f->text));
	json_add_bytes(&line, "remedy", f->remedy, strlen(f->remedy));
	json_end(&line);
	printf("%s%s", first ? "" : ",\n ", buf_text(&line));
}

static int doctor_run(const struct ctl_args *a, struct err *e)
{
	const bool json = ctl_has(a, "json");
	static struct doctor d;
	int problems = 0;

	(void)e;
	doctor_init(&d);
	if (json)
		printf("[");
	for (size_t i = 0; i < ARRAY_LEN(doctor_checks); i++) {
		struct finding f = {0};

		doctor_checks[i].check(&d, &f);
		doctor_print(doctor_checks[i].name, &f, json, i == 0);
		problems += f.level == DOCTOR_PROBLEM;
	}
	if (json)
		printf("]\n");
	conf_fini(&d.conf);
	free(d.share);
	return problems ? 1 : 0;
}

const struct ctl_command ctl_doctor = {
	.name = "doctor",
	.help = "check this computer",
	.more = "The exit code is 1 when there is a problem.",
	.options = (const struct ctl_option[]){CTL_JSON, {0}},
	.run = doctor_run,
};

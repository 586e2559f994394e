#include "base/buf.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "client/launch.h"
#include "ctl/doctor.h"
#include "vm/image.h"
#include "vm/qemu.h"
#include "conf/env.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QEMU_OUTPUT_MAX (1u << 20)
/* The first with -netdev stream, which the network needs. */
#define QEMU_MAJOR 7
#define QEMU_MINOR 2

/* Debian's security updates and claude's versions of two months. */
#define IMAGE_DAYS_OLD 60

void doctor_config(const struct doctor *d, struct finding *f)
{
	AUTO_BUF struct buf notes = {0};

	doctor_remedy(f, "ccvm --ccvm-help lists the options, ccvmctl config show says where each "
			 "value comes from");
	if (!d->conf_is_valid) {
		doctor_say(f, DOCTOR_PROBLEM, "%s", d->conf_err.text);
		if (d->conf_err.remedy[0])
			doctor_remedy(f, "%s", d->conf_err.remedy);
		return;
	}
	for (size_t i = 0; i < d->conf.notes.n; i++)
		buf_addf(&notes, "%s%s", i ? "; " : "", d->conf.notes.v[i]);
	if (d->conf.notes.n) {
		doctor_say(f, DOCTOR_NOTE, "%s", buf_text(&notes));
		return;
	}
	doctor_say(f, DOCTOR_OK, "%s", d->conf.file ? d->conf.file : "no config file: defaults");
	f->remedy[0] = '\0';
}

void doctor_programs(const struct doctor *d, struct finding *f)
{
	static const char *const names[] = {"ccvm-session", "ccvm-net", "guest.cpio"};
	AUTO_FREE char *libexec = launch_libexec();

	(void)d;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_format("%s/%s", libexec, names[i]);

		if (access(path, R_OK) == 0)
			continue;
		doctor_say(f, DOCTOR_PROBLEM, "%s is missing in %s", names[i], libexec);
		doctor_remedy(f, "build or install ccvm again");
		return;
	}
	doctor_say(f, DOCTOR_OK, "ccvm %s", CCVM_VERSION);
}

/* ---- the image ---- */

/* Days since the image was made; -1 when its manifest does not say. */
static int guest_image_days(const struct image *img)
{
	struct tm made = {0};
	time_t then;

	if (!strptime(img->created, "%Y-%m-%dT%H:%M:%SZ", &made))
		return -1;
	then = timegm(&made);
	return then > time(NULL) ? 0 : (int)((time(NULL) - then) / 86400);
}

void doctor_image(const struct doctor *d, struct finding *f)
{
	struct err e = {0};
	AUTO_FREE char *path = image_find(env_host(), d->share, &e);
	struct image img;
	int days;

	if (!path || image_open(&img, path, &e) < 0) {
		doctor_say_err(f, DOCTOR_PROBLEM, &e);
		return;
	}
	days = guest_image_days(&img);
	doctor_say(f, days > IMAGE_DAYS_OLD ? DOCTOR_NOTE : DOCTOR_OK,
		   "%s with claude %s, %d days old, in %s", img.id, img.claude_version, days,
		   img.path);
	if (days < 0)
		doctor_say(f, DOCTOR_NOTE, "%s with claude %s, of unknown age, in %s", img.id,
			   img.claude_version, img.path);
	if (f->level != DOCTOR_OK)
		doctor_remedy(f, "rebuild it for Debian's security updates: ccvmctl image build");
	image_fini(&img);
}

/* ---- QEMU ---- */

/* Runs QEMU with these arguments. Returns its exit code, or -1. */
static int guest_ask_qemu(const char *program, const char *const *args, struct buf *out,
			  struct err *e)
{
	static char *const no_env[] = {NULL};
	AUTO_STRV struct strv argv = {0};
	int status;

	strv_add(&argv, program);
	for (; *args; args++)
		strv_add(&argv, *args);
	status = spawn_output(argv.v, no_env, QEMU_OUTPUT_MAX, out, e);
	return status < 0 ? -1 : spawn_exit_code(status);
}

void doctor_qemu(const struct doctor *d, struct finding *f)
{
	static const char *const args[] = {"--version", NULL};
	struct err e = {0};
	AUTO_FREE char *program = qemu_find(env_host(), &e);
	AUTO_BUF struct buf out = {0};
	const char *version;
	int major = 0, minor = 0;

	(void)d;
	if (!program || guest_ask_qemu(program, args, &out, &e) < 0) {
		doctor_say_err(f, DOCTOR_PROBLEM, &e);
		return;
	}
	version = strstr(buf_text(&out), "version ");
	if (!version || sscanf(version, "version %d.%d", &major, &minor) != 2) {
		doctor_say(f, DOCTOR_PROBLEM, "%s does not print a version: not a QEMU", program);
		doctor_remedy(
			f, "install it (apt-get install qemu-system-x86), or set CCVM_QEMU to it");
		return;
	}
	if (major < QEMU_MAJOR || (major == QEMU_MAJOR && minor < QEMU_MINOR)) {
		doctor_say(f, DOCTOR_PROBLEM, "%s is QEMU %d.%d; ccvm needs %d.%d", program, major,
			   minor, QEMU_MAJOR, QEMU_MINOR);
		doctor_remedy(f, "install a newer one, and set CCVM_QEMU to it");
		return;
	}
	doctor_say(f, DOCTOR_OK, "QEMU %d.%d, %s", major, minor, program);
}

/* What has to be in QEMU's own answer to be usable. */
static const struct guest_feature {
	const char *args[4];
	const char *word; /* in the output; NULL: the exit code alone tells */
	const char *what;
	const char *remedy;
} guest_features[] = {
	{{"-machine", "help"},
	 "microvm",
	 "the microvm machine",
	 "set CCVM_MACHINE=q35, or install Debian's qemu-system-x86"},
	{{"-netdev", "help"}, "stream", "-netdev stream", "install QEMU 7.2 or newer"},
	{{"-device", "help"},
	 "\"virtserialport\"",
	 "virtio-serial",
	 "install Debian's qemu-system-x86"},
	/* Parsed in order: a QEMU without seccomp stops at the first. */
	{{"-sandbox", "on", "-version"},
	 NULL,
	 "seccomp (-sandbox)",
	 "install a QEMU that was built with seccomp, or set CCVM_QEMU_SANDBOX=0 to run it less "
	 "confined"},
};

static bool guest_feature_is_needed(const struct guest_feature *g)
{
	if (!g->word)
		return env_host()->qemu_sandbox;
	return strcmp(g->word, "microvm") != 0 || strcmp(env_host()->machine, "microvm") == 0;
}

static bool guest_has_feature(const char *program, const struct guest_feature *g)
{
	AUTO_BUF struct buf out = {0};
	struct err e;
	int code = guest_ask_qemu(program, g->args, &out, &e);

	return code == 0 && (!g->word || strstr(buf_text(&out), g->word));
}

void doctor_qemu_features(const struct doctor *d, struct finding *f)
{
	struct err none;
	AUTO_FREE char *program = qemu_find(env_host(), &none);
	AUTO_BUF struct buf has = {0};

	(void)d;
	if (!program) {
		doctor_say(f, DOCTOR_NOTE, "unknown: no QEMU");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(guest_features); i++) {
		const struct guest_feature *g = &guest_features[i];

		if (!guest_feature_is_needed(g))
			continue;
		if (!guest_has_feature(program, g)) {
			doctor_say(f, DOCTOR_PROBLEM, "%s lacks %s", program, g->what);
			doctor_remedy(f, "%s", g->remedy);
			return;
		}
		buf_addf(&has, "%s%s", buf_len(&has) ? ", " : "", g->what);
	}
	doctor_say(f, DOCTOR_OK, "%s", buf_text(&has));
}

/* ccvm-template: makes the template of one machine. Started by ccvm-session, in the background after a cold start, and by
 * `ccvmctl image warm`.
 *
 *   ccvm-template [--background] [--pool] ACCEL MEMORY CORES SPACE
 *
 * --pool: of the machine with a second disk. ACCEL is auto, kvm or tcg, MEMORY and SPACE (for all templates) are MiB. Progress goes to stdout, a line each; the
 * last one is "done", "present" (there was one already) or "busy" (another process makes it). */
#include "base/log.h"
#include "base/mem.h"
#include "template/make.h"
#include "vm/template.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void template_say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

static int template_run(const struct machine *m, int64_t space_mib, struct err *e)
{
	AUTO_CLOSE int lock = template_lock(e);
	struct template existing;
	int found;

	if (lock < 0 && e->sys == EWOULDBLOCK) {
		template_say("busy");
		return 0;
	}
	if (lock < 0)
		return -1;
	template_init(&existing);
	found = template_open(&existing, m, e);
	if (found > 0 && template_load(&existing, m, e) < 0)
		found = -1;
	template_fini(&existing);
	if (found > 0) {
		template_say("present");
		return 0;
	}
	if (make_template(&(struct make_request){.machine = m, .cache_max_bytes = space_mib << 20, .on_progress = template_say}, e) < 0)
		return -1;
	template_say("done");
	return 0;
}

static char *template_libexec(void)
{
	char *self = realpath("/proc/self/exe", NULL);

	if (!self)
		mem_die("/proc is not mounted");
	*strrchr(self, '/') = '\0';
	return self;
}

static int template_accel(const char *name, struct accel *out, struct err *e)
{
	static const struct {
		const char *name;
		enum accel_choice choice;
	} choices[] = {{"auto", ACCEL_AUTO}, {"kvm", ACCEL_KVM}, {"tcg", ACCEL_TCG}};
	const char *device = getenv("CCVM_KVM_DEV");

	for (size_t i = 0; i < ARRAY_LEN(choices); i++)
		if (strcmp(choices[i].name, name) == 0)
			return accel_resolve(choices[i].choice, device ? device : "/dev/kvm", out, e);
	return err_set(e, "%s is no acceleration", name);
}

static int template_open_machine(struct machine *m, struct image *image, bool pool, char **args,
				 struct err *e)
{
	const struct machine_size size = {(unsigned)strtoul(args[1], NULL, 10), (unsigned)strtoul(args[2], NULL, 10), pool};
	AUTO_FREE char *libexec = template_libexec();
	AUTO_FREE char *share = mem_format("%s/../../share/ccvm", libexec);
	AUTO_FREE char *path = image_find(share, e);
	struct accel accel;

	if (!path || image_open(image, path, e) < 0 || template_accel(args[0], &accel, e) < 0)
		return -1;
	return machine_open(m, image, libexec, &accel, size, e);
}

int main(int argc, char **argv)
{
	const bool background = argc > 1 && strcmp(argv[1], "--background") == 0;
	const bool pool = argc > 1 + background && strcmp(argv[1 + background], "--pool") == 0;
	char **args = argv + 1 + background + pool;
	static struct image image;
	struct machine m;
	struct err e;
	int rc;

	log_init("ccvm-template", LOG_LEVEL_NOTE);
	if (argc - 1 - background - pool != 4) {
		log_error("is started by ccvm and ccvmctl, not by hand");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* who asked may be gone; the template is made all the same */
	if (background) /* the session that is running comes first */
		setpriority(PRIO_PROCESS, 0, 19);
	if (template_open_machine(&m, &image, pool, args, &e) < 0) {
		log_error("%s", e.text);
		return 1;
	}
	rc = template_run(&m, strtol(args[3], NULL, 10), &e);
	if (rc < 0)
		log_error("%s", e.text);
	machine_fini(&m);
	image_fini(&image);
	return rc < 0;
}

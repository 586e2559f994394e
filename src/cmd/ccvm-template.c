/* ccvm-template: makes the template of one machine. Started by ccvm-session, in the background
 * after a cold start, and by `ccvmctl image warm`.
 *
 *   ccvm-template [--background] [--pool] ACCEL MEMORY CORES SPACE
 *
 * --pool: of the machine with a second disk. ACCEL is auto, kvm or tcg, MEMORY and SPACE (for
 * all templates) are MiB. Standard input has the settings of this computer (proto/hostenv.h): it
 * is started without an environment. Progress goes to stdout, a line each; the last one is "done",
 * "present" (there was one already) or "busy" (another process makes it). */
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "template/make.h"
#include "vm/image_verify.h"
#include "vm/template.h"
#include "proto/hostenv.h"
#include "proto/maker.h"

#include <errno.h>
#include <limits.h>
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
	AUTO_CLOSE int lock = template_lock(m->host, e);
	struct template existing;
	int found, rc;

	if (lock < 0 && e->sys == EWOULDBLOCK) {
		template_say(maker_rows[MAKER_BUSY].line);
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
		template_say(maker_rows[MAKER_PRESENT].line);
		return 0;
	}
	rc = make_template(&(struct make_request){.machine = m,
						  .cache_max_bytes = space_mib << 20,
						  .on_progress = template_say},
			   e);
	if (rc == 0)
		template_say(maker_rows[MAKER_DONE].line);
	return rc;
}

static char *template_libexec(void)
{
	char *self = realpath("/proc/self/exe", NULL);

	if (!self)
		mem_die("/proc is not mounted");
	*strrchr(self, '/') = '\0';
	return self;
}

static int template_accel(const struct hostenv *host, const char *name, const char *record,
			  struct accel *out, struct err *e)
{
	static const struct {
		const char *name;
		enum accel_choice choice;
	} choices[] = {{"auto", ACCEL_AUTO}, {"kvm", ACCEL_KVM}, {"tcg", ACCEL_TCG}};

	for (size_t i = 0; i < ARRAY_LEN(choices); i++)
		if (strcmp(choices[i].name, name) == 0)
			return accel_resolve(choices[i].choice, host->kvm_device, record, out, e);
	return err_set(e, "invalid acceleration %s", name);
}

/* What the arguments, the settings and the installation say of the guest. */
struct wanted {
	struct hostenv host;
	struct image image;
	char *libexec;
	struct accel accel;
	struct machine_size size;
	int64_t space_mib;
};

static int template_want(struct wanted *w, bool pool, char **args, const char *record,
			 struct err *e)
{
	AUTO_FREE char *share = NULL;
	AUTO_FREE char *path = NULL;
	const char *note; /* the session says it */
	int64_t memory, cores;

	w->libexec = template_libexec();
	if (!number_parse(args[1], 1, UINT_MAX, &memory) ||
	    !number_parse(args[2], 1, UINT_MAX, &cores) ||
	    !number_parse(args[3], -1, INT64_MAX, &w->space_mib))
		return err_set(e, "invalid size of the machine: %s %s %s", args[1], args[2],
			       args[3]);
	w->size = (struct machine_size){(unsigned)memory, (unsigned)cores, pool};
	share = mem_format("%s/../../share/ccvm", w->libexec);
	path = image_find(&w->host, share, e);
	if (!path || image_open(&w->image, path, e) < 0 ||
	    image_verify(&w->image, &w->host, &note, e) < 0)
		return -1;
	return template_accel(&w->host, args[0], record, &w->accel, e);
}

static int template_of_machine(const struct wanted *w, struct err *e)
{
	struct machine m;
	int rc;

	if (machine_open(&m, &w->host, &w->image, w->libexec, &w->accel, w->size, e) < 0)
		return -1;
	rc = template_run(&m, w->space_mib, e);
	machine_fini(&m);
	return rc;
}

/* As a session does: emulated, where KVM does not run the guest. */
static int template_make(struct wanted *w, const char *record, struct err *e)
{
	AUTO_FREE char *why = NULL;
	int rc = template_of_machine(w, e);

	if (rc != MAKE_NEVER_PARKED || !accel_fall_back(&w->accel))
		return rc;
	why = mem_strdup(e->text);
	log_note("%s; trying again without KVM", why);
	rc = template_of_machine(w, e);
	if (rc == 0)
		accel_record(record, why);
	return rc;
}

int main(int argc, char **argv)
{
	const bool background = argc > 1 && strcmp(argv[1], "--background") == 0;
	const bool pool = argc > 1 + background && strcmp(argv[1 + background], "--pool") == 0;
	char **args = argv + 1 + background + pool;
	AUTO_FREE char *record = NULL;
	static struct wanted wanted;
	struct err e;
	int rc;

	log_init("ccvm-template", LOG_LEVEL_NOTE);
	if (argc - 1 - background - pool != 4) {
		log_error("is started by ccvm and ccvmctl, not by hand");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* who asked may be gone; the template is made all the same */
	if (background)		  /* the session that is running comes first */
		setpriority(PRIO_PROCESS, 0, 19);
	rc = hostenv_from_fd(&wanted.host, STDIN_FILENO, &e);
	if (rc == 0) {
		record = accel_record_path(&wanted.host);
		rc = template_want(&wanted, pool, args, record, &e);
	}
	if (rc == 0)
		rc = template_make(&wanted, record, &e);
	if (rc < 0)
		log_error("%s", e.text);
	image_fini(&wanted.image);
	free(wanted.libexec);
	hostenv_fini(&wanted.host);
	return rc < 0;
}

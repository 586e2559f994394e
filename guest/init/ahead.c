/* Theory of operation. Runs as root in the guest, what it starts as the agent's user.
 *
 * 1. An emulator translates what it has not run before, which is most of the time of a start:
 *    claude's first 400 ms are 57,000 pieces of code. Translations are kept by the memory they are
 *    made from. So while one processor is busy with the login, another one runs the programs that
 *    come next and discards their results; the real ones are then translated already.
 * 2. They are the image's own programs with arguments that do nothing: they print, to nowhere, and
 *    end. Their home is not there, their folder is /, and the firewall stands. They get otherwise
 *    idle time (SCHED_IDLE), and begin when the guest is ready: an emulator of two processors has
 *    no third for the devices.
 * 3. The process that starts them is made before the park point and waits, so that it costs the
 *    boot one write. Guests with one processor, or a real one, do without; so do guests that are
 *    not from a template, which would read programs beside what the boot reads. */
#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "proto/names.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AHEAD_CPUID_HYPERVISOR 0x40000000 /* whose name is in ebx, ecx, edx */

#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})

struct ahead_order {
	uid_t uid;
	gid_t gid;
	bool shell;
};

static bool ahead_is_emulated(void)
{
	unsigned a, b, c, d;
	char name[12];

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 31))
		return false;
	__cpuid(AHEAD_CPUID_HYPERVISOR, a, b, c, d);
	memcpy(name, &b, 4);
	memcpy(name + 4, &c, 4);
	memcpy(name + 8, &d, 4);
	return memcmp(name, "TCGTCGTCGTCG", sizeof(name)) == 0;
}

static int ahead_become_agent(const void *ctx)
{
	const struct ahead_order *o = ctx;

	return setgroups(0, NULL) < 0 || setgid(o->gid) < 0 || setuid(o->uid) < 0 || chdir("/") < 0
		       ? -1
		       : 0;
}

static void ahead_run_one(const struct ahead_order *o, char *const *argv)
{
	static char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent",
				    "LANG=C.UTF-8", NULL};
	struct err ignored;
	struct spawn s = {.path = argv[0],
			  .argv = argv,
			  .envp = env,
			  .new_session = true,
			  .confine = ahead_become_agent,
			  .confine_ctx = o};
	pid_t pid = spawn_start(&s, NULL, &ignored);

	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static _Noreturn void ahead_run(int orders)
{
	struct ahead_order o;

	/* Nothing else of ccvm-init's stays open here. */
	if (dup2(orders, 0) < 0 || close_range(1, ~0U, 0) < 0 ||
	    read(0, &o, sizeof(o)) != sizeof(o))
		_exit(0);
	(void)sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
	if (o.shell)
		ahead_run_one(&o, ARGV(NAME_SHELL, "-l", "-c", "true"));
	else
		ahead_run_one(&o, ARGV(NAME_CLAUDE, "--version"));
	_exit(0);
}

int ahead_start(struct boot *b, struct err *e)
{
	AUTO_CLOSE int ours = -1, theirs = -1;
	int ends[2];
	pid_t pid;

	if (!warmup_is_wanted() || !ahead_is_emulated() || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	theirs = ends[0];
	ours = ends[1];
	pid = fork();
	if (pid == 0)
		ahead_run(theirs);
	if (pid < 0)
		return err_sys(e, "start what runs ahead");
	b->ahead = mem_steal_fd(&ours);
	return 0;
}

int ahead_go(struct boot *b, struct err *e)
{
	AUTO_CLOSE int orders = mem_steal_fd(&b->ahead);
	AUTO_BUF struct buf shell = {0};
	struct ahead_order o = {.uid = b->uid, .gid = b->gid};

	if (orders < 0)
		return 0;
	if (file_read(AT_FDCWD, BOOT_SEED_FILE(NAME_SEED_SHELL), 16, &shell, e) < 0)
		return -1;
	o.shell = buf_text(&shell)[0] == '1';
	return file_write_all(orders, &o, sizeof(o), e);
}

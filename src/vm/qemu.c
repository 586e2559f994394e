/* Theory of operation. QEMU emulates a machine for untrusted code, so it is treated as compromised.
 *
 * 1. It finds no socket path: QMP, console, control, SSH, files and network are ends of socket pairs made
 *    before.
 * 2. Its environment is empty (but for our own library, where its version needs it), every other fd
 *    is closed, it dies with this process, it leaves no core.
 * 3. Landlock leaves it its own program files, the image, and the devices it needs: nothing of the
 *    user's. TCP is refused, and signals to processes outside.
 * 4. A filter of system calls (vm/callfilter.h) keeps it from making sockets and from signals,
 *    whatever the kernel's version of Landlock.
 * 5. Its own seccomp filter (-sandbox) refuses new programs, privileges and obsolete calls. */
#include "vm/qemu.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sched.h"
#include "base/spawn.h"
#include "vm/callfilter.h"
#include "sandbox/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

char *qemu_find(const struct hostenv *host, struct err *e)
{
	char *path = host->qemu ? mem_strdup(host->qemu)
				: spawn_find(host->path, "qemu-system-x86_64");

	if (path && access(path, X_OK) == 0)
		return path;
	err_set(e, "QEMU is not installed (%s not found)", path ? path : "qemu-system-x86_64");
	err_remedy(e, "install it: apt-get install qemu-system-x86");
	err_exit_code(e, ERR_EXIT_GUEST);
	free(path);
	return NULL;
}

static int qemu_allow_program(struct jail *j, const char *program, struct err *e)
{
	/* What the dynamic linker and QEMU read (not /proc/self: here that is ccvm-session's); a
	 * Nix build has all of it in its store. */
	static const char *const code[] = {"/usr/lib", "/usr/lib64",	 "/lib",
					   "/lib64",   "/usr/local/lib", "/nix/store"};
	/* clang-format off */
	static const char *const data[] = {
		"/usr/share/qemu", "/usr/share/seabios", "/usr/share/qemu-kvm", "/usr/lib/ipxe",
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/dev/urandom", "/dev/random",
		"/proc/cpuinfo", "/sys/devices/system/cpu",
	};
	/* clang-format on */

	if (jail_allow(j, program, JAIL_EXECUTE, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(code); i++)
		if (jail_allow(j, code[i], JAIL_EXECUTE, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(data); i++)
		if (jail_allow(j, data[i], JAIL_READ, e) < 0)
			return -1;
	return 0;
}

static bool qemu_is_clone(const struct qemu_spec *s)
{
	return s->ram == QEMU_RAM_CLONED || s->ram == QEMU_RAM_CLONED_OLD;
}

static int qemu_allow(struct jail *j, const struct qemu_spec *s, const struct qemu_files *f,
		      struct err *e)
{
	/* By their fds: the memory's file may have no name any more. */
	const struct {
		int fd;
		enum jail_access access;
	} open_rules[] = {
		{qemu_is_clone(s) ? f->ram : -1, JAIL_READ},
		{f->preload, JAIL_EXECUTE},
	};
	const struct {
		const char *path;
		enum jail_access access;
	} rules[] = {
		{"/dev/null", JAIL_WRITE},
		{s->accel->kvm ? "/dev/kvm" : NULL, JAIL_WRITE},
		{s->kernel, JAIL_READ},
		{s->root_image, JAIL_READ},
	};

	if (qemu_allow_program(j, s->program, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].path && jail_allow(j, rules[i].path, rules[i].access, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(open_rules); i++)
		if (open_rules[i].fd >= 0 &&
		    jail_allow_fd(j, open_rules[i].fd, open_rules[i].access, e) < 0)
			return -1;
	return 0;
}

struct qemu_start {
	const struct jail *jail;
	bool emulated;
};

/* As spawn's confine hook. */
static int qemu_confine(const void *ctx)
{
	const struct qemu_start *start = ctx;

	/* An emulator touches many places of large mappings a little: in pages of 2 MiB its start
	 * costs a tenth more time, and 10 MB more memory, and nothing later is faster. */
	if (start->emulated)
		(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	/* the main loop, which carries keys and their echoes; not the threads of the guest's
	 * processors */
	sched_take_short_turns();
	return jail_enter(start->jail) < 0 ? -1 : callfilter_enter();
}

static int qemu_socketpair(int *ours, int *theirs, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	*ours = pair[0];
	*theirs = pair[1];
	return fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 ? err_sys(e, "fcntl") : 0;
}

static int qemu_log_pipe(int *ours, int *theirs, struct err *e)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	*ours = pair[0];
	*theirs = pair[1];
	return fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 ? err_sys(e, "fcntl") : 0;
}

void qemu_init(struct qemu *q)
{
	*q = (struct qemu){.pid = -1,
			   .pidfd = -1,
			   .qmp_fd = -1,
			   .console_fd = -1,
			   .ctl_fd = -1,
			   .ssh_fd = -1,
			   .log_fd = -1,
			   .state_fd = -1};
}

/* The fds that not every QEMU gets, behind the nine that each does; how many there are in all. */
static size_t qemu_add_fds(struct spawn_fd *fds, const struct qemu_spec *spec,
			   const struct qemu_files *files, int state)
{
	size_t n = 9;

	if (spec->ram != QEMU_RAM_ANONYMOUS)
		fds[n++] = (struct spawn_fd){files->ram, QEMU_FD_RAM};
	if (state >= 0)
		fds[n++] = (struct spawn_fd){state, QEMU_FD_STATE};
	if (spec->pool)
		fds[n++] = (struct spawn_fd){files->pool, QEMU_FD_POOL};
	if (files->preload >= 0)
		fds[n++] = (struct spawn_fd){files->preload, QEMU_FD_PRELOAD};
	return n;
}

int qemu_start(struct qemu *q, const struct qemu_spec *spec, const struct qemu_files *files,
	       struct err *e)
{
	/* A path would end at a space or a colon (ld.so(8)). */
	AUTO_FREE char *preload = files->preload >= 0 ? mem_format("LD_PRELOAD=/proc/self/fd/%d",
								   QEMU_FD_PRELOAD)
						      : NULL;
	char *const env[] = {preload, NULL};
	AUTO_STRV struct strv argv = {0};
	AUTO_CLOSE int qmp = -1, console = -1, ctl = -1, ssh = -1, log = -1, state = -1;
	struct jail jail;
	int rc;

	qemu_init(q);
	if (qemu_socketpair(&q->qmp_fd, &qmp, e) < 0 ||
	    qemu_socketpair(&q->console_fd, &console, e) < 0 ||
	    qemu_socketpair(&q->ctl_fd, &ctl, e) < 0 || qemu_socketpair(&q->ssh_fd, &ssh, e) < 0 ||
	    qemu_log_pipe(&q->log_fd, &log, e) < 0 ||
	    (qemu_is_clone(spec) && qemu_socketpair(&q->state_fd, &state, e) < 0))
		return -1;
	qemu_args_build(spec, &argv);
	jail_init(&jail);
	q->landlock_abi = jail.abi;
	rc = qemu_allow(&jail, spec, files, e);
	if (rc == 0) {
		struct spawn_fd fds[16] = {
			{log, 1},
			{log, 2},
			{qmp, QEMU_FD_QMP},
			{console, QEMU_FD_CONSOLE},
			{ctl, QEMU_FD_CTL},
			{ssh, QEMU_FD_SSH},
			{files->net, QEMU_FD_NET},
			{files->initrd, QEMU_FD_INITRD},
			{files->fs, QEMU_FD_FS},
		};
		const struct qemu_start start = {&jail, !spec->accel->kvm};
		const struct spawn s = {
			.path = spec->program,
			.argv = argv.v,
			.envp = env,
			.fds = fds,
			.nfds = qemu_add_fds(fds, spec, files, state),
			.die_with_parent = true,
			.no_core = true,
			.new_session = true,
			.confine = qemu_confine,
			.confine_ctx = &start,
		};

		q->pid = spawn_start(&s, &q->pidfd, e);
	}
	jail_fini(&jail);
	if (q->pid < 0 && e->sys == EACCES)
		err_remedy(e, "it must be the program itself, not a script: the confinement has no "
			      "interpreter");
	if (q->pid < 0)
		err_exit_code(e, ERR_EXIT_GUEST);
	return q->pid < 0 ? -1 : 0;
}

/* start: from a request to a booting guest: options, checks, image, seed, ccvm-net, QEMU; then this process gives up
 * its access to everything but the run directory. */
#include "session/state.h"
#include "session/policy.h"
#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "proto/names.h"
#include "seed/seed.h"
#include "vm/initrd.h"
#include "vm/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

extern char **environ;

/* Generous: an emulated guest on a busy machine is slow. */
#define START_BOOT_TIMEOUT "180"

struct start_paths {
	char *libexec; /* this program's directory */
	char *share;
};

static const char *start_env(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && value[0] ? value : fallback;
}

static int start_find_paths(struct start_paths *p, struct err *e)
{
	AUTO_FREE char *self = realpath("/proc/self/exe", NULL);

	if (!self)
		return err_sys(e, "find this program's directory");
	*strrchr(self, '/') = '\0';
	p->share = mem_format("%s/../../share/ccvm", self);
	p->libexec = mem_steal_ptr(&self);
	return 0;
}

static char *start_home(void)
{
	return mem_strdup(start_env("HOME", "/nonexistent"));
}

static char *start_claude_dir(const char *home)
{
	const char *dir = getenv("CLAUDE_CONFIG_DIR");

	return dir && dir[0] == '/' ? mem_strdup(dir) : mem_format("%s/.claude", home);
}

static char *start_resolved(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : mem_strdup(path);
}

static int start_workspace(struct session *s, struct err *e)
{
	AUTO_FREE char *home = start_home();
	AUTO_FREE char *unresolved = start_claude_dir(home);
	AUTO_FREE char *claude_dir = start_resolved(unresolved);
	AUTO_FREE char *base = rundir_base(e);
	AUTO_FREE char *run_base = base ? start_resolved(base) : NULL;
	struct stat st;

	if (!base)
		return -1;
	s->workspace = getcwd(NULL, 0);
	/* Linux says "(unreachable)" for a deleted directory's path instead of failing in some cases. */
	if (!s->workspace || s->workspace[0] != '/' || stat(s->workspace, &st) < 0) {
		err_sys(e, "the current directory does not exist any more");
		err_remedy(e, "change to a directory that exists");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	s->name = mem_strdup(strrchr(s->workspace, '/') + 1);
	return policy_check_workspace(
		&(struct policy_paths){.workspace = s->workspace, .claude_dir = claude_dir, .run_base = run_base}, e);
}

/* Options this program knows but cannot honour yet must not be taken for granted. */
static int start_check_options(const struct session *s, struct err *e)
{
	if (s->conf.vm_disk_size > 0) {
		err_set(e, "vmDiskSize is set, but this version has no encrypted pool");
		err_remedy(e, "set vmDiskSize to 0");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	return conf_check_memlock(&s->conf, e);
}

static int start_boot_timeout(struct session *s, struct err *e)
{
	const char *text = start_env("CCVM_BOOT_TIMEOUT", START_BOOT_TIMEOUT);
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || value < 1 || value > 86400) {
		err_set(e, "CCVM_BOOT_TIMEOUT=%s is not a number of seconds", text);
		err_remedy(e, "give a number from 1 to 86400, or unset it");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	s->boot_timeout_s = (unsigned)value;
	return 0;
}

static void start_on_seed_note(void *ctx, const char *note)
{
	status_event_note(ctx, "seed", note);
}

/* What the image was built without, a run cannot grant. Without an image (a dry run) the wish counts. */
static bool start_agent_sudo(struct session *s)
{
	struct start_paths paths = {0};
	AUTO_FREE char *path = NULL;
	struct image img = {0};
	struct err ignored;
	bool sudo = conf_agent_sudo(&s->conf);

	if (!sudo || start_find_paths(&paths, &ignored) < 0)
		return sudo;
	path = image_find(paths.share, &ignored);
	if (path && image_open(&img, path, &ignored) == 0) {
		sudo = img.agent_sudo;
		image_fini(&img);
	}
	free(paths.libexec);
	free(paths.share);
	if (!sudo && s->conf.agent_sudo == 1)
		status_event_note(s, "seed", "agentSudo is set, but the image was built without it");
	return sudo;
}

static int start_seed(struct session *s, struct err *e)
{
	AUTO_FREE char *home = start_home();
	AUTO_FREE char *claude_dir = start_claude_dir(home);
	AUTO_CLOSE int fd = -1;
	const struct seed_spec spec = {
		.conf = &s->conf,
		.workdir = s->workspace,
		.shell = s->request.shell,
		.uid = getuid(),
		.gid = getgid(),
		.args = s->args.v,
		.nargs = s->args.n,
		.home = home,
		.claude_dir = claude_dir,
		.envp = environ,
		.agent_sudo = start_agent_sudo(s),
	};

	s->stage = "seed";
	if (mkdirat(s->run.fd, RUNDIR_SEED, 0700) < 0)
		return err_sys(e, "make the seed directory");
	fd = openat(s->run.fd, RUNDIR_SEED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open the seed directory");
	if (seed_write(&spec, fd, start_on_seed_note, s, e) < 0 ||
	    sshkey_write_seed(s->client_key, s->host_key, fd, e) < 0)
		return -1;
	if (s->request.dryrun)
		return file_createf(fd, "accel", 0600, e, "%s %s %s\n", s->accel.mode, s->accel.accel, s->accel.cpu);
	return 0;
}

int start_prepare(struct session *s, struct err *e)
{
	s->stage = "configuration";
	if (conf_from_json(&s->conf, s->request.options, e) < 0)
		return -1;
	if (start_boot_timeout(s, e) < 0 || start_workspace(s, e) < 0 || start_check_options(s, e) < 0)
		return -1;
	if (accel_resolve((enum accel_choice)s->conf.acceleration, start_env("CCVM_KVM_DEV", "/dev/kvm"), &s->accel, e) < 0)
		return -1;
	s->stage = "run directory";
	rundir_clean_dead();
	if (rundir_create(&s->run, e) < 0)
		return -1;
	/* From here on nothing depends on the working directory, which would pin a mount of the user's. */
	if (chdir("/") < 0)
		return err_sys(e, "chdir /");
	s->client_key = sshkey_generate(e);
	s->host_key = sshkey_generate(e);
	if (!s->client_key || !s->host_key)
		return -1;
	if (start_seed(s, e) < 0) {
		if (e->sys == ENOSPC)
			err_remedy(e, "free space on the file system of %s, or point XDG_RUNTIME_DIR elsewhere", s->run.path);
		return -1;
	}
	return 0;
}

static void start_net_args(const struct session *s, const char *program, struct strv *argv)
{
	static const char *const usual[] = {"--qemu-fd", "3", "--control-fd", "4", "--mtu"};

	strv_add(argv, program);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		strv_add(argv, usual[i]);
	strv_addf(argv, "%d", NAME_GUEST_MTU);
	if (!s->conf.host_loopback)
		strv_add(argv, "--no-host-loopback");
	egress_net_args(s, argv);
}

static int start_net(struct session *s, const struct start_paths *paths, int *qemu_end, struct err *e)
{
	static char *const no_env[] = {NULL};
	AUTO_FREE char *program = mem_format("%s/ccvm-net", paths->libexec);
	AUTO_STRV struct strv argv = {0};
	AUTO_CLOSE int frames = -1, control = -1, log = -1;
	int pair[2];
	struct spawn_fd fds[3];
	struct spawn spawn = {.path = program, .envp = no_env, .fds = fds, .nfds = 3,
			      .die_with_parent = true, .no_core = true, .new_session = true};

	s->stage = "network";
	start_net_args(s, program, &argv);
	spawn.argv = argv.v;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	frames = pair[0];
	*qemu_end = pair[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	control = pair[0];
	s->net_control_fd = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	s->net_log_fd = pair[0];
	log = pair[1];
	fds[0] = (struct spawn_fd){log, 2};
	fds[1] = (struct spawn_fd){frames, 3};
	fds[2] = (struct spawn_fd){control, 4};
	s->net_child.pid = spawn_start(&spawn, &s->net_child.pidfd, e);
	if (s->net_child.pid < 0) {
		s->net_child.pid = 0;
		return err_exit_code(e, ERR_EXIT_GUEST);
	}
	/* It locks itself in before it reads: without rules it lets nothing through. */
	return egress_send_rules(s, s->net_control_fd, e);
}

/* The host's transcripts, made when there are none yet; NULL when they are not shared. */
static char *start_projects_dir(const struct session *s)
{
	AUTO_FREE char *home = start_home();
	AUTO_FREE char *claude_dir = start_claude_dir(home);
	AUTO_FREE char *projects = mem_format("%s/projects", claude_dir);
	struct err ignored;

	if (!s->conf.persist_claude_projects || file_mkdirs(projects, 0700, &ignored) < 0)
		return NULL;
	return mem_steal_ptr(&projects);
}

static int start_qemu(struct session *s, const struct start_paths *paths, int net_fd, struct err *e)
{
	AUTO_FREE char *program = qemu_find(e);
	AUTO_FREE char *kernel = mem_format("%s/%s", s->image.path, IMAGE_KERNEL);
	AUTO_FREE char *modules = mem_format("%s/%s", s->image.path, IMAGE_MODULES);
	AUTO_FREE char *root = mem_format("%s/%s", s->image.path, IMAGE_ROOT);
	AUTO_FREE char *programs = mem_format("%s/guest.cpio", paths->libexec);
	AUTO_FREE char *seed = mem_format("%s/%s", s->run.path, RUNDIR_SEED);
	AUTO_FREE char *projects = start_projects_dir(s);
	AUTO_CLOSE int initrd = -1;
	struct qemu_spec spec;

	s->stage = "qemu";
	if (!program)
		return -1;
	initrd = initrd_join(modules, programs, e);
	if (initrd < 0)
		return -1;
	spec = (struct qemu_spec){
		.program = program,
		.machine = start_env("CCVM_MACHINE", "microvm"),
		.accel = &s->accel,
		.tsc_khz = s->accel.kvm ? 0 : hosttsc_khz_since(&s->tsc),
		.memory_mib = (unsigned)s->conf.memory,
		.cores = (unsigned)s->conf.cores,
		.kernel = kernel,
		.root_image = root,
		.seed_dir = seed,
		.workspace = s->workspace,
		.workspace_readonly = !s->conf.writable_cwd,
		.projects_dir = projects,
		.sandbox = strcmp(start_env("CCVM_QEMU_SANDBOX", "1"), "0") != 0,
		.lock_memory = s->conf.lock_guest_memory,
	};
	if (qemu_start(&s->qemu, &spec, net_fd, initrd, e) < 0)
		return -1;
	s->qemu_child.pid = s->qemu.pid;
	s->qemu_child.pidfd = s->qemu.pidfd;
	if (!s->qemu.landlock_abi)
		status_event_note(s, "qemu", "this kernel has no usable Landlock: QEMU runs without it");
	return 0;
}

/* libssh, cJSON and the line parsers of this process read what guest and QEMU send: by then it can reach
 * no file but those of the run directory. */
static int start_confine_self(struct session *s, struct err *e)
{
	AUTO_FREE char *base = mem_strdup(s->run.path);
	struct jail jail;
	int rc;

	*strrchr(base, '/') = '\0';
	jail_init(&jail);
	jail.keep_signals = true; /* it ends its children, which were started outside of this jail */
	rc = jail_allow(&jail, base, JAIL_TREE, e);
	if (rc == 0 && jail_enter(&jail) < 0)
		rc = err_sys(e, "confine ccvm-session");
	jail_fini(&jail);
	return rc;
}

void start_refresh_clock(struct session *s)
{
	AUTO_CLOSE int fd = openat(s->run.fd, RUNDIR_SEED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e;

	if (fd < 0 || seed_write_clock(fd, &e) < 0)
		status_event_note(s, "clock", "the guest's clock is set from an older reading");
}

int start_launch(struct session *s, struct err *e)
{
	AUTO_CLOSE int net_fd = -1;
	AUTO_FREE char *image = NULL;
	struct start_paths paths = {0};
	int rc = -1;

	s->stage = "image";
	if (start_find_paths(&paths, e) < 0)
		return -1;
	image = image_find(paths.share, e);
	if (!image || image_open(&s->image, image, e) < 0)
		goto out;
	logtail_init(&s->console_tail, s->run.fd, RUNDIR_CONSOLE);
	logtail_init(&s->qemu_tail, s->run.fd, RUNDIR_QEMU);
	if (clients_listen(s, e) < 0 || start_net(s, &paths, &net_fd, e) < 0)
		goto out;
	if (start_qemu(s, &paths, net_fd, e) < 0)
		goto out;
	rc = start_confine_self(s, e);
out:
	free(paths.libexec);
	free(paths.share);
	return rc;
}

/* launch: an attempt's processes, what they are started from and told: accelerator, machine and
 * template, ccvm-net and QEMU; and the maker of a template for later sessions. */
#include "session/wiring.h"
#include "base/spawn.h"
#include "proto/names.h"
#include "vm/qemu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* ---- what it is started from ---- */

int launch_choose_accel(struct session *s, struct err *e)
{
	AUTO_FREE char *record = accel_record_path(&s->request.host);
	struct accel emulated;

	if (accel_resolve((enum accel_choice)s->conf.acceleration, s->request.host.kvm_device,
			  record, &s->accel, e) < 0)
		return -1;
	emulated = s->accel;
	attempt_use_kvm(&s->attempt, s->accel.kvm, accel_fall_back(&emulated));
	return 0;
}

int launch_choose_machine(struct session *s, struct err *e)
{
	const struct machine_size size = {(unsigned)s->conf.memory, (unsigned)s->conf.cores,
					  disk_is_there(s->disk)};

	if (machine_open(&s->machine, &s->request.host, &s->image, s->libexec, &s->accel, size, e) <
	    0)
		return err_stage(e, "image");
	return 0;
}

int launch_emulate(struct session *s, struct err *e)
{
	(void)accel_fall_back(&s->accel);
	machine_fini(&s->machine);
	return launch_choose_machine(s, e);
}

/* Locked memory would be copied whole at once: such a guest boots cold. */
static enum hostenv_templates launch_templates(const struct session *s)
{
	return s->conf.lock_guest_memory ? HOSTENV_TEMPLATES_OFF : s->request.host.template_mode;
}

void launch_find_template(struct session *s)
{
	struct err e;
	int found;

	attempt_use_template(&s->attempt, false);
	if (s->attempt.template_refused || launch_templates(s) == HOSTENV_TEMPLATES_OFF)
		return;
	found = template_open(&s->template, &s->machine, &e);
	if (found < 0)
		journal_note(s->journal, "template", e.text);
	attempt_use_template(&s->attempt, found > 0);
}

/* RAM is mapped already (qemu_args); the devices' state comes through a socket. */
int launch_restore(struct session *s, qmp_reply *on_reply, struct err *e)
{
	AUTO_FREE char *incoming = mem_format("{\"uri\":\"fd:%d\"}", QEMU_FD_STATE);

	if (template_load(&s->template, &s->machine, e) < 0)
		return -1;
	streams_restore(s->streams, buf_data(&s->template.state), buf_len(&s->template.state));
	streams_qmp(s->streams, "migrate-set-capabilities", TEMPLATE_QMP_CAPABILITIES, on_reply, s);
	streams_qmp(s->streams, "migrate-incoming", incoming, on_reply, s);
	return 0;
}

static void launch_maker_args(const struct session *s, const char *program, struct strv *argv)
{
	strv_add(argv, program);
	strv_add(argv, "--background");
	if (s->machine.size.pool)
		strv_add(argv, "--pool");
	strv_add(argv, s->accel.mode);
	strv_addf(argv, "%u", s->machine.size.memory_mib);
	strv_addf(argv, "%u", s->machine.size.cores);
	strv_addf(argv, "%ld", s->conf.template_cache_size);
}

void launch_template_maker(struct session *s)
{
	static char *const no_env[] = {NULL};
	AUTO_FREE char *program = mem_format("%s/ccvm-template", s->libexec);
	AUTO_STRV struct strv argv = {0};
	AUTO_CLOSE int host = -1;
	struct spawn_fd input = {.to = 0};
	struct spawn spawn = {.path = program,
			      .envp = no_env,
			      .fds = &input,
			      .nfds = 1,
			      .no_core = true,
			      .new_session = true};
	struct err ignored;
	pid_t pid;
	int pidfd;

	if (s->attempt.from_template || s->attempt.starts != 1 ||
	    launch_templates(s) != HOSTENV_TEMPLATES_MAKE)
		return;
	host = hostenv_to_fd(&s->request.host, &ignored);
	if (host < 0)
		return;
	launch_maker_args(s, program, &argv);
	spawn.argv = argv.v;
	input.from = host;
	pid = spawn_start(&spawn, &pidfd, &ignored);
	if (pid > 0)
		children_add(s->children, CHILDREN_MAKER, pid, pidfd);
	children_watch(s->children);
}

/* ---- processes ---- */

static void launch_net_args(const struct session *s, const char *program, struct strv *argv)
{
	static const char *const usual[] = {"--qemu-fd", "3", "--control-fd", "4", "--mtu"};

	strv_add(argv, program);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		strv_add(argv, usual[i]);
	strv_addf(argv, "%d", NAME_GUEST_MTU);
	if (!s->conf.host_loopback)
		strv_add(argv, "--no-host-loopback");
	if (s->conf.link_local)
		strv_add(argv, "--link-local");
	egress_net_args(s->egress, argv);
}

/* *qemu_end: the caller's. */
static int launch_net(struct session *s, int log, int *qemu_end, struct err *e)
{
	static char *const no_env[] = {NULL};
	AUTO_FREE char *program = mem_format("%s/ccvm-net", s->libexec);
	AUTO_STRV struct strv argv = {0};
	AUTO_CLOSE int frames = -1, control = -1, our_control = -1;
	int pair[2], pidfd;
	pid_t pid;
	struct spawn_fd fds[3];
	/* clang-format off */
	struct spawn spawn = {
		.path = program, .envp = no_env, .fds = fds, .nfds = 3, .die_with_parent = true,
		.no_core = true, .new_session = true,
	};
	/* clang-format on */

	launch_net_args(s, program, &argv);
	spawn.argv = argv.v;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	frames = pair[0];
	*qemu_end = pair[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	control = pair[0];
	our_control = pair[1];
	fds[0] = (struct spawn_fd){log, 2};
	fds[1] = (struct spawn_fd){frames, 3};
	fds[2] = (struct spawn_fd){control, 4};
	pid = spawn_start(&spawn, &pidfd, e);
	if (pid < 0)
		return err_exit_code(e, ERR_EXIT_GUEST);
	children_add(s->children, CHILDREN_NET, pid, pidfd);
	/* It locks itself in before it reads: without rules it lets nothing through. */
	return egress_start(s->egress, mem_steal_fd(&our_control), e);
}

#define LAUNCH_LAYER_FD "8" /* of the overlay, in ccvm-fs */
#define LAUNCH_EXTRA_FD 9   /* the first of NAME_EXTRA_MAX */
#define LAUNCH_UNDO_FD	(LAUNCH_EXTRA_FD + NAME_EXTRA_MAX)

/* What the options keep the guest from, of the directory before it. Nothing on the host changes in overlay
 * mode: there is nothing to protect. */
static void launch_files_rules(const struct session *s, bool workspace, struct strv *argv)
{
	const struct strv *protect = &s->conf.protect, *hide = &s->conf.hide;

	for (size_t i = 0; i < protect->n && s->conf.writable_cwd; i++) {
		if (strcmp(protect->v[i], CONF_PROTECT_GIT) == 0)
			strv_add(argv, "protect-git");
		else if (workspace)
			strv_addf(argv, "protect=%s", protect->v[i]);
	}
	for (size_t i = 0; i < hide->n && workspace; i++)
		strv_addf(argv, "hide=%s", hide->v[i]);
	if (workspace)
		strv_addf(argv, "at=%s", s->workspace);
}

/* What the guest changes in the directory before it is recorded; not what claude says there. */
static void launch_files_undo(const struct session *s, bool first, struct strv *argv)
{
	if (!layer_is_made(&s->undo))
		return;
	strv_add(argv, "undo");
	if (first)
		strv_addf(argv, "journal=%d:%ld", LAUNCH_UNDO_FD, s->conf.undo_size << 20);
}

/* ccvm-fs, which serves the seed, the workspace and, where they are shared, the host's transcripts. *qemu_end,
 * *notices: the caller's. */
static int launch_files(struct session *s, int log, int *qemu_end, int *notices, struct err *e)
{
	static char *const no_env[] = {NULL};
	AUTO_CLOSE int seed = openat(s->run.fd, RUNDIR_SEED,
				     O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FREE char *program = mem_format("%s/ccvm-fs", s->libexec);
	AUTO_STRV struct strv argv = {0};
	AUTO_CLOSE int port = -1, refusals = -1;
	int pair[2], pidfd;
	pid_t pid;
	struct spawn_fd fds[8 + NAME_EXTRA_MAX];
	/* clang-format off */
	struct spawn spawn = {
		.path = program, .envp = no_env, .fds = fds, .nfds = 5, .die_with_parent = true,
		.no_core = true, .new_session = true,
	};
	/* clang-format on */

	if (seed < 0)
		return err_sys(e, "open the seed");
	if (layer_is_made(&s->layer) && layer_prepare(&s->layer, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	port = pair[0];
	*qemu_end = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	*notices = pair[0];
	refusals = pair[1];
	strv_add(&argv, program);
	strv_add(&argv, "notices=6");
	strv_addf(&argv, "%s:4:ro", NAME_EXPORT_SEED);
	strv_addf(&argv, "%s:5:%s", NAME_EXPORT_WORKSPACE,
		  layer_is_made(&s->layer) ? LAUNCH_LAYER_FD : "rw");
	launch_files_rules(s, true, &argv);
	launch_files_undo(s, true, &argv);
	fds[0] = (struct spawn_fd){log, 2};
	fds[1] = (struct spawn_fd){port, 3};
	fds[2] = (struct spawn_fd){seed, 4};
	fds[3] = (struct spawn_fd){s->workspace_fd, 5};
	fds[4] = (struct spawn_fd){refusals, 6};
	if (s->projects_fd >= 0) {
		strv_addf(&argv, "%s:7:rw", NAME_EXPORT_PROJECTS);
		launch_files_rules(s, false, &argv);
		fds[spawn.nfds++] = (struct spawn_fd){s->projects_fd, 7};
	}
	for (size_t i = 0; i < s->extras; i++) {
		const int to = LAUNCH_EXTRA_FD + (int)i;

		strv_addf(&argv, NAME_EXPORT_EXTRA "%zu:%d:%s", i, to, extra_mode(&s->extra[i]));
		launch_files_rules(s, false, &argv);
		launch_files_undo(s, false, &argv);
		fds[spawn.nfds++] = (struct spawn_fd){s->extra[i].fd, to};
	}
	if (layer_is_made(&s->layer))
		fds[spawn.nfds++] = (struct spawn_fd){s->layer.fd, 8};
	if (layer_is_made(&s->undo))
		fds[spawn.nfds++] = (struct spawn_fd){s->undo.fd, LAUNCH_UNDO_FD};
	spawn.argv = argv.v;
	pid = spawn_start(&spawn, &pidfd, e);
	if (pid < 0)
		return err_exit_code(e, ERR_EXIT_GUEST);
	children_add(s->children, CHILDREN_FS, pid, pidfd);
	return 0;
}

/* What this session adds to the machine's. */
static void launch_fill_spec(const struct session *s, struct qemu_spec *spec)
{
	*spec = machine_spec(&s->machine);
	if (s->attempt.from_template) {
		spec->kernel = NULL;
		spec->ram = s->template.old_qemu ? QEMU_RAM_CLONED_OLD : QEMU_RAM_CLONED;
	} else {
		spec->tsc_khz = s->accel.kvm ? 0 : hosttsc_khz_since(&s->tsc);
	}
	spec->lock_memory = s->conf.lock_guest_memory;
}

/* Takes over log_fd and notices when it returns 0. */
static int launch_qemu(struct session *s, int net_fd, int fs_fd, int log_fd, int notices,
		       struct err *e)
{
	AUTO_FREE char *library = mem_format("%s/ccvm-ram.so", s->libexec);
	AUTO_CLOSE int initrd = -1, preload = -1;
	struct qemu_spec spec;
	struct qemu qemu;

	initrd = s->attempt.from_template ? machine_stub(&s->machine, e)
					  : machine_initrd(&s->machine, e);
	if (initrd < 0)
		return -1;
	launch_fill_spec(s, &spec);
	if (spec.ram == QEMU_RAM_CLONED_OLD && (preload = open(library, O_RDONLY | O_CLOEXEC)) < 0)
		return err_sys(e, "open %s", library);
	if (disk_open(s->disk, e) < 0)
		return -1;
	qemu_init(&qemu);
	if (qemu_start(&qemu, &spec,
		       &(struct qemu_files){.net = net_fd,
					    .initrd = initrd,
					    .fs = fs_fd,
					    .ram = s->template.ram_fd,
					    .preload = preload,
					    .pool = disk_fd(s->disk)},
		       e) < 0)
		return -1;
	disk_handed_over(s->disk);
	children_add(s->children, CHILDREN_QEMU, qemu.pid, qemu.pidfd);
	streams_open(s->streams, &qemu, log_fd, notices);
	if (!qemu.landlock_abi)
		journal_note(s->journal, "qemu",
			     "this kernel has no usable Landlock: QEMU runs without it");
	return 0;
}

int launch_start(struct session *s, struct err *e)
{
	AUTO_CLOSE int net_fd = -1, fs_fd = -1, log_fd = -1, log = -1, notices = -1;
	int pair[2];

	/* What the two that serve the guest print goes to one log. */
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	log_fd = pair[0];
	log = pair[1];
	if (launch_net(s, log, &net_fd, e) < 0)
		return err_stage(e, "network");
	if (launch_files(s, log, &fs_fd, &notices, e) < 0)
		return err_stage(e, "files");
	if (launch_qemu(s, net_fd, fs_fd, log_fd, notices, e) < 0)
		return err_stage(e, "qemu");
	log_fd = notices = -1;
	/* QEMU has enough to do with its own start; what its guest will need is made meanwhile. */
	if (!s->seeded && start_seed(s, e) < 0)
		return -1;
	s->seeded = true;
	return 0;
}

void launch_undo(struct session *s)
{
	streams_close(s->streams);
	egress_stop(s->egress);
	disk_close(s->disk);
	template_fini(&s->template);
}

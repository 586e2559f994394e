/* ccvm-init: PID 1 of the guest.
 *
 * Theory of operation. Runs as root in the guest; the host trusts nothing from it beyond bounded,
 * parsed lines.
 * 1. The stages before the park point bring up the image and hold nothing of any user: a template
 *    of the guest's memory is saved there. Nothing before it may read the seed, the clock or random
 *    numbers for keys (the rehearsal of the encrypted disk makes one, and throws it away with all
 *    it encrypted; sshd.c says what an sshd that waits there may have).
 * 2. Sends `parked` on ccvm.ctl and waits for `go`, which a cold boot gets at once.
 * 3. The stages after it run in table order, fail-open or fail-closed as their row says. A
 *    fail-closed failure is reported and the machine is powered off: the agent never starts in a
 *    guest that is less than was asked for, since the host asks for it only after `ready`. (sshd is
 *    there before: init_after_go.)
 * 4. Making the encrypted disk takes longest and only the agent needs it: that and what is built on
 *    it run in a process of their own, which the agent's start waits for (init/lane.c).
 * 5. Then it reaps orphans, starts the Nix daemon for its first client, sets its clock when the
 *    host says what time it is, has a pasted image fetched (as the agent), and on `stop` ends every
 *    process, writes back the workspace, says `stopped` and powers off. If ccvm-init itself dies,
 *    the kernel panics and QEMU ends (-no-reboot, panic=-1). */
#include "base/clock.h"
#include "init/boot.h"
#include "init/endall.h"
#include "init/lane.h"
#include "init/stage.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/guest.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of patience; emulated guests on a busy machine are slow. */
#define INIT_BESIDE_S 120

static const struct stage init_before_park[] = {
	{"early mounts", STAGE_FAIL_CLOSED, rootfs_mount_early},
	{"modules", STAGE_FAIL_CLOSED, module_load_all},
	{"control port", STAGE_FAIL_CLOSED, port_open_ctl},
	{"root", STAGE_FAIL_CLOSED, rootfs_switch},
	{"network", STAGE_FAIL_CLOSED, netif_configure},
	{"hardening", STAGE_FAIL_CLOSED, harden_kernel},
	{"processors", STAGE_FAIL_OPEN, cpus_start_early},
	{"warm-up", STAGE_FAIL_OPEN, warmup_run},
	{"early report", STAGE_FAIL_OPEN, agent_start_report},
	{"early sshd", STAGE_FAIL_OPEN, sshd_start_early},
	{"early run ahead", STAGE_FAIL_OPEN, ahead_start},
};

/* Stages that only the agent needs. */
static const struct stage init_beside[] = {
	{"pool", STAGE_FAIL_OPEN, pool_set_up},
	{"store", STAGE_FAIL_OPEN, nix_mount_store},
	{"private directories", STAGE_FAIL_OPEN, private_mount},
};

static int init_lock_launch(struct boot *b, struct err *e);
static int init_run_first(struct boot *b, struct err *e);
static int init_run_beside(struct boot *b, struct err *e);

static const struct stage init_after_go[] = {
	{"launch lock", STAGE_FAIL_CLOSED, init_lock_launch},
	{"files", STAGE_FAIL_CLOSED, files_mount},
	{"seed", STAGE_FAIL_CLOSED, seed_mount},
	{"entropy", STAGE_FAIL_CLOSED, seed_entropy},
	{"clock", STAGE_FAIL_CLOSED, seed_clock},
	{"machine-id", STAGE_FAIL_OPEN, seed_machine_id},
	{"firewall", STAGE_FAIL_CLOSED, firewall_install},
	{"processors", STAGE_FAIL_OPEN, cpus_start},
	{"identity", STAGE_FAIL_OPEN, seed_identity},
	{"sudo", STAGE_FAIL_CLOSED, seed_sudo},
	/* The user is known now. Logging in takes as long as all of the rows below, and they run
	 * beside it: nothing starts an agent before "ready" was said. */
	{"keys", STAGE_FAIL_CLOSED, sshd_go_on},
	{NAME_STAGE_SSHD, STAGE_FAIL_CLOSED, sshd_connect},
	{"disk", STAGE_FAIL_OPEN, pool_look},
	{"Nix trust", STAGE_FAIL_OPEN, nix_write_trust},
	{"Nix socket", STAGE_FAIL_OPEN, nix_listen},
	{"disk first", STAGE_FAIL_OPEN, init_run_first},
	{"workspace", STAGE_FAIL_CLOSED, workspace_mount},
	{"home", STAGE_FAIL_OPEN, workspace_home},
	{"projects", STAGE_FAIL_CLOSED, workspace_mount_projects},
	{"extra directories", STAGE_FAIL_CLOSED, workspace_mount_extra},
	{"private list", STAGE_FAIL_OPEN, private_look},
	{"private first", STAGE_FAIL_OPEN, private_mount_now},
	{"beside", STAGE_FAIL_OPEN, init_run_beside},
	{"launch", STAGE_FAIL_CLOSED, agent_prepare_launch},
	{"hooks", STAGE_FAIL_OPEN, agent_write_hooks},
	{"report", STAGE_FAIL_OPEN, agent_begin_report},
};

/* Stages that the host does not wait for, but the agent does. */
static const struct stage init_after_ready[] = {
	{"run ahead", STAGE_FAIL_OPEN, ahead_go},
	{"end of the seed", STAGE_FAIL_CLOSED, seed_unmount},
};

/* Sends one line on ccvm.ctl, or on the console while there is no port. */
static void init_say(const struct boot *b, enum guest_type type, const char *stage,
		     const char *reason)
{
	struct guest_message m = {.type = type, .ms = clock_boot_ms()};
	AUTO_BUF struct buf line = {0};

	line_set_shown(m.stage, sizeof(m.stage), stage ? stage : "");
	line_set_shown(m.reason, sizeof(m.reason), reason ? reason : "");
	guest_put(&line, &m);
	(void)!write(b->ctl_fd >= 0 ? b->ctl_fd : STDERR_FILENO, buf_data(&line), buf_len(&line));
}

static void init_on_stage(void *ctx, const struct stage *s, enum stage_event event,
			  const struct err *e)
{
	const struct boot *b = ctx;

	switch (event) {
	case STAGE_BEGUN:
		return;
	case STAGE_DONE:
		init_say(b, GUEST_STAGE, s->name, NULL);
		return;
	case STAGE_SKIPPED_WITH_REASON:
		log_warn("%s: %s", s->name, e->text);
		init_say(b, GUEST_NOTE, s->name, e->text);
		return;
	case STAGE_FAILED:
		log_error("%s: %s", s->name, e->text);
		init_say(b, GUEST_FAILED, s->name, e->text);
		return;
	}
}

static int init_lock_launch(struct boot *b, struct err *e)
{
	b->launch_lock = lane_lock(NAME_LAUNCH_LOCK);
	return b->launch_lock < 0 ? err_sys(e, "lock " NAME_LAUNCH_LOCK) : 0;
}

/* A workspace in /scratch must find the disk mounted. */
static int init_run_first(struct boot *b, struct err *e)
{
	return b->pool_first
		       ? stage_run_all(init_beside, ARRAY_LEN(init_beside), b, init_on_stage, b, e)
		       : 0;
}

/* Without a disk the rows are quick. */
static int init_run_beside(struct boot *b, struct err *e)
{
	const struct lane lane = {INIT_BESIDE_S, init_beside, ARRAY_LEN(init_beside)};

	if (b->pool_first)
		return 0;
	if (!b->pool_wanted)
		return stage_run_all(init_beside, ARRAY_LEN(init_beside), b, init_on_stage, b, e);
	b->lane = lane_start(&lane, b, init_on_stage, b);
	return 0;
}

static _Noreturn void init_power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

enum init_command { INIT_NONE, INIT_GO, INIT_STOP };

struct init_inbox {
	const struct boot *boot;
	struct json_splitter split;
	enum init_command last;
};

static void init_on_line(void *ctx, const char *text, size_t n)
{
	struct init_inbox *in = ctx;
	struct guest_order o;
	struct err ignored;

	guest_order_parse(text, n, &o);
	switch (o.type) {
	case GUEST_ORDER_UNKNOWN:
		return;
	case GUEST_ORDER_GO:
		in->last = INIT_GO;
		return;
	case GUEST_ORDER_STOP:
		in->last = INIT_STOP;
		return;
	case GUEST_ORDER_CLOCK:
		(void)seed_set_clock(o.ns, &ignored);
		return;
	case GUEST_ORDER_POOL_LIMIT:
		pool_set_limit(o.kib);
		return;
	case GUEST_ORDER_PASTE:
		agent_fetch_paste(in->boot, o.token, o.suffix);
		return;
	}
}

/* Reads what is there; end of file means that the host is not connected (yet). */
static bool init_read_ctl(const struct boot *b, struct init_inbox *in)
{
	char bytes[1024];
	ssize_t n = read(b->ctl_fd, bytes, sizeof(bytes));

	if (n > 0)
		json_split(&in->split, bytes, (size_t)n, init_on_line, in);
	return n > 0;
}

static void init_wait_for_go(const struct boot *b, struct init_inbox *in)
{
	init_say(b, GUEST_PARKED, NULL, NULL);
	while (in->last == INIT_NONE)
		if (!init_read_ctl(b, in))
			poll(NULL, 0, 5);
}

static void init_end_all(struct boot *b)
{
	struct err e;

	endall_but(b->relay, FSRELAY_PROCESSES);
	if (workspace_unmount(b, &e) < 0)
		init_say(b, GUEST_NOTE, "workspace", e.text);
	init_say(b, GUEST_STOPPED, NULL, NULL);
	init_power_off();
}

static void init_on_beside_end(struct boot *b, int status)
{
	b->lane = 0;
	if (!WIFEXITED(status))
		init_say(b, GUEST_NOTE, "pool",
			 "the encrypted disk was not ready in time, /scratch may be in memory");
	pool_apply_limit(); /* the host may have sent another one meanwhile */
}

static void init_reap(struct boot *b)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == b->lane)
			init_on_beside_end(b, status);
		if (pid == b->sshd) {
			b->sshd = 0;
			init_say(b, GUEST_SSHD_ENDED, NULL, NULL);
		}
		if (pid == b->nix_daemon)
			nix_on_daemon_end(b);
	}
}

static void init_start_nix(struct boot *b)
{
	struct err e;

	if (nix_start_daemon(b, &e) == 0)
		return;
	init_say(b, GUEST_NOTE, "Nix daemon", e.text);
	close(b->nix_fd); /* its clients are refused */
	b->nix_fd = -1;
	b->nix_daemon = 0;
}

static void init_serve(struct boot *b, struct init_inbox *in, int signal_fd)
{
	struct pollfd p[] = {{.fd = signal_fd, .events = POLLIN},
			     {.fd = b->ctl_fd, .events = POLLIN},
			     {.events = POLLIN}};
	struct signalfd_siginfo info;

	for (;;) {
		/* Not before the store is mounted. */
		p[2].fd = b->nix_daemon || b->lane ? -1 : b->nix_fd;
		poll(p, ARRAY_LEN(p), -1);
		while (read(signal_fd, &info, sizeof(info)) > 0)
			;
		init_reap(b);
		/* POLLHUP without POLLIN: the host end is closed, which only happens while QEMU
		 * ends. */
		if (p[1].revents & POLLHUP)
			poll(NULL, 0, 20);
		else if (p[1].revents & POLLIN)
			init_read_ctl(b, in);
		if (in->last == INIT_STOP)
			init_end_all(b);
		if (p[2].fd >= 0 && p[2].revents & POLLIN)
			init_start_nix(b);
	}
}

int main(void)
{
	static struct init_inbox inbox;
	/* clang-format off */
	static struct boot b = {
		.ctl_fd = -1, .workdir_fd = -1, .nix_fd = -1, .sshd_socket = -1, .sshd_config = -1,
		.sshd_gate = -1, .ahead = -1, .report_begin = -1, .launch_lock = -1,
	};
	/* clang-format on */
	struct err e;
	sigset_t all;
	int signal_fd;

	if (getpid() != 1)
		return 1;
	log_init("ccvm-init", LOG_LEVEL_NOTE);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	umask(022);
	if (stage_run_all(init_before_park, ARRAY_LEN(init_before_park), &b, init_on_stage, &b,
			  &e) < 0)
		init_power_off();
	inbox.boot = &b;
	init_wait_for_go(&b, &inbox);
	if (inbox.last == INIT_STOP)
		init_end_all(&b);
	inbox.last = INIT_NONE;
	if (stage_run_all(init_after_go, ARRAY_LEN(init_after_go), &b, init_on_stage, &b, &e) < 0)
		init_power_off();
	signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	init_say(&b, GUEST_READY, NULL, NULL);
	if (stage_run_all(init_after_ready, ARRAY_LEN(init_after_ready), &b, init_on_stage, &b,
			  &e) < 0)
		init_power_off();
	close(mem_steal_fd(&b.launch_lock));
	init_serve(&b, &inbox, signal_fd);
}

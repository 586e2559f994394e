/* children: QEMU and ccvm-net as processes: watched by their pidfds, reaped, ended. */
#include "session/state.h"
#include "base/spawn.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool child_is_alive(const struct child *c)
{
	return c->pid > 0;
}

bool children_kill(struct session *s)
{
	struct child *const all[] = {&s->qemu_child, &s->net_child};
	bool gone = true;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!child_is_alive(all[i]))
			continue;
		(void)spawn_signal(all[i]->pidfd, SIGKILL);
		gone = false;
	}
	return gone;
}

static void children_describe_end(char *text, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "ended with code %d", WEXITSTATUS(status));
}

/* What it was told to do ended it, a template that it cannot take or a KVM that it cannot use; somebody's SIGKILL says nothing of either. */
static bool children_qemu_gave_up(const struct session *s)
{
	const int status = s->qemu_child.status;

	return s->state == SESSION_STARTING && (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM
								    : WEXITSTATUS(status) != 0);
}

static void children_on_qemu_exit(struct session *s)
{
	const bool clean = WIFEXITED(s->qemu_child.status) && WEXITSTATUS(s->qemu_child.status) == 0;
	char how[80];
	struct err e;

	/* It ends with 0 when the guest powers itself off: after `stopped`, or after a failure that it reported. */
	if (s->killing || s->restarting || (clean && (s->failed || s->state == SESSION_STOPPING)))
		return;
	children_describe_end(how, sizeof(how), s->qemu_child.status);
	/* ccvm-net ends with QEMU, and may be seen to end first. */
	if (children_qemu_gave_up(s))
		session_withdraw_failure(s);
	if (s->from_template && children_qemu_gave_up(s) && boot_restart(s, "QEMU did not take the template"))
		return;
	if (children_qemu_gave_up(s) && kvm_fall_back(s, "QEMU could not start the guest with KVM", true))
		return;
	if (children_qemu_gave_up(s) && s->accel.kvm) {
		err_set(&e, "QEMU could not start the guest with KVM: it %s", how);
		err_remedy(&e, KVM_REMEDY);
	} else if (s->state == SESSION_STOPPING) {
		err_set(&e, "QEMU %s before the guest had written back the workspace", how);
		err_remedy(&e, "check what the agent wrote last; some of it may be missing");
	} else {
		err_set(&e, "QEMU %s", how);
		err_remedy(&e, "see the log lines below; ccvmctl doctor checks this machine");
	}
	session_fail_with_cause(s, s->stage, &e);
}

static void children_on_net_exit(struct session *s)
{
	char how[80], text[160];
	struct err e;

	if (s->restarting)
		return;
	egress_on_net_exit(s);
	if (s->ending || s->state >= SESSION_STOPPING)
		return;
	children_describe_end(how, sizeof(how), s->net_child.status);
	if (s->state < SESSION_READY) {
		err_set(&e, "ccvm-net %s before the guest was up", how);
		err_remedy(&e, "try again; if it persists, see the log lines below");
		session_fail(s, "network", &e);
	} else {
		snprintf(text, sizeof(text), "ccvm-net %s: the guest no longer has a network", how);
		status_event_note(s, "network", text);
	}
}

static void children_free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void child_unwatch(struct child *c)
{
	if (c->poll) {
		uv_poll_stop(c->poll);
		uv_close((uv_handle_t *)c->poll, children_free_handle);
		c->poll = NULL;
	}
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
}

static void children_on_exit(uv_poll_t *poll, int status, int events)
{
	struct session *s = poll->data;
	struct child *const all[] = {&s->qemu_child, &s->net_child, &s->maker_child};
	struct child *c = NULL;

	(void)status;
	(void)events;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i]->poll == poll)
			c = all[i];
	if (!c || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
		return;
	c->pid = 0;
	child_unwatch(c);
	if (!c->on_exit)
		return;
	c->on_exit(s);
	if (s->state == SESSION_STOPPING)
		session_kill_children(s);
	else if (s->restarting && children_kill(s))
		boot_start_again(s);
}

void children_init(struct session *s)
{
	s->qemu_child = (struct child){.pidfd = -1, .on_exit = children_on_qemu_exit};
	s->net_child = (struct child){.pidfd = -1, .on_exit = children_on_net_exit};
	s->maker_child = (struct child){.pidfd = -1};
}

void child_watch(struct session *s, struct child *c)
{
	if (!child_is_alive(c) || c->poll)
		return;
	c->poll = mem_alloc(sizeof(*c->poll));
	uv_poll_init(&s->loop, c->poll, c->pidfd);
	c->poll->data = s;
	uv_poll_start(c->poll, UV_READABLE, children_on_exit);
}

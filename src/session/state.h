/* state: what the files of src/session share. */
#ifndef CCVM_SESSION_STATE_H
#define CCVM_SESSION_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "loop/stream.h"
#include "proto/rundir.h"
#include "proto/wire.h"
#include "session/clip.h"
#include "session/egress.h"
#include "session/guestgate.h"
#include "session/logtail.h"
#include "session/paste.h"
#include "session/pool.h"
#include "session/request.h"
#include "session/screen.h"
#include "session/termclip.h"
#include "ssh/sshkey.h"
#include "ssh/sshlink.h"
#include "vm/accel.h"
#include "vm/guest.h"
#include "vm/hosttsc.h"
#include "vm/machine.h"
#include "vm/qemu.h"
#include "vm/qmp.h"
#include "vm/template.h"

enum session_state {
	SESSION_CREATED,
	SESSION_STARTING, /* QEMU runs, the guest boots to its park point */
	SESSION_SEEDING,  /* after `go` */
	SESSION_READY,    /* the guest is up, SSH is being set up */
	SESSION_RUNNING,  /* the agent runs */
	SESSION_STOPPING,
	SESSION_ENDED,
	SESSION_FAILED,
};

struct session;

/* A child process in the event loop. */
struct child {
	pid_t pid; /* 0: none, or already reaped */
	int pidfd;
	uv_poll_t *poll; /* NULL: not watched */
	int status;
	void (*on_exit)(struct session *s); /* NULL: nothing to do but to reap it */
};

struct session {
	uv_loop_t loop;
	uv_timer_t timer; /* the one deadline of the current phase */
	uv_timer_t lonely; /* of a spare that nobody is connected to */
	uv_timer_t nudge; /* while the guest sets up its connections */
	bool nudged;      /* and QEMU has not answered yet */
	uv_signal_t signals[3];
	uv_timer_t clock_timer;
	uv_poll_t clock_jump; /* a timerfd that tells when the host's clock was set */
	int clock_fd;

	struct request request;
	struct conf conf;
	struct buf args; /* the agent's, as base/strlist.h has them */
	struct secret *env; /* the agent's, with the API key: NAME=value, each ended by NUL; gone once sent */
	char *workspace;  /* where it was when it was opened, and is in the guest */
	int workspace_fd; /* the directory itself, opened once: judged, confined, exported and restarted by it */
	int projects_fd;  /* the host's transcripts of this workspace, when they are shared; else -1 */
	char *name;

	enum session_state state;
	int64_t state_since_ms;
	int64_t started_ms;
	const char *stage; /* what is being done, for failures */
	unsigned attempts;     /* starts of a guest so far */
	bool seeded;           /* the seed is complete */
	bool restarting;       /* this attempt's processes end, and a new one follows */
	bool from_template;    /* this attempt */
	bool template_refused; /* no attempt from a template any more */
	bool may_have_written; /* go was said: the workspace may hold what is not written back yet */
	bool confined;
	unsigned silent_ticks; /* since the guest's last line (boot_check_pulse) */
	bool asked_to_end; /* the agent was asked to go and has a while for it */
	bool ending;       /* the stop is due in a moment: nothing may start any more */
	bool killing;          /* QEMU and ccvm-net end because we end them */
	bool shut_down;        /* the failure is that the guest powered off; it may yet say why */
	unsigned boot_timeout_s; /* how long a booting guest may be silent */
	bool failed;
	bool cause_awaited; /* failed, and QEMU's end may tell why */
	struct err failure;
	char failure_stage[64];
	int exit_code;

	char *libexec; /* where our programs are */
	struct image image;
	struct machine machine;
	struct template template;
	struct accel accel;
	char *kvm_failure; /* why it was changed */
	struct hosttsc_sample tsc; /* taken at the start */
	struct rundir run;
	struct qemu qemu;
	struct child qemu_child, net_child;
	struct child maker_child; /* of a template; outlives this process */
	struct qmp *qmp;
	int net_control_fd, net_log_fd;
	struct stream *qmp_stream, *console, *ctl, *qemu_log, *vmstate, *net_control, *net_log;
	struct json_splitter ctl_lines;
	struct guestgate gate; /* what of them counts */
	struct logtail console_tail, qemu_tail;
	struct guest_message report; /* the last figures */
	struct egress egress;
	struct screen screen;
	struct pool pool;
	struct clip clip;
	struct paste paste;
	struct termclip termclip;

	struct sshkey *client_key, *host_key;
	struct sshlink *ssh;
	bool ssh_failed; /* before the guest was ready, and for this reason: */
	struct err ssh_failure;
	uv_poll_t *ssh_poll; /* NULL without a link */

	struct client *owner;   /* who started it; unless detached, its end is the session's. NULL once it left */
	struct client *clients; /* all of them */
	uint32_t client_numbers; /* given so far */
	uint32_t answering;	 /* whose terminal answers what the program asks; 0: ccvm-term does */
	uv_poll_t listener;
	int listen_fd;
	struct buf input; /* the owner's, on its way to the agent */
	bool input_end, input_end_sent;
};

/* session.c */
void session_set_state(struct session *s, enum session_state state);
/* The owner asked for the start and everything it had to say is here. */
void session_begin(struct session *s);

/* ending.c */
/* Ends the session with a failure of ccvm's own; the first one counts. */
void session_fail(struct session *s, const char *stage, const struct err *e);
/* As session_fail, for what explains a failure that may have come first: it takes that one's place. */
void session_fail_with_cause(struct session *s, const char *stage, const struct err *e);
/* Takes back a failure whose cause is still awaited: it is known now, and not the end. */
void session_withdraw_failure(struct session *s);
/* Ends it with the agent's code. */
void session_end(struct session *s, int exit_code);
/* Asks the agent to go, and ends the session when it has gone or after a while. */
void session_ask_to_end(struct session *s, const char *signal_name, int exit_code);
/* Ends QEMU and ccvm-net; once they are gone, the session is over. */
void session_kill_children(struct session *s);

/* children.c */
void children_init(struct session *s);
bool child_is_alive(const struct child *c);
void child_watch(struct session *s, struct child *c);
/* SIGKILL to both; true when there is nothing left to wait for. */
bool children_kill(struct session *s);

/* streams.c: of one attempt. */
void streams_open(struct session *s);
void streams_close(struct session *s);

/* boot.c: from QEMU's start to the agent's. */
void boot_start(struct session *s);
/* Ends this attempt and starts another; false when there is none left or it is too late for one. */
bool boot_restart(struct session *s, const char *why);
void boot_start_again(struct session *s); /* the old attempt's processes are gone */
void boot_on_parked(struct session *s);
void boot_on_guest_line(void *ctx, const char *line, size_t n);
void boot_on_qmp_event(void *ctx, const char *name, struct json_value data);
void boot_after_agent_start(struct session *s);
/* Called twice a minute while the agent runs: tells the user once when the guest's signs of life stay away. */
void boot_check_pulse(struct session *s);

/* kvm.c */
/* KVM is to blame, with `what`: the next attempt is emulated. False when the user insists on KVM, or it is too late. Only what is
 * certain (a busy computer can be silent too) is recorded, once the emulated guest is ready. */
bool kvm_fall_back(struct session *s, const char *what, bool certain);
#define KVM_REMEDY "emulate the guest (acceleration tcg), or run ccvm where KVM works; see QEMU's lines below"
void kvm_on_stop(struct session *s); /* QEMU has stopped the guest's processors */
void kvm_record(struct session *s);  /* the guest is ready */

/* start.c: from a request to a booting guest. */
int start_prepare(struct session *s, struct err *e);
int start_seed(struct session *s, struct err *e);
/* Once, before the first attempt: image, programs, logs, the socket for other clients. */
int start_open_machine(struct session *s, struct err *e);
/* Of the two, what depends on s->accel: the machine alone. */
int start_choose_machine(struct session *s, struct err *e);
/* Sets from_template and template. */
void start_find_template(struct session *s);
int start_launch(struct session *s, struct err *e);
/* From here on this process reaches nothing but its run directory. Starts the making of a template before, where one
 * is missing. */
int start_confine_self(struct session *s, struct err *e);
/* With the time of now: right before the guest reads the seed. */
int start_seal_seed(struct session *s, struct err *e);

/* agent.c: the SSH link and what flows through it. */
int agent_connect(struct session *s, struct err *e); /* and authenticates */
void agent_start(struct session *s);
void agent_pump(struct session *s); /* call after anything that may let data flow */
void agent_disconnect(struct session *s);

/* pool.c: the encrypted disk. */
void pool_init(struct session *s);
bool pool_is_wanted(const struct session *s);
bool pool_has_disk(const struct session *s); /* the machine has one; wanted, unless a test says otherwise */
int pool_open(struct session *s, struct err *e); /* the file of this attempt, if any */
void pool_handed_over(struct session *s);	 /* QEMU has it */
void pool_close(struct session *s);
void pool_tell_limit(struct session *s); /* to the guest, where it changed */
void pool_on_figures(struct session *s, const struct guest_message *m);
void pool_on_note(struct session *s, const struct guest_message *m);
void pool_on_io_error(struct session *s, bool no_space);
bool pool_stands_still(const struct session *s); /* the guest waits for space on the host */
void pool_add_status(const struct session *s, struct buf *text);

/* hostclock.c: tells the guest the time while the agent runs. */
void hostclock_start(struct session *s);
void hostclock_tell(struct session *s);

/* clients.c */
struct client *clients_add(struct session *s, int fd, bool owner);
int clients_listen(struct session *s, struct err *e);
void clients_send(struct client *c, enum wire_type type, const void *payload, size_t n);
/* To the client with that number, if it is still there. */
void clients_send_to(struct session *s, uint32_t number, enum wire_type type, const void *payload, size_t n);
bool clients_is_there(struct session *s, uint32_t number);
size_t clients_queued(const struct client *c);
void clients_broadcast(struct session *s, enum wire_type type, const void *payload, size_t n);
void clients_close_all(struct session *s);
/* The agent's output, to those that attached. */
void clients_send_output(struct session *s, const void *bytes, size_t n);
/* From ccvm-term, for the viewer with that number. */
void clients_on_view_data(struct session *s, uint32_t number, const void *bytes, size_t n);
/* Decides who answers what the program asks its terminal, from this place of its output on: the terminal of the client that started
 * the session, else that of the first that attached and is still there, else ccvm-term. Tells those whom it concerns. */
void clients_choose_answering(struct session *s);
/* ccvm-term has a new worker, which knows of no viewer. */
void clients_pull_again(struct session *s);
/* There is room for input again. */
void clients_resume(struct session *s);

/* status.c: events and status.json. Texts are escaped already or ours. */
void status_event_state(struct session *s);
void status_event_note(struct session *s, const char *stage, const char *text);
/* A note in the guest's words, which says so: they may be anybody's. */
void status_event_guest_note(struct session *s, const char *stage, const char *words);
/* A note with the last lines of the guest's console and of QEMU, which nobody could read any more later. */
void status_event_started_over(struct session *s, const char *stage, const char *text);
void status_event_progress(struct session *s, const char *stage, int64_t guest_ms);
/* fields: json_add_* alone, without json_begin; NULL: none. */
void status_event(struct session *s, const char *event, const struct buf *fields);
void status_write(struct session *s);
const char *status_state_name(enum session_state state);
/* The last frame's payload. */
void status_exit_payload(const struct session *s, struct buf *out);

#endif

/* wiring: struct session, for the few files that tie its components together: session.c, start.c,
 * extra.c, launch.c, boot.c, guestlines.c, ending.c, routes.c and wiring.c. No component includes it.
 * Components own their state; what is left here is written by the one file that is named. */
#ifndef CCVM_SESSION_WIRING_H
#define CCVM_SESSION_WIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/user_place.h"
#include "proto/names.h"
#include "proto/rundir.h"
#include "session/agent.h"
#include "session/attempt.h"
#include "session/children.h"
#include "session/clip.h"
#include "session/disk.h"
#include "session/egress.h"
#include "session/guestgate.h"
#include "session/hostclock.h"
#include "session/hub.h"
#include "session/journal.h"
#include "session/layer.h"
#include "session/listener.h"
#include "session/nudge.h"
#include "session/paste.h"
#include "session/pulse.h"
#include "proto/request.h"
#include "session/screen.h"
#include "session/streams.h"
#include "session/termclip.h"
#include "vm/accel.h"
#include "proto/guest.h"
#include "vm/hosttsc.h"
#include "vm/image.h"
#include "vm/machine.h"
#include "vm/template.h"

struct loop;
struct sigwatch;
struct timer;

/* A directory of the host beside the workspace. */
struct extra_dir {
	int fd;	    /* judged, and exported by it */
	char *path; /* of the host, and in the guest */
	bool writable;
};

struct session {
	/* session.c */
	struct loop *loop;
	struct sigwatch *signals[3];
	int64_t state_since_ms;
	struct hosttsc_sample tsc; /* taken at the start */
	struct attempt attempt;	   /* by attempt_* alone */

	/* routes.c: what a client asked for */
	struct request request;
	struct buf args; /* the agent's, as base/strlist.h has them */
	struct {
		bool request, args, env;
	} said; /* by the owner, before it may begin */

	/* start.c: what that leads to on this computer */
	struct conf conf;
	char *workspace;  /* where it was when it was opened, and is in the guest */
	int workspace_fd; /* the directory itself, opened once: judged, confined, exported and
			     restarted by it */
	int projects_fd;  /* the host's transcripts of this workspace, when they are shared; else -1
			   */
	struct extra_dir extra[NAME_EXTRA_MAX];
	size_t extras;
	char *libexec; /* where our programs are */
	struct image image;
	struct rundir run;
	struct layer layer; /* of an overlay session */
	struct layer undo;  /* the journal's directory; not made when undo.size is 0 */
	int overlay_dir_fd; /* of the option overlay.dir; -1: not set */

	/* launch.c: what an attempt is started from */
	struct accel accel;
	struct machine machine;
	struct template template;
	bool seeded; /* the seed is complete */

	/* boot.c: an attempt at a start */
	struct {
		struct timer *again; /* another attempt is due: in the next turn */
		bool shut_down; /* the failure is that the guest powered off; it may yet say why */
		char *kvm_failure; /* owned; why KVM is to blame */
	} boot;

	/* guestlines.c */
	struct {
		struct guestgate gate;	     /* what of its lines counts */
		struct guest_message report; /* the last figures */
	} guest;

	/* ending.c */
	struct {
		struct timer *timer; /* the next step is due */
		bool asked;	     /* the agent was asked to go and has a while for it */
		bool killing;	     /* our children end because we end them */
		bool files_due;	     /* ccvm-fs had its time to empty the overlay */
		bool failed;
		bool cause_awaited; /* failed, and QEMU's end may tell why */
		struct err failure;
		char stage[64]; /* of the failure */
		int exit_code;
	} end;

	/* wiring.c makes and frees them */
	struct journal *journal;
	struct hub *hub;
	struct listener *listener;
	struct agent *agent;
	struct children *children;
	struct streams *streams;
	struct hostclock *hostclock;
	struct pulse *pulse;
	struct nudge *nudge;
	struct egress *egress;
	struct screen *screen;
	struct disk *disk;
	struct clip *clip;
	struct paste *paste;
	struct termclip *termclip;
};

/* session.c */
/* True when the event counts in this state, which it changed and told then. */
bool session_on(struct session *s, enum attempt_event event);
void session_write_status(struct session *s);
/* The owner asked for the start and everything it had to say is here. */
void session_begin(struct session *s);

/* ending.c */
void ending_init(struct session *s);
void ending_fini(struct session *s);
/* Ends the session with a failure of ccvm's own; the first one counts. stage: what was being done,
 * where the error does not say (err_stage). */
void ending_fail(struct session *s, const char *stage, const struct err *e);
/* As ending_fail, for what explains a failure that may have come first: it takes that one's place.
 */
void ending_fail_with_cause(struct session *s, const char *stage, const struct err *e);
/* Takes back a failure whose cause is still awaited: it is known now, and not the end. */
void ending_withdraw_failure(struct session *s);
/* Ends it with the agent's code. */
void ending_with_code(struct session *s, int exit_code);
/* Asks the agent to go, and ends the session when it has gone or after a while. */
void ending_ask(struct session *s, const char *signal_name, int exit_code);
/* Borrows from s. */
struct journal_end ending_describe(const struct session *s);
/* Ends QEMU and ccvm-net; once they are gone, the session is over. */
void ending_kill_children(struct session *s);

/* boot.c: from QEMU's start to the agent's. */
void boot_init(struct session *s);
void boot_fini(struct session *s);
void boot_start(struct session *s);
/* The session ends: no sign of life is waited for. */
void boot_stop_waiting(struct session *s);
/* The guest has given one: the next is due, as long as it starts. */
void boot_expect_sign_of_life(struct session *s);
/* What the guest says of its start. It has passed guestgate. */
void boot_on_parked(struct session *s);
void boot_on_stage(struct session *s, const struct guest_message *m);
void boot_on_ready(struct session *s);
void boot_on_failed(struct session *s, const struct guest_message *m);
/* The callbacks of pulse, streams, children and agent. */
void boot_on_silence(void *session);
void boot_on_qmp_event(void *session, const char *name, struct json_value data);
void boot_on_child_exit(void *session, enum children_name name, int status);
bool boot_on_agent_started(void *session);

/* guestlines.c: the callback of streams. */
void guestlines_take(void *session, const char *line, size_t n);

/* extra.c: option extraDirs */
int extra_open(struct session *s, const struct user_dirs *d, struct err *e);
/* Fields of status.json about what the options share, hide and protect, where they are used. */
void extra_add_status(const struct session *s, struct buf *status);
const char *extra_mode(const struct extra_dir *x); /* "ro" or "rw" */
char *extra_seed_lines(const struct session *s);   /* of NAME_SEED_EXTRA; free it; NULL: none */

/* start.c: from a request to what a guest needs. Its errors say at which stage, and launch.c's. */
int start_prepare(struct session *s, struct err *e);
int start_seed(struct session *s, struct err *e);
/* Once, before the first attempt: image, programs, logs, the socket for other clients. */
int start_open_machine(struct session *s, struct err *e);
/* From here on this process reaches nothing but its run directory. Starts the making of a template
 * before, where one is missing. */
int start_confine_self(struct session *s, struct err *e);
/* With the time of now: right before the guest reads the seed. */
int start_seal_seed(struct session *s, struct err *e);

/* launch.c: an attempt's processes, and what they are started from. */
int launch_choose_accel(struct session *s, struct err *e);
int launch_choose_machine(struct session *s, struct err *e);
/* From now on the guest is emulated. */
int launch_emulate(struct session *s, struct err *e);
/* What the next attempt starts from: the template, where there is one that was not refused. */
void launch_find_template(struct session *s);
/* Starts ccvm-net and QEMU, and writes the seed where it is not there yet. What was started when it
 * fails is left to children. */
int launch_start(struct session *s, struct err *e);
/* Has QEMU take the template's state; on_reply, with s, is called for each command. */
int launch_restore(struct session *s, qmp_reply *on_reply, struct err *e);
/* After the processes are gone: closes all that the attempt had open. */
void launch_undo(struct session *s);
/* Where a template was missing: makes one in the background, for later sessions. It outlives this
 * one. */
void launch_template_maker(struct session *s);

/* routes.c */
struct hub *routes_make_hub(struct session *s);

/* wiring.c */
void wiring_make(struct session *s);
void wiring_free(struct session *s);
bool wiring_images_are_wanted(const struct session *s);

#endif

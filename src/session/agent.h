/* agent: the SSH link to the guest, and what flows through it to and from the agent.
 *
 * It has the run's keys and, until it was sent, the agent's environment with the API key. A link
 * belongs to one attempt at a start; what was typed meanwhile is kept for the next one. */
#ifndef CCVM_SESSION_AGENT_H
#define CCVM_SESSION_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

struct loop;
struct agent;

struct agent_callbacks { /* none may call agent_disconnect */
	void (*on_authenticated)(void *ctx);
	/* The next thing sent asks for the agent's start: until now nothing of the agent's has run.
	 * -1 ends the link. */
	int (*on_due)(void *ctx);
	/* false: the session ends all the same, and the agent gets nothing. */
	bool (*on_started)(void *ctx);
	size_t (*output_room)(void *ctx); /* 0: output waits in the guest until an agent_pump */
	void (*on_output)(void *ctx, bool is_stderr, const void *bytes, size_t n);
	/* code: its exit code, or 128 + signal; after all of its output. */
	void (*on_ended)(void *ctx, int code);
	/* The link is dead; never before agent_start. */
	void (*on_failure)(void *ctx, const struct err *e);
	void (*on_input_taken)(void *ctx, size_t n);
	/* There may be room for what else goes through the link: true when something went. */
	bool (*write_more)(void *ctx);
	/* Of connections to the forwarded port, by their numbers. */
	void (*on_forward_bytes)(void *ctx, unsigned id, const void *bytes, size_t n);
	void (*on_forward_end)(void *ctx, unsigned id);
	void (*on_forward_refused)(void *ctx);
	void (*on_disconnected)(void *ctx); /* the connections are gone, too */
};

struct agent_plan {
	int fd; /* to the guest's sshd; stays the caller's, who closes it after agent_disconnect */
	bool tty;
	const char *term; /* with a tty */
	int cols, rows;
	int forward_port; /* of the guest's loopback; 0: none */
};

struct agent *agent_new(struct loop *loop, const struct agent_callbacks *callbacks, void *ctx);
void agent_free(struct agent *a); /* wipes keys and environment; NULL is fine */

/* The keys of this run, and what the guest needs of them in its seed. */
int agent_make_keys(struct agent *a, struct err *e);
int agent_write_seed(const struct agent *a, int seed_fd, struct err *e);
/* NAME=value strings, each ended by NUL; copied. -1: not that, or not the first time. */
int agent_set_env(struct agent *a, const void *bytes, size_t n);
/* The names in it, appended: which variables will be sent. */
void agent_variables(const struct agent *a, struct strv *out);

/* Connects and authenticates. */
int agent_connect(struct agent *a, const struct agent_plan *plan, struct err *e);
bool agent_is_connected(const struct agent *a);
/* The guest is ready: the agent may start. -1: there is no link, for the reason that it failed for.
 */
int agent_start(struct agent *a, struct err *e);
void agent_disconnect(struct agent *a);
/* Call after anything that may let data flow. */
void agent_pump(struct agent *a);
/* What is being waited for, for messages. */
const char *agent_step(const struct agent *a);

/* For the agent, in order, and pumped; -1: its end was said already. */
int agent_input(struct agent *a, const void *bytes, size_t n);
void agent_input_end(struct agent *a);
size_t agent_input_queued(const struct agent *a);

/* Nothing without a link; to be pumped. Names as in sshlink_signal. */
void agent_resize(struct agent *a, int cols, int rows);
void agent_signal(struct agent *a, const char *name);
/* A program repaints when the size changes, so it does, for a moment. */
void agent_repaint(struct agent *a, int cols, int rows);

size_t agent_forward_write(struct agent *a, unsigned id, const void *bytes, size_t n);
void agent_forward_close(struct agent *a, unsigned id);

#endif

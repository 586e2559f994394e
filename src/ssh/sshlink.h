/* sshlink: the SSH connection to the guest over an already connected socket, and the agent's
 * channel in it.
 *
 * Never blocks: the owner polls the fd for sshlink_events and calls sshlink_service. The only other
 * users of libssh are sshkey's functions. What the guest's sshd sends is hostile once the agent
 * runs; libssh parses it in this process, which is why ccvm-session confines itself in
 * on_agent_due. */
#ifndef CCVM_SSH_SSHLINK_H
#define CCVM_SSH_SSHLINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "ssh/sshkey.h"

struct sshlink;

enum sshlink_stream { SSHLINK_STDOUT, SSHLINK_STDERR };

struct sshlink_callbacks { /* none may free the link */
	void (*on_authenticated)(void *ctx);
	/* The next thing sent asks for the agent's start: until now nothing of the agent's has run.
	 * -1 ends the link. */
	int (*on_agent_due)(void *ctx);
	void (*on_agent_started)(void *ctx);
	/* Room for output; 0 leaves what comes in the socket until the next sshlink_service. More
	 * than the room may come, by what one read of the socket holds. Asked only while the agent
	 * runs. */
	size_t (*output_room)(void *ctx);
	void (*on_output)(void *ctx, enum sshlink_stream stream, const void *bytes, size_t n);
	/* The agent ended: its exit code, or 128 + signal. Everything it wrote was handed over
	 * before. */
	void (*on_agent_ended)(void *ctx, int code);
	void (*on_failure)(void *ctx, const struct err *e); /* the link is dead */
	/* Of connections to the forwarded port (sshlink_plan_forward), by their numbers. */
	void (*on_forward_bytes)(void *ctx, unsigned id, const void *bytes, size_t n);
	void (*on_forward_end)(void *ctx, unsigned id);
	void (*on_forward_refused)(void *ctx); /* the guest's sshd does not listen */
	void *ctx;
};

struct sshlink_pty {
	const char *term;
	int cols, rows;
};

/* fd: connected, non-blocking; stays the caller's. The keys are borrowed for the link's life. */
struct sshlink *sshlink_new(int fd, const struct sshkey *client, const struct sshkey *host,
			    const struct sshlink_callbacks *callbacks, struct err *e);
void sshlink_free(struct sshlink *l);

/* poll(2) events to wait for. */
short sshlink_events(const struct sshlink *l);
/* Does whatever can be done without blocking. */
void sshlink_service(struct sshlink *l);

/* Before the first service: the agent to start after authentication, with a PTY or without (pty
 * NULL). env: NAME=value strings, taken over and wiped after use; names the guest's sshd does not
 * accept are dropped by it. */
void sshlink_plan_agent(struct sshlink *l, const struct sshlink_pty *pty, struct secret *env);

/* The link connects and authenticates by itself, then waits for this; serve it afterwards. */
void sshlink_start_agent(struct sshlink *l);

/* Before the first service: asks the guest's sshd to listen on this loopback port, and nowhere
 * else. */
void sshlink_plan_forward(struct sshlink *l, int port);
/* Returns how many bytes the connection took; less than n means: again after a service. Gone
 * connections take none. */
size_t sshlink_forward_write(struct sshlink *l, unsigned id, const void *bytes, size_t n);
void sshlink_forward_close(struct sshlink *l, unsigned id);

/* Returns what is not sent yet, for another link. */
struct secret *sshlink_reclaim_env(struct sshlink *l);
/* The step that is under way, for messages: "connect", "authentication", … */
const char *sshlink_step(const struct sshlink *l);

/* Hands input to the agent: returns how many bytes were taken; less than n means: again after a
 * service. */
size_t sshlink_write(struct sshlink *l, const void *bytes, size_t n);
void sshlink_send_eof(struct sshlink *l);
void sshlink_resize(struct sshlink *l, int cols, int rows);
/* name without SIG: TERM, INT, … (RFC 4254 section 6.9) */
void sshlink_signal(struct sshlink *l, const char *name);

/* "TERM" → 15; 0 for an unknown name. */
int sshlink_signal_number(const char *name);
/* 15 → "TERM"; NULL when SSH has no name for it. */
const char *sshlink_signal_name(int number);

#endif

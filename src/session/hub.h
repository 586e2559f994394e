/* hub: the clients of a session: the one that started it, and those that connect later.
 *
 * It frames what they say and what they are told, knows who attached, who watches the screen, and
 * whose terminal answers what the agent's program asks. Frames that concern others are passed on by
 * a table of routes. Clients have numbers, never used again, so that others may name one that is
 * gone. A client that sends what is malformed is dropped; what is sent to a client that does not
 * read is bounded. */
#ifndef CCVM_SESSION_HUB_H
#define CCVM_SESSION_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/wire.h"

struct loop;
struct conf;
struct request;

struct hub;

/* A frame that the hub passes on as it is. take returns -1 for a malformed one. */
struct hub_route {
	enum wire_type type;
	int (*take)(void *ctx, uint32_t client, const void *payload, size_t n);
};

struct hub_callbacks {
	const struct hub_route *routes; /* borrowed */
	size_t nroutes;
	int (*on_begin)(void *ctx); /* the owner has said all that a start needs; -1: malformed */
	/* The owner left, or broke the protocol; unless the session is detached, that is its end.
	 */
	void (*on_owner_gone)(void *ctx);
	void (*on_owner_broken)(void *ctx, const struct err *e);
	void (*on_lonely)(void *ctx); /* a spare that nobody has been connected to for a while */
	void (*on_gone)(void *ctx, uint32_t client); /* any client */
	void (*on_drained)(void *ctx);		     /* a client has taken what was queued for it */
	void (*on_resize)(void *ctx, int cols, int rows); /* of the terminal that decides */
	void (*on_paste_key)(void *ctx, uint32_t client); /* Ctrl+V was typed */
	/* For the agent: what waits, and more of it (-1: its input has ended). */
	size_t (*input_queued)(void *ctx);
	int (*input)(void *ctx, const void *bytes, size_t n);
	/* ccvm-term: whether it shows something; a viewer's message; who answers in its place
	 * (struct wire_elsewhere). */
	bool (*has_screen)(void *ctx);
	void (*to_screen)(void *ctx, uint32_t client, const void *bytes, size_t n);
	void (*answered_elsewhere)(void *ctx, bool most, bool dcs);
};

/* request and conf: borrowed, and filled by the time of on_begin's return. */
struct hub *hub_new(struct loop *loop, const struct request *request, const struct conf *conf,
		    const struct hub_callbacks *callbacks, void *ctx);
/* Ends all connections; what was sent last still goes out to clients that read. NULL is fine. */
void hub_free(struct hub *h);

/* The client that starts the session, on a connected socket that is taken over. */
void hub_add_owner(struct hub *h, int fd);
/* Another one that has connected, likewise. */
void hub_add_client(struct hub *h, int fd);

void hub_broadcast(struct hub *h, enum wire_type type, const void *payload, size_t n);
/* To the client with that number, if it is still there. */
void hub_send(struct hub *h, uint32_t client, enum wire_type type, const void *payload, size_t n);
bool hub_has(const struct hub *h, uint32_t client);
/* To who started the session, if it is still there. */
void hub_send_owner(struct hub *h, enum wire_type type, const void *payload, size_t n);
/* Output of the agent, which an owner that is suspended does not get: the screen shows it. */
void hub_send_owner_output(struct hub *h, enum wire_type type, const void *bytes, size_t n);
size_t hub_owner_queued(const struct hub *h);

/* The agent's output, to those that attached. */
void hub_send_output(struct hub *h, const void *bytes, size_t n);
/* The owner may send that much more input. */
void hub_credit(struct hub *h, uint32_t n);
/* There may be room for input again. */
void hub_resume(struct hub *h);

/* From ccvm-term, for the viewer with that number. */
void hub_on_view_data(struct hub *h, uint32_t client, const void *bytes, size_t n);
/* Decides who answers what the program asks its terminal, from this place of its output on: the
 * terminal of the client that started the session, else that of the first that attached and is
 * still there, else ccvm-term. Tells those whom it concerns. */
void hub_choose_answering(struct hub *h);
/* ccvm-term has a new worker, which knows of no viewer. */
void hub_pull_again(struct hub *h);

#endif

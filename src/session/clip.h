/* clip: the session's side of image paste: who may have an image, and when.
 *
 * The guest's connections bring questions (proto/clip.h), ccvm-clip answers them, and the lease decides: an image goes into
 * the guest only within CLIP_LEASE_MS of a Ctrl+V that the user's own client sent, one for each. What happened is told
 * as a "clip" event: verdict ("sent", "refused"), type, bytes, reason, asked (true: nobody had pressed the key). */
#ifndef CCVM_SESSION_CLIP_H
#define CCVM_SESSION_CLIP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "clip/clip_request.h"
#include "clip/clip_typed.h"
#include "proto/clip.h"
#include "ssh/sshforward.h"

#define CLIP_LEASE_MS 10000

struct session;
struct stream;

struct clip_guest { /* one connection of the guest's */
	unsigned id;	 /* 0: free */
	struct buf in;	 /* its question so far */
	bool asked;
	uint64_t turn;	 /* of questions: the oldest is next */
	struct clip_request request;
	struct buf out;	 /* on its way */
	bool answered;
};

struct clip {
	struct stream *helper; /* NULL: none */
	struct buf in;	       /* its frames */
	struct buf bytes;      /* its answer so far */
	struct clip_guest guest[SSHFORWARD_MAX];
	unsigned job; /* connection the helper works for; 0: none */
	struct clip_request job_request; /* also when that connection has gone */
	uint64_t turns;
	bool no_helper; /* it could not be started, or has ended */
	int64_t lease_ms;   /* when the key was pressed last; 0: never */
	uint32_t lease_client; /* whose key it was */
	bool lease_used;    /* an image went over for it */
	bool lease_told;    /* or it was told why not */
	int64_t listed_ms;  /* last list, and its answer */
	struct buf list;
	bool list_ok;
	char list_reason[CLIP_REASON_MAX];
	int64_t asked_told_ms; /* last event about an agent that asked by itself */
	bool off_told;
};

/* The "clip" event; CLIP_NO_TYPE, 0 and NULL are left out. */
void clip_tell(struct session *s, const char *verdict, enum clip_type type, size_t bytes, const char *reason, bool asked);
/* Starts ccvm-clip, for an agent with a terminal where images may be pasted; before this process is confined. */
void clip_start(struct session *s);
void clip_end(struct session *s);
/* Whether the guest's sshd is to be asked for the forward. */
bool clip_is_wanted(const struct session *s);
/* The user pressed Ctrl+V. Called for what clients send, never for what a guest does. */
void clip_grant(struct session *s, uint32_t client);
/* What a client sent for the terminal, byte for byte. */
void clip_on_typed(struct session *s, uint32_t client, struct clip_typed *t, const void *bytes, size_t n);
/* A client's message for ccvm-term (proto/view.h). */
void clip_on_view(struct session *s, uint32_t client, const unsigned char *bytes, size_t n);
/* What is worked on was answered, with what is in clip.bytes. */
void clip_on_answer(struct session *s, bool ok, const char *reason);
/* sshlink's callbacks. */
void clip_on_forward_bytes(void *session, unsigned id, const void *bytes, size_t n);
void clip_on_forward_end(void *session, unsigned id);
void clip_on_forward_refused(void *session);
/* Sends what is on its way, as far as it goes; true when something went. Part of agent_pump. */
bool clip_pump(struct session *s);
/* The SSH link is gone, and its connections with it. */
void clip_forget_guests(struct session *s);

#endif

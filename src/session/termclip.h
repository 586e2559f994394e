/* termclip: the clipboard of a client's terminal answers for the host's, where the host has no display (client/termclip.h). */
#ifndef CCVM_SESSION_TERMCLIP_H
#define CCVM_SESSION_TERMCLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct session;

struct termclip {
	uint32_t client; /* who is asked; 0: nobody */
	uv_timer_t timer;
};

void termclip_init(struct session *s);
/* Asks the client whose key opened the lease for what clip.c works on. False: it is gone. The answer goes to clip_on_answer. */
bool termclip_ask(struct session *s);
/* Its frames; anybody else's are dropped. */
void termclip_on_bytes(struct session *s, uint32_t client, const void *bytes, size_t n);
void termclip_on_done(struct session *s, uint32_t client, const void *json, size_t n);
void termclip_forget_client(struct session *s, uint32_t client);
void termclip_end(struct session *s);

#endif

/* sshforward: connections that the guest makes to the one port its sshd forwards to us (RFC 4254
 * section 7).
 *
 * Part of sshlink, which calls it; the bytes are hostile. Connections have numbers, which are never
 * reused, so that a caller may name one that is gone. */
#ifndef CCVM_SSH_SSHFORWARD_H
#define CCVM_SSH_SSHFORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <libssh/libssh.h>

#define SSHFORWARD_MAX 4 /* at a time; more are refused */

struct sshforward;

struct sshforward_callbacks { /* may write and close */
	void (*on_bytes)(void *ctx, unsigned id, const void *bytes, size_t n);
	void (*on_end)(void *ctx, unsigned id); /* nothing more can be received or sent */
	void *ctx;
};

/* Accepts connections of the session from now on; everything else the guest wants to open is
 * refused. */
struct sshforward *sshforward_new(ssh_session session,
				  const struct sshforward_callbacks *callbacks);
void sshforward_free(struct sshforward *f);
/* Returns how many bytes were taken; less than n means: again later. */
size_t sshforward_write(struct sshforward *f, unsigned id, const void *bytes, size_t n);
/* Ends a connection after what was written. */
void sshforward_close(struct sshforward *f, unsigned id);
/* Frees what has ended; outside of libssh's callbacks. */
void sshforward_reap(struct sshforward *f);

#endif

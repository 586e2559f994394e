/* sshkey: the keys of one run: the client's, which never leaves this process, and the guest's host
 * key. */
#ifndef CCVM_SSH_SSHKEY_H
#define CCVM_SSH_SSHKEY_H

#include "base/err.h"

struct sshkey; /* a NAME_SSH_KEY_ALGORITHM pair; wiped by libssh on release */

struct sshkey *sshkey_generate(struct err *e);
void sshkey_free(struct sshkey *k);

/* Writes into the seed directory: authorized_keys (client's public key), and the host key with its
 * public half. */
int sshkey_write_seed(const struct sshkey *client, const struct sshkey *host, int seed_dirfd,
		      struct err *e);

#endif

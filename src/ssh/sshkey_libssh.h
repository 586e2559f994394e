/* sshkey_libssh: how src/ssh's two files share libssh's key type; nobody else includes this. */
#ifndef CCVM_SSH_SSHKEY_LIBSSH_H
#define CCVM_SSH_SSHKEY_LIBSSH_H

#include <libssh/libssh.h>

struct sshkey {
	ssh_key key;
};

#endif

/* sshkey_libssh: shares libssh's key type between the two files of src/ssh; not for use
 * elsewhere. */
#ifndef CCVM_SSH_SSHKEY_LIBSSH_H
#define CCVM_SSH_SSHKEY_LIBSSH_H

#include <libssh/libssh.h>

struct sshkey {
	ssh_key key;
};

#endif

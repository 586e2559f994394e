/* callfilter: system calls that QEMU has no use for and that Landlock does not judge on every
 * kernel: making sockets and connecting them (a named Unix socket needs no right to its path), and
 * signals to other processes. */
#ifndef CCVM_VM_CALLFILTER_H
#define CCVM_VM_CALLFILTER_H

/* For this process and all it becomes or starts; needs PR_SET_NO_NEW_PRIVS. Only system calls, so
 * it may stand between fork and exec. 0, or -1 with errno. */
int callfilter_enter(void);

#endif

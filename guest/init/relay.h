/* relay: carries bytes between a virtio port and a socket, so that a program that would poll the
 * port more than once in one call does not have to. */
#ifndef CCVM_GUEST_RELAY_H
#define CCVM_GUEST_RELAY_H

/* Carries bytes both ways, in order and without loss, until the port has ended, or the socket has
 * and all of its bytes went out. Both must be non-blocking; each stays the caller's. It keeps at
 * most 32 KiB for each way: beyond that the sender waits. */
void relay_run(int port, int socket);

#endif

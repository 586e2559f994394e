/* firstuse: offers to build the guest image to a user who has none. */
#ifndef CCVM_CLIENT_FIRSTUSE_H
#define CCVM_CLIENT_FIRSTUSE_H

#include "base/err.h"

/* Asks on the terminal whether to build an image into the directory `cache`, and builds it with
 * `ccvmctl image build`, which shows its progress there. Returns 0 when it was built, when the
 * answer is no, and when stdin, stdout and stderr are not all a terminal: the caller goes on,
 * and the session says what is missing. -1 when the build failed or was interrupted. */
int firstuse_offer(const char *cache, struct err *e);

#endif

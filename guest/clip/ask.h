/* ask: one question to the host's clipboard, over the session's SSH connection. */
#ifndef CCVM_GUEST_CLIP_ASK_H
#define CCVM_GUEST_CLIP_ASK_H

#include <stdbool.h>

#include "base/buf.h"
#include "proto/clip.h"

/* Asks for CLIP_LIST or an image's type. False: there is none, and reason says why, printable. */
bool ask_host(const char *what, struct buf *out, char reason[CLIP_REASON_MAX]);
/* The list's next type from *at on, NUL-ended in type; false at its end. */
bool ask_next_type(const char **at, char type[CLIP_LINE_MAX]);

#endif

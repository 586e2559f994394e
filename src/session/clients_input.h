/* clients_input: NUL-ended string lists as WIRE_ARGS and WIRE_ENV carry them. */
#ifndef CCVM_SESSION_CLIENTS_INPUT_H
#define CCVM_SESSION_CLIENTS_INPUT_H

#include <stddef.h>

#include "base/mem.h"

/* Appends each string; -1 when the last one is not ended. Pure. */
int clients_split_strings(const void *bytes, size_t n, struct strv *out);

#endif

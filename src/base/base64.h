/* base64: RFC 4648 section 4. Pure. */
#ifndef CCVM_BASE_BASE64_H
#define CCVM_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

void base64_encode(const void *bytes, size_t n, struct buf *out);
/* Appends what the text stands for. The padding may be missing. False: not base64; what was appended until then stays. */
bool base64_decode(const char *text, size_t n, struct buf *out);

#endif

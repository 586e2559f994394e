/* base64: RFC 4648 section 4. Pure. */
#ifndef CCVM_BASE_BASE64_H
#define CCVM_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

void base64_encode(const void *bytes, size_t n, struct buf *out);
/* Appends the decoded bytes. The padding may be missing. False: invalid base64; bytes appended
 * until then stay. */
bool base64_decode(const char *text, size_t n, struct buf *out);

#endif

/* seed_json: takes credentials out of claude's JSON files by structure. Not for use outside src/seed.
 *
 * The text is edited, not rebuilt: what stays keeps every byte, so that large numbers, their spelling, the
 * order of names, duplicates and escapes are what claude wrote. */
#ifndef CCVM_SEED_SEED_JSON_H
#define CCVM_SEED_SEED_JSON_H

#include <stddef.h>

#include "base/buf.h"

/* Appends the text without
 *   - `env` and `headers` anywhere inside a server of an object `mcpServers`, at any nesting,
 *   - members that hold a credential by their name, wherever they are (seed_json.c has the table),
 *   - members of any other `env` object whose name is a variable that claude reads a credential from.
 * Names are compared decoded and without regard to case. Returns the number of members left out, or -1 when
 * the text is not one valid JSON value of at most JSCAN_DEPTH_MAX levels. Pure. */
int seed_json_sanitise(const char *text, size_t n, struct buf *out);

#endif

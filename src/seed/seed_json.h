/* seed_json: removes credentials from claude's JSON files by structure. Not for use outside
 * src/seed.
 *
 * The text is edited, not rebuilt: what stays keeps every byte, so that large numbers, their
 * spelling, the order of names, duplicates and escapes are what claude wrote. */
#ifndef CCVM_SEED_SEED_JSON_H
#define CCVM_SEED_SEED_JSON_H

#include <stddef.h>

#include "base/buf.h"

#define SEED_JSON_NAMES_MAX 8

struct seed_json_removed {
	int credentials;
	int projects; /* of share.config: other workspaces' records */
	/* paths of the first credentials ("mcpServers.a.args[]"), never a value */
	char names[SEED_JSON_NAMES_MAX][96];
};

/* Appends the text without
 *   - `env` and `headers` anywhere inside a server of an object `mcpServers`, at any nesting,
 *     and `headers` that are an object anywhere,
 *   - programs that print a credential (apiKeyHelper and its kind),
 *   - members that hold a credential by their name, wherever they are: those of the table in
 *     seed_json.c, and texts under a name that says one (seed_credential_in_setting),
 *   - texts that hold a credential (seed_credential_in_text), and where such a text is a
 *     command, an URL or a prompt, the object it belongs to, which would be invalid without it;
 *     in an array also the value of an option that takes a credential; an object whose `args`
 *     lost one,
 *   - objects that have nothing else (mcpServers stays),
 *   - names that hold a credential,
 *   - with `workspace` (NULL: nothing of this), in an object `projects` at the top the records
 *     of other workspaces, and the history.
 * Names are compared decoded and without regard to case. Returns the number of elements left
 * out, or -1 when the text is not one valid JSON value of at most JSCAN_DEPTH_MAX levels.
 * removed may be NULL. Pure. */
int seed_json_sanitise(const char *text, size_t n, const char *workspace, struct buf *out,
		       struct seed_json_removed *removed);

#endif

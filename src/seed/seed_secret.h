/* seed_secret: recognises credentials by their shape. Not for use outside src/seed. */
#ifndef CCVM_SEED_SEED_SECRET_H
#define CCVM_SEED_SEED_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* True when the text holds a URL with a password (or an http user name long enough to be a token), a token of
 * a well-known form, or an Authorization header. Pure. */
bool seed_secret_in_text(const char *text);

/* True for a configuration key that names a credential: its last part is password, token, secret and the
 * like. */
bool seed_secret_key_name(const char *name);

#endif

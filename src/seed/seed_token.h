/* seed_token: recognises credentials by their shape alone. Not for use outside src/seed. All
 * pure. */
#ifndef CCVM_SEED_SEED_TOKEN_H
#define CCVM_SEED_SEED_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

/* True for bytes that hold a token of a well-known form, a private key, an Authorization header
 * with a value, or a URL whose path is a credential. */
bool seed_token_in(const char *p, size_t n);

/* Many characters of a token's (`least` or more), and not all alike. */
bool seed_token_is_random(const char *p, size_t n, size_t least);

/* The same, with a digit and a letter among them. */
bool seed_token_is_mixed(const char *p, size_t n, size_t least);

#endif

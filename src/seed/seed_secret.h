/* seed_secret: recognises credentials by their names and their shape. Not for use outside src/seed. All pure. */
#ifndef CCVM_SEED_SEED_SECRET_H
#define CCVM_SEED_SEED_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* True for the value of a setting that holds a credential: a token of a well-known form, a private key, a URL with a password, a token
 * as its user or in its query, an Authorization header, a name of a credential that is given a value ("--token x", "API_KEY=x",
 * "x-api-key: x"). A value that only refers to one ("$TOKEN", "*", "<token>") is none. */
bool seed_secret_in_text(const char *text);

/* The stricter look for whole files, documents among them that only speak of credentials: tokens of a well-known form, private keys,
 * logins of claude's, Authorization headers with a value. */
bool seed_secret_in_bytes(const void *bytes, size_t n);

/* True for a name that says a credential: it ends in token, secret, password, key, pat and the like as a word of its own, in any
 * spelling ("apiKey", "API_KEY", "api-key", "personalaccesstoken"). */
bool seed_secret_key_name(const char *name);

/* True for the name of a file that holds credentials, whatever is in it: .env, id_rsa, .npmrc, *.pem and the like. */
bool seed_secret_file_name(const char *name);

#endif

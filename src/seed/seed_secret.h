/* seed_secret: recognises credentials by their names, their values and their shape. Not for use outside src/seed. All pure. */
#ifndef CCVM_SEED_SEED_SECRET_H
#define CCVM_SEED_SEED_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* True for the text of a setting that holds a credential: a token of a well-known form, a private key, a URL with a password, a token
 * as its user or in its query, an Authorization header, a name of a credential that is given a value ("--token x", "API_KEY=x",
 * "x-api-key: x"), a command that is given a password. A text that only refers to one ("$TOKEN", "*", "<token>") is none. */
bool seed_secret_in_text(const char *text);

/* The stricter look for whole files, documents among them that only speak of credentials: tokens of a well-known form, private keys,
 * logins of claude's, Authorization headers with a value, URLs with a password that is no reference and no usual word. */
bool seed_secret_in_bytes(const void *bytes, size_t n);

/* True for a name that says a credential in any spelling ("apiKey", "API_KEYS", "api-key", "personalaccesstoken", "TOKEN_PROD_2"). */
bool seed_secret_key_name(const char *name);

/* True for a value that can be a credential when its name says so: no switch, no number (but in a PIN or password), no reference. */
bool seed_secret_is_value(const char *name, const char *value);

/* True for a setting that is a credential by both, and for one whose name gives the value another meaning: a proxy or a login "u:pw". */
bool seed_secret_in_setting(const char *name, const char *value);

/* True for the name of a file that holds credentials, whatever is in it: .env, id_rsa, .npmrc, *.p12 and the like. */
bool seed_secret_file_name(const char *name);

#endif

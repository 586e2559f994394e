/* seed_credential: recognises credentials in texts, settings and files, by shape and by what stands
 * around them. Not for use outside src/seed. All pure. */
#ifndef CCVM_SEED_SEED_CREDENTIAL_H
#define CCVM_SEED_SEED_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

/* True for the text of a setting that holds a credential: a token of a well-known form, a private
 * key, a URL with a password, a token as its user or in its query, an Authorization header, the
 * name of a credential with a value ("--token x", "API_KEY=x", "x-api-key: x"), a command with a
 * password. A text that only refers to one ("$TOKEN", "*", "<token>") is none. */
bool seed_credential_in_text(const char *text);

/* The stricter look for whole files, documents that only mention credentials among them: tokens of
 * a well-known form, private keys, logins of claude's, Authorization headers with a value, URLs
 * with a password that is no reference and no usual word. */
bool seed_credential_in_bytes(const void *bytes, size_t n);

/* True for a setting that is a credential by both, and for one whose name gives the value another
 * meaning: a proxy or a login "u:pw". */
bool seed_credential_in_setting(const char *name, const char *value);

#endif

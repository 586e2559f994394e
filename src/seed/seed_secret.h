/* seed_secret: recognises what may be a credential by its name and its value. Not for use outside
 * src/seed. All pure. */
#ifndef CCVM_SEED_SEED_SECRET_H
#define CCVM_SEED_SEED_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* True for a name that means a credential, in any spelling ("apiKey", "API_KEYS", "api-key",
 * "personalaccesstoken", "TOKEN_PROD_2"). */
bool seed_secret_key_name(const char *name);

/* True for a value that can be a credential when its name says so: no switch, no number (but in a
 * PIN or password), no reference. */
bool seed_secret_is_value(const char *name, const char *value);

/* True for the name of a file that holds credentials, whatever is in it: .env, id_rsa, .npmrc,
 * *.p12 and the like. */
bool seed_secret_file_name(const char *name);

/* True for a text that only refers to a credential, or stands for one in a document. */
bool seed_secret_is_reference(const char *p, size_t n);

/* True for one of the n names of a list, in any case. */
bool seed_secret_is_listed(const char *const *list, size_t n, const char *name);

#endif

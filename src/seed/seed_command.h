/* seed_command: credentials that programs take as arguments. Not for use outside src/seed. All
 * pure. */
#ifndef CCVM_SEED_SEED_COMMAND_H
#define CCVM_SEED_SEED_COMMAND_H

#include <stdbool.h>

/* True for a command line in which a known program is given one: "mysql -pX", "curl -u a:b", "vault
 * login X". */
bool seed_command_has_secret(const char *text);

/* True for "name:password" with a password that is no reference. */
bool seed_command_is_login(const char *word);

#endif

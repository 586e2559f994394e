/* keyname: keys by name, as people write them: a, C-x, M-x, S-Enter, Up, F5. Pure. */
#ifndef CCVM_CLIENT_KEYNAME_H
#define CCVM_CLIENT_KEYNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYNAME_SIZE 24

struct key {
	uint32_t code; /* a code point or enum view_key */
	unsigned mods; /* enum view_mod */
};

bool keyname_parse(struct key *k, const char *name);
void keyname_format(char out[KEYNAME_SIZE], const struct key *k);

#endif

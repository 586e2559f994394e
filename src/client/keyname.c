#include "client/keyname.h"
#include "base/mem.h"
#include "base/text.h"
#include "proto/view.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint32_t code;
} keyname_table[] = {
	{"Up", VIEW_KEY_UP},
	{"Down", VIEW_KEY_DOWN},
	{"Right", VIEW_KEY_RIGHT},
	{"Left", VIEW_KEY_LEFT},
	{"Home", VIEW_KEY_HOME},
	{"End", VIEW_KEY_END},
	{"Insert", VIEW_KEY_INSERT},
	{"Delete", VIEW_KEY_DELETE},
	{"PageUp", VIEW_KEY_PAGE_UP},
	{"PageDown", VIEW_KEY_PAGE_DOWN},
	{"Enter", VIEW_KEY_ENTER},
	{"Tab", VIEW_KEY_TAB},
	{"Backspace", VIEW_KEY_BACKSPACE},
	{"Escape", VIEW_KEY_ESCAPE},
	{"Space", ' '},
};

static bool keyname_parse_base(struct key *k, const char *name)
{
	size_t n = strlen(name);
	int number, used = 0;

	for (size_t i = 0; i < ARRAY_LEN(keyname_table); i++)
		if (strcasecmp(keyname_table[i].name, name) == 0) {
			k->code = keyname_table[i].code;
			return true;
		}
	if (sscanf(name, "F%2d%n", &number, &used) == 1 && name[used] == '\0' && number >= 1 &&
	    number <= 12) {
		k->code = VIEW_KEY_F1 + (uint32_t)number - 1;
		return true;
	}
	return n && text_get_utf8((const unsigned char *)name, n, &k->code) == n &&
	       text_is_cell(k->code);
}

bool keyname_parse(struct key *k, const char *name)
{
	static const struct {
		const char *prefix;
		unsigned mod;
	} mods[] = {{"C-", VIEW_CTRL}, {"M-", VIEW_ALT}, {"S-", VIEW_SHIFT}};
	bool more = true;

	*k = (struct key){0};
	while (more && strlen(name) > 2) {
		more = false;
		for (size_t i = 0; i < ARRAY_LEN(mods); i++)
			if (strncmp(name, mods[i].prefix, 2) == 0 && name[2]) {
				k->mods |= mods[i].mod;
				name += 2;
				more = true;
				break;
			}
	}
	return keyname_parse_base(k, name);
}

void keyname_format(char out[KEYNAME_SIZE], const struct key *k)
{
	int n = snprintf(out, KEYNAME_SIZE, "%s%s%s", k->mods & VIEW_CTRL ? "C-" : "",
			 k->mods & VIEW_ALT ? "M-" : "", k->mods & VIEW_SHIFT ? "S-" : "");

	for (size_t i = 0; i < ARRAY_LEN(keyname_table); i++)
		if (keyname_table[i].code == k->code) {
			snprintf(out + n, KEYNAME_SIZE - (size_t)n, "%s", keyname_table[i].name);
			return;
		}
	if (k->code >= VIEW_KEY_F1 && k->code <= VIEW_KEY_F12) {
		snprintf(out + n, KEYNAME_SIZE - (size_t)n, "F%u", k->code - VIEW_KEY_F1 + 1);
	} else {
		AUTO_BUF struct buf text = {0};

		text_put_utf8(&text, k->code);
		snprintf(out + n, KEYNAME_SIZE - (size_t)n, "%s", buf_text(&text));
	}
}

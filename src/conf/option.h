/* option: the one table of options. Readers, variables, help, listings and the man page are made
 * from it. */
#ifndef CCVM_CONF_OPTION_H
#define CCVM_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct conf;

enum option_type {
	OPTION_BOOL,   /* bool */
	OPTION_TRI,    /* int: -1 null (auto), 0, 1 */
	OPTION_INT,    /* long, min to max */
	OPTION_ENUM,   /* int: index into choices */
	OPTION_STRING, /* char *: one of choices, or what check accepts */
	/* char *: any text, NULL for null; its variable names a file that holds it */
	OPTION_TEXT,
	OPTION_LIST,  /* struct strv of what check accepts */
	OPTION_PORTS, /* struct strv of decimals; numbers in JSON */
};

enum option_when { OPTION_RUN, OPTION_IMAGE, OPTION_IMAGE_RUN, OPTION_TUI };

/* Checks one string and returns its normal form (free it), or NULL with a text that says what is
 * wrong. */
typedef char *option_check_fn(const char *value, struct err *e);

struct option {
	const char *name;
	enum option_type type;
	enum option_when when;
	const char *fallback;	    /* the default, as JSON */
	const char *variable;	    /* NULL: none */
	const char *flag;	    /* for the help text; NULL: none */
	size_t offset;		    /* in struct conf */
	long min, max;		    /* OPTION_INT */
	const char *const *choices; /* NULL-terminated */
	option_check_fn *check;
	bool group; /* CCVM_SHARE_CLAUDE_CONFIG switches it off, and on when group_on */
	bool group_on;
	bool only_lowers; /* its variable can take away, never grant */
	/* read before the image is opened, or the user's alone: an image cannot set it */
	bool not_image;
	bool adds;	  /* its variable adds to the list instead of replacing it */
	const char *help; /* half a line, for --ccvm-help */
	const char *man;  /* sentences, for ccvm-config(5) */
};

/* The variable that sets a whole group of share options, and where unknown names are looked up. */
#define OPTION_GROUP_VARIABLE "CCVM_SHARE_CLAUDE_CONFIG"

size_t option_count(void);
const struct option *option_at(size_t i); /* NULL past the end */
int option_find(const char *name);	  /* its row, or -1 */

bool option_is_variable(const char *name); /* of an option, or one of conf/env.h */

void *option_field(const struct option *o, struct conf *c);
const void *option_field_const(const struct option *o, const struct conf *c);

/* Texts for help and man page. */
const char *option_when_text(enum option_when when);
const char *option_nearest(const char *name);	       /* an option's name, or NULL */
const char *option_nearest_variable(const char *name); /* a variable's name, or NULL */

#endif

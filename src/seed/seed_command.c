#include "seed/seed_command.h"
#include "seed/seed_secret.h"
#include "base/mem.h"

#include <string.h>

#define COMMAND_WORD_MAX 256

enum command_value {
	COMMAND_ATTACHED, /* behind the option, in one word */
	COMMAND_NEXT,	  /* the word behind the option */
};

struct command {
	const char *program; /* NULL: any */
	const char *option;
	enum command_value where;
	bool login;	 /* the value is one when it is "name:password" */
	const char *sub; /* the word that has to stand before; NULL: none */
};

static const struct command commands[] = {
	{"mysql", "-p", COMMAND_ATTACHED, false, NULL},
	{"mysqldump", "-p", COMMAND_ATTACHED, false, NULL},
	{"mysqladmin", "-p", COMMAND_ATTACHED, false, NULL},
	{"mariadb", "-p", COMMAND_ATTACHED, false, NULL},
	{"sshpass", "-p", COMMAND_ATTACHED, false, NULL},
	{"sshpass", "-p", COMMAND_NEXT, false, NULL},
	{"docker", "-p", COMMAND_NEXT, false, "login"},
	{"podman", "-p", COMMAND_NEXT, false, "login"},
	{"helm", "-p", COMMAND_NEXT, false, "login"},
	{"curl", "-u", COMMAND_ATTACHED, true, NULL},
	{"curl", "-U", COMMAND_NEXT, true, NULL},
	{NULL, "-u", COMMAND_NEXT, true, NULL},
	{NULL, "--user", COMMAND_NEXT, true, NULL},
	{NULL, "--user=", COMMAND_ATTACHED, true, NULL},
	{NULL, "--proxy-user", COMMAND_NEXT, true, NULL},
	{"http", "-a", COMMAND_NEXT, true, NULL},
	{"https", "-a", COMMAND_NEXT, true, NULL},
	{"xh", "-a", COMMAND_NEXT, true, NULL},
	{NULL, "--auth", COMMAND_NEXT, true, NULL},
	{"aws", "aws_secret_access_key", COMMAND_NEXT, false, "set"},
	{"aws", "aws_session_token", COMMAND_NEXT, false, "set"},
	{"vault", "login", COMMAND_NEXT, false, NULL},
};

struct command_line {
	const char *program; /* what came so far; NULL: none */
	char sub[COMMAND_WORD_MAX];
	char last[COMMAND_WORD_MAX];
};

static const char *command_base_name(const char *word)
{
	const char *slash = strrchr(word, '/');

	return slash ? slash + 1 : word;
}

bool seed_command_is_login(const char *word)
{
	const char *colon = strchr(word, ':');

	/* "1000:1000" is a user and a group. */
	if (!colon || colon == word || strspn(word, "0123456789:") == strlen(word) ||
	    strncmp(colon, "://", 3) == 0)
		return false;
	return !strchr(colon, '@') && !strchr(colon, '/') &&
	       seed_secret_is_value("password", colon + 1);
}

static bool command_is_value(const struct command *c, const char *word)
{
	if (c->login)
		return seed_command_is_login(word);
	/* "Bash(mysql -p:*)" permits any. */
	return word[0] && !strchr("-:*", word[0]) && !strchr(word, '=') &&
	       seed_secret_is_value("password", word);
}

static bool command_takes(const struct command_line *l, const char *word)
{
	/* All that is asked for below, in one look: most words are prose. */
	if (word[0] != '-' && !(l->last[0] && strchr("-al", l->last[0])))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct command *c = &commands[i];
		const size_t n = strlen(c->option);

		if ((c->program && (!l->program || strcmp(c->program, l->program) != 0)) ||
		    (c->sub && strcmp(c->sub, l->sub) != 0))
			continue;
		if (c->where == COMMAND_NEXT && strcmp(l->last, c->option) == 0 &&
		    command_is_value(c, word))
			return true;
		if (c->where == COMMAND_ATTACHED && strncmp(word, c->option, n) == 0 && word[n] &&
		    command_is_value(c, word + n))
			return true;
	}
	return false;
}

/* One more word. The last that is known as a program is the program: "docker exec db mysql -pX". */
static void command_remember(struct command_line *l, const char *word)
{
	const char *name = command_base_name(word);

	memcpy(l->last, word, strlen(word) + 1);
	if (strcmp(word, "login") == 0 || strcmp(word, "set") == 0)
		memcpy(l->sub, word, strlen(word) + 1);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!commands[i].program || strcmp(commands[i].program, name) != 0)
			continue;
		l->program = commands[i].program;
		l->sub[0] = '\0';
		return;
	}
}

bool seed_command_has_secret(const char *text)
{
	static const char ends[] = ";|&\n", blanks[] = " \t\r\"'\\`()";
	struct command_line line = {0};

	while (*text) {
		const size_t n = strcspn(text, ";|&\n \t\r\"'\\`()");
		char word[COMMAND_WORD_MAX];

		if (n) {
			const size_t m = n < sizeof(word) ? n : sizeof(word) - 1;

			memcpy(word, text, m);
			word[m] = '\0';
			if (command_takes(&line, word))
				return true;
			command_remember(&line, word);
		}
		for (text += n; *text && (strchr(ends, *text) || strchr(blanks, *text)); text++)
			if (strchr(ends, *text))
				line.program = NULL, line.sub[0] = line.last[0] = '\0';
	}
	return false;
}

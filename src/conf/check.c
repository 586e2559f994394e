#include "conf/check.h"
#include "base/buf.h"
#include "base/mem.h"
#include "conf/tui_command.h"
#include "conf/conf_pass.h"

#include <string.h>

#define CHECK_ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* All of value is made of `allowed`, is not empty, and is not absurdly long. */
static bool check_is_made_of(const char *value, const char *allowed)
{
	size_t n = strspn(value, allowed);

	return n > 0 && n <= 512 && !value[n];
}

char *check_url(const char *value, struct err *e)
{
	const char *rest = strstr(value, "://");

	if ((strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0) ||
	    !check_is_made_of(rest + 3, CHECK_ALNUM "-._~:/?&=%+[]")) {
		err_set(e, "invalid URL \"%.100s\" (must be http or https, without credentials)",
			value);
		return NULL;
	}
	return mem_strdup(value);
}

char *check_nix_key(const char *value, struct err *e)
{
	const char *colon = strchr(value, ':');
	AUTO_FREE char *name = mem_strndup(value, colon ? (size_t)(colon - value) : 0);

	if (!colon || !check_is_made_of(name, CHECK_ALNUM "-._") ||
	    !check_is_made_of(colon + 1, CHECK_ALNUM "+/=")) {
		err_set(e, "invalid public key \"%.100s\" (must be name:base64)", value);
		return NULL;
	}
	return mem_strdup(value);
}

char *check_variable(const char *value, struct err *e)
{
	if (*value && !conf_pass_is_name(value)) {
		err_set(e, "invalid variable name \"%.100s\"", value);
		return NULL;
	}
	return mem_strdup(value);
}

char *check_directory(const char *value, struct err *e)
{
	if (*value && *value != '/') {
		err_set(e, "\"%.100s\" is not an absolute path", value);
		return NULL;
	}
	return mem_strdup(value);
}

char *check_pass_env(const char *value, struct err *e)
{
	return conf_pass_check(value, e) < 0 ? NULL : mem_strdup(value);
}

static bool check_is_plain(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return false;
	return true;
}

char *check_pattern(const char *value, struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(value);
	char *rest = copy, *name;
	size_t names = 0;
	bool plain = value[0] != '/' && strlen(value) <= 1024 && check_is_plain(value);

	while ((name = strsep(&rest, "/"))) {
		plain = plain && strcmp(name, "..") != 0 && strlen(name) <= 255;
		names += name[0] && strcmp(name, ".") != 0;
	}
	if (plain && names > 0)
		return mem_strdup(value);
	err_set(e,
		"invalid path \"%.100s\" (must be relative to the project directory, without ..)",
		value);
	return NULL;
}

char *check_extra_dir(const char *value, struct err *e)
{
	const char *colon = strrchr(value, ':');
	const bool said = colon && (strcmp(colon, ":ro") == 0 || strcmp(colon, ":rw") == 0);

	if (value[0] == '/' && strlen(value) <= 2000 && check_is_plain(value))
		return said ? mem_strdup(value) : mem_format("%s:ro", value);
	err_set(e,
		"invalid directory \"%.100s\" (must be an absolute path, with :ro or :rw behind "
		"it)",
		value);
	return NULL;
}

char *check_private_dir(const char *value, struct err *e)
{
	AUTO_FREE char *whole = check_pattern(value, e);
	AUTO_BUF struct buf path = {0};
	char *rest = whole, *name;

	if (!whole)
		return NULL;
	while ((name = strsep(&rest, "/")))
		if (name[0] && strcmp(name, ".") != 0)
			buf_addf(&path, "%s%s", buf_len(&path) ? "/" : "", name);
	return mem_strdup(buf_text(&path));
}

char *check_package(const char *value, struct err *e)
{
	if (!check_is_made_of(value, CHECK_ALNUM "+-._:@") || !strchr(CHECK_ALNUM, value[0])) {
		err_set(e, "invalid package name \"%.100s\"", value);
		return NULL;
	}
	return mem_strdup(value);
}

static bool check_is_function_key(const char *value)
{
	return value[0] == 'F' && value[1] >= '1' && value[1] <= '9' &&
	       (!value[2] || (value[1] == '1' && value[2] >= '0' && value[2] <= '2' && !value[3]));
}

char *check_key(const char *value, struct err *e)
{
	bool modified = (value[0] == 'C' || value[0] == 'M') && value[1] == '-' && value[2] > ' ' &&
			value[2] < 0x7f && !value[3];

	if (!modified && !check_is_function_key(value)) {
		err_set(e, "invalid key \"%.100s\" (must be as C-x, M-x or F1)", value);
		return NULL;
	}
	return mem_strdup(value);
}

char *check_binding(const char *value, struct err *e)
{
	static const char *const commands[] = {TUI_COMMANDS};
	const size_t n = strcspn(value, "=");

	for (size_t i = 0; value[n] && value[n + 1] && i < ARRAY_LEN(commands); i++)
		if (strlen(commands[i]) == n && strncmp(commands[i], value, n) == 0)
			return mem_strdup(value);
	err_set(e, "invalid binding \"%.100s\" (must be COMMAND=KEY, as stop=X)", value);
	return NULL;
}

#include "seed/seed_gitrule.h"
#include "seed/seed_credential.h"

#include <string.h>

struct rule {
	const char *section;
	const char *key; /* NULL: all of the section */
	enum seed_gitrule rule;
};

/* The first row that fits counts. */
static const struct rule rules[] = {
	{"credential", NULL, SEED_GITRULE_DROP},
	{"include", NULL, SEED_GITRULE_DROP}, /* flattened: what they brought in is listed itself */
	{"includeif", NULL, SEED_GITRULE_DROP},
	{"gpg", NULL, SEED_GITRULE_DROP},
	{"user", "signingkey", SEED_GITRULE_DROP},
	{"commit", "gpgsign", SEED_GITRULE_DROP},
	{"tag", "gpgsign", SEED_GITRULE_DROP},
	{"tag", "forcesignannotated", SEED_GITRULE_DROP},
	{"push", "gpgsign", SEED_GITRULE_DROP},
	{"rebase", "gpgsign", SEED_GITRULE_DROP},
	{"log", "showsignature", SEED_GITRULE_DROP},
	{"sendemail", NULL, SEED_GITRULE_DROP},
	{"imap", NULL, SEED_GITRULE_DROP},
	{"http", "extraheader", SEED_GITRULE_CREDENTIAL},
	{"http", "cookiefile", SEED_GITRULE_CREDENTIAL},
	{"github", "oauth", SEED_GITRULE_CREDENTIAL},
	{"gitea", "auth", SEED_GITRULE_CREDENTIAL},
	{"http", "sslcertpasswordprotected", SEED_GITRULE_DROP},
	{"http", "sslcert", SEED_GITRULE_DROP},
	{"http", "sslkey", SEED_GITRULE_DROP},
	{"http", "sslcainfo", SEED_GITRULE_DROP_NOTE},
	{"http", "sslcapath", SEED_GITRULE_DROP_NOTE},
	{"http", "proxysslcert", SEED_GITRULE_DROP},
	{"http", "proxysslkey", SEED_GITRULE_DROP},
	{"core", "excludesfile", SEED_GITRULE_EXCLUDES},
	{"core", "attributesfile", SEED_GITRULE_DROP_NOTE},
	{"core", "hookspath", SEED_GITRULE_DROP_NOTE},
	{"core", "fsmonitor", SEED_GITRULE_DROP_NOTE},
	{"core", "sshcommand", SEED_GITRULE_DROP_NOTE},
	{"core", "gitproxy", SEED_GITRULE_DROP_NOTE},
	{"core", "askpass", SEED_GITRULE_DROP},
	{"core", "worktree", SEED_GITRULE_DROP},
	{"core", "alternaterefscommand", SEED_GITRULE_DROP_NOTE},
	{"core", "editor", SEED_GITRULE_TOOL},
	{"core", "pager", SEED_GITRULE_TOOL},
	{"sequence", "editor", SEED_GITRULE_TOOL},
	{"pager", NULL, SEED_GITRULE_TOOL}, /* or a boolean: those words are among the programs */
	{"interactive", "difffilter", SEED_GITRULE_TOOL},
	{"diff", "external", SEED_GITRULE_TOOL},
	{"diff", "command", SEED_GITRULE_TOOL},
	{"diff", "textconv", SEED_GITRULE_TOOL},
	{"diff", "tool", SEED_GITRULE_TOOL},
	{"diff", "guitool", SEED_GITRULE_DROP_NOTE},
	{"difftool", "cmd", SEED_GITRULE_TOOL},
	{"difftool", "path", SEED_GITRULE_TOOL},
	{"merge", "tool", SEED_GITRULE_TOOL},
	{"merge", "guitool", SEED_GITRULE_DROP_NOTE},
	{"merge", "driver", SEED_GITRULE_TOOL},
	{"mergetool", "cmd", SEED_GITRULE_TOOL},
	{"mergetool", "path", SEED_GITRULE_TOOL},
	{"filter", "required",
	 SEED_GITRULE_DROP}, /* with it, a filter that is not there fails every checkout */
	{"filter", NULL, SEED_GITRULE_TOOL},
	{"commit", "template", SEED_GITRULE_DROP_NOTE},
	{"init", "templatedir", SEED_GITRULE_DROP_NOTE},
	{"trailer", "command", SEED_GITRULE_TOOL},
	{"trailer", "cmd", SEED_GITRULE_TOOL},
	{"uploadpack", "packobjectshook", SEED_GITRULE_DROP},
	{"browser", NULL, SEED_GITRULE_DROP_NOTE},
	{"web", "browser", SEED_GITRULE_DROP_NOTE},
	{"help", "browser", SEED_GITRULE_DROP_NOTE},
	{"man", NULL, SEED_GITRULE_DROP_NOTE},
	{"instaweb", NULL, SEED_GITRULE_DROP_NOTE},
};

/* Programs of the guest's base that can stand in such a setting. */
static const char *const guest_tools[] = {
	"vim",	"vi",	"vimdiff", "less", "more", "cat",  "head", "tail",   "git", "sed",
	"grep", "awk",	"rg",	   "jq",   "tr",   "diff", "sort", "column", "sh",  "bash",
	"zsh",	"true", "false",   "yes",  "no",   "on",   "off",  "1",	     "0"};

/* An alias is named by the user: "alias.pat" is none. */
static bool gitrule_is_credential(const char *section, const char *subsection, const char *key,
				  const char *value)
{
	if (subsection && seed_credential_in_text(subsection))
		return true;
	return strcmp(section, "alias") != 0 && value && seed_credential_in_setting(key, value);
}

enum seed_gitrule seed_gitrule_find(const char *section, const char *subsection, const char *key,
				    const char *value)
{
	if (gitrule_is_credential(section, subsection, key, value))
		return SEED_GITRULE_CREDENTIAL;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].section, section) == 0 &&
		    (!rules[i].key || strcmp(rules[i].key, key) == 0))
			return rules[i].rule;
	return SEED_GITRULE_KEEP;
}

static bool gitrule_is_guest_path(const char *word, size_t dir)
{
	static const char *const dirs[] = {"/bin", "/usr/bin"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (strlen(dirs[i]) == dir && strncmp(word, dirs[i], dir) == 0)
			return true;
	return false;
}

bool seed_gitrule_has_tool(const char *command, const struct strv *packages)
{
	AUTO_FREE char *word = mem_strndup(command, strcspn(command, " \t\n;|&"));
	const char *slash = strrchr(word, '/');
	const char *name = slash ? slash + 1 : word;

	if (!*name || (slash && !gitrule_is_guest_path(word, (size_t)(slash - word))))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(guest_tools); i++)
		if (strcmp(guest_tools[i], name) == 0)
			return true;
	for (size_t i = 0; packages && i < packages->n; i++) /* "delta" is in git-delta */
		if (strstr(packages->v[i], name))
			return true;
	return false;
}

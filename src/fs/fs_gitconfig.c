/* Theory of operation.
 *
 * 1. The reader is git's (config.c, git_parse_source), character by character: a second opinion on
 *    what is a key would be a way around this check. It refuses what git refuses, and NUL.
 * 2. Section and key are lower case, a subsection is as it stands; "[a.b]" and "[a "b"]" are the
 *    same to git, and so they are here: section is what comes before the first dot, key what follows
 *    the last one.
 * 3. Keys that do no harm are a table. git and the programs around it learn new keys that run
 *    commands, so what is not in the table counts as one.
 * 4. Of the other keys, order and repetition matter (the last one wins; an empty value resets a
 *    list): what is left of them after the change has to be what was there before, less all lines
 *    of those keys that are gone altogether. */
#include "fs/fs_gitconfig.h"
#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GITCONFIG_RISKY_MAX 4096 /* lines of keys that are not in the table */

/* ---- keys that do no harm ---- */

typedef bool gitconfig_value(const char *value, const char *const *worktrees);

/* "ext::sh -c ..." names a program; so does any other scheme that git has to look for. */
static bool gitconfig_is_plain_url(const char *value, const char *const *worktrees)
{
	static const char *const schemes[] = {"https", "http", "ssh",	  "git",
					      "file",  "ftps", "git+ssh", "ssh+git"};
	const char *p = value;

	(void)worktrees;
	while (isalnum((unsigned char)*p) || *p == '+' || *p == '-' || *p == '.')
		p++;
	if (value[0] == '-' || strncmp(p, "::", 2) == 0)
		return false;
	if (strncmp(p, "://", 3) != 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strlen(schemes[i]) == (size_t)(p - value) &&
		    strncasecmp(value, schemes[i], (size_t)(p - value)) == 0)
			return true;
	return false;
}

/* "!command" runs it. */
static bool gitconfig_is_plain_update(const char *value, const char *const *worktrees)
{
	(void)worktrees;
	return value[0] != '!';
}

/* Where git writes files: only where a submodule lies. */
static bool gitconfig_is_worktree(const char *value, const char *const *worktrees)
{
	for (; worktrees && *worktrees; worktrees++)
		if (strcmp(value, *worktrees) == 0)
			return true;
	return false;
}

/* keys: with spaces around each; "*": all. */
static const struct gitconfig_row {
	const char *section;
	bool subsection;
	const char *keys;
	gitconfig_value *value; /* NULL: any */
} gitconfig_harmless[] = {
	/* clang-format off */
	{"branch", true, " remote pushremote ", gitconfig_is_plain_url},
	{"branch", true, "*", NULL},
	{"branch", false, "*", NULL},
	{"remote", true, " url pushurl ", gitconfig_is_plain_url},
	{"remote", true, " fetch push mirror tagopt prune prunetags skipdefaultupdate skipfetchall promisor "
			 "partialclonefilter followremotehead serveroption gh-resolved ", NULL},
	{"remote", false, " pushdefault ", gitconfig_is_plain_url},
	{"remotes", false, "*", NULL},
	{"user", false, " name email useconfigonly signingkey ", NULL},
	{"author", false, " name email ", NULL},
	{"committer", false, " name email ", NULL},
	{"submodule", true, " url ", gitconfig_is_plain_url},
	{"submodule", true, " update ", gitconfig_is_plain_update},
	{"submodule", true, " active branch path ignore fetchrecursesubmodules shallow ", NULL},
	{"submodule", false, " active recurse fetchjobs propagatebranches alternatelocation alternateerrorstrategy ", NULL},
	{"core", false, " worktree ", gitconfig_is_worktree},
	{"core", false,
	 " repositoryformatversion filemode bare logallrefupdates ignorecase precomposeunicode symlinks autocrlf eol safecrlf"
	 " sparsecheckout sparsecheckoutcone abbrev quotepath compression loosecompression bigfilethreshold untrackedcache"
	 " splitindex commitgraph multipackindex preloadindex trustctime checkstat commentchar commentstring whitespace"
	 " longpaths fsync fsyncmethod fsyncobjectfiles sharedrepository excludesfile usereplacerefs packedrefstimeout"
	 " filesreflocktimeout notesref createobject deltabasecachelimit packedgitlimit packedgitwindowsize"
	 " warnambiguousrefs prefersymlinkrefs disambiguate ", NULL},
	{"extensions", false, " worktreeconfig objectformat compatobjectformat refstorage partialclone noop preciousobjects"
			      " relativeworktrees ", NULL},
	{"commit", false, " gpgsign cleanup status verbose template ", NULL},
	{"tag", false, " gpgsign sort forcesignannotated ", NULL},
	{"push", false, " default autosetupremote followtags recursesubmodules gpgsign useforceifincludes pushoption negotiate ", NULL},
	{"pull", false, " rebase ff octopus twohead ", NULL},
	{"fetch", false, " prune prunetags recursesubmodules parallel output writecommitgraph showforcedupdates unpacklimit all"
			 " fsckobjects negotiationalgorithm ", NULL},
	{"merge", false, " ff log conflictstyle renames renamelimit directoryrenames renormalize stat autostash verbosity"
			 " verifysignatures suppressdest branchdesc defaulttoupstream ", NULL},
	{"rebase", false, " autosquash autostash updaterefs stat abbreviatecommands missingcommitscheck forkpoint rebasemerges"
			  " reschedulefailedexec backend ", NULL},
	{"rerere", false, " enabled autoupdate ", NULL},
	{"diff", false, " algorithm renames renamelimit mnemonicprefix noprefix context interhunkcontext colormoved colormovedws"
			" indentheuristic submodule ignoresubmodules statgraphwidth statnamewidth suppressblankempty wordregex"
			" relative dirstat autorefreshindex wserrorhighlight ", NULL},
	{"diff", true, " binary xfuncname funcname wordregex algorithm ", NULL},
	{"init", false, " defaultbranch defaultobjectformat defaultrefformat ", NULL},
	{"color", false, "*", NULL},
	{"color", true, "*", NULL},
	{"column", false, "*", NULL},
	{"advice", false, "*", NULL},
	{"status", false, "*", NULL},
	{"stash", false, "*", NULL},
	{"i18n", false, "*", NULL},
	{"log", false, " abbrevcommit date decorate initialdecorationset follow graphcolors showroot diffmerges ", NULL},
	{"blame", false, " blankboundary coloring date markignoredlines markunblamablelines showemail showroot ignorerevsfile ", NULL},
	{"grep", false, " column extendedregexp fullname linenumber patterntype threads fallbacktonoindex ", NULL},
	{"checkout", false, " defaultremote guess workers thresholdforparallelism ", NULL},
	{"worktree", false, " guessremote userelativepaths ", NULL},
	{"versionsort", false, "*", NULL},
	{"feature", false, "*", NULL},
	{"index", false, "*", NULL},
	{"pack", false, " threads window depth windowmemory packsizelimit compression usebitmaps usesparse writereverseindex"
			" usebitmapboundarytraversal deltacachesize deltacachelimit allowpackreuse writebitmaphashcache"
			" writebitmaplookuptable ", NULL},
	{"repack", false, " usedeltabaseoffset packkeptobjects writebitmaps updateserverinfo usedeltaislands ", NULL},
	{"gc", false, " auto autopacklimit autodetach bigpackthreshold writecommitgraph aggressivedepth aggressivewindow"
		      " logexpiry packrefs pruneexpire worktreepruneexpire reflogexpire reflogexpireunreachable cruftpacks"
		      " rerereresolved rerereunresolved ", NULL},
	{"maintenance", false, " auto strategy ", NULL},
	{"maintenance", true, " enabled schedule auto ", NULL},
	{"receive", false, " denycurrentbranch denynonfastforwards denydeletes denydeletecurrent fsckobjects autogc"
			   " shallowupdate advertiseatomic advertisepushoptions unpacklimit ", NULL},
	{"uploadpack", false, " allowfilter allowanysha1inwant allowtipsha1inwant allowreachablesha1inwant allowrefinwant"
			      " hiderefs ", NULL},
	{"transfer", false, " fsckobjects hiderefs unpacklimit ", NULL},
	{"http", false, " postbuffer version lowspeedlimit lowspeedtime maxrequests ", NULL},
	{"lfs", false, " repositoryformatversion ", NULL},
	{"lfs", true, " access locksverify ", NULL},
	/* clang-format on */
};

static bool gitconfig_lists(const char *keys, const char *key)
{
	char word[64];

	if (strcmp(keys, "*") == 0)
		return true;
	if (strlen(key) + 3 > sizeof(word))
		return false;
	snprintf(word, sizeof(word), " %s ", key);
	return strstr(keys, word) != NULL;
}

static bool gitconfig_is_harmless(const char *name, const char *value, const char *const *worktrees)
{
	const char *first = strchr(name, '.'), *last = strrchr(name, '.');

	if (!first)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(gitconfig_harmless); i++) {
		const struct gitconfig_row *row = &gitconfig_harmless[i];

		if (strlen(row->section) != (size_t)(first - name) ||
		    strncmp(row->section, name, (size_t)(first - name)) != 0 ||
		    row->subsection != (first != last) || !gitconfig_lists(row->keys, last + 1))
			continue;
		return !row->value || row->value(value ? value : "", worktrees);
	}
	return false;
}

/* ---- git's reader ---- */

#define GITCONFIG_END (-1)

struct gitconfig_reader {
	const char *p, *end;
	bool sectioned;
	bool at_end; /* the last character was the newline that stands for the end */
	struct buf name, value;
};

static int gitconfig_next(struct gitconfig_reader *r)
{
	int c = r->p < r->end ? (unsigned char)*r->p++ : GITCONFIG_END;

	if (c == '\r' && r->p < r->end && *r->p == '\n')
		c = (unsigned char)*r->p++;
	if (c != GITCONFIG_END)
		return c;
	r->at_end = true;
	return '\n';
}

static bool gitconfig_is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool gitconfig_is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool gitconfig_is_key(int c)
{
	return gitconfig_is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

static void gitconfig_add(struct buf *b, int c)
{
	const char byte = (char)c;

	buf_add(b, &byte, 1);
}

static int gitconfig_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* After the section's name and a space: "subsection"]. */
static bool gitconfig_read_subsection(struct gitconfig_reader *r, int c)
{
	while (gitconfig_is_space(c)) {
		if (c == '\n')
			return false;
		c = gitconfig_next(r);
	}
	if (c != '"')
		return false;
	gitconfig_add(&r->name, '.');
	for (;;) {
		c = gitconfig_next(r);
		if (c == '"')
			return gitconfig_next(r) == ']';
		if (c == '\\')
			c = gitconfig_next(r);
		if (c == '\n')
			return false;
		gitconfig_add(&r->name, c);
	}
}

static bool gitconfig_read_section(struct gitconfig_reader *r)
{
	buf_cut(&r->name, 0);
	r->sectioned = true;
	for (;;) {
		const int c = gitconfig_next(r);

		if (r->at_end)
			return false;
		if (c == ']')
			return true;
		if (gitconfig_is_space(c))
			return gitconfig_read_subsection(r, c);
		if (!gitconfig_is_key(c) && c != '.')
			return false;
		gitconfig_add(&r->name, gitconfig_lower(c));
	}
}

/* The character that a backslash and c stand for; -1: none. */
static int gitconfig_escape(int c)
{
	static const char from[] = "tbn\\\"", to[] = "\t\b\n\\\"";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : -1;
}

static bool gitconfig_read_value(struct gitconfig_reader *r)
{
	bool quoted = false, comment = false;
	size_t kept = 0; /* without the white space at the end */

	buf_cut(&r->value, 0);
	for (;;) {
		int c = gitconfig_next(r);

		if (c == '\n') {
			buf_cut(&r->value, kept);
			return !quoted;
		}
		if (comment)
			continue;
		if (gitconfig_is_space(c) && !quoted) {
			if (buf_len(&r->value))
				gitconfig_add(&r->value, c);
			continue;
		}
		if (!quoted && (c == ';' || c == '#')) {
			comment = true;
			continue;
		}
		if (c == '"') {
			quoted = !quoted;
			kept = buf_len(&r->value);
			continue;
		}
		if (c == '\\') {
			kept = buf_len(&r->value);
			c = gitconfig_next(r);
			if (c == '\n') /* it goes on in the next line */
				continue;
			c = gitconfig_escape(c);
			if (c < 0)
				return false;
		}
		gitconfig_add(&r->value, c);
		kept = buf_len(&r->value);
	}
}

/* A key whose first character is c, and its value. False: not as git reads it, or visit said so. */
static bool gitconfig_read_key(struct gitconfig_reader *r, int c, fs_gitconfig_visit *visit,
			       void *ctx)
{
	const size_t section = buf_len(&r->name);
	bool valued = false, seen;

	if (r->sectioned)
		gitconfig_add(&r->name, '.');
	for (; gitconfig_is_key(c); c = gitconfig_next(r))
		gitconfig_add(&r->name, gitconfig_lower(c));
	while (c == ' ' || c == '\t')
		c = gitconfig_next(r);
	if (c != '\n') {
		valued = true;
		if (c != '=' || !gitconfig_read_value(r))
			return false;
	}
	seen = visit(ctx, buf_text(&r->name), valued ? buf_text(&r->value) : NULL);
	buf_cut(&r->name, section);
	return seen;
}

static bool gitconfig_read(struct gitconfig_reader *r, fs_gitconfig_visit *visit, void *ctx)
{
	bool comment = false;

	for (;;) {
		const int c = gitconfig_next(r);

		if (c == '\n') {
			comment = false;
			if (r->at_end)
				return true;
		} else if (comment || gitconfig_is_space(c)) {
			continue;
		} else if (c == '#' || c == ';') {
			comment = true;
		} else if (c == '[') {
			if (!gitconfig_read_section(r))
				return false;
		} else if (!gitconfig_is_letter(c) || !gitconfig_read_key(r, c, visit, ctx)) {
			return false;
		} else if (r->at_end) {
			return true;
		}
	}
}

bool fs_gitconfig_each(struct fs_gitconfig_bytes text, fs_gitconfig_visit *visit, void *ctx)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, which git skips */
	struct gitconfig_reader r = {.p = text.p, .end = text.p + text.n};
	bool read;

	if (text.n == 0)
		return true;
	if (text.n > FS_GITCONFIG_MAX || memchr(text.p, '\0', text.n))
		return false;
	if (text.n >= 3 && memcmp(text.p, mark, 3) == 0)
		r.p += 3;
	read = gitconfig_read(&r, visit, ctx);
	buf_fini(&r.name);
	buf_fini(&r.value);
	return read;
}

/* ---- what changes ---- */

struct gitconfig_line {
	char *key, *value; /* owned; value: with '=' before it, or "" when there is none */
};

struct gitconfig_lines {
	const char *const *worktrees;
	struct gitconfig_line *line;
	size_t n, most;
};

static void gitconfig_lines_fini(struct gitconfig_lines *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->line[i].key);
		free(l->line[i].value);
	}
	free(l->line);
}

/* False: there are more than may be. */
static bool gitconfig_lines_add(struct gitconfig_lines *l, const char *key, const char *value)
{
	if (l->n == l->most)
		return false;
	l->line = mem_resize(l->line, l->n + 1, sizeof(*l->line));
	l->line[l->n++] = (struct gitconfig_line){
		mem_strdup(key), mem_format("%s%s", value ? "=" : "", value ? value : "")};
	return true;
}

static bool gitconfig_collect(void *ctx, const char *key, const char *value)
{
	struct gitconfig_lines *l = ctx;

	return gitconfig_is_harmless(key, value, l->worktrees) ||
	       gitconfig_lines_add(l, key, value);
}

static bool gitconfig_lines_have(const struct gitconfig_lines *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->line[i].key, key) == 0)
			return true;
	return false;
}

/* The first key of `after` that is not as it was; NULL: none. */
static const char *gitconfig_changed(const struct gitconfig_lines *before,
				     const struct gitconfig_lines *after)
{
	size_t at = 0;

	for (size_t i = 0; i < before->n; i++) {
		const struct gitconfig_line *was = &before->line[i], *is = after->line + at;

		if (!gitconfig_lines_have(after, was->key))
			continue;
		/* Fewer lines of a key that stays: another one of them holds now. */
		if (at == after->n)
			return was->key;
		if (strcmp(was->key, is->key) != 0 || strcmp(was->value, is->value) != 0)
			return is->key;
		at++;
	}
	return at < after->n ? after->line[at].key : NULL;
}

static bool gitconfig_refuse(char why[FS_GITCONFIG_WHY_MAX], const char *key, const char *what)
{
	AUTO_BUF struct buf shown = {0};

	log_escape(&shown, key, strlen(key), 80);
	snprintf(why, FS_GITCONFIG_WHY_MAX, "%s%s", buf_text(&shown), what);
	return false;
}

bool fs_gitconfig_may_follow(struct fs_gitconfig_bytes before, struct fs_gitconfig_bytes after,
			     const char *const *worktrees, char why[FS_GITCONFIG_WHY_MAX])
{
	struct gitconfig_lines old = {.worktrees = worktrees, .most = GITCONFIG_RISKY_MAX},
			       new = {.worktrees = worktrees, .most = GITCONFIG_RISKY_MAX};
	const char *key = NULL;
	bool read;

	why[0] = '\0';
	(void)fs_gitconfig_each(before, gitconfig_collect, &old);
	read = fs_gitconfig_each(after, gitconfig_collect, &new);
	/* More than before cannot be the same; what is behind need not be read. */
	key = gitconfig_changed(&old, &new);
	if (key)
		gitconfig_refuse(why, key, " may run a command or read another file");
	else if (!read)
		gitconfig_refuse(why, "", "git cannot read it");
	gitconfig_lines_fini(&old);
	gitconfig_lines_fini(&new);
	return !why[0];
}

/* ---- attributes ---- */

static bool gitconfig_names_driver(const char *line)
{
	return strstr(line, "filter=") || strstr(line, "diff=") || strstr(line, "merge=");
}

static bool gitconfig_collect_attributes(struct fs_gitconfig_bytes text, struct gitconfig_lines *l)
{
	AUTO_FREE char *copy = NULL;
	char *rest, *line;

	if (text.n > FS_GITCONFIG_MAX || (text.n && memchr(text.p, '\0', text.n)))
		return false;
	copy = mem_format("%.*s", (int)text.n, text.n ? text.p : "");
	for (rest = copy; (line = strsep(&rest, "\n"));)
		if (gitconfig_names_driver(line) && !gitconfig_lines_add(l, line, NULL))
			return false;
	return true;
}

bool fs_gitconfig_attributes_may_follow(struct fs_gitconfig_bytes before,
					struct fs_gitconfig_bytes after,
					char why[FS_GITCONFIG_WHY_MAX])
{
	struct gitconfig_lines old = {.most = GITCONFIG_RISKY_MAX},
			       new = {.most = GITCONFIG_RISKY_MAX};
	const char *line = NULL;

	why[0] = '\0';
	gitconfig_collect_attributes(before, &old);
	if (!gitconfig_collect_attributes(after, &new))
		gitconfig_refuse(why, "", "git cannot read it");
	else if ((line = gitconfig_changed(&old, &new)))
		gitconfig_refuse(why, line, ": names a program that git runs");
	gitconfig_lines_fini(&old);
	gitconfig_lines_fini(&new);
	return !why[0];
}

#include "seed/seed_gitconfig.h"
#include "seed/seed_credential.h"
#include "seed/seed_gitrule.h"

#include <string.h>

struct gitkey {
	char *section; /* owned */
	char *subsection;
	char *key;
};

static void gitkey_fini(struct gitkey *k)
{
	free(k->section);
	free(k->subsection);
	free(k->key);
}

static bool gitconfig_is_word(const char *p, bool dots)
{
	if (!*p)
		return false;
	for (; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && *p != '-' && !(dots && *p == '.'))
			return false;
	return true;
}

/* "section.key" or "section.any.thing.key": up to the first dot, behind the last one, and what is
 * between. */
static bool gitconfig_split(const char *name, struct gitkey *k)
{
	const char *first = strchr(name, '.');
	const char *last = strrchr(name, '.');

	if (!first)
		return false;
	k->section = mem_strndup(name, (size_t)(first - name));
	k->subsection = first == last ? NULL : mem_strndup(first + 1, (size_t)(last - first - 1));
	k->key = mem_strdup(last + 1);
	/* A line break cannot be quoted in a header, and would start a new line. */
	return gitconfig_is_word(k->section, false) && gitconfig_is_word(k->key, false) &&
	       k->key[0] != '-' && !(k->key[0] >= '0' && k->key[0] <= '9') &&
	       !(k->subsection && strchr(k->subsection, '\n'));
}

static void gitconfig_escape(struct buf *out, const char *text, bool header)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_addf(out, "\\%c", *text);
		else if (*text == '\n' && !header)
			buf_add(out, "\\n", 2);
		else if (*text == '\t' && !header)
			buf_add(out, "\\t", 2);
		else if (*text == '\b' && !header)
			buf_add(out, "\\b", 2);
		else
			buf_add(out, text, 1);
	}
}

void seed_gitconfig_format(struct buf *out, const char *section, const char *subsection,
			   const char *key, const char *value)
{
	buf_addf(out, "[%s", section);
	if (subsection) {
		buf_add(out, " \"", 2);
		gitconfig_escape(out, subsection, true);
		buf_add(out, "\"", 1);
	}
	buf_addf(out, "]\n\t%s", key);
	if (value) {
		buf_add(out, " = \"", 4);
		gitconfig_escape(out, value, false);
		buf_add(out, "\"", 1);
	}
	buf_add(out, "\n", 1);
}

/* A note holds no subsection and no value: either can be a URL with a password. */
static void gitconfig_note(struct seed_gitconfig *out, const struct gitkey *k, const char *why)
{
	AUTO_FREE char *text = mem_format("git's %s%s.%s is not shared: %s", k->section,
					  k->subsection ? ".*" : "", k->key, why);

	for (size_t i = 0; i < out->notes.n; i++)
		if (strcmp(out->notes.v[i], text) == 0)
			return;
	strv_add(&out->notes, text);
}

static bool gitconfig_is_nix(const char *text)
{
	return text && strstr(text, "/nix/store/");
}

/* Whether the value of a kept or tool setting may cross. */
static bool gitconfig_passes(const struct gitkey *k, const char *value, bool tool,
			     const struct strv *packages, struct seed_gitconfig *out)
{
	if (gitconfig_is_nix(value) || gitconfig_is_nix(k->subsection))
		return false;
	if (value && seed_credential_in_text(value)) {
		gitconfig_note(out, k, "it holds a credential");
		return false;
	}
	if (tool && value && !seed_gitrule_has_tool(value, packages)) {
		gitconfig_note(out, k, "the guest does not have that program");
		return false;
	}
	return true;
}

static void gitconfig_take(const struct gitkey *k, const char *value, const struct strv *packages,
			   struct seed_gitconfig *out)
{
	enum seed_gitrule rule = seed_gitrule_find(k->section, k->subsection, k->key, value);

	if (rule == SEED_GITRULE_DROP)
		return;
	if (rule == SEED_GITRULE_CREDENTIAL) {
		gitconfig_note(out, k, "it holds a credential");
		return;
	}
	if (rule == SEED_GITRULE_EXCLUDES) {
		free(out->excludes_file);
		out->excludes_file = mem_strdup(value ? value : "");
		return;
	}
	if (rule == SEED_GITRULE_DROP_NOTE) {
		if (!gitconfig_is_nix(value))
			gitconfig_note(out, k, "it points to something the guest does not have");
		return;
	}
	if (gitconfig_passes(k, value, rule == SEED_GITRULE_TOOL, packages, out))
		seed_gitconfig_format(&out->text, k->section, k->subsection, k->key, value);
}

static void gitconfig_record(const char *scope, const char *entry, const struct strv *packages,
			     struct seed_gitconfig *out)
{
	const char *lf = strchr(entry, '\n');
	AUTO_FREE char *name = mem_strndup(entry, lf ? (size_t)(lf - entry) : strlen(entry));
	struct gitkey k = {0};

	if (strcmp(scope, "system") != 0 && strcmp(scope, "global") != 0)
		return;
	if (gitconfig_split(name, &k))
		gitconfig_take(&k, lf ? lf + 1 : NULL, packages, out);
	gitkey_fini(&k);
}

void seed_gitconfig_make(const char *list, size_t n, const struct strv *packages,
			 struct seed_gitconfig *out)
{
	AUTO_FREE char *copy = mem_strndup(list, n);
	const char *end = copy + n;

	for (const char *p = copy; p < end;) {
		const char *entry = p + strlen(p) + 1;

		if (entry >= end)
			break;
		gitconfig_record(p, entry, packages, out);
		p = entry + strlen(entry) + 1;
	}
	seed_gitconfig_format(&out->text, "commit", NULL, "gpgSign", "false");
	seed_gitconfig_format(&out->text, "tag", NULL, "gpgSign", "false");
	seed_gitconfig_format(&out->text, "tag", NULL, "forceSignAnnotated", "false");
	seed_gitconfig_format(&out->text, "push", NULL, "gpgSign", "false");
}

void seed_gitconfig_fini(struct seed_gitconfig *g)
{
	buf_fini(&g->text);
	free(g->excludes_file);
	strv_fini(&g->notes);
	memset(g, 0, sizeof(*g));
}

/* areas: base conf seed proto
 * Any bytes as the output of `git config --list -z --show-scope`: the file made from it, read by
 * git's rules (a reader of its own below), holds only records of the input, whole and in order,
 * and nothing that must not cross. */
#include "fuzz/fuzz.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "seed/seed_gitconfig.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* ---- git's reader (git-config(1), "Syntax"), for what our writer may produce ---- */

struct reader {
	const char *p;
	struct buf section; /* "section" or "section.subsection" */
};

static void read_word(struct reader *r, struct buf *out)
{
	check(isalnum((unsigned char)*r->p) || *r->p == '-');
	for (; isalnum((unsigned char)*r->p) || *r->p == '-'; r->p++)
		buf_add(out, r->p, 1);
}

static void read_header(struct reader *r)
{
	buf_fini(&r->section);
	check(*r->p++ == '[');
	read_word(r, &r->section);
	if (*r->p == ' ') {
		r->p++;
		check(*r->p++ == '"');
		buf_add(&r->section, ".", 1);
		for (; *r->p != '"'; r->p++) {
			if (*r->p == '\\')
				r->p++;
			check(*r->p && *r->p != '\n');
			buf_add(&r->section, r->p, 1);
		}
		r->p++;
	}
	check(*r->p++ == ']');
	check(*r->p++ == '\n');
}

static void read_value(struct reader *r, struct buf *out)
{
	check(*r->p++ == '"');
	for (; *r->p != '"'; r->p++) {
		check(*r->p && *r->p != '\n');
		if (*r->p != '\\') {
			buf_add(out, r->p, 1);
			continue;
		}
		r->p++;
		switch (*r->p) {
		case 'n':
			buf_add(out, "\n", 1);
			break;
		case 't':
			buf_add(out, "\t", 1);
			break;
		case 'b':
			buf_add(out, "\b", 1);
			break;
		default:
			check(*r->p == '"' || *r->p == '\\');
			buf_add(out, r->p, 1);
		}
	}
	r->p++;
}

/* One setting as git lists it: "key" or "key LF value". */
static void read_setting(struct reader *r, struct buf *out)
{
	read_header(r);
	buf_add(out, buf_data(&r->section), buf_len(&r->section));
	buf_add(out, ".", 1);
	check(*r->p++ == '\t');
	read_word(r, out);
	if (*r->p == ' ') {
		check(strncmp(r->p, " = ", 3) == 0);
		r->p += 3;
		buf_add(out, "\n", 1);
		read_value(r, out);
	}
	check(*r->p++ == '\n');
}

/* ---- the invariant ---- */

static const char *const added[] = {"commit.gpgSign\nfalse", "tag.gpgSign\nfalse",
				    "tag.forceSignAnnotated\nfalse", "push.gpgSign\nfalse"};

/* Moves *at behind the next record of the input that equals the setting. */
static bool find_record(const char **at, const char *end, const char *setting)
{
	while (*at < end) {
		const char *scope = *at;
		const char *entry = scope + strlen(scope) + 1;

		if (entry >= end)
			return false;
		*at = entry + strlen(entry) + 1;
		if ((strcmp(scope, "global") == 0 || strcmp(scope, "system") == 0) &&
		    strcmp(entry, setting) == 0)
			return true;
	}
	return false;
}

static void check_crossing(const char *setting)
{
	check(strncmp(setting, "credential.", 11) != 0);
	check(strncmp(setting, "include.", 8) != 0 && strncmp(setting, "includeif.", 10) != 0);
	check(strncmp(setting, "gpg.", 4) != 0);
	check(!strstr(setting, "/nix/store/"));
	check(!strstr(setting, "://user:pw@"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *list = mem_alloc(size + 1);
	struct seed_gitconfig g = {0};
	struct reader r = {0};
	const char *at = list;
	size_t tail = 0;

	if (size)
		memcpy(list, data, size);
	seed_gitconfig_make(list, size, NULL, &g);
	check(memchr(buf_text(&g.text), 0, buf_len(&g.text)) == NULL);
	for (r.p = buf_text(&g.text); *r.p;) {
		AUTO_BUF struct buf setting = {0};

		read_setting(&r, &setting);
		if (find_record(&at, list + size, buf_text(&setting))) {
			check_crossing(buf_text(&setting));
			check(tail == 0);
		} else {
			check(tail < ARRAY_LEN(added) &&
			      strcmp(buf_text(&setting), added[tail++]) == 0);
		}
	}
	check(tail == ARRAY_LEN(added));
	buf_fini(&r.section);
	seed_gitconfig_fini(&g);
	return 0;
}

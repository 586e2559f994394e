/* Context for the agent: lines that only this run knows, then the built-in or the user's text. */
#include "base/buf.h"
#include "base/file.h"
#include "conf/conf.h"
#include "proto/names.h"
#include "seed/seed_part.h"

#include <string.h>

static const char builtin_text[] =
	"This machine is made for this session alone and is gone when it ends. Only the project "
	"directory comes "
	"from the "
	"user's computer; anything installed or written elsewhere is lost at the end, so keep what "
	"matters in "
	"the "
	"project. You may install tools, start services and use ports freely: nothing here can "
	"harm the user's "
	"computer.\n"
	"- The user's logins, SSH keys and cloud credentials are not here. Do not look for them; "
	"ask the user to "
	"run "
	"what needs them, such as a push.\n"
	"- git knows the user's name and aliases, but commits are not signed here.\n";

static void context_mode(const struct conf *c, const char *workdir, struct buf *b)
{
	if (c->writable_cwd)
		buf_addf(b,
			 "- Project mode: LIVE. Every edit below %s lands on the host at once.\n",
			 workdir);
	else
		buf_addf(b,
			 "- Project mode: OVERLAY. Edits below %s are not the user's files: they "
			 "are discarded at exit; show the user what should be kept.\n",
			 workdir);
}

static void context_history(const struct conf *c, struct buf *b)
{
	buf_addf(b, "%s",
		 c->persist_claude_projects
			 ? "- Conversation history persists on the host after this session.\n"
			 : "- Conversation history is discarded at exit.\n");
}

static void context_pool(bool pool, struct buf *b)
{
	buf_addf(b, "%s",
		 pool ? "- /scratch is an encrypted disk for large temporary files; it is wiped at "
			"exit.\n"
		      : "- All storage is memory: large downloads and builds use up the guest's "
			"RAM.\n");
}

static void context_nix(const struct conf *c, bool pool, bool trusted, struct buf *b)
{
	if (!c->nix_enable)
		return;
	buf_addf(b, "- Nix with flakes is installed; its store is writable and %s.%s\n",
		 pool ? "on the encrypted disk" : "in memory",
		 trusted ? ""
			 : " You are not a trusted user: additional caches and unsigned paths are "
			   "refused.");
}

static void context_list(struct buf *b, const struct strv *items)
{
	for (size_t i = 0; i < items->n; i++)
		buf_addf(b, "%s%s", i ? ", " : "", items->v[i]);
}

static void context_directories(const struct seed_spec *s, struct buf *b)
{
	const struct conf *c = s->conf;

	if (s->extra) {
		buf_addf(b,
			 "- Further directories of the user's computer (ro or rw, and where):\n");
		buf_addf(b, "%s", s->extra);
	}
	if (c->private_dirs.n) {
		buf_addf(b, "- Directories of the project that are this machine's own, empty at "
			    "the start and lost "
			    "at the end: ");
		context_list(b, &c->private_dirs);
		buf_addf(b, ".\n");
	}
}

static void context_policy(const struct conf *c, struct buf *b)
{
	bool git = false, others = false;

	for (size_t i = 0; i < c->protect.n; i++)
		if (strcmp(c->protect.v[i], CONF_PROTECT_GIT) == 0)
			git = true;
		else
			others = true;
	if (c->writable_cwd && git)
		buf_addf(b, "- git hooks of the project, and keys of its configuration that run "
			    "commands or "
			    "include files, cannot be changed from here (EPERM), since git on the "
			    "user's computer "
			    "would run them. Ask the user to do it.\n");
	if (c->writable_cwd && others) {
		buf_addf(b, "- Read-only in the project: ");
		for (size_t i = 0, n = 0; i < c->protect.n; i++)
			if (strcmp(c->protect.v[i], CONF_PROTECT_GIT) != 0)
				buf_addf(b, "%s%s", n++ ? ", " : "", c->protect.v[i]);
		buf_addf(b, ".\n");
	}
	if (c->hide.n) {
		buf_addf(b, "- Hidden from this machine in the project: ");
		context_list(b, &c->hide);
		buf_addf(b, ". They may exist for the user.\n");
	}
}

static void context_egress(const struct conf *c, struct buf *b)
{
	if (!c->egress_allowlist.n) {
		buf_addf(b, "- Network: open.%s\n",
			 c->host_loopback ? " A server on the user's own loopback is reached "
					    "at " NAME_GUEST_GATEWAY "."
					  : "");
		return;
	}
	buf_addf(b, "- Network: locked. Reachable: api.anthropic.com, ");
	context_list(b, &c->egress_allowlist);
	buf_addf(b, " (ports ");
	context_list(b, &c->egress_ports);
	buf_addf(b, "). Any other connection is refused, and a refusal is final: do not retry or "
		    "look for a "
		    "way around it. "
		    "Ask the user to allow the host if the work needs it.\n");
}

int seed_write_context(const struct seed_run *r, struct err *e)
{
	const struct conf *c = r->spec->conf;
	const char *text = c->extra_claude_md ? c->extra_claude_md : builtin_text;
	AUTO_BUF struct buf b = {0};
	size_t n = strlen(text);

	if (!n)
		return 0;
	buf_addf(&b, "# This session runs in ccvm, a throw-away virtual machine\n\n");
	context_mode(c, r->spec->workdir, &b);
	context_history(c, &b);
	context_policy(c, &b);
	context_directories(r->spec, &b);
	context_pool(r->spec->pool, &b);
	context_nix(c, r->spec->pool, r->spec->agent_sudo, &b);
	context_egress(c, &b);
	buf_addf(&b, "- Root in this guest: %s.\n\n",
		 r->spec->agent_sudo ? "yes, sudo without a password" : "no");
	buf_add(&b, text, n);
	if (text[n - 1] != '\n')
		buf_add(&b, "\n", 1);
	return file_create(r->dirfd, NAME_SEED_CLAUDE_MD, buf_text(&b), buf_len(&b), SEED_FILE_MODE,
			   e);
}

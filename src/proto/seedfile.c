#include "proto/seedfile.h"
#include "base/mem.h"
#include "proto/names.h"

const struct seedfile_row seedfile_rows[] = {
	{NAME_SEED_AUTHORIZED_KEYS, "the public key of this session, as sshd reads it"},
	{NAME_SEED_HOST_KEY, "sshd's private key, made for this session"},
	{NAME_SEED_HOST_KEY_PUB, "its public half"},
	{NAME_SEED_ENTROPY, "64 random bytes"},
	{NAME_SEED_CLOCK, "the time: decimal, ns since 1970"},
	{NAME_SEED_WORKDIR, "path of the workspace, without a newline"},
	{NAME_SEED_SHELL, "1: a shell in place of claude, else 0"},
	{NAME_SEED_HOST_UID, "owner of the workspace: decimal"},
	{NAME_SEED_HOST_GID, "its group: decimal"},
	{NAME_SEED_CLAUDE_ARGS, "claude's arguments, each ended by NUL"},
	{NAME_SEED_ACCEPT_ENV, "names of the variables that sshd accepts, one a line"},
	{NAME_SEED_CLAUDE_CONFIG, "directory: the shared parts of ~/.claude"},
	{NAME_SEED_CLAUDE_JSON, "claude's .claude.json, without credentials"},
	{NAME_SEED_GITCONFIG, "git's configuration, without credentials"},
	{NAME_SEED_GITIGNORE, "the user's excludes of git"},
	{NAME_SEED_CLAUDE_MD, "context for the agent: Markdown"},
	{NAME_SEED_PROJECTS,
	 "name of the directory of this workspace's conversations; missing: they are not shared"},
	{NAME_SEED_EXTRA,
	 "further directories of the host, one a line: ro or rw, a blank, the path; missing: none"},
	{NAME_SEED_PRIVATE,
	 "paths in the workspace that are the guest's own, one a line; missing: none"},
	{NAME_SEED_DISK, "1: there is an encrypted disk; missing: none"},
	{NAME_SEED_AGENT_SUDO, "1: the agent may use sudo, else 0"},
	{NAME_SEED_EGRESS_ENFORCE, "1: an allowlist holds; missing: egress is open"},
	{NAME_SEED_EGRESS_ALLOW, "addresses and networks of the allowlist, one a line"},
	{NAME_SEED_EGRESS_PORTS, "ports of listed hosts, one a line"},
	{NAME_SEED_CLIPBOARD,
	 "the port that images are asked for on: decimal; missing: no image paste"},
	{NAME_SEED_PACK, "all files above in one (base/pack.h)"},
};
const size_t seedfile_count = ARRAY_LEN(seedfile_rows);

#include "conf/user_place.h"
#include "base/mem.h"

#include <stddef.h>

/* What a path is relative to: a member of struct user_dirs. */
#define IN(member) offsetof(struct user_dirs, member)

static const struct {
	size_t dir;
	const char *below; /* "": the directory itself */
	const char *what;
	bool closed, secret;
} user_places[] = {
	{IN(claude_dir), "/.credentials.json", "your Claude login", false, true},
	{IN(home), "/.claude/.credentials.json", "your Claude login", false, true},
	{IN(claude_dir), "/.claude.json", "claude's own record", false, true},
	{IN(home), "/.claude.json", "claude's own record", false, true},
	{IN(home), "/.claude.json.backup", "claude's own record", false, true},
	{IN(run_base), "", "ccvm's run directory with the keys of running sessions", true, true},
	{IN(cache), "", "the images and templates that later sessions start from", true, true},
	{IN(templates), "", "the saved guests that later sessions start from", true, true},
	{IN(image), "", "the guest image", true, false},
	{IN(config_file), "", "ccvm's configuration", false, true},
	{IN(state), "", "ccvm's state directory", false, true},
	{IN(home), "/.ssh", "your SSH keys", true, true},
	{IN(home), "/.gnupg", "your GnuPG keys", true, true},
	{IN(home), "/.aws", "AWS credentials", true, true},
	{IN(home), "/.azure", "Azure credentials", true, true},
	{IN(home), "/.kube", "Kubernetes credentials", true, true},
	{IN(home), "/.docker", "Docker credentials", true, true},
	{IN(home), "/.netrc", "the passwords of .netrc", false, true},
	{IN(home), "/.git-credentials", "git's passwords", false, true},
	{IN(home), "/.config/git/credentials", "git's passwords", false, true},
	{IN(home), "/.config/gh", "GitHub's login", true, true},
	{IN(home), "/.config/gcloud", "Google Cloud credentials", true, true},
	{IN(home), "/.config/glab-cli", "GitLab's login", true, true},
	{IN(home), "/.config/hub", "GitHub's login", false, true},
	{IN(home), "/.config/op", "1Password's login", true, true},
	{IN(home), "/.config/sops", "keys of sops", true, true},
	{IN(home), "/.config/rclone", "rclone's passwords", true, true},
	{IN(home), "/.config/anthropic", "Anthropic credentials", true, true},
	{IN(home), "/.password-store", "your password store", true, true},
	{IN(home), "/.local/share/keyrings", "your keyrings", true, true},
	{IN(home), "/.mozilla", "your browser's profile", true, true},
	{IN(home), "/.config/google-chrome", "your browser's profile", true, true},
	{IN(home), "/.config/chromium", "your browser's profile", true, true},
	{IN(home), "/.pypirc", "the passwords of .pypirc", false, true},
	{IN(home), "/.pgpass", "the passwords of .pgpass", false, true},
	{IN(home), "/.npmrc", "the tokens of .npmrc", false, true},
	{IN(home), "/.cargo/credentials.toml", "cargo's tokens", false, true},
	{IN(home), "/.terraform.d", "Terraform's login", true, true},
	{IN(home), "/.vault-token", "Vault's token", false, true},
	{IN(home), "", "your home directory", false, false},
};

_Static_assert(ARRAY_LEN(user_places) <= USER_PLACE_MAX, "raise USER_PLACE_MAX");

void user_place_each(const struct user_dirs *d, user_place_visit *visit, void *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(user_places); i++) {
		const char *dir = *(const char *const *)((const char *)d + user_places[i].dir);
		AUTO_FREE char *path = dir && dir[0] == '/' ? mem_format("%s%s", dir, user_places[i].below) : NULL;
		const struct user_place p = {path, user_places[i].what, user_places[i].closed, user_places[i].secret};

		if (path && !visit(ctx, &p))
			return;
	}
}

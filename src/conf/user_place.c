#include "conf/user_place.h"
#include "base/mem.h"

#include <stddef.h>
#include <string.h>

/* What a path is relative to: a member of struct user_dirs. */
#define IN(member) offsetof(struct user_dirs, member)
/* Both homes. The defaults stand beside what variables say today: another run may have had others. */
#define HOME IN(home)

static const struct {
	size_t dir;
	const char *below; /* "": the directory itself */
	const char *what;
	bool closed, secret;
} user_places[] = {
	{IN(claude_dir), "/.credentials.json", "your Claude login", false, true},
	{HOME, "/.claude/.credentials.json", "your Claude login", false, true},
	{IN(claude_dir), "/.claude.json", "claude's own record", false, true},
	{IN(claude_dir), "", "claude's settings and programs of yours that it runs", true, false},
	{IN(run_base), "", "ccvm's run directory with the keys of running sessions", true, true},
	{IN(cache), "", "the images and templates that later sessions start from", true, true},
	{IN(templates), "", "the saved guests that later sessions start from", true, true},
	{IN(image), "", "the guest image", true, false},
	{IN(config_file), "", "ccvm's configuration", false, true},
	{IN(state), "", "ccvm's state directory", false, true},
	{HOME, "/.claude", "claude's settings and programs of yours that it runs", true, false},
	{HOME, "/.claude.json", "claude's own record", false, true},
	{HOME, "/.claude.json.backup", "claude's own record", false, true},
	{HOME, "/.cache/ccvm", "the images and templates that later sessions start from", true,
	 true},
	{HOME, "/.config/ccvm", "ccvm's configuration", true, true},
	{HOME, "/.local/state/ccvm", "ccvm's state directory", false, true},
	{HOME, "/.ssh", "your SSH keys", true, true},
	{HOME, "/.gnupg", "your GnuPG keys", true, true},
	{HOME, "/.aws", "AWS credentials", true, true},
	{HOME, "/.azure", "Azure credentials", true, true},
	{HOME, "/.kube", "Kubernetes credentials", true, true},
	{HOME, "/.docker", "Docker credentials", true, true},
	{HOME, "/.netrc", "the passwords of .netrc", false, true},
	{HOME, "/.git-credentials", "git's passwords", false, true},
	{HOME, "/.config/git/credentials", "git's passwords", false, true},
	{HOME, "/.config/gh", "GitHub's login", true, true},
	{HOME, "/.config/gcloud", "Google Cloud credentials", true, true},
	{HOME, "/.config/glab-cli", "GitLab's login", true, true},
	{HOME, "/.config/hub", "GitHub's login", false, true},
	{HOME, "/.config/op", "1Password's login", true, true},
	{HOME, "/.config/sops", "keys of sops", true, true},
	{HOME, "/.config/rclone", "rclone's passwords", true, true},
	{HOME, "/.config/anthropic", "Anthropic credentials", true, true},
	{HOME, "/.password-store", "your password store", true, true},
	{HOME, "/.local/share/keyrings", "your keyrings", true, true},
	{HOME, "/.mozilla", "your browser's profile", true, true},
	{HOME, "/.config/google-chrome", "your browser's profile", true, true},
	{HOME, "/.config/chromium", "your browser's profile", true, true},
	{HOME, "/.pypirc", "the passwords of .pypirc", false, true},
	{HOME, "/.pgpass", "the passwords of .pgpass", false, true},
	{HOME, "/.npmrc", "the tokens of .npmrc", false, true},
	{HOME, "/.cargo/credentials.toml", "cargo's tokens", false, true},
	{HOME, "/.terraform.d", "Terraform's login", true, true},
	{HOME, "/.vault-token", "Vault's token", false, true},
	{HOME, "/.config/systemd", "services that run as you", true, false},
	{HOME, "/.config/autostart", "programs that run at login", true, false},
	{HOME, "/.thunderbird", "your mail", true, true},
	{HOME, "/.config/Bitwarden", "your password store", true, true},
	{HOME, "/.config/1Password", "your password store", true, true},
	{HOME, "/.config/Signal", "your messages", true, true},
	{HOME, "/.config/BraveSoftware", "your browser's profile", true, true},
	{HOME, "/.config/microsoft-edge", "your browser's profile", true, true},
	{HOME, "/.config/github-copilot", "GitHub Copilot's login", true, true},
	{HOME, "/.config/doctl", "DigitalOcean's login", true, true},
	{HOME, "/.config/hcloud", "Hetzner's login", true, true},
	{HOME, "/.codex", "Codex' login", true, true},
	{HOME, "/.gemini", "Gemini's login", true, true},
	{HOME, "/.oci", "Oracle Cloud credentials", true, true},
	{HOME, "/.tsh", "Teleport's login", true, true},
	{HOME, "/.fly", "Fly's login", true, true},
	{HOME, "/.huggingface", "Hugging Face's login", true, true},
	{HOME, "/.cache/huggingface/token", "Hugging Face's login", false, true},
	{HOME, "/.electrum", "your wallet", true, true},
	{HOME, "/snap/firefox", "your browser's profile", true, true},
	{HOME, "/snap/chromium", "your browser's profile", true, true},
	{HOME, "/.var/app", "programs' private data", true, true},
	{HOME, "/.gem/credentials", "RubyGems' key", false, true},
	{HOME, "/.m2/settings.xml", "Maven's passwords", false, true},
	{HOME, "/.gradle/gradle.properties", "Gradle's passwords", false, true},
	{HOME, "", "your home directory", false, false},
};

_Static_assert(2 * ARRAY_LEN(user_places) <= USER_PLACE_MAX, "raise USER_PLACE_MAX");

/* False: the visitor has seen enough. */
static bool user_place_say(const char *dir, size_t i, user_place_visit *visit, void *ctx)
{
	AUTO_FREE char *path = dir && dir[0] == '/' ? mem_format("%s%s", dir, user_places[i].below)
						    : NULL;
	const struct user_place p = {path, user_places[i].what, user_places[i].closed,
				     user_places[i].secret};

	return !path || visit(ctx, &p);
}

void user_place_each(const struct user_dirs *d, user_place_visit *visit, void *ctx)
{
	const bool two = d->own_home && (!d->home || strcmp(d->home, d->own_home) != 0);

	for (size_t i = 0; i < ARRAY_LEN(user_places); i++) {
		const char *dir = *(const char *const *)((const char *)d + user_places[i].dir);

		if (!user_place_say(dir, i, visit, ctx) ||
		    (two && user_places[i].dir == HOME &&
		     !user_place_say(d->own_home, i, visit, ctx)))
			return;
	}
}

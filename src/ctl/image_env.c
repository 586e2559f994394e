#include "ctl/image_env.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

/* An entry that ends in * stands for all names that begin so. */
static const char *const image_env_names[] = {
	"PATH",
	"HOME",
	"USER",
	"LOGNAME",
	"SHELL",
	"TERM",
	"TZ",
	"LANG",
	"LANGUAGE",
	"LC_*",
	/* where it works and keeps what it fetched */
	"TMPDIR",
	"XDG_CACHE_HOME",
	"XDG_CONFIG_HOME",
	/* its own settings (guest/image/build.sh, docs/image.md) */
	"SOURCE_DATE_EPOCH",
	"CCVM_MIRROR",
	"CCVM_SECURITY_MIRROR",
	"CCVM_IMAGE_LEVEL",
	"CCVM_IMAGE_SPACE_CHECK",
	/* how the network is reached */
	"http_proxy",
	"https_proxy",
	"ftp_proxy",
	"all_proxy",
	"no_proxy",
	"HTTP_PROXY",
	"HTTPS_PROXY",
	"FTP_PROXY",
	"ALL_PROXY",
	"NO_PROXY",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"NODE_EXTRA_CA_CERTS",
	/* apt, and npm, whose token for a registry is said in one of the last two (an .npmrc may name them) */
	"APT_CONFIG",
	"npm_config_*",
	"NPM_CONFIG_*",
	"NPM_TOKEN",
	"NODE_AUTH_TOKEN",
};

static bool image_env_matches(const char *entry, const char *name, size_t n)
{
	size_t m = strlen(entry);

	if (entry[m - 1] == '*')
		return n >= m - 1 && strncmp(entry, name, m - 1) == 0;
	return n == m && strncmp(entry, name, n) == 0;
}

static bool image_env_is_listed(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(image_env_names); i++)
		if (image_env_matches(image_env_names[i], name, n))
			return true;
	return false;
}

static bool image_env_is_taken(const struct strv *out, const char *name, size_t n)
{
	for (size_t i = 0; i < out->n; i++)
		if (strncmp(out->v[i], name, n + 1) == 0)
			return true;
	return false;
}

void image_env(char *const *envp, struct strv *out)
{
	for (; *envp; envp++) {
		size_t n = strcspn(*envp, "=");

		if ((*envp)[n] == '=' && image_env_is_listed(*envp, n) &&
		    !image_env_is_taken(out, *envp, n))
			strv_add(out, *envp);
	}
}

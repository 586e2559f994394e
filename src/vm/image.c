#include "vm/image.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define IMAGE_MANIFEST_MAX (4 << 20)

char *image_cache_dir(const struct hostenv *host)
{
	return mem_format("%s/images", host->cache);
}

static bool image_exists(const char *path)
{
	AUTO_FREE char *manifest = mem_format("%s/%s", path, IMAGE_MANIFEST);

	return access(manifest, F_OK) == 0;
}

/* An image can be replaced between the look and this call. */
static char *image_resolve(const char *path, struct err *e)
{
	char *found = realpath(path, NULL);

	if (!found) {
		err_sys(e, "the guest image %s", path);
		err_remedy(e, "try again, or build it again: ccvmctl image build");
	}
	return found;
}

char *image_find(const struct hostenv *host, const char *share_dir, struct err *e)
{
	const char *forced = host->image;
	AUTO_FREE char *cache = image_cache_dir(host);
	AUTO_FREE char *current = mem_format("%s/current", cache);
	AUTO_FREE char *shared = mem_format("%s/image-default", share_dir ? share_dir : "");
	char *found = NULL;

	if (forced) {
		found = realpath(forced, NULL);
		if (!found) {
			err_sys(e, "CCVM_IMAGE names %s", forced);
			err_remedy(e, "set CCVM_IMAGE to an image directory, or unset it");
		}
	} else if (image_exists(current)) {
		found = image_resolve(current, e);
	} else if (share_dir && image_exists(shared)) {
		found = image_resolve(shared, e);
	} else {
		err_set(e, "no guest image in %s", cache);
		err_remedy(e, "build one: ccvmctl image build (a few minutes, about 400 MB, no "
			      "root needed)");
	}
	if (!found)
		err_exit_code(e, ERR_EXIT_GUEST);
	return found;
}

static bool image_manifest_flag(struct json_value json, const char *name)
{
	return json_is_true(json_member(json, name));
}

static void image_add_member(struct buf *out, const char *name, struct json_value value)
{
	AUTO_FREE char *text = mem_strndup(value.text, value.n);

	json_add_raw(out, name, text);
}

/* What an image was built with comes last, since it is a fact; `options` are the values its builder
 * chose for runs. */
static char *image_manifest_options(struct json_value json)
{
	static const struct {
		const char *section, *name, *option;
	} facts[] = {
		{"built_in", "agent_sudo", "agentSudo"},
		{"built_in", "clipboard", "clipboard.images"},
		{"built_in", "nix", "nix.enable"},
		{NULL, "extra_packages", "extraPackages"},
	};
	const struct json_value chosen = json_member(json, "options");
	struct json_value item = {0};
	AUTO_BUF struct buf all = {0}, name = {0};

	json_begin(&all);
	while (json_is_object(chosen) && json_next(chosen, &item, &name))
		image_add_member(&all, buf_text(&name), item);
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		const struct json_value section = facts[i].section
							  ? json_member(json, facts[i].section)
							  : json;
		const struct json_value value = json_member(section, facts[i].name);

		if (value.text)
			image_add_member(&all, facts[i].option, value);
	}
	json_end(&all);
	return mem_strdup(buf_text(&all));
}

/* A file of the image: there, regular, and of the size the manifest states. */
static int image_check_file(const char *dir, const char *name, struct json_value files,
			    int64_t *size, char hash[IMAGE_HASH_SIZE], struct err *e)
{
	const struct json_value entry = json_member(files, name);
	AUTO_FREE char *sum = json_member_text(entry, "sha256");
	int64_t stated;
	AUTO_FREE char *path = mem_format("%s/%s", dir, name);
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(e, "the image's %s", path);
	if (!S_ISREG(st.st_mode) || access(path, R_OK) < 0)
		return err_set(e, "%s is not a readable file", path);
	if (!json_int(json_member(entry, "size"), 0, INT64_MAX, &stated))
		return err_set(e, "the manifest does not list %s", name);
	snprintf(hash, IMAGE_HASH_SIZE, "%s", sum);
	if (st.st_size != stated)
		return err_set(e, "%s has %lld bytes, the manifest says %lld", path,
			       (long long)st.st_size, (long long)stated);
	*size = st.st_size;
	return 0;
}

static int image_read_manifest(struct image *img, struct json_value json, struct err *e)
{
	static const char *const names[IMAGE_FILES] = {IMAGE_KERNEL, IMAGE_MODULES, IMAGE_ROOT};
	const struct json_value files = json_member(json, "files");
	const struct json_value built_in = json_member(json, "built_in");

	img->id = json_member_text(json, "id");
	img->kernel_version = json_member_text(json, "kernel_version");
	img->claude_version = json_member_text(json, "claude_version");
	img->agent_sudo = image_manifest_flag(built_in, "agent_sudo");
	img->clipboard = image_manifest_flag(built_in, "clipboard");
	img->nix = image_manifest_flag(built_in, "nix");
	img->options = image_manifest_options(json);
	img->created = json_member_text(json, "created");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (image_check_file(img->path, names[i], files, &img->root_size, img->hash[i], e) <
		    0) /* the root is last */
			return -1;
	return 0;
}

int image_open(struct image *img, const char *path, struct err *e)
{
	AUTO_FREE char *manifest = mem_format("%s/%s", path, IMAGE_MANIFEST);
	AUTO_BUF struct buf text = {0};
	struct json_value json;
	int rc = -1;

	memset(img, 0, sizeof(*img));
	img->path = mem_strdup(path);
	if (file_read(AT_FDCWD, manifest, IMAGE_MANIFEST_MAX, &text, e) == 0) {
		if (json_open(buf_data(&text), buf_len(&text), &json))
			rc = image_read_manifest(img, json, e);
		else
			rc = err_set(e, "%s is not valid JSON", manifest);
	}
	if (rc < 0) {
		err_wrap(e, "the guest image is unusable");
		err_remedy(e, "build it again: ccvmctl image build");
		err_exit_code(e, ERR_EXIT_GUEST);
		image_fini(img);
	}
	return rc;
}

void image_fini(struct image *img)
{
	free(img->path);
	free(img->id);
	free(img->kernel_version);
	free(img->claude_version);
	free(img->options);
	free(img->created);
	memset(img, 0, sizeof(*img));
}

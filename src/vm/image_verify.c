#include "vm/image_verify.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/owner.h"
#include "vm/checked.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define VERIFY_BLOCK (1 << 20)

static const char *const verify_names[IMAGE_FILES] = {IMAGE_KERNEL, IMAGE_MODULES, IMAGE_ROOT};

static int verify_read(int fd, EVP_MD_CTX *ctx, struct err *e)
{
	AUTO_FREE unsigned char *block = mem_alloc(VERIFY_BLOCK);

	for (;;) {
		const ssize_t n = read(fd, block, VERIFY_BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return 0;
		if (EVP_DigestUpdate(ctx, block, (size_t)n) != 1)
			return err_set(e, "SHA-256 failed");
	}
}

static int verify_hash(int fd, char hex[IMAGE_HASH_SIZE], struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int rc;

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		mem_die("no SHA-256");
	rc = verify_read(fd, ctx, e);
	if (rc == 0 && (EVP_DigestFinal_ex(ctx, sum, &n) != 1 || 2 * n + 1 != IMAGE_HASH_SIZE))
		rc = err_set(e, "SHA-256 failed");
	for (unsigned i = 0; rc == 0 && i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	EVP_MD_CTX_free(ctx);
	return rc;
}

/* Where notes of what was checked are kept; -1 without a cache: then each start reads the files. */
static int verify_open_notes(const struct hostenv *host)
{
	AUTO_FREE char *dir = mem_format("%s/checked", host->cache);
	struct err ignored;

	return file_mkdirs(dir, 0700, &ignored) < 0
		       ? -1
		       : open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int verify_file(const struct image *img, size_t i, int notes, struct err *e)
{
	AUTO_FREE char *path = mem_format("%s/%s", img->path, verify_names[i]);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char before[CHECKED_TEXT_MAX], after[CHECKED_TEXT_MAX], hash[IMAGE_HASH_SIZE] = "",
								name[64];
	struct stat st;
	bool described;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open %s", path);
	described = notes >= 0 && checked_describe(fd, time(NULL), before);
	snprintf(name, sizeof(name), "%llx-%llx", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	if (described && checked_is_noted(notes, name, before))
		return 0;
	if (verify_hash(fd, hash, e) < 0)
		return err_wrap(e, "%s", path);
	if (strcmp(hash, img->hash[i]) != 0)
		return err_set(e, "%s does not match its checksum: it was changed, or is damaged",
			       path);
	if (described && checked_describe(fd, time(NULL), after) && strcmp(before, after) == 0)
		checked_note(notes, name, after);
	return 0;
}

/* within: of the image itself; else a directory above it, which may be one like /tmp. Write access
 * of others is refused; another owner, as on storage that a group shares, is reported. */
static int verify_owner(const char *path, bool within, const char **note, struct err *e)
{
	struct stat st;
	const char *doubt;

	if (stat(path, &st) < 0)
		return err_sys(e, "%s", path);
	doubt = within && st.st_mode & S_IWOTH ? "everybody can write to it" : owner_doubt(&st);
	if (!doubt)
		return 0;
	if (st.st_uid != geteuid() && st.st_uid != 0 && !(st.st_mode & (S_IWGRP | S_IWOTH))) {
		*note = "the guest image belongs to another user, who can change it";
		return 0;
	}
	err_set(e, "%s cannot be trusted: %s", path, doubt);
	return err_remedy(e, "chmod -R go-w %s, or build an image of your own: ccvmctl image build",
			  path);
}

int image_verify(const struct image *img, const struct hostenv *host, const char **note,
		 struct err *e)
{
	AUTO_FREE char *manifest = mem_format("%s/%s", img->path, IMAGE_MANIFEST),
		       *parent = mem_format("%s/..", img->path);
	AUTO_CLOSE int notes = verify_open_notes(host);
	int rc;

	*note = NULL;
	rc = verify_owner(parent, false, note, e);
	if (rc == 0)
		rc = verify_owner(img->path, true, note, e);
	if (rc == 0)
		rc = verify_owner(manifest, true, note, e);
	for (size_t i = 0; rc == 0 && i < IMAGE_FILES; i++) {
		AUTO_FREE char *path = mem_format("%s/%s", img->path, verify_names[i]);

		rc = verify_owner(path, true, note, e);
		if (rc == 0)
			rc = verify_file(img, i, notes, e);
	}
	if (rc == 0)
		return 0;
	err_wrap(e, "the guest image is unusable");
	err_remedy(e, "build it again: ccvmctl image build");
	return err_exit_code(e, ERR_EXIT_GUEST);
}

/* image: finds a guest image and checks that it is whole.
 *
 * An image is a directory: vmlinuz, modules.cpio, root.squashfs, manifest.json (docs/image.md). */
#ifndef CCVM_VM_IMAGE_H
#define CCVM_VM_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/hostenv.h"

#define IMAGE_KERNEL	"vmlinuz"
#define IMAGE_MODULES	"modules.cpio"
#define IMAGE_ROOT	"root.squashfs"
#define IMAGE_MANIFEST	"manifest.json"
#define IMAGE_FILES	3  /* the first three */
#define IMAGE_HASH_SIZE 65 /* SHA-256 as hexadecimal text */

struct image {
	char *path; /* owned; absolute directory */
	char *id;   /* owned; from the manifest */
	char *kernel_version;
	char *claude_version;
	int64_t root_size;
	char hash[IMAGE_FILES][IMAGE_HASH_SIZE]; /* as the manifest has them (vm/image_verify.h) */
	bool agent_sudo;			 /* built with the agent's sudo */
	bool clipboard;
	bool nix;
	/* what it was built with, as a JSON object of option names (conf_apply_image) */
	char *options;
	char *created; /* ISO 8601; "" when the manifest does not say */
};

/* Where images are kept. Free it. */
char *image_cache_dir(const struct hostenv *host);

/* The directory of the image to use: CCVM_IMAGE, then `current` in the cache, then
 * share_dir/image-default (share_dir may be NULL). Free it. Error (exit code 125) when there is
 * none, with the command that makes one. */
char *image_find(const struct hostenv *host, const char *share_dir, struct err *e);

/* Reads the manifest and compares the files' presence and sizes with it, so that a truncated image
 * is refused before a guest hangs on it. */
int image_open(struct image *img, const char *path, struct err *e);
void image_fini(struct image *img);

#endif

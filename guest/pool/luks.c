/* ccvm-pool: makes the encrypted disk of one session and opens it as /dev/mapper/ccvm-scratch.
 *
 *   ccvm-pool DEVICE
 *   ccvm-pool --close
 *
 * Theory of operation. Runs as root in the guest, started by ccvm-init after the random number
 * generator was reseeded. It is the only user of libcryptsetup, and linked dynamically: the
 * library is the image's own (Debian has no static one).
 *
 * 1. The volume key is 64 random bytes, made here. It is never written: the header has no key
 *    slot, so the disk cannot be opened once this guest is gone, and there is no passphrase to
 *    guess. The header's digest of the key is a salted hash of 512 random bits; iterations would
 *    protect nothing.
 * 2. dm-crypt gets the key in its table. The key is wiped here, the process leaves no core and
 *    may not be traced.
 * 3. No udev runs in the guest: libdevmapper makes its nodes itself.
 * 4. Discards pass through, so that deleted data frees the host's disk. The information this
 *    leaks (which blocks are in use) reaches only the host.
 * 5. A failure is one line on standard output and exit code 1. The caller goes on without a
 *    pool. */
#include "base/log.h"
#include "base/mem.h"
#include "proto/names.h"

#include <errno.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

#define LUKS_KEY_SIZE	   64 /* AES-256 in XTS mode uses two keys */
#define LUKS_SECTOR	   4096
#define LUKS_METADATA_SIZE 0x4000
#define LUKS_KEYSLOTS_SIZE 0x8000 /* unused, and the least the format allows */
#define LUKS_DATA_OFFSET                                                                           \
	2048 /* in sectors of 512 bytes: 1 MiB, instead of the 16 MiB that key slots would need */

static char luks_said[256]; /* the library's last complaint */

static void luks_on_log(int level, const char *message, void *ctx)
{
	(void)ctx;
	if (level == CRYPT_LOG_ERROR)
		snprintf(luks_said, sizeof(luks_said), "%.*s", (int)strcspn(message, "\n"),
			 message);
}

static int luks_refused(const char *what, int rc)
{
	printf("%s: %s\n", what, luks_said[0] ? luks_said : strerror(-rc));
	return 1;
}

static int luks_format(struct crypt_device *cd, const char *key)
{
	/* clang-format off */
	const struct crypt_pbkdf_type quick = {
		.type = CRYPT_KDF_PBKDF2, .hash = "sha256", .iterations = 1000,
		.flags = CRYPT_PBKDF_NO_BENCHMARK,
	};
	/* clang-format on */
	const struct crypt_params_luks2 params = {
		.pbkdf = &quick, .sector_size = LUKS_SECTOR, .label = NAME_DISK_SCRATCH};
	int rc = crypt_set_data_offset(cd, LUKS_DATA_OFFSET);

	if (rc == 0)
		rc = crypt_set_metadata_size(cd, LUKS_METADATA_SIZE, LUKS_KEYSLOTS_SIZE);
	if (rc == 0)
		rc = crypt_set_pbkdf_type(cd, &quick);
	return rc < 0 ? rc
		      : crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL, key,
				     LUKS_KEY_SIZE, (void *)(uintptr_t)&params);
}

static int luks_make(struct crypt_device *cd, const char *key)
{
	/* One CPU's worth of requests each: handing them to worker threads costs more than it
	 * gains. */
	const uint32_t flags = CRYPT_ACTIVATE_ALLOW_DISCARDS | CRYPT_ACTIVATE_NO_READ_WORKQUEUE |
			       CRYPT_ACTIVATE_NO_WRITE_WORKQUEUE;
	int rc = luks_format(cd, key);

	if (rc < 0)
		return luks_refused("LUKS format", rc);
	crypt_volume_key_keyring(cd, 0);
	rc = crypt_activate_by_volume_key(cd, NAME_POOL_MAPPING, key, LUKS_KEY_SIZE, flags);
	return rc < 0 ? luks_refused("LUKS activation", rc) : 0;
}

/* It is not mounted. */
static int luks_close(void)
{
	int rc = crypt_deactivate(NULL, NAME_POOL_MAPPING);

	return rc < 0 && rc != -ENODEV ? luks_refused("LUKS closing", rc) : 0;
}

int main(int argc, char **argv)
{
	struct crypt_device *cd = NULL;
	char key[LUKS_KEY_SIZE];
	int rc;

	if (argc != 2)
		return 2;
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0);
	setenv("DM_DISABLE_UDEV", "1", 1);
	crypt_set_log_callback(NULL, luks_on_log, NULL);
	(void)crypt_metadata_locking(NULL, 0); /* no other process opens this disk */
	if (strcmp(argv[1], "--close") == 0)
		return luks_close();
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return luks_refused("random numbers", -5);
	rc = crypt_init(&cd, argv[1]);
	rc = rc < 0 ? luks_refused("the disk", rc) : luks_make(cd, key);
	secret_wipe(key, sizeof(key));
	crypt_free(cd);
	return rc;
}

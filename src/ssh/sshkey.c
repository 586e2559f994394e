#include "ssh/sshkey.h"
#include "ssh/sshkey_libssh.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"

#include <string.h>

struct sshkey *sshkey_generate(struct err *e)
{
	struct sshkey *k = mem_alloc(sizeof(*k));

	if (ssh_pki_generate(SSH_KEYTYPE_ECDSA_P256, 0, &k->key) == SSH_OK)
		return k;
	free(k);
	err_set(e, "libssh could not make a key");
	return NULL;
}

void sshkey_free(struct sshkey *k)
{
	if (!k)
		return;
	ssh_key_free(k->key);
	free(k);
}

static int sshkey_write_public(const struct sshkey *k, int dirfd, const char *name, struct err *e)
{
	char *base64 = NULL;
	int rc;

	if (ssh_pki_export_pubkey_base64(k->key, &base64) != SSH_OK)
		return err_set(e, "libssh could not export a public key");
	rc = file_createf(dirfd, name, 0600, e, NAME_SSH_KEY_ALGORITHM " %s\n", base64);
	ssh_string_free_char(base64);
	return rc;
}

static int sshkey_write_private(const struct sshkey *k, int dirfd, const char *name, struct err *e)
{
	char *text = NULL;
	int rc;

	if (ssh_pki_export_privkey_base64(k->key, NULL, NULL, NULL, &text) != SSH_OK)
		return err_set(e, "libssh could not export the host key");
	rc = file_create(dirfd, name, text, strlen(text), 0600, e);
	secret_wipe(text, strlen(text));
	ssh_string_free_char(text);
	return rc;
}

int sshkey_write_seed(const struct sshkey *client, const struct sshkey *host, int seed_dirfd,
		      struct err *e)
{
	if (sshkey_write_public(client, seed_dirfd, NAME_SEED_AUTHORIZED_KEYS, e) < 0 ||
	    sshkey_write_private(host, seed_dirfd, NAME_SEED_HOST_KEY, e) < 0)
		return -1;
	return sshkey_write_public(host, seed_dirfd, NAME_SEED_HOST_KEY_PUB, e);
}

#include "sandbox/jail.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Values of later kernels than the oldest headers we build with (landlock(7)). */
#define JAIL_FS_TRUNCATE	 (1ULL << 14) /* ABI 3 */
#define JAIL_FS_IOCTL_DEV	 (1ULL << 15) /* ABI 5 */
#define JAIL_NET_BIND_TCP	 (1ULL << 0)  /* ABI 4 */
#define JAIL_NET_CONNECT_TCP	 (1ULL << 1)
#define JAIL_SCOPE_ABSTRACT_UNIX (1ULL << 0) /* ABI 6 */
#define JAIL_SCOPE_SIGNAL	 (1ULL << 1)

struct jail_ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

static const uint64_t jail_file_read = LANDLOCK_ACCESS_FS_READ_FILE;
static const uint64_t jail_file_write = LANDLOCK_ACCESS_FS_READ_FILE |
					LANDLOCK_ACCESS_FS_WRITE_FILE | JAIL_FS_TRUNCATE |
					JAIL_FS_IOCTL_DEV;
static const uint64_t jail_tree = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				  LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
				  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				  LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
				  LANDLOCK_ACCESS_FS_REFER | JAIL_FS_TRUNCATE;
static const uint64_t jail_all_v1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

int jail_kernel_abi(void)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
				 LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

void jail_init(struct jail *j)
{
	const int abi = jail_kernel_abi();

	memset(j, 0, sizeof(*j));
	/* ABI 1 refuses every rename across directories, which a live workspace cannot do
	 * without. */
	j->abi = abi < 2 ? 0 : abi;
}

void jail_fini(struct jail *j)
{
	for (size_t i = 0; i < j->n; i++)
		close(j->rule[i].fd);
	j->n = 0;
}

static void jail_add(struct jail *j, int fd, enum jail_access access)
{
	if (j->n == JAIL_RULES_MAX)
		mem_die("too many jail rules");
	j->rule[j->n].fd = fd;
	j->rule[j->n].access = access;
	j->n++;
}

int jail_allow(struct jail *j, const char *path, enum jail_access access, struct err *e)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_sys(e, "open %s", path);
	jail_add(j, fd, access);
	return 0;
}

int jail_allow_fd(struct jail *j, int fd, enum jail_access access, struct err *e)
{
	const int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (own < 0)
		return err_sys(e, "dup");
	jail_add(j, own, access);
	return 0;
}

static uint64_t jail_handled(int abi)
{
	uint64_t all = jail_all_v1;

	if (abi >= 2)
		all |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		all |= JAIL_FS_TRUNCATE;
	if (abi >= 5)
		all |= JAIL_FS_IOCTL_DEV;
	return all;
}

static uint64_t jail_rights(enum jail_access access, bool directory)
{
	uint64_t dir = directory ? LANDLOCK_ACCESS_FS_READ_DIR : 0;

	switch (access) {
	case JAIL_READ:
		return jail_file_read | dir;
	case JAIL_READ_FILES:
		return jail_file_read;
	case JAIL_EXECUTE:
		return jail_file_read | LANDLOCK_ACCESS_FS_EXECUTE | dir;
	case JAIL_WRITE:
		return jail_file_write | dir;
	case JAIL_TREE:
		return directory ? jail_tree : jail_file_write;
	case JAIL_LAYER:
		return directory ? jail_tree | LANDLOCK_ACCESS_FS_MAKE_CHAR : jail_file_write;
	case JAIL_REMOVE_EMPTY:
		return directory ? LANDLOCK_ACCESS_FS_REMOVE_DIR : 0;
	}
	return 0;
}

static int jail_landlock(const struct jail *j)
{
	struct jail_ruleset_attr attr = {.handled_access_fs = jail_handled(j->abi)};
	size_t size = j->abi >= 6 ? sizeof(attr) : j->abi >= 4 ? 16 : 8;
	int set, rc = 0;

	if (j->abi >= 4)
		attr.handled_access_net = JAIL_NET_BIND_TCP |
					  (j->may_connect ? 0 : JAIL_NET_CONNECT_TCP);
	if (j->abi >= 6)
		attr.scoped = JAIL_SCOPE_ABSTRACT_UNIX | (j->keep_signals ? 0 : JAIL_SCOPE_SIGNAL);
	set = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (set < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < j->n; i++) {
		struct landlock_path_beneath_attr rule = {.parent_fd = j->rule[i].fd};
		struct stat st;

		rc = fstat(j->rule[i].fd, &st);
		rule.allowed_access = jail_rights(j->rule[i].access, S_ISDIR(st.st_mode)) &
				      attr.handled_access_fs;
		if (rc == 0)
			rc = (int)syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH,
					  &rule, 0);
	}
	if (rc == 0)
		rc = (int)syscall(SYS_landlock_restrict_self, set, 0);
	close(set);
	return rc;
}

int jail_enter(const void *ctx)
{
	const struct jail *j = ctx;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return j->abi ? jail_landlock(j) : 0;
}

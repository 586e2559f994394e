/* Theory of operation. Runs as root in the guest, where the image has Nix; fails open.
 *
 * 1. The image's /nix/store is read-only below; what is built or fetched goes to an upper layer, on
 *    the encrypted disk where there is one, else in memory. Build directories are beside it. It is
 *    mounted before the daemon or anything else uses the store.
 * 2. The agent reaches the store only through the daemon. Who may use it stands in the image (root
 *    and the agent); who is trusted is decided here: a trusted user is as good as root (a
 *    post-build hook runs as root), so the agent is one exactly when it has sudo.
 * 3. The daemon is started by its first client (ccvm-init listens for it, as systemd would:
 *    sd_listen_fds(3)). Most sessions have none, and started early it read 30 MB of the image at
 *    the time that every start waits for.
 * 4. The daemon gets a mount namespace without the file that covers the kernel's boot id: a kernel
 *    lets a sandbox mount /proc only where the one it sees has no covered parts. */
#include "init/boot.h"
#include "init/seedread.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NIX_DAEMON  "/usr/bin/nix-daemon"
#define NIX_STORE   "/nix/store"
#define NIX_BUILDS  "/nix/builds"
#define NIX_SOCKET  "/nix/var/nix/daemon-socket"
#define NIX_BACKLOG 16
#define NIX_RAM	    NAME_GUEST_DIR "/nix"

static bool nix_is_there(void)
{
	return access(NIX_DAEMON, X_OK) == 0 && access(NIX_STORE, F_OK) == 0;
}

static int nix_make(const char *path, mode_t mode, gid_t gid, struct err *e)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", path);
	return chown(path, 0, gid) < 0 || chmod(path, mode) < 0 ? err_sys(e, "owner of %s", path)
								: 0;
}

int nix_mount_store(struct boot *b, struct err *e)
{
	const char *top = pool_is_mounted() ? NAME_POOL_DIR "/nix" : NIX_RAM;
	AUTO_FREE char *upper = mem_format("%s/store", top);
	AUTO_FREE char *work = mem_format("%s/work", top);
	AUTO_FREE char *builds = mem_format("%s/builds", top);
	AUTO_FREE char *layers = mem_format("lowerdir=" NIX_STORE ",upperdir=%s,workdir=%s", upper,
					    work);

	(void)b;
	if (!nix_is_there())
		return 0;
	if (nix_make(top, 0700, 0, e) < 0)
		return -1;
	/* Its own tmpfs, as for the workspace's overlay: the root's space is not the store's. */
	if (!pool_is_mounted() &&
	    mount("tmpfs", top, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700,size=60%") < 0)
		return err_sys(e, "mount the store's tmpfs");
	/* The upper layer's root is what the store's root looks like: builders may add, not
	 * remove. */
	if (nix_make(upper, 01775, NAME_NIX_BUILDERS_GID, e) < 0 ||
	    nix_make(work, 0755, 0, e) < 0 || nix_make(builds, 0755, 0, e) < 0 ||
	    nix_make(NIX_BUILDS, 0755, 0, e) < 0)
		return -1;
	if (mount("overlay", NIX_STORE, "overlay", MS_NOSUID | MS_NODEV, layers) < 0)
		return err_sys(e, "mount " NIX_STORE);
	return mount(builds, NIX_BUILDS, NULL, MS_BIND, NULL) < 0 ? err_sys(e, "mount " NIX_BUILDS)
								  : 0;
}

/* Without this file only root is trusted: the image's own configuration says so. */
int nix_write_trust(struct boot *b, struct err *e)
{
	int64_t sudo;

	(void)b;
	if (!nix_is_there())
		return 0;
	if (seedread_int_file(BOOT_SEED_FILE(NAME_SEED_AGENT_SUDO), 0, 1, &sudo, e) < 0)
		return -1;
	return file_createf(AT_FDCWD, NAME_GUEST_DIR "/nix.conf", 0444, e,
			    "trusted-users = root%s\nbuild-dir = " NIX_BUILDS "\n",
			    sudo ? " " NAME_AGENT_USER : "");
}

int nix_listen(struct boot *b, struct err *e)
{
	static const struct sockaddr_un address = {.sun_family = AF_UNIX,
						   .sun_path = NIX_SOCKET "/socket"};
	AUTO_CLOSE int fd = -1;

	if (!nix_is_there())
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "make the Nix daemon's socket");
	if (file_mkdirs(NIX_SOCKET, 0755, e) < 0)
		return -1;
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", address.sun_path);
	/* Being able to connect is not enough: the daemon checks its allowed-users. */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(address.sun_path, 0666) < 0 || listen(fd, NIX_BACKLOG) < 0)
		return err_sys(e, "listen at %s", address.sun_path);
	b->nix_fd = mem_steal_fd(&fd);
	return 0;
}

/* Of this process's fork, just before it becomes the daemon. */
static char nix_listen_pid[32];

static int nix_become_daemon(const void *ctx)
{
	(void)ctx;
	snprintf(nix_listen_pid, sizeof(nix_listen_pid), "LISTEN_PID=%d", (int)getpid());
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -1;
	(void)umount2("/proc/sys/kernel/random/boot_id", MNT_DETACH);
	return 0;
}

int nix_start_daemon(struct boot *b, struct err *e)
{
	static char *const argv[] = {NIX_DAEMON, NULL};
	/* clang-format off */
	static char *const envp[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		"LANG=C.UTF-8", "NIX_SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
		"LISTEN_FDS=1", nix_listen_pid, NULL,
	};
	/* clang-format on */
	AUTO_CLOSE int log = open("/var/log/nix-daemon.log",
				  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	const struct spawn_fd fds[] = {{log, 1}, {log, 2}, {b->nix_fd, 3}};
	const struct spawn s = {.path = argv[0],
				.argv = argv,
				.envp = envp,
				.fds = fds,
				.nfds = ARRAY_LEN(fds),
				.new_session = true,
				.confine = nix_become_daemon};

	if (log < 0)
		return err_sys(e, "open the Nix daemon's log");
	b->nix_daemon = spawn_start(&s, NULL, e);
	return b->nix_daemon < 0 ? -1 : 0;
}

void nix_on_daemon_end(struct boot *b)
{
	struct pollfd p = {.fd = b->nix_fd, .events = POLLIN};
	int client;

	b->nix_daemon = 0;
	/* A daemon that cannot start (the agent's root may have spoiled its configuration) would be
	 * started for them for ever. */
	while (poll(&p, 1, 0) == 1 && (client = accept4(b->nix_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(client);
}

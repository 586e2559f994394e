/* Theory of operation. Runs as root in a guest from which a template will be saved; there is no
 * user's data in it yet.
 *
 * 1. Each program that every session starts is run once, and the modules that many need are loaded,
 *    so that its pages (read and unpacked from the squashfs) are in memory when the template is
 *    saved. So are files that are looked for later, there or not: to find a name in a folder of the
 *    squashfs takes up to 15 ms. What each session writes over is copied out of the squashfs, for
 *    the same reason.
 * 2. They run as the agent's user with a home of their own on a tmpfs, which is unmounted
 *    afterwards: nothing they write down (identifiers, caches) reaches a session.
 * 3. There is no network yet: claude finds a loopback that refuses everything.
 * 4. Where the machine has a disk to be encrypted, that is done once too (pool_rehearse).
 * 5. What these programs used is free again but not empty, and each start from the template would
 *    read it. As much is taken once more, which empties it; the pages freed last are the first to
 *    be given out.
 * 6. A program that does not end in time is killed. A failure only costs speed. */
#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "proto/names.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARMUP_HOME NAME_GUEST_DIR "/warm-up"
#define WARMUP_UID  1000
/* Of memory: about what claude uses, and what is left free. */
#define WARMUP_EMPTY_MAX (UINT64_C(512) << 20)
#define WARMUP_KEEP_FREE (UINT64_C(64) << 20)

struct warmup_program {
	char *const *argv;
	int seconds; /* of patience; emulated guests are slow */
	bool as_root;
};

#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})

static const struct warmup_program warmup_programs[] = {
	{ARGV("/usr/sbin/sshd", "-T", "-f", "/dev/null"), 20, true},
	/* The programs sshd hands a connection to: run, not only read, since each has libraries
	 * that sshd is without. They refuse the option. */
	{ARGV("/usr/lib/openssh/sshd-session", "-?"), 20, true},
	{ARGV("/usr/lib/openssh/sshd-auth", "-?"), 20, true},
	{ARGV("/usr/bin/zsh", "-l", "-i", "-c", "git --version; rg --version; ls -l /; true"), 20,
	 false},
	{ARGV(NAME_CLAUDE, "--version"), 60, false},
	{ARGV(NAME_CLAUDE, "-p", "hello"), 10, false},
};

/* clang-format off */
static const char *const warmup_names[] = {
	/* ccvm-init */
	"/usr/bin/nix-daemon", "/nix/store", "/nix/var/nix", NAME_AGENT_HOME "/.claude",
	/* sshd-session, sshd-auth */
	"/etc/shadow", "/etc/gss/mech", "/etc/gss/mech.d",
};
/* clang-format on */

/* Files and folders, the agent's home with all that is in it. */
static const char *const warmup_written[] = {
	"/etc/passwd",	"/etc/group", "/etc/machine-id", "/etc/claude-code/managed-settings.d",
	"/nix/var/nix", "/nix",
};

/* clang-format off */
static char *const warmup_env[] = {
	"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" WARMUP_HOME, "LANG=C.UTF-8",
	"TERM=xterm-256color", "DISABLE_AUTOUPDATER=1",
	"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "ANTHROPIC_BASE_URL=http://127.0.0.1:9",
	"ANTHROPIC_API_KEY=none", NULL,
};
/* clang-format on */

static int warmup_become_agent(const void *ctx)
{
	if (((const struct warmup_program *)ctx)->as_root)
		return 0;
	return setgroups(0, NULL) < 0 || setgid(WARMUP_UID) < 0 || setuid(WARMUP_UID) < 0 ||
			       chdir(WARMUP_HOME) < 0
		       ? -1
		       : 0;
}

static void warmup_run_one(const struct warmup_program *p)
{
	AUTO_CLOSE int pidfd = -1;
	struct err ignored;
	struct spawn s = {.path = p->argv[0],
			  .argv = p->argv,
			  .envp = warmup_env,
			  .new_session = true,
			  .confine = warmup_become_agent,
			  .confine_ctx = p};
	pid_t pid = spawn_start(&s, &pidfd, &ignored);
	struct pollfd end = {.fd = pidfd, .events = POLLIN};

	if (pid < 0)
		return;
	poll(&end, 1, p->seconds * 1000);
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void warmup_look(const char *name)
{
	AUTO_CLOSE int fd = open(name, O_RDONLY | O_CLOEXEC);
	char bytes[4096];

	(void)!read(fd, bytes, sizeof(bytes));
}

/* An overlay copies a file to its upper layer before changing it: chown does that, even to the same
 * owner. */
static int warmup_copy_up(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)type;
	(void)at;
	(void)!lchown(path, st->st_uid, st->st_gid);
	return 0;
}

static void warmup_copy_up_all(void)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(warmup_written); i++)
		if (lstat(warmup_written[i], &st) == 0)
			warmup_copy_up(warmup_written[i], &st, 0, NULL);
	nftw(NAME_AGENT_HOME, warmup_copy_up, 16, FTW_PHYS);
}

static void warmup_empty_free_memory(void)
{
	struct sysinfo now;
	uint64_t size;
	pid_t pid;

	if (sysinfo(&now) < 0 || now.freeram * now.mem_unit <= WARMUP_KEEP_FREE)
		return;
	/* more would push out what was just read */
	size = now.freeram * now.mem_unit - WARMUP_KEEP_FREE;
	pid = fork();
	if (pid == 0) {
		(void)mmap(NULL, size < WARMUP_EMPTY_MAX ? size : WARMUP_EMPTY_MAX,
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
			   0);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

bool warmup_is_wanted(void)
{
	AUTO_BUF struct buf line = {0};
	struct err ignored;

	return file_read(AT_FDCWD, "/proc/cmdline", 4096, &line, &ignored) == 0 &&
	       strstr(buf_text(&line), " " NAME_KERNEL_WARM_UP) != NULL;
}

int warmup_run(struct boot *b, struct err *e)
{
	char disk[300];
	const bool pool = rootfs_find_disk(NAME_DISK_SCRATCH, disk, sizeof(disk), e) == 0;

	(void)b;
	if (!warmup_is_wanted())
		return 0;
	mkdir(WARMUP_HOME, 0755);
	if (mount("tmpfs", WARMUP_HOME, "tmpfs", MS_NOSUID | MS_NODEV,
		  "mode=0700,uid=1000,gid=1000") < 0)
		return err_sys(e, "mount " WARMUP_HOME);
	firewall_load_modules(); /* most of the time of that stage */
	for (size_t i = 0; i < ARRAY_LEN(warmup_programs); i++)
		warmup_run_one(&warmup_programs[i]);
	for (size_t i = 0; i < ARRAY_LEN(warmup_names); i++)
		warmup_look(warmup_names[i]);
	warmup_copy_up_all();
	/* Processes that outlived their parent (servers in the background). */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (umount2(WARMUP_HOME, MNT_DETACH) < 0)
		return err_sys(e, "unmount " WARMUP_HOME);
	rmdir(WARMUP_HOME);
	if (pool && pool_rehearse(e) < 0)
		return -1;
	warmup_empty_free_memory();
	return 0;
}

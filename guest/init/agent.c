/* Theory of operation. Runs as root in the guest.
 *
 * 1. sshd serves exactly one connection, which a child of ccvm-init carries to the virtio port the host holds (relay.c says why it does
 *    not get the port itself); there is no listening socket.
 * 2. Who may log in: the agent's user, with this run's key. The user's login shell is ccvm-launch, so nothing
 *    but the agent (or the shell of --shell) can be started over the connection.
 * 3. Forwarding of every kind is off, but for one port where images of the host's clipboard may be pasted: the host may
 *    listen there, on loopback, and nowhere else. Environment variables are accepted by name only. */
#include "init/boot.h"
#include "init/relay.h"
#include "init/seedread.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "proto/clip.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGENT_COPY_MAX (8 << 20)

static int agent_copy(const char *from, const char *to, mode_t mode, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	int rc = file_read(AT_FDCWD, from, AGENT_COPY_MAX, &bytes, e);

	if (rc == 0)
		rc = file_create(AT_FDCWD, to, buf_data(&bytes), buf_len(&bytes), mode, e);
	if (bytes.bytes)
		secret_wipe(bytes.bytes, bytes.size);
	return rc;
}

/* The port of the image bridge; 0: this session has none. */
static int agent_clip_port(int64_t *port, struct err *e)
{
	*port = 0;
	if (seedread_int_file(BOOT_SEED_FILE(NAME_SEED_CLIPBOARD), 1, 65535, port, e) == 0 || e->sys == ENOENT)
		return 0;
	return -1;
}

/* The stand-ins' names, and the port where they find it. Without a bridge there are none. */
static int agent_prepare_clip(struct err *e)
{
	static const char *const names[] = {"xclip", "xsel", "wl-paste", "wl-copy"};
	int64_t port;

	if (agent_clip_port(&port, e) < 0)
		return -1;
	if (!port)
		return 0;
	mkdir(NAME_CLIP_DIR, 0755);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_format(NAME_CLIP_DIR "/%s", names[i]);

		if (symlink(NAME_CLIP, path) < 0 && errno != EEXIST)
			return err_sys(e, "make %s", path);
	}
	return file_createf(AT_FDCWD, NAME_LAUNCH_DIR "/" NAME_SEED_CLIPBOARD, 0444, e, "%d\n", (int)port);
}

int agent_prepare_launch(struct boot *b, struct err *e)
{
	static const char *const names[] = {NAME_SEED_WORKDIR, NAME_SEED_SHELL, NAME_SEED_CLAUDE_ARGS};

	(void)b;
	mkdir(NAME_LAUNCH_DIR, 0755);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *from = mem_format(BOOT_SEED_FILE("%s"), names[i]);
		AUTO_FREE char *to = mem_format(NAME_LAUNCH_DIR "/%s", names[i]);

		if (agent_copy(from, to, 0444, e) < 0)
			return -1;
	}
	return agent_prepare_clip(e);
}

/* Into claude's managed settings, beside those of the image: settings of the user, shared or not, cannot be touched. The
 * programs and the names they report are of one build, which is why the image does not hold this. The hook is done at once;
 * the time limit is for a machine that is busy beyond measure, where claude says on its stderr that it cut the hook short. */
int agent_write_hooks(struct boot *b, struct err *e)
{
	static const struct {
		const char *claude, *name;
	} hooks[] = {{"SessionStart", "start"}, {"UserPromptSubmit", "prompt"}, {"PermissionRequest", "permission"},
		     {"Stop", "stop"},		{"StopFailure", "failure"},	{"SessionEnd", "end"}};
	static const char directory[] = "/etc/claude-code/managed-settings.d";
	AUTO_BUF struct buf text = {0};

	(void)b;
	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir %s", directory);
	buf_addf(&text, "{\"hooks\":{");
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
		buf_addf(&text, "%s\"%s\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"" NAME_HOOK " %s\",\"timeout\":60}]}]",
			 i ? "," : "", hooks[i].claude, hooks[i].name);
	buf_addf(&text, "}}\n");
	return file_create(AT_FDCWD, "/etc/claude-code/managed-settings.d/50-ccvm.json", buf_data(&text), buf_len(&text), 0644, e);
}

static const char agent_sshd_config[] =
	"HostKey " NAME_GUEST_DIR "/" NAME_SEED_HOST_KEY "\n"
	"AuthorizedKeysFile " NAME_GUEST_DIR "/" NAME_SEED_AUTHORIZED_KEYS "\n"
	"AuthenticationMethods publickey\n"
	"PubkeyAuthentication yes\n"
	"PasswordAuthentication no\n"
	"KbdInteractiveAuthentication no\n"
	"PermitRootLogin no\n"
	"AllowUsers " NAME_AGENT_USER "\n"
	"UsePAM no\n"
	"UseDNS no\n"
	"PermitTTY yes\n"
	"PermitUserRC no\n"
	"PermitUserEnvironment no\n"
	"X11Forwarding no\n"
	"AllowAgentForwarding no\n"
	"AllowStreamLocalForwarding no\n"
	"PermitTunnel no\n"
	"PermitOpen none\n"
	"GatewayPorts no\n"
	"PrintMotd no\n"
	"PrintLastLog no\n"
	"Compression no\n"
	/* Both ends are this machine: post-quantum exchange would cost a second of emulated CPU and buy
	 * nothing. RekeyLimit keeps a long session from pausing for a new exchange. */
	"KexAlgorithms curve25519-sha256\n"
	"HostKeyAlgorithms ssh-ed25519\n"
	"Ciphers chacha20-poly1305@openssh.com\n"
	"RekeyLimit 64G none\n"
	"LoginGraceTime 120\n"
	"MaxAuthTries 2\n"
	"MaxSessions 16\n"
	"LogLevel ERROR\n";

static int agent_write_sshd_config(struct err *e)
{
	AUTO_BUF struct buf names = {0}, config = {0};
	int64_t port;

	if (seedread_names_file(BOOT_SEED_FILE(NAME_SEED_ACCEPT_ENV), &names, e) < 0 || agent_clip_port(&port, e) < 0)
		return -1;
	buf_add(&config, agent_sshd_config, sizeof(agent_sshd_config) - 1);
	buf_addf(&config, "AllowTcpForwarding %s\n", port ? "remote" : "no");
	if (port)
		buf_addf(&config, "PermitListen " CLIP_ADDRESS ":%d\n", (int)port);
	/* One name a line, checked by the reader: a name with a space or newline would be a directive. */
	for (const char *p = buf_text(&names); *p;) {
		size_t n = strcspn(p, "\n");

		buf_addf(&config, "AcceptEnv %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	return file_create(AT_FDCWD, NAME_GUEST_DIR "/sshd_config", buf_data(&config), buf_len(&config), 0600, e);
}

static char *const agent_root_env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};

static _Noreturn void agent_relay(int port, int socket)
{
	/* Nothing else of ccvm-init's stays open here. */
	if (dup2(port, 0) == 0 && dup2(socket, 1) == 1 && close_range(2, ~0U, 0) == 0)
		relay_run(0, 1);
	_exit(0);
}

/* *socket: sshd's end of its connection with the host. The relay ends with either of its ends. */
static int agent_connect(int *socket, struct err *e)
{
	AUTO_CLOSE int port = port_open(NAME_PORT_SSH, O_RDWR | O_NONBLOCK, e), ours = -1, theirs = -1;
	int pair[2];
	pid_t pid;

	if (port < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket");
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "set up a socket");
	pid = fork();
	if (pid == 0)
		agent_relay(port, ours);
	if (pid < 0)
		return err_sys(e, "start the relay of the connection");
	*socket = mem_steal_fd(&theirs);
	return 0;
}

int agent_start_sshd(struct boot *b, struct err *e)
{
	char *const argv[] = {"/usr/sbin/sshd", "-i", "-e", "-f", NAME_GUEST_DIR "/sshd_config", NULL};
	AUTO_CLOSE int connection = -1, console = -1;
	struct spawn_fd fds[3];
	struct spawn s = {.path = argv[0], .argv = argv, .envp = agent_root_env, .fds = fds, .nfds = 3, .new_session = true};

	if (agent_copy(BOOT_SEED_FILE(NAME_SEED_HOST_KEY), NAME_GUEST_DIR "/" NAME_SEED_HOST_KEY, 0600, e) < 0 ||
	    agent_copy(BOOT_SEED_FILE(NAME_SEED_AUTHORIZED_KEYS), NAME_GUEST_DIR "/" NAME_SEED_AUTHORIZED_KEYS, 0644, e) < 0 ||
	    agent_write_sshd_config(e) < 0 || agent_connect(&connection, e) < 0)
		return -1;
	console = open("/dev/console", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (console < 0)
		return err_sys(e, "open /dev/console");
	fds[0] = (struct spawn_fd){connection, 0};
	fds[1] = (struct spawn_fd){connection, 1};
	fds[2] = (struct spawn_fd){console, 2};
	b->sshd = spawn_start(&s, NULL, e);
	return b->sshd < 0 ? -1 : 0;
}

int agent_start_report(struct boot *b, struct err *e)
{
	char *const argv[] = {NAME_GUEST_DIR "/bin/ccvm-report", NULL};
	struct spawn_fd fds[] = {{b->ctl_fd, 1}};
	struct spawn s = {.path = argv[0], .argv = argv, .envp = agent_root_env, .fds = fds, .nfds = 1, .new_session = true};

	b->report = spawn_start(&s, NULL, e);
	return b->report < 0 ? -1 : 0;
}

static int agent_become(const void *ctx)
{
	const struct boot *b = ctx;

	return setgroups(0, NULL) < 0 || setgid(b->gid) < 0 || setuid(b->uid) < 0 ? -1 : 0;
}

void agent_fetch_paste(const struct boot *b, const char *token, const char *suffix)
{
	char *const argv[] = {(char *)(uintptr_t)CLIP_PASTE_NAME, (char *)(uintptr_t)token, (char *)(uintptr_t)suffix, NULL};
	char *const env[] = {NULL};
	struct spawn s = {.path = NAME_CLIP, .argv = argv, .envp = env, .new_session = true, .confine = agent_become, .confine_ctx = b};
	struct err ignored;

	(void)spawn_start(&s, NULL, &ignored); /* reaped as any other orphan; the host has a deadline */
}

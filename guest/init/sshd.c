/* Theory of operation. Runs as root in the guest.
 *
 * 1. sshd serves exactly one connection, which a child of ccvm-init carries to the virtio port the
 *    host holds (relay.c says why it does not get the port itself); there is no listening socket.
 * 2. Who may log in: the agent's user, with this run's key. The user's login shell is ccvm-launch,
 *    so nothing but the agent (or the shell of --shell) can be started over the connection.
 * 3. Forwarding of every kind is off, but for one port where images of the host's clipboard may be
 *    pasted: the host may listen there, on loopback, and nowhere else. Environment variables are
 *    accepted by name only.
 * 4. Linking and starting sshd takes an emulated guest a sixth of the time until login. So it is
 *    started before the park point, with an empty configuration that it cannot open yet:
 *    fanotify(7) blocks it there. After `go` the configuration and the keys are written, and it
 *    continues. Not before the agent's user is known: its programs look for their own users in the
 *    tables that the stage `identity` replaces.
 * 5. What it has in memory at that point is in every clone, random numbers that it drew too. From
 *    OpenSSH 9.8 on that is harmless: another program (sshd-session) talks to the client and makes
 *    keys, which starts after `go`. An older sshd is not started before.
 * 6. They all load libc and libcrypto first, in that order. Both then lie at the same address in
 *    each of them (an emulated guest's layout is not random), and what is translated for one is
 *    there for the next. They read no settings of OpenSSL, which are about TLS. No environment of
 *    theirs reaches the agent. */
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
#include <poll.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSHD_CONFIG  NAME_GUEST_DIR "/sshd_config"
#define SSHD_SESSION "/usr/lib/openssh/sshd-session"
/* Of patience, where a template is to be saved: without it sshd is only further back. */
#define SSHD_STARTS_S 20

static const char sshd_settings[] =
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
	/* Nothing listens there. Without it each of sshd's programs looks up all of the machine's
	 * addresses and sorts them. */
	"AddressFamily inet\n"
	"ListenAddress 127.0.0.1\n"
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
	/* Both ends are this machine: post-quantum exchange would cost a second of emulated CPU and
	 * buy nothing. RekeyLimit keeps a long session from pausing for a new exchange. */
	"KexAlgorithms " NAME_SSH_KEX "\n"
	"HostKeyAlgorithms " NAME_SSH_KEY_ALGORITHM "\n"
	"Ciphers chacha20-poly1305@openssh.com\n"
	"RekeyLimit 64G none\n"
	"LoginGraceTime 120\n"
	"MaxAuthTries 2\n"
	"MaxSessions 16\n"
	"LogLevel ERROR\n";

static int sshd_write_config(int fd, struct err *e)
{
	AUTO_BUF struct buf names = {0}, config = {0};
	int64_t port;

	if (seedread_names_file(BOOT_SEED_FILE(NAME_SEED_ACCEPT_ENV), &names, e) < 0 ||
	    agent_clip_port(&port, e) < 0)
		return -1;
	buf_add(&config, sshd_settings, sizeof(sshd_settings) - 1);
	buf_addf(&config, "AllowTcpForwarding %s\n", port ? "remote" : "no");
	if (port)
		buf_addf(&config, "PermitListen " CLIP_ADDRESS ":%d\n", (int)port);
	/* One name a line, checked by the reader: a name with a space or newline would be a
	 * directive. */
	for (const char *p = buf_text(&names); *p;) {
		size_t n = strcspn(p, "\n");

		buf_addf(&config, "AcceptEnv %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	return file_write_all(fd, buf_data(&config), buf_len(&config), e);
}

/* Starts it with one end of a socket pair; the other is b's. */
static int sshd_spawn(struct boot *b, struct err *e)
{
	static char *const argv[] = {"/usr/sbin/sshd", "-i", "-e", "-f", SSHD_CONFIG, NULL};
	/* clang-format off */
	static char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LD_PRELOAD=libc.so.6 libcrypto.so.3",
		"OPENSSL_CONF=" NAME_GUEST_DIR "/no-openssl.cnf", NULL,
	};
	/* clang-format on */
	AUTO_CLOSE int ours = -1, theirs = -1,
		       console = open("/dev/console", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int pair[2];

	if (console < 0)
		return err_sys(e, "open /dev/console");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket");
	ours = pair[0];
	theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "set up a socket");
	const struct spawn_fd fds[] = {{theirs, 0}, {theirs, 1}, {console, 2}};
	const struct spawn s = {.path = argv[0],
				.argv = argv,
				.envp = env,
				.fds = fds,
				.nfds = ARRAY_LEN(fds),
				.new_session = true};
	b->sshd = spawn_start(&s, NULL, e);
	if (b->sshd < 0)
		return -1;
	b->sshd_socket = mem_steal_fd(&ours);
	return 0;
}

/* A process that opens the configuration waits until the returned fd is closed (fanotify_init(2):
 * that answers what was asked). -1: errno. */
static int sshd_hold(void)
{
	AUTO_CLOSE int gate = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);

	if (gate < 0 || fanotify_mark(gate, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, SSHD_CONFIG) < 0)
		return -1;
	return mem_steal_fd(&gate);
}

int sshd_start_early(struct boot *b, struct err *e)
{
	struct pollfd gate = {.events = POLLIN};

	/* Opened before the mark blocks any process, this one included. */
	b->sshd_config = open(SSHD_CONFIG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (b->sshd_config < 0)
		return err_sys(e, "make " SSHD_CONFIG);
	if (access(SSHD_SESSION, X_OK) < 0)
		return 0;
	b->sshd_gate = gate.fd = sshd_hold();
	if (gate.fd <
	    0) /* a kernel without CONFIG_FANOTIFY_ACCESS_PERMISSIONS: it is started later */
		return 0;
	if (sshd_spawn(b, e) < 0)
		return -1;
	if (warmup_is_wanted())
		poll(&gate, 1, SSHD_STARTS_S * 1000);
	return 0;
}

static bool sshd_is_alive(struct boot *b)
{
	if (b->sshd > 0 && waitpid(b->sshd, NULL, WNOHANG) == 0)
		return true;
	if (b->sshd > 0)
		close(mem_steal_fd(&b->sshd_socket));
	b->sshd = 0;
	return false;
}

int sshd_go_on(struct boot *b, struct err *e)
{
	AUTO_CLOSE int config = mem_steal_fd(&b->sshd_config);
	AUTO_CLOSE int gate = mem_steal_fd(&b->sshd_gate);

	if (config < 0)
		return err_set(e, SSHD_CONFIG " could not be made");
	if (seed_copy(BOOT_SEED_FILE(NAME_SEED_HOST_KEY), NAME_GUEST_DIR "/" NAME_SEED_HOST_KEY,
		      0600, e) < 0 ||
	    seed_copy(BOOT_SEED_FILE(NAME_SEED_AUTHORIZED_KEYS),
		      NAME_GUEST_DIR "/" NAME_SEED_AUTHORIZED_KEYS, 0644, e) < 0 ||
	    sshd_write_config(config, e) < 0)
		return -1;
	if (gate >= 0)
		close(mem_steal_fd(&gate));
	return sshd_is_alive(b) ? 0 : sshd_spawn(b, e);
}

static _Noreturn void sshd_relay(int port, int socket)
{
	/* Nothing else of ccvm-init's stays open here. */
	if (dup2(port, 0) == 0 && dup2(socket, 1) == 1 && close_range(2, ~0U, 0) == 0)
		relay_run(0, 1);
	_exit(0);
}

int sshd_connect(struct boot *b, struct err *e)
{
	AUTO_CLOSE int port = port_open(NAME_PORT_SSH, O_RDWR | O_NONBLOCK, e),
		       ours = mem_steal_fd(&b->sshd_socket);
	pid_t pid;

	if (port < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		sshd_relay(port, ours);
	return pid < 0 ? err_sys(e, "start the relay of the connection") : 0;
}

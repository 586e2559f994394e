/* What the agent's start needs beside sshd (init/sshd.c): files for ccvm-launch, hooks, the report,
 * pasted images. Runs as root in the guest. */
#include "init/boot.h"
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
#include <sys/stat.h>
#include <unistd.h>

int agent_clip_port(int64_t *port, struct err *e)
{
	*port = 0;
	if (seedread_int_file(BOOT_SEED_FILE(NAME_SEED_CLIPBOARD), 1, 65535, port, e) == 0 ||
	    e->sys == ENOENT)
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
	return file_createf(AT_FDCWD, NAME_LAUNCH_DIR "/" NAME_SEED_CLIPBOARD, 0444, e, "%d\n",
			    (int)port);
}

int agent_prepare_launch(struct boot *b, struct err *e)
{
	static const char *const names[] = {NAME_SEED_WORKDIR, NAME_SEED_SHELL,
					    NAME_SEED_CLAUDE_ARGS};

	(void)b;
	mkdir(NAME_LAUNCH_DIR, 0755);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *from = mem_format(BOOT_SEED_FILE("%s"), names[i]);
		AUTO_FREE char *to = mem_format(NAME_LAUNCH_DIR "/%s", names[i]);

		if (seed_copy(from, to, 0444, e) < 0)
			return -1;
	}
	return agent_prepare_clip(e);
}

/* Into claude's managed settings, beside those of the image: settings of the user, shared or not,
 * stay untouched. The programs and the names they report are of one build, which is why the image
 * does not hold this. The hook is done at once; the time limit is for an extremely busy machine,
 * where claude reports on stderr that it ended the hook. */
int agent_write_hooks(struct boot *b, struct err *e)
{
	static const struct {
		const char *claude, *name;
	} hooks[] = {{"SessionStart", "start"},		  {"UserPromptSubmit", "prompt"},
		     {"PermissionRequest", "permission"}, {"Stop", "stop"},
		     {"StopFailure", "failure"},	  {"SessionEnd", "end"}};
	static const char directory[] = "/etc/claude-code/managed-settings.d";
	AUTO_BUF struct buf text = {0};

	(void)b;
	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir %s", directory);
	buf_addf(&text, "{\"hooks\":{");
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
		buf_addf(&text,
			 "%s\"%s\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"" NAME_HOOK
			 " %s\",\"timeout\":60}]}]",
			 i ? "," : "", hooks[i].claude, hooks[i].name);
	buf_addf(&text, "}}\n");
	return file_create(AT_FDCWD, "/etc/claude-code/managed-settings.d/50-ccvm.json",
			   buf_data(&text), buf_len(&text), 0644, e);
}

static char *const agent_root_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};

/* Starting it takes an emulated guest 20 ms, so a template has it; the end of its standard input
 * tells it when to look at the guest. */
int agent_start_report(struct boot *b, struct err *e)
{
	char *const argv[] = {NAME_GUEST_DIR "/bin/ccvm-report", NULL};
	AUTO_CLOSE int begin = -1, theirs = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	theirs = ends[0];
	begin = ends[1];
	const struct spawn_fd fds[] = {{theirs, 0}, {b->ctl_fd, 1}};
	const struct spawn s = {.path = argv[0],
				.argv = argv,
				.envp = agent_root_env,
				.fds = fds,
				.nfds = ARRAY_LEN(fds),
				.new_session = true};

	if (spawn_start(&s, NULL, e) < 0)
		return -1;
	b->report_begin = mem_steal_fd(&begin);
	return 0;
}

int agent_begin_report(struct boot *b, struct err *e)
{
	if (b->report_begin < 0)
		return err_set(e, "ccvm-report was not started");
	close(mem_steal_fd(&b->report_begin));
	return 0;
}

static int agent_become(const void *ctx)
{
	const struct boot *b = ctx;

	return setgroups(0, NULL) < 0 || setgid(b->gid) < 0 || setuid(b->uid) < 0 ? -1 : 0;
}

void agent_fetch_paste(const struct boot *b, const char *token, const char *suffix)
{
	char *const argv[] = {(char *)(uintptr_t)CLIP_PASTE_NAME, (char *)(uintptr_t)token,
			      (char *)(uintptr_t)suffix, NULL};
	char *const env[] = {NULL};
	struct spawn s = {.path = NAME_CLIP,
			  .argv = argv,
			  .envp = env,
			  .new_session = true,
			  .confine = agent_become,
			  .confine_ctx = b};
	struct err ignored;

	/* reaped as any other orphan; the host has a deadline */
	(void)spawn_start(&s, NULL, &ignored);
}

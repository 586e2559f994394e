/* Theory of operation.
 *
 * kill(2) with -1 would end those that carry the files to the host, before what the agent wrote is there. So
 * /proc is read, again until a look finds nobody: what forks meanwhile is found by the next one. */
#include "init/endall.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define ENDALL_KERNEL_THREAD 0x00200000u /* PF_KTHREAD of the kernel's sched.h */
#define ENDALL_LOOKS	     5000	 /* 2 ms apart: what cannot be killed is left */

/* A program, neither the kernel's nor dead already; proc_pid_stat(5). */
static bool endall_is_alive(const char *pid)
{
	AUTO_FREE char *path = mem_format("/proc/%s/stat", pid);
	AUTO_BUF struct buf text = {0};
	struct err ignored;
	const char *at;
	unsigned flags;
	char state;

	if (file_read(AT_FDCWD, path, 4096, &text, &ignored) < 0)
		return false;
	at = strrchr(buf_text(&text), ')');
	return at && sscanf(at, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) == 2 &&
	       state != 'Z' && state != 'X' && !(flags & ENDALL_KERNEL_THREAD);
}

static bool endall_is_kept(pid_t pid, const pid_t *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == pid)
			return true;
	return pid == getpid();
}

/* True: somebody is left. */
static bool endall_look(const pid_t *keep, size_t n)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	bool any = false;
	int64_t pid;

	while (dir && (entry = readdir(dir)))
		if (number_parse(entry->d_name, 1, INT32_MAX, &pid) &&
		    !endall_is_kept((pid_t)pid, keep, n) && endall_is_alive(entry->d_name)) {
			kill((pid_t)pid, SIGKILL);
			any = true;
		}
	if (dir)
		closedir(dir);
	return any;
}

void endall_but(const pid_t *keep, size_t n)
{
	for (int i = 0; i < ENDALL_LOOKS && endall_look(keep, n); i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		poll(NULL, 0, 2);
	}
}

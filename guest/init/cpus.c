/* cpus: starts the processors that an emulated guest's kernel did not start.
 *
 * The kernel changes its own code as it boots and as modules come in: it puts a breakpoint over an
 * instruction, writes the new one, and relies on a notified processor not to meet the breakpoint
 * any more. QEMU's emulator does not keep that promise: it throws away its translation of the old
 * bytes before it writes the new ones, and another processor that translates them in between goes
 * on with the old ones for good. Where the computer is busy the gap is wide, and some of a hundred
 * boots ended in "int3: 0000". One processor has no such gap, and past this point there is nothing
 * left to change in code that runs (firstuse.c sees to it that what changes with its first use has
 * been used). */
#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"

#include <fcntl.h>
#include <unistd.h>

#define CPUS_ONLINE "/sys/devices/system/cpu/cpu%d/online"

static bool cpus_wait(void)
{
	AUTO_FREE char *path = mem_format(CPUS_ONLINE, 1);
	AUTO_BUF struct buf text = {0};
	struct err ignored;

	return file_read(AT_FDCWD, path, 16, &text, &ignored) == 0 && buf_text(&text)[0] == '0';
}

static int cpus_start_all(struct err *e)
{
	for (int n = 1;; n++) {
		AUTO_FREE char *path = mem_format(CPUS_ONLINE, n);

		if (access(path, F_OK) < 0)
			return 0;
		if (file_set(path, "1", e) < 0)
			return -1;
	}
}

int cpus_start_early(struct boot *b, struct err *e)
{
	(void)b;
	if (!warmup_is_wanted() || !cpus_wait())
		return 0;
	return firstuse_rehearse(e) < 0 || cpus_start_all(e) < 0 ? -1 : 0;
}

int cpus_start(struct boot *b, struct err *e)
{
	(void)b;
	if (!cpus_wait())
		return 0;
	firstuse_connect();
	return cpus_start_all(e);
}

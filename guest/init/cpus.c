/* cpus: starts the processors that an emulated guest's kernel left alone.
 *
 * The kernel changes its own code as it boots and as modules come in: it puts a breakpoint over an instruction, writes the new one,
 * and counts on a processor that is told so not to meet the breakpoint any more. QEMU's emulator does not keep that promise: it throws
 * away its translation of the old bytes before it writes the new ones, and another processor that translates them in between goes on
 * with the old ones for good. Where the computer is busy the gap is wide, and some of a hundred boots ended in "int3: 0000".
 * One processor has no such gap, and past this point the kernel's own code has nothing left to change. */
#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"

#include <unistd.h>

int cpus_start(struct boot *b, struct err *e)
{
	(void)b;
	for (int n = 1;; n++) {
		AUTO_FREE char *path = mem_format("/sys/devices/system/cpu/cpu%d/online", n);

		if (access(path, F_OK) < 0)
			return 0;
		if (file_set(path, "1", e) < 0)
			return -1;
	}
}

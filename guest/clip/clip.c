/* ccvm-clip in the guest: stands in for xclip, xsel, wl-paste and wl-copy, by the name it is called
 * with.
 *
 * Theory of operation. Unprivileged, and in the agent's hands: nothing here protects anything. It
 * asks the host over the one port that sshd forwards there, and answers in the words and exit codes
 * of the real tools, with a line of its own on stderr that says why nothing came. What may cross is
 * decided on the host. */
#include "clip/fetch.h"
#include "clip/wlpaste.h"
#include "clip/xclip.h"
#include "base/mem.h"
#include "proto/clip.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} tools[] = {{"xclip", xclip_main},
		     {"wl-paste", wlpaste_main},
		     {"wl-copy", wlcopy_main},
		     {"xsel", xsel_main},
		     {CLIP_PASTE_NAME, fetch_main}};
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];

	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		if (strcmp(tools[i].name, name) == 0)
			return tools[i].run(argc, argv);
	fprintf(stderr, "ccvm-clip: call it as xclip, wl-paste, wl-copy or xsel\n");
	return 2;
}

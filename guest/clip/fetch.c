/* Theory of operation. Started by ccvm-init as the agent, when the host says that an image is there
 * to be fetched. The file must be new: the agent can prepare /tmp, and its links must not be
 * followed. The agent learns the path only after "STORED", so it never sees half an image. */
#include "clip/fetch.h"
#include "clip/ask.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool fetch_store(const char *path, const char *token)
{
	AUTO_FREE char *question = mem_format(CLIP_FETCH "%s", token);
	AUTO_BUF struct buf image = {0};
	char reason[CLIP_REASON_MAX];
	struct err e;

	if (!ask_host(question, &image, reason))
		return false;
	if (file_create(AT_FDCWD, path, buf_data(&image), buf_len(&image), 0600, &e) == 0)
		return true;
	if (e.sys != EEXIST)
		unlink(path);
	return false;
}

int fetch_main(int argc, char **argv)
{
	AUTO_FREE char *path = NULL, *answer = NULL;
	AUTO_BUF struct buf nothing = {0};
	char reason[CLIP_REASON_MAX];
	bool stored;

	if (argc != 3)
		return 2;
	path = mem_format(CLIP_PASTE_PATH, argv[1], argv[2]);
	stored = fetch_store(path, argv[1]);
	answer = mem_format("%s%s", stored ? CLIP_STORED : CLIP_FAILED, argv[1]);
	return ask_host(answer, &nothing, reason) && stored ? 0 : 1;
}

/* clip_host: the images in the clipboard of the host's display, through wl-paste or xclip. */
#ifndef CCVM_CLIP_HOST_H
#define CCVM_CLIP_HOST_H

#include <stdbool.h>

#include "base/buf.h"
#include "clip/clip_request.h"
#include "proto/clip.h"

struct clip_answer {
	bool ok;
	bool no_display; /* not ok, and this is why */
	/* of a list: image types claude can take, one a line; of an image: its bytes, checked */
	struct buf bytes;
	enum clip_type from; /* of an image: what it was in the clipboard */
	/* when not ok, and for a list that is empty; ours, never of the clipboard */
	char reason[CLIP_REASON_MAX];
};

/* envp: names the display, and what the tools are started with. Both block, within the tools'
 * deadlines. Free with buf_fini(&a->bytes). */
void clip_host_list(char *const *envp, struct clip_answer *a);
void clip_host_image(char *const *envp, enum clip_type type, struct clip_answer *a);

#endif

/* clip_typed: finds the key that asks claude to paste an image (Ctrl+V) in what a user's
 * terminal sends.
 *
 * A guest can make a terminal answer it, and paste buffers hold what somebody else wrote;
 * neither may look like a key. So the stream is followed through its control sequences (ECMA-48
 * section 5.4), and what stands inside of a string or of a bracketed paste is no key. Pure. */
#ifndef CCVM_CLIP_TYPED_H
#define CCVM_CLIP_TYPED_H

#include <stdbool.h>
#include <stddef.h>

#define CLIP_TYPED_CSI_MAX 40

struct clip_typed { /* all zero: at the beginning */
	int state;
	bool pasting;
	size_t n;
	char csi[CLIP_TYPED_CSI_MAX]; /* parameters of the sequence so far */
};

/* True when a press of Ctrl+V was completed by these bytes. */
bool clip_typed_feed(struct clip_typed *t, const void *bytes, size_t n);

#endif

/* clip_image: whether bytes are the image they are said to be. Looks at signatures and ends
 * only; decodes nothing. Pure. */
#ifndef CCVM_CLIP_IMAGE_H
#define CCVM_CLIP_IMAGE_H

#include "clip/clip_request.h"

/* By the first bytes; CLIP_NO_TYPE for anything else, text above all. */
enum clip_type clip_image_type(const void *bytes, size_t n);
/* Whether an image of that type also ends as one: a tool that died half-way leaves one that does
 * not. */
bool clip_image_is_whole(enum clip_type type, const void *bytes, size_t n);

#endif

/* clip_request: the one line a guest may send about the clipboard (proto/clip.h). */
#ifndef CCVM_CLIP_REQUEST_H
#define CCVM_CLIP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/clip.h"

enum clip_type { CLIP_PNG, CLIP_JPEG, CLIP_WEBP, CLIP_GIF, CLIP_BMP, CLIP_TIFF, CLIP_NO_TYPE };

/* About an image whose path was pasted. */
enum clip_file { CLIP_FILE_NONE, CLIP_FILE_FETCH, CLIP_FILE_STORED, CLIP_FILE_FAILED };

struct clip_request {
	bool list;	     /* else an image */
	enum clip_type type; /* of the image; one of CLIP_TYPES */
	enum clip_file file; /* neither of them, when it is one */
	char token[CLIP_TOKEN + 1];
};

/* 1: a request, 0: more bytes are needed, -1: not one of the closed list. What stands behind the
 * newline makes it none: there is one question a connection. Pure. */
int clip_request_parse(const void *bytes, size_t n, struct clip_request *out);

/* "image/png" → CLIP_PNG, also for the names other programs give BMP and TIFF; CLIP_NO_TYPE. */
enum clip_type clip_type_of(const char *mime, size_t n);
const char *clip_type_mime(enum clip_type type);   /* "image/png" */
const char *clip_type_name(enum clip_type type);   /* "PNG" */
const char *clip_type_suffix(enum clip_type type); /* "png" */

#endif

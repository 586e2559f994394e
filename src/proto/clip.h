/* clip: the image protocol between the guest's stand-in for xclip and wl-paste and the host.
 *
 * One connection, one question: a line, "TARGETS" for the list or the MIME type of an image. The
 * answer is a line and what it announces: "ok N\n" and N bytes (the list: one type a line), or "no
 * REASON\n". Both ends are ours, but an agent controls the guest's: the host accepts only a line
 * from the closed list (clip/clip_request.h). */
#ifndef CCVM_PROTO_CLIP_H
#define CCVM_PROTO_CLIP_H

#define CLIP_ADDRESS	"127.0.0.1" /* of the guest; its end of the pinned SSH forward */
#define CLIP_PORT	9180
#define CLIP_LIST	"TARGETS"
#define CLIP_LINE_MAX	64 /* of a question, without its newline */
#define CLIP_REASON_MAX 256
#define CLIP_IMAGE_MAX	(20u << 20)
#define CLIP_LIST_MAX	4096

/* What claude can take, in its order of preference. */
#define CLIP_TYPES                                                                                 \
	{                                                                                          \
		"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"                  \
	}

/* An image whose path was pasted. The host tells the guest a token (16 hexadecimal digits) and a
 * suffix; a program of ours, run as the agent, fetches it in the same way as above and reports
 * the result:
 *   "FETCH TOKEN"                    ok, and the image; once
 *   "STORED TOKEN", "FAILED TOKEN"   ok, and nothing
 * The file's name is made of these alone. */
#define CLIP_FETCH	"FETCH "
#define CLIP_STORED	"STORED "
#define CLIP_FAILED	"FAILED "
#define CLIP_TOKEN	16
#define CLIP_PASTE_PATH "/tmp/ccvm-paste-%s.%s" /* token, suffix */
#define CLIP_PASTE_NAME "ccvm-paste"		/* what the guest's ccvm-clip is called for it */

#endif

/* Theory of operation. A path in a paste was written by whoever filled the clipboard.
 *
 * 1. Nothing is opened for reading that is no regular file: not a pipe that would wait, not a
 *    device that would act.
 * 2. What begins as an image that claude takes is sent, and nothing else is. A paste that names
 *    a key or a document stays a text, and no byte of the file leaves this process.
 * 3. Blocking reads are of regular files only, 20 MiB at most. */
#include "client/picture.h"
#include "base/mem.h"
#include "clip/clip_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PICTURE_SIGNATURE 64

/* -1: no regular file, or not to be read. */
static int picture_open(const char *path)
{
	AUTO_CLOSE int place = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	char again[64];

	if (place < 0 || fstat(place, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	/* The very file that was looked at, whatever the path leads to by now. */
	snprintf(again, sizeof(again), "/proc/self/fd/%d", place);
	return open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Appends at most max bytes. */
static void picture_read_some(int fd, size_t max, struct buf *out)
{
	ssize_t n = 1;

	while (n > 0 && buf_len(out) < max) {
		const size_t want = max - buf_len(out) < 65536 ? max - buf_len(out) : 65536;

		n = read(fd, buf_room(out, want), want);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			buf_grew(out, (size_t)n);
	}
}

/* One byte more than may cross of one that is too large: the session says so. */
static bool picture_read(const char *path, struct buf *out)
{
	AUTO_CLOSE int fd = picture_open(path);

	if (fd < 0)
		return false;
	picture_read_some(fd, PICTURE_SIGNATURE, out);
	if (clip_image_type(buf_data(out), buf_len(out)) >=
	    CLIP_BMP) /* claude takes no such file */
		return false;
	picture_read_some(fd, CLIP_IMAGE_MAX + 1, out);
	return true;
}

static bool picture_send(struct picture *p)
{
	AUTO_BUF struct buf image = {0};

	if (!picture_read(p->word.path, &image))
		return false;
	for (size_t at = 0; at < buf_len(&image); at += WIRE_CHUNK) {
		const size_t left = buf_len(&image) - at;

		p->cb.send(p->cb.ctx, WIRE_IMAGE_BYTES, buf_data(&image) + at,
			   left < WIRE_CHUNK ? left : WIRE_CHUNK);
	}
	p->waiting = true;
	p->cb.send(p->cb.ctx, WIRE_IMAGE, p->word.path, strlen(p->word.path));
	return true;
}

static void picture_done(struct picture *p)
{
	AUTO_BUF struct buf text = p->text;

	p->text = (struct buf){0};
	p->cb.on_done(p->cb.ctx, buf_data(&text), buf_len(&text));
}

/* From the word behind `at` on, until one is an image. */
static void picture_next(struct picture *p, size_t at)
{
	while (clip_path_next(buf_text(&p->text), buf_len(&p->text), at, &p->word)) {
		if (picture_send(p))
			return;
		at = p->word.from + p->word.n;
	}
	picture_done(p);
}

void picture_begin(struct picture *p, const struct picture_callbacks *cb, const void *text,
		   size_t n)
{
	p->cb = *cb;
	buf_add(&p->text, text, n);
	/* A path with blanks that nobody quoted is one word to who pasted it. */
	if (n <= CLIP_PASTE_MAX && clip_path_plain(text, n, &p->word) && picture_send(p))
		return;
	if (clip_path_count(text, n))
		picture_next(p, 0);
	else
		picture_done(p);
}

static void picture_replace(struct picture *p, const void *path, size_t n)
{
	AUTO_BUF struct buf old = p->text;
	const size_t behind = p->word.from + p->word.n;

	p->text = (struct buf){0};
	buf_add(&p->text, buf_data(&old), p->word.from);
	buf_add(&p->text, path, n);
	buf_add(&p->text, buf_data(&old) + behind, buf_len(&old) - behind);
	p->word.n = n;
}

void picture_on_placed(struct picture *p, const void *path, size_t n)
{
	if (!p->waiting)
		return;
	p->waiting = false;
	if (n)
		picture_replace(p, path, n);
	picture_next(p, p->word.from + p->word.n);
}

void picture_fini(struct picture *p)
{
	buf_fini(&p->text);
	*p = (struct picture){0};
}

/* Sources: PNG (W3C, 2003) sections 5.2 and 5.3, JFIF (ITU-T T.871), GIF89a, RIFF container of
 * WebP (RFC 9649 section 2), BITMAPFILEHEADER, TIFF 6.0 section 2. */
#include "clip/clip_image.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

/* Programs put a few bytes behind the end of a JPEG or GIF. */
#define IMAGE_TAIL 512

static const struct {
	enum clip_type type;
	size_t at, n;
	const char *bytes;
} image_signatures[] = {
	{CLIP_PNG, 0, 8, "\x89PNG\r\n\x1a\n"},
	{CLIP_JPEG, 0, 3, "\xff\xd8\xff"},
	{CLIP_GIF, 0, 6, "GIF87a"},
	{CLIP_GIF, 0, 6, "GIF89a"},
	{CLIP_WEBP, 8, 4, "WEBP"},
	{CLIP_BMP, 0, 2, "BM"},
	{CLIP_TIFF, 0, 4, "II*\0"},
	{CLIP_TIFF, 0, 4, "MM\0*"},
};

static uint32_t image_le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t image_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* "BM" and "RIFF" may begin a text too: the header behind them must make sense. */
static bool image_header_fits(enum clip_type type, const unsigned char *p, size_t n)
{
	if (type == CLIP_WEBP)
		return n >= 16 && memcmp(p, "RIFF", 4) == 0;
	if (type == CLIP_PNG)
		return n >= 24 && memcmp(p + 8, "\0\0\0\rIHDR", 8) == 0;
	if (type ==
	    CLIP_BMP) { /* two reserved fields of zero, and the size of a header that exists */
		const uint32_t header = n >= 26 ? image_le32(p + 14) : 0;

		return n >= 26 && image_le32(p + 6) == 0 &&
		       (header == 12 || (header >= 40 && header <= 124));
	}
	return true;
}

enum clip_type clip_image_type(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < ARRAY_LEN(image_signatures); i++)
		if (n >= image_signatures[i].at + image_signatures[i].n &&
		    memcmp(p + image_signatures[i].at, image_signatures[i].bytes,
			   image_signatures[i].n) == 0 &&
		    image_header_fits(image_signatures[i].type, p, n))
			return image_signatures[i].type;
	return CLIP_NO_TYPE;
}

/* Chunk after chunk, until IEND. */
static bool image_png_ends(const unsigned char *p, size_t n)
{
	for (size_t at = 8; n - at >= 12;) {
		const uint32_t size = image_be32(p + at);

		if (size > n - at - 12)
			return false;
		if (memcmp(p + at + 4, "IEND", 4) == 0)
			return true;
		at += 12 + (size_t)size;
	}
	return false;
}

static bool image_ends_with(const unsigned char *p, size_t n, const char *mark, size_t mark_size)
{
	const size_t tail = n < IMAGE_TAIL ? n : IMAGE_TAIL;

	return memmem(p + n - tail, tail, mark, mark_size) != NULL;
}

bool clip_image_is_whole(enum clip_type type, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	if (type == CLIP_NO_TYPE || clip_image_type(bytes, n) != type)
		return false;
	if (type == CLIP_PNG)
		return image_png_ends(p, n);
	if (type == CLIP_JPEG)
		return image_ends_with(p, n, "\xff\xd9", 2);
	if (type == CLIP_GIF)
		return image_ends_with(p, n, ";", 1);
	if (type == CLIP_WEBP)
		return n >= 12 && n - 8 >= image_le32(p + 4);
	if (type == CLIP_BMP) /* some writers leave the size out */
		return n >= image_le32(p + 2) && n >= image_le32(p + 10);
	return n >= 8;
}

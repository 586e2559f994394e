#include "clip/clip_request.h"
#include "base/mem.h"
#include "proto/clip.h"

#include <string.h>

static const struct {
	const char *mime, *name, *suffix;
} clip_types[] = {
	[CLIP_PNG] = {"image/png", "PNG", "png"},     [CLIP_JPEG] = {"image/jpeg", "JPEG", "jpg"},
	[CLIP_WEBP] = {"image/webp", "WebP", "webp"}, [CLIP_GIF] = {"image/gif", "GIF", "gif"},
	[CLIP_BMP] = {"image/bmp", "BMP", "bmp"},     [CLIP_TIFF] = {"image/tiff", "TIFF", "tiff"},
};

static const struct {
	const char *mime;
	enum clip_type type;
} clip_other_names[] = {{"image/jpg", CLIP_JPEG}, {"image/x-bmp", CLIP_BMP}, {"image/x-MS-bmp", CLIP_BMP},
			{"image/x-ms-bmp", CLIP_BMP}, {"image/tif", CLIP_TIFF}, {"image/x-tiff", CLIP_TIFF}};

static bool clip_is(const char *text, const char *bytes, size_t n)
{
	return strlen(text) == n && memcmp(text, bytes, n) == 0;
}

enum clip_type clip_type_of(const char *mime, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(clip_types); i++)
		if (clip_is(clip_types[i].mime, mime, n))
			return (enum clip_type)i;
	for (size_t i = 0; i < ARRAY_LEN(clip_other_names); i++)
		if (clip_is(clip_other_names[i].mime, mime, n))
			return clip_other_names[i].type;
	return CLIP_NO_TYPE;
}

const char *clip_type_mime(enum clip_type type)
{
	return clip_types[type].mime;
}

const char *clip_type_name(enum clip_type type)
{
	return clip_types[type].name;
}

const char *clip_type_suffix(enum clip_type type)
{
	return clip_types[type].suffix;
}

int clip_request_parse(const void *bytes, size_t n, struct clip_request *out)
{
	static const char *const types[] = CLIP_TYPES;
	const char *text = bytes, *end = memchr(text, '\n', n < CLIP_LINE_MAX + 1 ? n : CLIP_LINE_MAX + 1);
	const size_t line = end ? (size_t)(end - text) : n;

	*out = (struct clip_request){.type = CLIP_NO_TYPE};
	if (!end)
		return n > CLIP_LINE_MAX ? -1 : 0;
	if (line + 1 != n)
		return -1;
	out->list = clip_is(CLIP_LIST, text, line);
	for (size_t i = 0; !out->list && i < ARRAY_LEN(types); i++)
		if (clip_is(types[i], text, line))
			out->type = clip_type_of(text, line);
	return out->list || out->type != CLIP_NO_TYPE ? 1 : -1;
}

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
} clip_other_names[] = {{"image/jpg", CLIP_JPEG},     {"image/x-bmp", CLIP_BMP},
			{"image/x-MS-bmp", CLIP_BMP}, {"image/x-ms-bmp", CLIP_BMP},
			{"image/tif", CLIP_TIFF},     {"image/x-tiff", CLIP_TIFF}};

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

static const struct {
	const char *word;
	enum clip_file file;
} clip_file_words[] = {{CLIP_FETCH, CLIP_FILE_FETCH},
		       {CLIP_STORED, CLIP_FILE_STORED},
		       {CLIP_FAILED, CLIP_FILE_FAILED}};

static enum clip_file clip_file_of(const char *text, size_t n, char token[CLIP_TOKEN + 1])
{
	for (size_t i = 0; i < ARRAY_LEN(clip_file_words); i++) {
		const size_t word = strlen(clip_file_words[i].word);

		if (n != word + CLIP_TOKEN || memcmp(text, clip_file_words[i].word, word) != 0)
			continue;
		memcpy(token, text + word, CLIP_TOKEN);
		token[CLIP_TOKEN] = '\0';
		if (strspn(token, "0123456789abcdef") == CLIP_TOKEN)
			return clip_file_words[i].file;
		token[0] = '\0';
	}
	return CLIP_FILE_NONE;
}

int clip_request_parse(const void *bytes, size_t n, struct clip_request *out)
{
	static const char *const types[] = CLIP_TYPES;
	const char *text = bytes,
		   *end = memchr(text, '\n', n < CLIP_LINE_MAX + 1 ? n : CLIP_LINE_MAX + 1);
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
	if (!out->list && out->type == CLIP_NO_TYPE)
		out->file = clip_file_of(text, line, out->token);
	return out->list || out->type != CLIP_NO_TYPE || out->file ? 1 : -1;
}

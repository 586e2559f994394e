/* areas: base
 * files: src/clip/clip_image.c src/clip/clip_request.c
 * Signatures, texts that begin like one, and images that end too early. */
#include "unit/unit.h"

#include "clip/clip_image.h"

#define PNG_HEAD "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0CRC0"
#define PNG_BODY "\0\0\0\3IDATabcCRC1"
#define PNG_TAIL "\0\0\0\0IEND\xae\x42\x60\x82"
#define BMP_HEAD "BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\1\0\1\0\1\0\x18\0"
#define IS(text) text, sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t n;
	enum clip_type type;
	bool whole;
} cases[] = {
	{IS(PNG_HEAD PNG_BODY PNG_TAIL), CLIP_PNG, true},
	{IS(PNG_HEAD PNG_BODY PNG_TAIL "rest"), CLIP_PNG, true},
	{IS(PNG_HEAD PNG_BODY), CLIP_PNG, false},
	{IS(PNG_HEAD PNG_BODY "\0\0\0\0IEN"), CLIP_PNG, false},
	{IS(PNG_HEAD "\xff\xff\xff\xffIDAT" PNG_TAIL), CLIP_PNG, false},
	{IS("\x89PNG\r\n\x1a\nhello, this is a text that has a long rest"), CLIP_NO_TYPE, false},
	{IS("\xff\xd8\xff\xe0JFIF....\xff\xd9"), CLIP_JPEG, true},
	{IS("\xff\xd8\xff\xe0JFIF...."), CLIP_JPEG, false},
	{IS("GIF89a..;"), CLIP_GIF, true},
	{IS("GIF87a.."), CLIP_GIF, false},
	{IS("RIFF\x08\0\0\0WEBPVP8 "), CLIP_WEBP, true},
	{IS("RIFF\x09\0\0\0WEBPVP8 "), CLIP_WEBP, false},
	{IS("RIFF\xff\xff\xff\xffWEBPVP8 "), CLIP_WEBP, false},
	{IS("RIFF is a word"), CLIP_NO_TYPE, false},
	{IS(BMP_HEAD "\0\0\0\0"), CLIP_BMP, true},
	{IS(BMP_HEAD), CLIP_BMP, false},
	{IS("BMW is a maker of motorcycles and cars"), CLIP_NO_TYPE, false},
	{IS("II*\0\x08\0\0\0"), CLIP_TIFF, true},
	{IS("MM\0*\0\0\0\x08"), CLIP_TIFF, true},
	{IS("<svg xmlns='http://www.w3.org/2000/svg'/>"), CLIP_NO_TYPE, false},
	{IS("password: hunter2"), CLIP_NO_TYPE, false},
	{IS("\x89"), CLIP_NO_TYPE, false},
	{IS("B"), CLIP_NO_TYPE, false},
	{IS(""), CLIP_NO_TYPE, false},
};

static void test_images(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *exact = malloc(cases[i].n ? cases[i].n : 1);
		enum clip_type type;

		memcpy(exact, cases[i].bytes, cases[i].n);
		type = clip_image_type(exact, cases[i].n);
		if (type != cases[i].type ||
		    clip_image_is_whole(type, exact, cases[i].n) != cases[i].whole)
			fail_msg("case %zu: type %d", i, (int)type);
	}
}

/* Nothing passes for what it is not. */
static void test_another_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int t = CLIP_PNG; t <= CLIP_NO_TYPE; t++)
			if (t != (int)cases[i].type &&
			    clip_image_is_whole((enum clip_type)t, cases[i].bytes, cases[i].n))
				fail_msg("case %zu passes as type %d", i, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_images),
					   cmocka_unit_test(test_another_type)};

	return cmocka_run_group_tests_name("clip_image", tests, NULL, NULL);
}

/* Theory of operation.
 *
 * 1. Which tool: wl-paste where WAYLAND_DISPLAY is set, else, or where that display does not
 *    answer, xclip where DISPLAY is. They run with a closed list of arguments: nothing a guest
 *    says is among them but one of our own type names.
 * 2. The list a tool prints is read for image types we know; everything else in it is dropped
 *    here. Text types do not leave this function, and no text is ever asked for.
 * 3. An image is believed when its first bytes and its end are those of the type that was asked
 *    for: an owner of the clipboard that answers with text for every type gets nothing across.
 * 4. BMP and TIFF become PNG, by an installed converter: claude cannot take TIFF, and what a
 *    guest would have to convert is converted where the user's tools are. */
#include "clip/clip_host.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "clip/clip_image.h"
#include "clip/clip_tool.h"

#include <stdio.h>
#include <string.h>

#define HOST_LIST_MAX	65536
#define HOST_LIST_MS	2500 /* claude gives its own tool 3 seconds for a list */
#define HOST_IMAGE_MS	15000
#define HOST_CONVERT_MS 12000

struct host_source {
	const char *variable, *tool, *package;
	const char *const *list; /* argv */
	const char *const *read; /* argv; the type comes behind it */
};

static const char *const host_wl_list[] = {"wl-paste", "--list-types", NULL};
static const char *const host_wl_read[] = {"wl-paste", "--no-newline", "--type", NULL};
static const char *const host_x_list[] = {"xclip", "-selection", "clipboard", "-o",
					  "-t",	   "TARGETS",	 NULL};
static const char *const host_x_read[] = {"xclip", "-selection", "clipboard", "-o", "-t", NULL};

static const struct host_source host_sources[] = {
	{"WAYLAND_DISPLAY", "wl-paste", "wl-clipboard", host_wl_list, host_wl_read},
	{"DISPLAY", "xclip", "xclip", host_x_list, host_x_read},
};

/* What the clipboard holds, and from whom. */
struct host_content {
	const struct host_source *source;
	char mime[CLIP_NO_TYPE][CLIP_LINE_MAX]; /* as its owner names it; empty: not there */
};

static void host_refuse(struct clip_answer *a, const char *reason)
{
	a->ok = false;
	buf_drop(&a->bytes, buf_len(&a->bytes));
	snprintf(a->reason, sizeof(a->reason), "%s", reason);
}

static bool host_has_display(char *const *envp, const char *variable)
{
	const char *value = spawn_env(envp, variable);

	return value && value[0];
}

static void host_read_list(const char *text, struct host_content *c)
{
	while (*text) {
		const size_t n = strcspn(text, "\n");
		const enum clip_type type = n < CLIP_LINE_MAX ? clip_type_of(text, n)
							      : CLIP_NO_TYPE;

		if (type != CLIP_NO_TYPE && !c->mime[type][0])
			memcpy(c->mime[type], text, n);
		text += n + (text[n] == '\n');
	}
}

/* False: this source cannot be asked, and why. A tool that ends with a complaint says that the
 * clipboard is empty, or that the display does not answer; the two look the same. */
static bool host_ask_source(const struct host_source *source, char *const *envp,
			    struct host_content *c, struct clip_answer *a)
{
	const struct clip_tool tool = {.argv = source->list,
				       .envp = envp,
				       .out_max = HOST_LIST_MAX,
				       .timeout_ms = HOST_LIST_MS};
	AUTO_FREE char *path = spawn_find(spawn_env(envp, "PATH"), source->tool);
	AUTO_BUF struct buf out = {0};
	int code;

	if (!path) {
		snprintf(a->reason, sizeof(a->reason),
			 "%s is not installed on the host (apt-get install %s)", source->tool,
			 source->package);
		return false;
	}
	code = clip_tool_run(&tool, &out, a->reason);
	if (code < 0)
		return false;
	if (code != 0)
		snprintf(a->reason, sizeof(a->reason),
			 "the clipboard of the host is empty, or its display does not answer");
	*c = (struct host_content){.source = source};
	host_read_list(buf_text(&out), c);
	return code == 0;
}

static bool host_ask(struct host_content *c, char *const *envp, struct clip_answer *a)
{
	bool display = false;

	for (size_t i = 0; i < ARRAY_LEN(host_sources); i++) {
		if (!host_has_display(envp, host_sources[i].variable))
			continue;
		display = true;
		if (host_ask_source(&host_sources[i], envp, c, a))
			return true;
	}
	if (!display) {
		host_refuse(a, "the host's session has no display (neither WAYLAND_DISPLAY nor "
			       "DISPLAY is set)");
		a->no_display = true;
	}
	return false;
}

/* ---- conversion ---- */

#define HOST_LIMITS                                                                                \
	"-limit", "memory", "256MiB", "-limit", "map", "512MiB", "-limit", "disk", "0", "-limit",  \
		"time", "10"

/* Formats are named, so that the bytes choose no other decoder. The first image of several. */
static const struct {
	enum clip_type from;
	const char *const *argv;
} host_converters[] = {
	{CLIP_BMP, (const char *const[]){"magick", HOST_LIMITS, "bmp:-[0]", "png:-", NULL}},
	{CLIP_TIFF, (const char *const[]){"magick", HOST_LIMITS, "tiff:-[0]", "png:-", NULL}},
	{CLIP_BMP, (const char *const[]){"convert", HOST_LIMITS, "bmp:-[0]", "png:-", NULL}},
	{CLIP_TIFF, (const char *const[]){"convert", HOST_LIMITS, "tiff:-[0]", "png:-", NULL}},
	{CLIP_BMP, (const char *const[]){"gm", "convert", "bmp:-[0]", "png:-", NULL}},
	{CLIP_TIFF, (const char *const[]){"gm", "convert", "tiff:-[0]", "png:-", NULL}},
	{CLIP_BMP,
	 (const char *const[]){"ffmpeg", "-v", "error", "-f", "bmp_pipe", "-i", "-", "-frames:v",
			       "1", "-f", "image2pipe", "-c:v", "png", "-", NULL}},
	{CLIP_TIFF,
	 (const char *const[]){"ffmpeg", "-v", "error", "-f", "tiff_pipe", "-i", "-", "-frames:v",
			       "1", "-f", "image2pipe", "-c:v", "png", "-", NULL}},
};

static bool host_has_converter(char *const *envp)
{
	static const char *const tools[] = {"magick", "convert", "gm", "ffmpeg"};

	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		AUTO_FREE char *path = spawn_find(spawn_env(envp, "PATH"), tools[i]);

		if (path)
			return true;
	}
	return false;
}

static void host_convert(enum clip_type from, char *const *envp, struct clip_answer *a)
{
	for (size_t i = 0; i < ARRAY_LEN(host_converters); i++) {
		const struct clip_tool tool = {.argv = host_converters[i].argv,
					       .envp = envp,
					       .in = buf_data(&a->bytes),
					       .in_size = buf_len(&a->bytes),
					       .out_max = CLIP_IMAGE_MAX,
					       .timeout_ms = HOST_CONVERT_MS};
		AUTO_BUF struct buf png = {0};
		char ignored[CLIP_REASON_MAX];

		if (host_converters[i].from != from || clip_tool_run(&tool, &png, ignored) != 0 ||
		    !clip_image_is_whole(CLIP_PNG, buf_data(&png), buf_len(&png)))
			continue;
		buf_drop(&a->bytes, buf_len(&a->bytes));
		buf_add(&a->bytes, buf_data(&png), buf_len(&png));
		return;
	}
	host_refuse(a, "the image could not be converted to PNG");
}

/* ---- what is offered ---- */

/* What has to be read to give that type; CLIP_NO_TYPE: nothing there gives it. */
static enum clip_type host_source_of(const struct host_content *c, enum clip_type type)
{
	if (type < CLIP_BMP && c->mime[type][0])
		return type;
	if (type != CLIP_PNG)
		return CLIP_NO_TYPE;
	for (enum clip_type other = CLIP_JPEG; other < CLIP_BMP; other++)
		if (c->mime[other][0]) /* its own type is offered */
			return CLIP_NO_TYPE;
	return c->mime[CLIP_BMP][0] ? CLIP_BMP : c->mime[CLIP_TIFF][0] ? CLIP_TIFF : CLIP_NO_TYPE;
}

static void host_explain_nothing(const struct host_content *c, struct clip_answer *a)
{
	snprintf(a->reason, sizeof(a->reason), "%s",
		 c->mime[CLIP_BMP][0] || c->mime[CLIP_TIFF][0]
			 ? "the image in the clipboard is a BMP or TIFF, and nothing on the host "
			   "can convert it (apt-get install imagemagick)"
			 : "there is no image in the clipboard of the host");
}

void clip_host_list(char *const *envp, struct clip_answer *a)
{
	static const char *const types[] = CLIP_TYPES;
	struct host_content c = {0};

	*a = (struct clip_answer){.from = CLIP_NO_TYPE};
	if (!host_ask(&c, envp, a))
		return;
	a->ok = true;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const enum clip_type from = host_source_of(
			&c, clip_type_of(types[i], strlen(types[i])));

		if (from < CLIP_BMP || (from != CLIP_NO_TYPE && host_has_converter(envp)))
			buf_addf(&a->bytes, "%s\n", types[i]);
	}
	if (!buf_len(&a->bytes))
		host_explain_nothing(&c, a);
}

static void host_read(const struct host_content *c, char *const *envp, enum clip_type type,
		      struct clip_answer *a)
{
	const char *argv[8] = {NULL};
	const struct clip_tool tool = {
		.argv = argv, .envp = envp, .out_max = CLIP_IMAGE_MAX, .timeout_ms = HOST_IMAGE_MS};
	int code, n = 0;

	for (; c->source->read[n]; n++)
		argv[n] = c->source->read[n];
	argv[n] = c->mime[type]; /* one of our own names */
	code = clip_tool_run(&tool, &a->bytes, a->reason);
	a->ok = code == 0;
	if (code > 0)
		host_refuse(a, "the image could not be read from the clipboard");
	else if (code < 0)
		buf_drop(&a->bytes, buf_len(&a->bytes));
	else if (clip_image_type(buf_data(&a->bytes), buf_len(&a->bytes)) != type)
		host_refuse(a, "the image in the clipboard is not of its stated type");
	else if (!clip_image_is_whole(type, buf_data(&a->bytes), buf_len(&a->bytes)))
		host_refuse(a, "the image in the clipboard is truncated");
}

void clip_host_image(char *const *envp, enum clip_type type, struct clip_answer *a)
{
	struct host_content c = {0};

	*a = (struct clip_answer){.from = CLIP_NO_TYPE};
	if (!host_ask(&c, envp, a))
		return;
	a->from = host_source_of(&c, type);
	if (a->from == CLIP_NO_TYPE) {
		host_explain_nothing(&c, a);
		return;
	}
	host_read(&c, envp, a->from, a);
	if (a->ok && a->from != type)
		host_convert(a->from, envp, a);
}

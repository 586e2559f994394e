#include "clip/wlpaste.h"
#include "clip/ask.h"
#include "base/file.h"
#include "base/mem.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define WLPASTE_NOTE "ccvm: "
#define WLPASTE_NO_TEXT                                                                            \
	"text does not cross between this guest and the host's clipboard, images come in only"

struct wlpaste_options {
	const char *type; /* NULL: whatever there is */
	bool list, watch, primary, version, help;
};

static bool wlpaste_parse(int argc, char **argv, struct wlpaste_options *o)
{
	static const struct option options[] = {{"version", no_argument, NULL, 'v'},
						{"help", no_argument, NULL, 'h'},
						{"no-newline", no_argument, NULL, 'n'},
						{"list-types", no_argument, NULL, 'l'},
						{"primary", no_argument, NULL, 'p'},
						{"type", required_argument, NULL, 't'},
						{"watch", required_argument, NULL, 'w'},
						{"seat", required_argument, NULL, 's'},
						{0}};
	int c;

	while ((c = getopt_long(argc, argv, "+vhnlpt:w:s:", options, NULL)) != -1) {
		if (c == '?')
			return false;
		o->type = c == 't' ? optarg : o->type;
		o->list = o->list || c == 'l';
		o->watch = o->watch || c == 'w';
		o->primary = o->primary || c == 'p';
		o->version = o->version || c == 'v';
		o->help = o->help || c == 'h';
	}
	return true;
}

static int wlpaste_fail(const char *as_wl_paste, const char *reason)
{
	fprintf(stderr, "%s\n" WLPASTE_NOTE "%s\n", as_wl_paste, reason);
	return 1;
}

static int wlpaste_not_as(const char *type, const char *reason)
{
	AUTO_FREE char *text = mem_format(
		"Clipboard content is not available as requested type \"%s\"", type);

	return wlpaste_fail(text, reason);
}

/* As wl-paste infers: the exact type, else the first that begins with what was asked for ("image");
 * without a type the first. False: none. */
static bool wlpaste_choose(const char *list, const char *wanted, char type[CLIP_LINE_MAX])
{
	for (const char *at = list; wanted && ask_next_type(&at, type);)
		if (strcmp(type, wanted) == 0)
			return true;
	for (const char *at = list; ask_next_type(&at, type);)
		if (!wanted || (!strchr(wanted, '/') && strncmp(type, wanted, strlen(wanted)) == 0))
			return true;
	return false;
}

static int wlpaste_image(const char *type)
{
	AUTO_BUF struct buf image = {0};
	char reason[CLIP_REASON_MAX];
	struct err e;

	if (!ask_host(type, &image, reason))
		return wlpaste_not_as(type, reason);
	return file_write_all(STDOUT_FILENO, buf_data(&image), buf_len(&image), &e) < 0 ? 1 : 0;
}

static int wlpaste_run(const struct wlpaste_options *o)
{
	AUTO_BUF struct buf list = {0};
	char reason[CLIP_REASON_MAX], type[CLIP_LINE_MAX];

	if (o->type && strncmp(o->type, "image", 5) != 0)
		return wlpaste_not_as(o->type, WLPASTE_NO_TEXT);
	if (o->type && strchr(o->type, '/'))
		return wlpaste_image(o->type);
	if (!ask_host(CLIP_LIST, &list, reason))
		return wlpaste_fail("Nothing is copied", reason);
	if (o->list) {
		printf("%s", buf_text(&list));
		return buf_len(&list) && fflush(stdout) == 0
			       ? 0
			       : wlpaste_fail("Nothing is copied",
					      "the host's clipboard holds no image");
	}
	if (!wlpaste_choose(buf_text(&list), o->type, type))
		return wlpaste_fail("No suitable type of content copied",
				    "the host's clipboard holds no image");
	return wlpaste_image(type);
}

int wlpaste_main(int argc, char **argv)
{
	struct wlpaste_options o = {0};

	if (!wlpaste_parse(argc, argv, &o))
		return 1;
	if (o.version || o.help) {
		printf("wl-clipboard 2.2.1 (ccvm's stand-in: images of the host's clipboard only)\n"
		       "Usage: wl-paste [--list-types] [--type image/TYPE]\n");
		return 0;
	}
	if (o.watch)
		return wlpaste_fail("Watch mode requires a compositor that supports wlroots "
				    "data-control protocol",
				    "the host's clipboard can be asked, not watched");
	if (o.primary)
		return wlpaste_fail("Nothing is copied",
				    "only the clipboard is there, not the primary selection");
	return wlpaste_run(&o);
}

int wlcopy_main(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
		printf("wl-clipboard 2.2.1 (ccvm's stand-in, which can copy nothing)\n");
		return 0;
	}
	return wlpaste_fail("Failed to connect to a Wayland server", WLPASTE_NO_TEXT);
}

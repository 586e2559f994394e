#include "clip/xclip.h"
#include "clip/ask.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* Follows every error of xclip's own, to explain what is different here. */
#define XCLIP_NOTE "ccvm: "
#define XCLIP_NO_TEXT                                                                              \
	"text does not cross between this guest and the host's clipboard, images come in only"

struct xclip_options {
	bool out, version, help;
	const char *selection, *target;
};

enum xclip_kind {
	XCLIP_OUT,
	XCLIP_IN,
	XCLIP_SELECTION,
	XCLIP_TARGET,
	XCLIP_VERSION,
	XCLIP_HELP,
	XCLIP_IGNORED,
	XCLIP_IGNORED_VALUE
};

/* As Xrm reads them: any unambiguous beginning; the first that fits here. */
static const struct {
	const char *name;
	enum xclip_kind kind;
} xclip_table[] = {
	{"-o", XCLIP_OUT},
	{"-out", XCLIP_OUT},
	{"-i", XCLIP_IN},
	{"-in", XCLIP_IN},
	{"-t", XCLIP_TARGET},
	{"-target", XCLIP_TARGET},
	{"-selection", XCLIP_SELECTION},
	{"-h", XCLIP_HELP},
	{"-help", XCLIP_HELP},
	{"-version", XCLIP_VERSION},
	{"-d", XCLIP_IGNORED_VALUE},
	{"-display", XCLIP_IGNORED_VALUE},
	{"-l", XCLIP_IGNORED_VALUE},
	{"-loops", XCLIP_IGNORED_VALUE},
	{"-f", XCLIP_IGNORED},
	{"-filter", XCLIP_IGNORED},
	{"-r", XCLIP_IGNORED},
	{"-rmlastnl", XCLIP_IGNORED},
	{"-quiet", XCLIP_IGNORED},
	{"-silent", XCLIP_IGNORED},
	{"-verbose", XCLIP_IGNORED},
	{"-noutf8", XCLIP_IGNORED},
	{"-utf8", XCLIP_IGNORED},
};

static int xclip_find(const char *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(xclip_table); i++)
		if (strcmp(xclip_table[i].name, arg) == 0)
			return (int)i;
	for (size_t i = 0; i < ARRAY_LEN(xclip_table); i++)
		if (strlen(arg) > 1 && strncmp(xclip_table[i].name, arg, strlen(arg)) == 0)
			return (int)i;
	return -1;
}

static void xclip_parse(int argc, char **argv, struct xclip_options *o)
{
	for (int i = 1; i < argc; i++) {
		const int at = xclip_find(argv[i]);
		const enum xclip_kind kind = at < 0 ? XCLIP_IGNORED : xclip_table[at].kind;
		const char *value = argv[i];

		if (kind == XCLIP_SELECTION || kind == XCLIP_TARGET || kind == XCLIP_IGNORED_VALUE)
			value = i + 1 < argc ? argv[++i] : "";
		if (kind == XCLIP_SELECTION)
			o->selection = value;
		else if (kind == XCLIP_TARGET)
			o->target = value;
		else if (kind == XCLIP_OUT || kind == XCLIP_IN)
			o->out = kind == XCLIP_OUT;
		o->version = o->version || kind == XCLIP_VERSION;
		o->help = o->help || kind == XCLIP_HELP;
	}
}

static int xclip_unavailable(const char *target, const char *reason)
{
	fprintf(stderr, "Error: target %s not available\n" XCLIP_NOTE "%s\n", target, reason);
	return 1;
}

/* The type list as xclip prints it: TARGETS itself is among what every owner of a selection
 * answers. */
static int xclip_list(void)
{
	AUTO_BUF struct buf list = {0};
	char reason[CLIP_REASON_MAX];

	if (!ask_host(CLIP_LIST, &list, reason))
		return xclip_unavailable(CLIP_LIST, reason);
	printf(CLIP_LIST "\n%s", buf_text(&list));
	return fflush(stdout) == 0 ? 0 : 1;
}

static int xclip_image(const char *target)
{
	AUTO_BUF struct buf image = {0};
	char reason[CLIP_REASON_MAX];
	struct err e;

	if (!ask_host(target, &image, reason))
		return xclip_unavailable(target, reason);
	return file_write_all(STDOUT_FILENO, buf_data(&image), buf_len(&image), &e) < 0 ? 1 : 0;
}

int xclip_main(int argc, char **argv)
{
	struct xclip_options o = {.selection = "primary", .target = "STRING"};

	xclip_parse(argc, argv, &o);
	if (o.version) {
		fprintf(stderr, "xclip version 0.13 (ccvm's stand-in: images of the host's "
				"clipboard only)\n");
		return 0;
	}
	if (o.help) {
		fprintf(stderr,
			"Usage: xclip -selection clipboard -o -t TARGETS|image/TYPE\n" XCLIP_NOTE
				XCLIP_NO_TEXT "\n");
		return 0;
	}
	if (!o.out) {
		fprintf(stderr,
			"Error: Can't open display: (null)\n" XCLIP_NOTE XCLIP_NO_TEXT "\n");
		return 1;
	}
	if (o.selection[0] != 'c')
		return xclip_unavailable(
			o.target,
			"only the clipboard selection is there, not PRIMARY or SECONDARY");
	if (strcmp(o.target, CLIP_LIST) == 0)
		return xclip_list();
	if (strncmp(o.target, "image/", 6) != 0)
		return xclip_unavailable(o.target, XCLIP_NO_TEXT);
	return xclip_image(o.target);
}

int xsel_main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("xsel version 1.2.0 (ccvm's stand-in, which can do nothing)\n");
		return 0;
	}
	fprintf(stderr, "xsel: Can't open display: (null)\n" XCLIP_NOTE XCLIP_NO_TEXT "\n");
	return 1;
}

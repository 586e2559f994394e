#include "conf/conf_args.h"

#include <stddef.h>
#include <string.h>

/* A flag sets one field to one value; bool and int fields have different sizes. */
struct conf_args_flag {
	const char *flag;
	size_t offset;
	bool is_int;
	int value;
	const char *help;
};

static const struct conf_args_flag flags[] = {
	{"--shell", offsetof(struct conf_args, shell), false, 1,
	 "run a login shell in the guest instead of claude"},
	{"--read-only-cwd", offsetof(struct conf_args, writable_cwd), true, 0,
	 "overlay mode: keep edits apart, discard them at exit"},
	{"--writable-cwd", offsetof(struct conf_args, writable_cwd), true, 1,
	 "live mode: edits land in the project at once"},
	{"--ccvm-debug", offsetof(struct conf_args, debug), false, 1,
	 "print each step of the start, and the boot log"},
	{"--ccvm-help", offsetof(struct conf_args, help), false, 1, "print this help"},
	{"--ccvm-version", offsetof(struct conf_args, version), false, 1, "print ccvm's version"},
};

static bool conf_args_apply(struct conf_args *out, const char *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		char *field = (char *)out + flags[i].offset;

		if (strcmp(arg, flags[i].flag) != 0)
			continue;
		if (flags[i].is_int)
			*(int *)(void *)field = flags[i].value;
		else
			*(bool *)field = flags[i].value;
		return true;
	}
	return false;
}

int conf_args_split(int argc, char **argv, struct conf_args *out, struct err *e)
{
	bool own = true;

	(void)e; /* nothing that can be typed is an error here: what is not ours is claude's */
	*out = (struct conf_args){.writable_cwd = -1};
	for (int i = 1; i < argc; i++) {
		own = own && strcmp(argv[i], "--") != 0;
		if (!own || !conf_args_apply(out, argv[i]))
			strv_add(&out->rest, argv[i]);
	}
	return 0;
}

void conf_args_fini(struct conf_args *a)
{
	strv_fini(&a->rest);
}

void conf_args_each(void (*fn)(void *ctx, const char *flag, const char *help), void *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		fn(ctx, flags[i].flag, flags[i].help);
}

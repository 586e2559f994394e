#include "ctl/ctl.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "ctl/ctl_help.h"
#include "ctl/ctl_session.h"

#include <stdio.h>
#include <string.h>

static int ctl_run_help(const struct ctl_args *a, struct err *e);

static const struct ctl_command ctl_help = {
	.name = "help",
	.operands = "[COMMAND...]",
	.help = "print the help of a command, or of all with --json",
	.options =
		(const struct ctl_option[]){
			CTL_JSON,
			{"mdoc", 0, NULL, "for mk/pages.sh: items of the manual page", CTL_HIDDEN},
			{"words", 0, NULL, "for mk/pages.sh: what completions offer", CTL_HIDDEN},
			{0}},
	.most = CTL_ANY,
	.run = ctl_run_help,
};

static const struct ctl_command ctl_root = {
	.name = "ccvmctl",
	.operands = "COMMAND ...",
	.help = "List, start and end sessions, change what they may reach, build images",
	.more = "Exit codes: 0 done, 1 failed, 2 wrong usage, 126 configuration.",
	.options = (const struct ctl_option[]){{"version", 0, NULL, "print the version"}, {0}},
	.commands = (const struct ctl_command *const[]){&ctl_ls, &ctl_new, &ctl_attach, &ctl_send,
							&ctl_keys, &ctl_capture, &ctl_wait,
							&ctl_events, &ctl_logs, &ctl_rename,
							&ctl_stop, &ctl_restart, &ctl_rm,
							&ctl_egress, &ctl_image, &ctl_doctor,
							&ctl_config, &ctl_help, NULL},
};

static int ctl_run_help(const struct ctl_args *a, struct err *e)
{
	const struct ctl_command *c = &ctl_root;
	AUTO_BUF struct buf path = {0}, json = {0};

	for (int i = 0; i < a->n; i++) {
		c = ctl_options_find(c, a->operands[i], e);
		if (!c)
			return -1;
		buf_addf(&path, "%s%s", i ? " " : "", c->name);
	}
	if (ctl_has(a, "mdoc")) {
		ctl_help_print_mdoc(stdout, buf_text(&path), c);
	} else if (ctl_has(a, "words")) {
		ctl_help_print_words(stdout, buf_text(&path), c);
	} else if (ctl_has(a, "json")) {
		ctl_help_add_json(&json, buf_text(&path), c);
		ctl_print_json(&json);
	} else {
		ctl_help_print(stdout, buf_text(&path), c);
	}
	return 0;
}

/* A command with subcommands, and none was named. */
static int ctl_run_group(const struct ctl_args *a, bool json, struct err *e)
{
	if (a->command == &ctl_root && ctl_has(a, "version")) {
		printf("ccvmctl %s\n", CCVM_VERSION);
		return 0;
	}
	if (json)
		return ctl_usage(e, "a command is missing");
	ctl_help_print(stderr, a->path, a->command);
	return CTL_USAGE;
}

static void ctl_report(const struct ctl_args *a, int code, const struct err *e, bool json)
{
	AUTO_BUF struct buf usage = {0}, out = {0}, shown = {0};

	buf_addf(&usage, "usage: ccvmctl ");
	ctl_help_usage(&usage, a->path, a->command);
	if (!json) {
		log_error("%s", e->text);
		if (e->remedy[0] || code == CTL_USAGE)
			log_more("%s", e->remedy[0] ? e->remedy : buf_text(&usage));
		return;
	}
	json_begin(&out);
	json_add_string(&out, "error", e->text);
	json_add_string(&out, "remedy",
			e->remedy[0] || code != CTL_USAGE ? e->remedy : buf_text(&usage));
	json_add_int(&out, "code", code);
	json_end(&out);
	fflush(stdout);
	log_pass(STDERR_FILENO, &shown, buf_data(&out), buf_len(&out));
	fprintf(stderr, "%s\n", buf_text(&shown));
}

/* What was printed may be in no file yet: a full disk is a failure, too. */
static int ctl_flush(struct err *e)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : err_sys(e, "write to stdout");
}

int ctl_run(int argc, char **argv)
{
	bool json = ctl_options_json(argc, argv);
	struct err e = {0};
	struct ctl_args a;
	int code = ctl_options_parse(&a, &ctl_root, argc, argv, &e);

	if (code == 0)
		json = ctl_options_given(&a, "json"); /* now that it is known what is text */
	if (code == 0 && a.help)
		ctl_help_print(stdout, a.path, a.command);
	else if (code == 0)
		code = a.command->run ? a.command->run(&a, &e) : ctl_run_group(&a, json, &e);
	if (code == 0 && ctl_flush(&e) < 0)
		code = -1;
	if (code == -1) {
		code = e.exit_code && e.exit_code != ERR_EXIT_GUEST ? e.exit_code : 1;
		ctl_report(&a, code, &e, json);
	}
	ctl_options_fini(&a);
	return code;
}

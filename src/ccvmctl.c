/* ccvmctl: manages sessions and images. Never asks a question: everything it needs is in its arguments. */
#include "base/log.h"
#include "base/mem.h"
#include "client/launch.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	ctl_command *run;
	const char *usage, *help;
} main_commands[] = {
	{"ls", ctl_ls, "ls [--json]", "the running sessions, and what dry runs left"},
	{"new", ctl_new, "new [--name NAME] [--read-only-cwd|--writable-cwd] [--shell] [--wait] [--spare] [-- CLAUDE-ARGUMENT...]",
	 "start a session here that belongs to no terminal, and print its id"},
	{"attach", ctl_attach, "attach SESSION", "show a session in this terminal; the key of tui.prefix (C-\\) leaves it running"},
	{"send", ctl_send, "send [--enter] SESSION TEXT... | send [--enter] SESSION -", "type text, or what is on stdin"},
	{"keys", ctl_keys, "keys SESSION KEY...", "press keys: a, C-x, M-x, S-Enter, Up, F5, Escape"},
	{"capture", ctl_capture, "capture SESSION [--ansi] [--history LINES] [--json]", "print a session's screen"},
	{"wait", ctl_wait, "wait SESSION --until waiting|idle|working|running|ended [--timeout SECONDS]",
	 "wait until the session or its agent is so; exit code 1 when that does not come"},
	{"events", ctl_events, "events SESSION [--json]", "print what happens to a session, until it ends"},
	{"logs", ctl_logs, "logs SESSION [--qemu]", "print the guest's console, or what QEMU and ccvm-net said"},
	{"rename", ctl_rename, "rename SESSION NAME", "give a session another name"},
	{"stop", ctl_stop, "stop SESSION... | stop --all", "end sessions; in overlay mode their edits are discarded"},
	{"restart", ctl_restart, "restart [--wait] SESSION",
	 "end a session and start one like it, with the caller's credentials; in overlay mode its edits are discarded"},
	{"rm", ctl_rm, "rm DRY-RUN... | rm --all", "remove directories that dry runs (CCVM_DRYRUN=1) left; sessions are never touched"},
	{"egress", ctl_egress,
	 "egress log|rules|watch SESSION [--json] | check [SESSION] NAME[:PORT] [--json] |\n"
	 "               allow|deny SESSION NAME[:PORT] [--once|--session|--always]",
	 "what a session may reach, what it tried, and changing that"},
	{"image", ctl_image, "image build [BUILDER OPTION...] | list [--json] | rm ID... | info [--json] | warm [--json]",
	 "build, list, remove and show guest images; warm: save a guest that sessions start from"},
	{"doctor", ctl_doctor, "doctor [--json]", "what is there and what is missing on this computer; exit code 1 on a problem"},
	{"config", ctl_config, "config show [--json] | table",
	 "each option's value and where it came from; table: every option, its type and default, as JSON"},
};

static void main_print_help(FILE *f)
{
	fprintf(f, "usage: ccvmctl COMMAND ...\n\n");
	for (size_t i = 0; i < ARRAY_LEN(main_commands); i++)
		fprintf(f, "  %s\n      %s\n", main_commands[i].usage, main_commands[i].help);
	fprintf(f, "\nExit codes: 0 done, 1 failed, 2 wrong usage, 126 configuration.\n");
}

static int main_report(const char *usage, int code, const struct err *e)
{
	if (code == CTL_USAGE)
		fprintf(stderr, "usage: ccvmctl %s\n", usage);
	if (code != -1)
		return code;
	log_error("%s", e->text);
	if (e->remedy[0])
		log_more("%s", e->remedy);
	return e->exit_code && e->exit_code != ERR_EXIT_GUEST ? e->exit_code : 1;
}

int main(int argc, char **argv)
{
	struct err e = {0};

	log_init("ccvmctl", LOG_LEVEL_NOTE);
	launch_keep_trusted_programs();
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("ccvmctl %s\n", CCVM_VERSION);
		return 0;
	}
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		main_print_help(stdout);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(main_commands); i++)
		if (strcmp(main_commands[i].name, argv[1]) == 0)
			return main_report(main_commands[i].usage, main_commands[i].run(argc - 1, argv + 1, &e), &e);
	main_print_help(stderr);
	return CTL_USAGE;
}

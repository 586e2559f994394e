/* tui_command: names of ccvm-tui's commands, so that the config file is checked wherever it is
 * read. */
#ifndef CCVM_CONF_TUI_COMMAND_H
#define CCVM_CONF_TUI_COMMAND_H

#define TUI_COMMANDS                                                                               \
	"up", "down", "next-waiting", "find", "enter", "list", "answer", "explain", "new",         \
		"rename", "stop", "restart", "egress", "events", "copy", "panes", "next-pane",     \
		"zoom", "redraw", "help", "quit"

#endif

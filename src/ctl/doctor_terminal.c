/* The terminal's description is read through terminfo(3), the low-level part of ncurses; nothing
 * is drawn. */
#include "base/mem.h"
#include "base/spawn.h"
#include "ctl/doctor.h"
#include "conf/env.h"

#include <string.h>
#include <term.h>
#include <unistd.h>

/* The number of colours that terminfo knows for this terminal; -1: it does not know the terminal. */
static int terminal_colors(const char *name)
{
	TERMINAL *before = set_curterm(NULL);
	int status, colors = -1;

	if (setupterm(name, STDOUT_FILENO, &status) == 0) {
		colors = tigetnum("colors");
		colors = colors < 0 ? 0 : colors;
		del_curterm(cur_term);
	}
	set_curterm(before);
	return colors;
}

/* xterm-256color → xterm-direct, the description with 24-bit colours. */
static char *terminal_direct_name(const char *name)
{
	return mem_format("%.*s-direct", (int)strcspn(name, "-"), name);
}

static bool terminal_says_truecolor(void)
{
	const char *value = env_get(ENV_COLORTERM);

	return value && (strcmp(value, "truecolor") == 0 || strcmp(value, "24bit") == 0);
}

void doctor_terminal(const struct doctor *d, struct finding *f)
{
	const char *name = env_get(ENV_TERM);
	AUTO_FREE char *direct = terminal_direct_name(name ? name : "");
	int colors = name && name[0] ? terminal_colors(name) : -1;
	bool has_direct = colors > 256 || terminal_colors(direct) > 256;

	(void)d;
	if (!name || !name[0]) {
		doctor_say(f, DOCTOR_NOTE,
			   "TERM is not set: full-screen programs do not work here");
		doctor_remedy(f, "run ccvm in a terminal, or set TERM to its name");
	} else if (colors < 0) {
		doctor_say(f, DOCTOR_NOTE, "TERM=%s is not in this system's terminfo", name);
		doctor_remedy(f, "install its description (apt-get install ncurses-term), or set "
				 "TERM=xterm-256color");
	} else if (colors < 8) {
		doctor_say(f, DOCTOR_NOTE, "%s has no colours", name);
		doctor_remedy(f, "set TERM to a description with colours, such as xterm-256color, "
				 "if the terminal has them");
	} else if (!has_direct && terminal_says_truecolor()) {
		doctor_say(f, DOCTOR_NOTE,
			   "%s: %d colours; 24-bit colour needs %s, which is not in terminfo", name,
			   colors, direct);
		doctor_remedy(f, "apt-get install ncurses-term");
	} else {
		doctor_say(f, DOCTOR_OK, "%s: %d colours%s", name, colors,
			   has_direct ? ", 24-bit colour" : "");
	}
}

void doctor_clipboard(const struct doctor *d, struct finding *f)
{
	static const struct {
		enum env_variable display;
		const char *program, *package;
	} tools[] = {{ENV_WAYLAND_DISPLAY, "wl-paste", "wl-clipboard"},
		     {ENV_DISPLAY, "xclip", "xclip"}};

	if (!d->conf.clipboard_images) {
		doctor_say(f, DOCTOR_OK, "not used: clipboard.images is off");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		AUTO_FREE char *path = spawn_find(env_host()->path, tools[i].program);
		const char *const display = env_row(tools[i].display)->name;

		if (!env_text(tools[i].display))
			continue;
		if (path) {
			doctor_say(f, DOCTOR_OK, "%s, by %s", path, display);
		} else {
			doctor_say(f, DOCTOR_NOTE,
				   "images cannot be pasted: %s is set, but there is no %s",
				   display, tools[i].program);
			doctor_remedy(f, "apt-get install %s", tools[i].package);
		}
		return;
	}
	doctor_say(f, DOCTOR_NOTE,
		   "images cannot be pasted: neither WAYLAND_DISPLAY nor DISPLAY is set");
	doctor_remedy(f, "over ssh, forward X (ssh -X); else run ccvm in the graphical session");
}

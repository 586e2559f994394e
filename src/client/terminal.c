#include "client/terminal.h"
#include "base/sched.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios terminal_saved;
static bool terminal_known;

static void terminal_at_exit(void)
{
	terminal_restore(false);
}

void terminal_init(void)
{
	if (terminal_known || tcgetattr(STDIN_FILENO, &terminal_saved) < 0)
		return;
	terminal_known = true;
	atexit(terminal_at_exit);
}

void terminal_set_waiting(void)
{
	struct termios t = terminal_saved;

	if (!terminal_known)
		return;
	t.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

void terminal_set_raw(void)
{
	struct termios t = terminal_saved;

	if (!terminal_known)
		return;
	sched_take_short_turns(); /* keys and their echoes go through here */
	cfmakeraw(&t);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

void terminal_restore(bool reset)
{
	static const char undo[] = "\033[<u\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?1004l\033[?2004l\033[?2026l"
				   "\033[?1049l\033[?25h\033[0m";

	if (!terminal_known)
		return;
	if (reset)
		(void)!write(STDOUT_FILENO, undo, sizeof(undo) - 1);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_saved);
}

void terminal_size(int *cols, int *rows)
{
	struct winsize w;

	*cols = 80;
	*rows = 24;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
		*cols = w.ws_col;
		*rows = w.ws_row;
	}
}

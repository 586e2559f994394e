#include "client/terminal.h"
#include "base/file.h"
#include "base/sched.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios terminal_saved;
static bool terminal_known;

static void terminal_at_exit(void)
{
	terminal_restore(NULL);
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

void terminal_restore(const struct buf *undo)
{
	struct err ignored;

	if (!terminal_known)
		return;
	if (undo && buf_len(undo))
		(void)file_write_all(STDOUT_FILENO, buf_data(undo), buf_len(undo), &ignored);
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

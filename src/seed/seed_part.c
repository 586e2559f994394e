#include "seed/seed_part.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>
#include <string.h>

void seed_note(const struct seed_run *r, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	AUTO_BUF struct buf shown = {0};
	va_list ap;

	if (!r->note)
		return;
	va_start(ap, fmt);
	text = mem_vformat(fmt, ap);
	va_end(ap);
	log_escape(&shown, text, strlen(text), 2048);
	r->note(r->note_ctx, buf_text(&shown));
}

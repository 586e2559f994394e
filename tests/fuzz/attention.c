/* areas: base
 * files: src/session/attention.c guest/report/hooks.c
 * Any screen, title and hook of a guest: a state that has a name, and a reason; and any datagram
 * sent to ccvm-report: a name of the list or nothing. The first byte chooses the hook, the title
 * goes to the first newline. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "report/hooks.h"
#include "session/attention.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_strndup((const char *)data, size);
	const size_t n = strlen(text);
	char *screen = n > 1 ? strchr(text + 1, '\n') : NULL;
	struct attention_signs signs = {.title = n > 1 ? text + 1 : "",
					.screen = screen ? screen + 1 : ""};
	struct attention_verdict v;
	const char *name = hooks_name((const char *)data, size);

	if (screen)
		*screen = '\0';
	signs.hook = n ? (enum attention_hook)((unsigned char)text[0] % (ATTENTION_HOOK_END + 1))
		       : ATTENTION_HOOK_NONE;
	signs.hook_ms = n ? (unsigned char)text[0] & 1 : 0;
	v = attention_judge(&signs);
	if (!attention_name(v.state)[0] || !v.why[0])
		abort();
	if (name && (attention_hook_named(name) == ATTENTION_HOOK_NONE || strlen(name) != size))
		abort();
	return 0;
}

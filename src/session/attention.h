/* attention: what the agent is doing, from what its hooks report and its terminal shows. Pure;
 * everything it reads was made in the guest, which can at most claim a wrong state of its own. */
#ifndef CCVM_SESSION_ATTENTION_H
#define CCVM_SESSION_ATTENTION_H

#include <stdint.h>

enum attention {
	ATTENTION_UNKNOWN,
	ATTENTION_WORKING,
	ATTENTION_IDLE,	   /* done, its prompt is empty */
	ATTENTION_WAITING, /* asks the user something */
};

/* What claude's hooks report (proto/names.h says how). */
enum attention_hook {
	ATTENTION_HOOK_NONE,
	ATTENTION_HOOK_START,
	ATTENTION_HOOK_PROMPT,
	ATTENTION_HOOK_PERMISSION,
	ATTENTION_HOOK_STOP,
	ATTENTION_HOOK_FAILURE,
	ATTENTION_HOOK_END,
};

struct attention_signs {
	enum attention_hook hook; /* the last one */
	int64_t hook_ms;	  /* when it came */
	const char *title;	  /* the terminal's */
	int64_t title_ms;	  /* when it last changed */
	/* its lines that are not blank, all of them, however large it is */
	const char *screen;
};

struct attention_verdict {
	enum attention state;
	const char *why; /* a sentence; static */
};

/* A question on the screen outranks everything; of hook and title the later one counts. */
struct attention_verdict attention_judge(const struct attention_signs *signs);
const char *attention_name(enum attention state);
/* ATTENTION_HOOK_NONE for an unknown name. */
enum attention_hook attention_hook_named(const char *name);

#endif

/* attention: what the agent is doing, from what its terminal shows. Pure; everything it reads was written by the guest,
 * which can at most claim a wrong state of its own. */
#ifndef CCVM_SESSION_ATTENTION_H
#define CCVM_SESSION_ATTENTION_H

enum attention {
	ATTENTION_UNKNOWN,
	ATTENTION_WORKING,
	ATTENTION_IDLE,	   /* done, its prompt is empty */
	ATTENTION_WAITING, /* asks the user something */
};

struct attention_verdict {
	enum attention state;
	const char *why; /* a sentence; static */
};

/* title: the terminal's title; screen: its last lines. A question on the screen outranks the title. */
struct attention_verdict attention_judge(const char *title, const char *screen);
const char *attention_name(enum attention state);

#endif

/* seq: executes control sequences. Some are executed here: modes, answers, titles, attributes, and
 * those that libvterm lacks or handles differently from xterm. Others are passed to libvterm.
 * Unlisted ones are ignored. */
#ifndef CCVM_TERM_SEQ_H
#define CCVM_TERM_SEQ_H

#include <stdbool.h>

#include "term/scan.h"
#include "term/vt.h"

struct seq { /* zero at first, vt aside */
	struct vt vt;
	struct scan scan;    /* what it has read of the sequence at hand */
	bool mute, mute_dcs; /* queries are answered elsewhere */
	bool begun;	     /* the sequence at hand began when they were not */
	/* An answer for the program, from a closed list: no byte of it is chosen by the program.
	 * May be NULL. */
	void (*on_answer)(void *ctx, const void *bytes, size_t n);
	void *ctx;
};

/* Executes the sequence or string that scan has just read; other kinds are ignored. */
void seq_act(struct seq *s, enum scan_kind kind);
/* As emu_set_answers. */
void seq_set_answers(struct seq *s, bool others, bool dcs);

#endif

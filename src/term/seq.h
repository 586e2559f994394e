/* seq: what sequences do. Some are carried out here: modes, answers, titles, attributes, and what libvterm knows not or
 * does otherwise than xterm. Of others libvterm is told. Those in no table do nothing. */
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
	/* An answer for the program, from a closed list: nothing of it is the program's choice. May be NULL. */
	void (*on_answer)(void *ctx, const void *bytes, size_t n);
	void *ctx;
};

/* The sequence or string that scan has just read to its end; other kinds are nothing. */
void seq_act(struct seq *s, enum scan_kind kind);
/* As emu_set_answers. */
void seq_set_answers(struct seq *s, bool others, bool dcs);

#endif

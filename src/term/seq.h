/* seq: what ccvm-term itself makes of the sequences that scan found: modes, answers, titles, and what libvterm knows not
 * or does otherwise than xterm. */
#ifndef CCVM_TERM_SEQ_H
#define CCVM_TERM_SEQ_H

#include "term/scan.h"

struct emu;

enum seq_share {
	SEQ_PASS,  /* it is libvterm's alone */
	SEQ_SHARE, /* libvterm gets it first, then seq_act is called */
	SEQ_TAKE,  /* libvterm does not get it; what was before it, then seq_act is called */
};

/* Whose business the sequence is that has just been read. */
enum seq_share seq_share(const struct emu *e, enum scan_kind kind);
void seq_act(struct emu *e, enum scan_kind kind);

#endif

/* seq: what sequences do. Some are carried out here: modes, answers, titles, attributes, and what libvterm knows not or
 * does otherwise than xterm. Of others libvterm is told. Those in no table do nothing. */
#ifndef CCVM_TERM_SEQ_H
#define CCVM_TERM_SEQ_H

#include "term/scan.h"

struct emu;

/* The sequence or string that scan has just read to its end; other kinds are nothing. */
void seq_act(struct emu *e, enum scan_kind kind);

#endif

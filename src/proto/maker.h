/* maker: what ccvm-template prints: a line for each step, in words for people, and last one of
 * these. */
#ifndef CCVM_PROTO_MAKER_H
#define CCVM_PROTO_MAKER_H

#include <stddef.h>

enum maker_result {
	MAKER_DONE,
	MAKER_PRESENT,
	MAKER_BUSY,
	MAKER_RESULTS /* none: a step */
};

struct maker_row {
	const char *line;
	const char *help; /* what it means for the user */
};
extern const struct maker_row maker_rows[MAKER_RESULTS];

/* Of a line without its newline. Pure. */
enum maker_result maker_result(const char *line);

#endif

/* seedfile: the files of the seed directory, with what each holds. Their names are in
 * proto/names.h. */
#ifndef CCVM_PROTO_SEEDFILE_H
#define CCVM_PROTO_SEEDFILE_H

#include <stddef.h>

struct seedfile_row {
	const char *name;
	const char *holds;
};

extern const struct seedfile_row seedfile_rows[];
extern const size_t seedfile_count;

#endif

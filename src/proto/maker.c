#include "proto/maker.h"

#include <string.h>

const struct maker_row maker_rows[MAKER_RESULTS] = {
	[MAKER_DONE] = {"done", "sessions of this size start from a saved guest now"},
	[MAKER_PRESENT] = {"present", "a saved guest of this size exists already"},
	[MAKER_BUSY] = {"busy",
			"another process is making a saved guest; try again when it is done"},
};

enum maker_result maker_result(const char *line)
{
	size_t i = 0;

	while (i < MAKER_RESULTS && strcmp(maker_rows[i].line, line) != 0)
		i++;
	return (enum maker_result)i;
}

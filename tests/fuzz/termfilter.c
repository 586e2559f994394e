/* areas: base
 * files: src/client/termfilter.c src/proto/message.c src/proto/view.c src/proto/links.c
 * Any output of a guest, cut anywhere: the same comes out as of the whole, nothing of it is
 * filtered, it is no longer than it may be, and what undoes it is itself clean. The first byte
 * chooses whether this terminal answers, and how it is cut. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "client/termfilter.h"
#include "unit/termfilter_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct termfilter f, g;
	AUTO_BUF struct buf whole = {0}, cut = {0}, undo = {0};
	const size_t step = size ? 1 + (data[0] >> 2) : 1;

	if (!size)
		return 0;
	f = g = (struct termfilter){
		.answers = data[0] & 1, .open = (data[0] & 2) != 0, .lines = (data[0] & 4) != 0};
	termfilter_feed(&f, data + 1, size - 1, &whole);
	for (size_t at = 1; at < size; at += step)
		termfilter_feed(&g, data + at, step < size - at ? step : size - at, &cut);
	if (buf_len(&whole) != buf_len(&cut) ||
	    memcmp(buf_data(&whole), buf_data(&cut), buf_len(&cut)) != 0)
		abort();
	if (!f.open)
		check_filtered(buf_data(&whole), buf_len(&whole), f.answers);
	if (buf_len(&whole) > 3 * size + 16)
		abort();
	termfilter_undo(&f, &undo);
	if (!f.open)
		check_filtered(buf_data(&undo), buf_len(&undo), false);
	return 0;
}

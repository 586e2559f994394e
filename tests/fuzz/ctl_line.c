/* areas: base
 * files: src/proto/line.c src/proto/guest.c
 * Any bytes as a guest's line: every text is ended, bounded and printable, and every figure can
 * be true. */
#include "fuzz/fuzz.h"

#include "proto/guest.h"

#include <stdlib.h>
#include <string.h>

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_text(const char *text, size_t size)
{
	const unsigned char *end = memchr(text, 0, size);

	check(end != NULL);
	for (const unsigned char *p = (const unsigned char *)text; p < end; p++) {
		check(*p >= 0x20 && *p != 0x7f);
		check(!(p[0] == 0xc2 && p[1] < 0xa0));			/* C1 controls */
		check(!(p[0] == 0xe2 && p[1] == 0x80 && p[2] == 0xae)); /* right-to-left override */
	}
}

static void check_figure(int64_t value)
{
	check(value >= 0 && value <= (int64_t)1 << 40);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct guest_message nothing;
	static struct json_line l;
	struct guest_message m;

	memset(&m, 0xee, sizeof(m));
	guest_parse((const char *)data, size, &m);
	check(m.type <= GUEST_STOPPED);
	check_text(m.stage, sizeof(m.stage));
	check_text(m.reason, sizeof(m.reason));
	check_figure(m.ms);
	check_figure(m.memory_total_kib);
	check_figure(m.memory_used_kib);
	check_figure(m.load_milli);
	if (json_parse_line((const char *)data, size, &l) <
	    0) /* nothing of a malformed line is believed */
		check(memcmp(&m, &nothing, sizeof(m)) == 0);
	return 0;
}

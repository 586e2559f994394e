/* areas: base proto
 * Any bytes as a line of the guest's, of the session's of ccvm-net's, or as a client's request:
 * what is understood is written as a line that is understood in the same way, on one line and
 * within the bounds of its reader. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "proto/egressctl.h"
#include "proto/fsctl.h"
#include "proto/guest.h"
#include "proto/netctl.h"

#include <stdlib.h>
#include <string.h>

/* The line without its newline, which stands nowhere else in it. */
static size_t line_length(const struct buf *line)
{
	const unsigned char *newline = memchr(buf_data(line), '\n', buf_len(line));

	MUST(newline && newline + 1 == buf_data(line) + buf_len(line) &&
	     buf_len(line) <= JSON_LINE_MAX);
	return buf_len(line) - 1;
}

#define CHECK(struct_type, parse, put)                                                             \
	do {                                                                                       \
		struct struct_type one, two;                                                       \
		AUTO_BUF struct buf line = {0}, again = {0};                                       \
                                                                                                   \
		parse(one, (const char *)data, size);                                              \
		if (!one.type)                                                                     \
			break;                                                                     \
		put(&line, &one);                                                                  \
		parse(two, buf_text(&line), line_length(&line));                                   \
		MUST(one.type == two.type);                                                        \
		put(&again, &two);                                                                 \
		MUST(buf_len(&line) == buf_len(&again) &&                                          \
		     strcmp(buf_text(&line), buf_text(&again)) == 0);                              \
	} while (0)

#define GUEST_PARSE(m, text, n)	  guest_parse(text, n, &(m))
#define ORDER_PARSE(m, text, n)	  guest_order_parse(text, n, &(m))
#define COMMAND_PARSE(m, text, n) netctl_command_parse(&(m), text, n)
/* Of a frame: the newline is this file's. */
#define REQUEST_PARSE(m, text, n) egressctl_request_parse(&(m), text, n)
#define REQUEST_PUT(out, m)	  (egressctl_request_put(out, m), buf_add(out, "\n", 1))
#define ROW_PARSE(m, text, n)	  egressctl_row_parse(&(m), text, n)
#define ROW_PUT(out, m)		  (egressctl_row_put(out, m), buf_add(out, "\n", 1))
#define FILES_PARSE(m, text, n)	  fsctl_report_parse(&(m), text, n)
#define REPORT_PARSE(m, text, n)  netctl_report_parse(&(m), text, n)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CHECK(guest_message, GUEST_PARSE, guest_put);
	CHECK(guest_order, ORDER_PARSE, guest_order_put);
	CHECK(netctl_command, COMMAND_PARSE, netctl_command_put);
	CHECK(netctl_report, REPORT_PARSE, netctl_report_put);
	CHECK(fsctl_report, FILES_PARSE, fsctl_report_put);
	CHECK(egressctl_request, REQUEST_PARSE, REQUEST_PUT);
	CHECK(egressctl_row, ROW_PARSE, ROW_PUT);
	return 0;
}

#include "proto/wire.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "proto/outcome.h"
#include "proto/request.h"

/* ---- payloads ---- */

MESSAGE_SHAPE(wire_resize, MESSAGE_FIELD(wire_resize, cols, MESSAGE_U16, "columns"),
	      MESSAGE_FIELD(wire_resize, rows, MESSAGE_U16, "rows"));
MESSAGE_SHAPE(wire_attach, MESSAGE_FIELD(wire_attach, filtered, MESSAGE_FLAG,
					 "no DCS reaches the client's terminal"));
MESSAGE_SHAPE(wire_answers, MESSAGE_FIELD(wire_answers, answers, MESSAGE_FLAG,
					  "the client's terminal answers what the program asks"));
MESSAGE_SHAPE(wire_elsewhere,
	      MESSAGE_FIELD(wire_elsewhere, most, MESSAGE_FLAG,
			    "queries other than DCS are answered elsewhere"),
	      MESSAGE_FIELD(wire_elsewhere, dcs, MESSAGE_FLAG,
			    "DCS queries are answered elsewhere"));
MESSAGE_SHAPE(wire_credit, MESSAGE_FIELD(wire_credit, bytes, MESSAGE_U32,
					 "more bytes of input that may be sent"));
MESSAGE_SHAPE(wire_view, MESSAGE_FIELD(wire_view, viewer, MESSAGE_U32, "the viewer's number"),
	      MESSAGE_FIELD(wire_view, message, MESSAGE_REST, "a view message"));
MESSAGE_SHAPE(wire_gone,
	      MESSAGE_FIELD(wire_gone, viewer, MESSAGE_U32, "the number of a viewer that left"));
MESSAGE_SHAPE(wire_told,
	      MESSAGE_FIELD(wire_told, event, MESSAGE_U8,
			    "t title, b bell, n notification, s the screen as text"),
	      MESSAGE_FIELD(wire_told, text, MESSAGE_REST, "its text, in the guest's words"));
MESSAGE_SHAPE(
	wire_ask,
	MESSAGE_FIELD(wire_ask, type, MESSAGE_U8,
		      "the image type, from a closed list; the last one: which types there are"));

/* ---- the table ---- */

#define FROM(peer) (1u << (peer))
#define STARTER	   FROM(WIRE_STARTER)
#define CLIENTS	   (FROM(WIRE_STARTER) | FROM(WIRE_CLIENT))
#define TERM	   FROM(WIRE_TERM)
#define CLIP	   FROM(WIRE_CLIP)
#define BEFORE	   (1u << WIRE_BEFORE)
#define AFTER	   (1u << WIRE_AFTER)
#define ALWAYS	   (BEFORE | AFTER)

const struct wire_row wire_rows[] = {
	{WIRE_START, "start", STARTER, 0, BEFORE, NULL, "JSON",
	 "what to run and how (proto/request.h); first, once", &request_shape},
	{WIRE_ARGS, "args", STARTER, 0, BEFORE, NULL, "strings, each ended by NUL",
	 "the agent's arguments; once"},
	{WIRE_ENV, "env", STARTER, 0, BEFORE, NULL, "strings, each ended by NUL",
	 "NAME=value for the agent, the API key among them; once"},
	{WIRE_BEGIN, "begin", STARTER, 0, BEFORE, NULL, "none", "start the session"},
	{WIRE_STDIN, "stdin", STARTER | TERM, 0, ALWAYS, NULL, "bytes",
	 "input for the agent, within the credit; of ccvm-term: keys and answers"},
	{WIRE_STDIN_END, "stdin-end", STARTER, 0, ALWAYS, NULL, "none", "no more input"},
	{WIRE_RESIZE, "resize", CLIENTS, TERM, ALWAYS, &wire_resize_shape, NULL,
	 "the terminal's size"},
	{WIRE_SIGNAL, "signal", STARTER, 0, ALWAYS, NULL, "name without SIG",
	 "a signal for the agent"},
	{WIRE_STOP, "stop", CLIENTS, 0, ALWAYS, NULL, "none", "end the session"},
	{WIRE_EGRESS, "egress", CLIENTS, 0, ALWAYS, NULL, "JSON line",
	 "a request about egress (egress.md)"},
	{WIRE_ATTACH, "attach", CLIENTS, 0, ALWAYS, &wire_attach_shape, NULL,
	 "send the agent's output here too from now on, after a frame of the screen"},
	{WIRE_AWAY, "away", STARTER, 0, ALWAYS, NULL, "none",
	 "the starter is suspended: no output to it before attach"},
	{WIRE_TYPED, "typed", CLIENTS, 0, ALWAYS, NULL, "bytes",
	 "input from a client that did not start the session"},
	{WIRE_RENAME, "rename", CLIENTS, 0, ALWAYS, NULL, "UTF-8", "the session's new name"},
	{WIRE_IMAGE_BYTES, "image-bytes", CLIENTS, 0, ALWAYS, NULL, "bytes",
	 "of an image file whose path was pasted"},
	{WIRE_IMAGE, "image", CLIENTS, 0, ALWAYS, NULL, "path",
	 "the image's path; all its bytes were sent"},
	{WIRE_VIEW, "view", CLIENTS, TERM, ALWAYS, &wire_view_shape, NULL,
	 "a view message; without the viewer's number where a client sends it"},
	{WIRE_EVENT, "event", 0, CLIENTS, ALWAYS, NULL, "JSON object of [events.md](events.md)",
	 "what happened"},
	{WIRE_STDOUT, "stdout", 0, CLIENTS | TERM, ALWAYS, NULL, "bytes", "the agent's output"},
	{WIRE_STDERR, "stderr", 0, STARTER, ALWAYS, NULL, "bytes", "the agent's errors"},
	{WIRE_ANSWERS, "answers", 0, CLIENTS, ALWAYS, &wire_answers_shape, NULL,
	 "who answers queries from this position of the output on"},
	{WIRE_ANSWERS, "answers", 0, TERM, ALWAYS, &wire_elsewhere_shape, NULL,
	 "what ccvm-term leaves to a client's terminal"},
	{WIRE_CREDIT, "credit", 0, STARTER, ALWAYS, &wire_credit_shape, NULL, "room for input"},
	{WIRE_EGRESS_ROW, "egress-row", 0, CLIENTS, ALWAYS, NULL, "JSON line",
	 "a row of the answer to egress (egress.md)"},
	{WIRE_VIEW_DATA, "view-data", TERM, CLIENTS, ALWAYS, &wire_view_shape, NULL,
	 "a view message; without the viewer's number where a client gets it"},
	{WIRE_IMAGE_PLACED, "image-placed", 0, CLIENTS, ALWAYS, NULL, "path",
	 "the path of the image in the guest; empty: none"},
	{WIRE_EXIT, "exit", 0, CLIENTS, ALWAYS, NULL, "JSON",
	 "how it ended (proto/outcome.h); the last frame", &outcome_shape},
	{WIRE_VIEW_GONE, "view-gone", 0, TERM, ALWAYS, &wire_gone_shape, NULL, "a viewer left"},
	{WIRE_TERM_EVENT, "term-event", TERM, 0, ALWAYS, &wire_told_shape, NULL,
	 "what the program reported to its terminal"},
	{WIRE_CLIP_ASK, "clip-ask", 0, CLIENTS | CLIP, ALWAYS, &wire_ask_shape, NULL,
	 "read the clipboard, or, without a display on the host, the clipboard of the client's "
	 "terminal"},
	{WIRE_CLIP_BYTES, "clip-bytes", CLIENTS | CLIP, 0, ALWAYS, NULL, "bytes",
	 "some of the answer"},
	{WIRE_CLIP_DONE, "clip-done", CLIENTS | CLIP, 0, ALWAYS, NULL, "JSON line",
	 "ok, reason, no_display; the answer's end"},
};
const size_t wire_row_count = ARRAY_LEN(wire_rows);

bool wire_may_send(enum wire_peer peer, enum wire_phase phase, enum wire_type type)
{
	for (size_t i = 0; i < wire_row_count; i++)
		if (wire_rows[i].type == type && (wire_rows[i].from & FROM(peer)) &&
		    (wire_rows[i].phases & (1u << phase)))
			return true;
	return false;
}

/* ---- frames ---- */

void wire_put(struct buf *out, enum wire_type type, const void *payload, size_t n)
{
	if (n > WIRE_PAYLOAD_MAX)
		mem_die("frame too large");
	bytes_put_u32(out, (uint32_t)n);
	buf_add(out, (const unsigned char[]){(unsigned char)type}, 1);
	buf_add(out, payload, n);
}

int wire_next(const struct buf *in, struct wire_frame *f)
{
	const unsigned char *p = buf_data(in);
	uint32_t n;

	if (buf_len(in) < WIRE_HEADER_SIZE)
		return 0;
	n = bytes_get_u32(p);
	if (n > WIRE_PAYLOAD_MAX)
		return -1;
	if (buf_len(in) - WIRE_HEADER_SIZE < n)
		return 0;
	f->type = (enum wire_type)p[4];
	f->payload = p + WIRE_HEADER_SIZE;
	f->n = n;
	return 1;
}

/* protocols: writes docs/protocols from the tables of src/proto.
 *
 *   build/tools/protocols DIRECTORY */
#include <stdio.h>
#include <stdlib.h>

#include "proto/egressctl.h"
#include "proto/event.h"
#include "proto/fsctl.h"
#include "proto/guest.h"
#include "proto/hostenv.h"
#include "proto/maker.h"
#include "proto/netctl.h"
#include "proto/seedfile.h"
#include "proto/view.h"
#include "proto/wire.h"

static void protocols_fields(FILE *f, const struct message_shape *shape)
{
	static const char *const kinds[] = {
		[MESSAGE_U8] = "1",	[MESSAGE_U16] = "2",	    [MESSAGE_U32] = "4",
		[MESSAGE_U64] = "8",	[MESSAGE_FLAG] = "1: 0, 1", [MESSAGE_COUNTED] = "2 + n",
		[MESSAGE_REST] = "rest"};

	fprintf(f, "\n| field | bytes | |\n|---|---|---|\n");
	for (size_t i = 0; i < shape->n; i++)
		fprintf(f, "| %s | %s | %s |\n", shape->field[i].name, kinds[shape->field[i].kind],
			shape->field[i].help);
}

static void protocols_members(FILE *f, const struct document_shape *shape)
{
	static const char *const kinds[] = {[DOCUMENT_TEXT] = "text, may be missing",
					    [DOCUMENT_OBJECT] = "object",
					    [DOCUMENT_BYTES] = "bytes",
					    [DOCUMENT_LONG] = "number",
					    [DOCUMENT_INSIDE] = "object, see below",
					    [DOCUMENT_INT] = "number",
					    [DOCUMENT_FLAG] = "true, false"};

	fprintf(f, "\n| member | value | |\n|---|---|---|\n");
	for (size_t i = 0; i < shape->n; i++)
		fprintf(f, "| %s | %s | %s |\n", shape->field[i].name, kinds[shape->field[i].kind],
			shape->field[i].help);
	for (size_t i = 0; i < shape->n; i++)
		if (shape->field[i].inside) {
			fprintf(f, "\n#### Its %s\n", shape->field[i].name);
			protocols_members(f, shape->field[i].inside);
		}
}

static bool protocols_has_bytes(const struct document_shape *shape)
{
	for (size_t i = 0; i < shape->n; i++)
		if (shape->field[i].kind == DOCUMENT_BYTES ||
		    (shape->field[i].inside && protocols_has_bytes(shape->field[i].inside)))
			return true;
	return false;
}

static void protocols_document(FILE *f, const struct document_shape *shape)
{
	fprintf(f, "\nOne JSON object. Unknown members are passed over.%s\n",
		protocols_has_bytes(shape) ? " Bytes are a text in which what is not printable "
					     "ASCII, and %, stands as %XX."
					   : "");
	protocols_members(f, shape);
}

static FILE *protocols_open(const char *directory, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void protocols_row(FILE *f, const struct wire_row *r, unsigned peers, const char *peer)
{
	const bool to_session = r->from & peers, from_session = r->to & peers;

	fprintf(f, "\n### `%c` %s\n\nFrom %s to %s", r->type, r->name,
		to_session ? peer : "ccvm-session", to_session ? "ccvm-session" : peer);
	if (to_session && from_session)
		fprintf(f, ", and back");
	if (to_session && (r->from & peers) == 1u << WIRE_STARTER && peers != 1u << WIRE_STARTER)
		fprintf(f, "; only from the client that started the session");
	if (to_session && r->phases == 1u << WIRE_BEFORE)
		fprintf(f, ", before the start");
	fprintf(f, ": %s.\n", r->help);
	if (r->shape)
		protocols_fields(f, r->shape);
	else if (r->document)
		protocols_document(f, r->document);
	else
		fprintf(f, "\nPayload: %s.\n", r->payload);
}

static void protocols_frames(const char *directory, const char *name, const char *title,
			     unsigned peers, const char *peer)
{
	FILE *f = protocols_open(directory, name);

	fprintf(f,
		"# %s\n\nMade by `tools/protocols.c` from `src/proto/wire.c`: change it there.\n\n"
		"A frame: length of the payload (4 bytes), type (1 byte), payload. Numbers are "
		"little-endian.\n",
		title);
	for (size_t i = 0; i < wire_row_count; i++)
		if ((wire_rows[i].from | wire_rows[i].to) & peers)
			protocols_row(f, &wire_rows[i], peers, peer);
	fclose(f);
}

static void protocols_view(const char *directory)
{
	FILE *f = protocols_open(directory, "view.md");

	fprintf(f, "# View messages\n\nMade by `tools/protocols.c` from `src/proto/view.c`: change "
		   "it there.\n\n"
		   "The payload of view and view-data frames: type (1 byte), fields. Numbers are "
		   "little-endian.\n");
	for (size_t i = 0; i < view_message_count; i++) {
		const struct view_message_row *r = &view_message_rows[i];

		fprintf(f, "\n### `%c` %s\n\nFrom %s: %s.\n", r->type, r->name,
			r->to_term ? "viewer to ccvm-term" : "ccvm-term to viewer", r->help);
		if (r->shape)
			protocols_fields(f, r->shape);
	}
	fprintf(f, "\n## Rows\n\n"
		   "A count of rows (2 bytes). A row: its number (2), the number of its runs (2), "
		   "the runs; cells after them are blank. A run:\n"
		   "foreground (4), background (4), attributes (2), number of cells (2), length of "
		   "its text (2), with bit 11 of the attributes the\n"
		   "number of its link (4), text in UTF-8. A colour has its kind in the top byte: "
		   "0 default, 1 of the palette, 2 RGB. After the\n"
		   "rows: a count (2) and, for each link that they name, its number (4), length "
		   "(2) and URI.\n");
	fclose(f);
}

static void protocols_lines(FILE *f, const char *title, const struct line_shape *shapes, size_t n)
{
	static const char *const kinds[] = {[LINE_TEXT] = "text",
					    [LINE_SHOWN] = "text, may be missing",
					    [LINE_NUMBER] = "number",
					    [LINE_FIGURE] = "number, may be missing",
					    [LINE_FLAG] = "true, false"};

	fprintf(f, "\n## %s\n", title);
	for (size_t i = 1; i < n; i++) {
		fprintf(f, "\n### %s\n\n%s.\n", shapes[i].type, shapes[i].help);
		if (shapes[i].n)
			fprintf(f, "\n| field | value | |\n|---|---|---|\n");
		for (size_t k = 0; k < shapes[i].n; k++)
			fprintf(f, "| %s | %s | %s |\n", shapes[i].field[k].name,
				kinds[shapes[i].field[k].kind], shapes[i].field[k].help);
	}
}

static FILE *protocols_open_lines(const char *directory, const char *name, const char *title,
				  const char *source)
{
	FILE *f = protocols_open(directory, name);

	fprintf(f,
		"# %s\n\nMade by `tools/protocols.c` from `%s`: change it there.\n\n"
		"One JSON object a line; its member `type` says what it is. Unknown types and "
		"fields are passed over.\n",
		title, source);
	return f;
}

static void protocols_guest(const char *directory)
{
	FILE *f = protocols_open_lines(directory, "guest.md", "The guest and ccvm-session",
				       "src/proto/guest.c");

	protocols_lines(f, "Guest to ccvm-session", guest_shapes, GUEST_TYPES);
	protocols_lines(f, "ccvm-session to guest", guest_order_shapes, GUEST_ORDER_TYPES);
	fclose(f);
}

static void protocols_net(const char *directory)
{
	FILE *f = protocols_open_lines(directory, "net.md", "ccvm-session and ccvm-net",
				       "src/proto/netctl.c");

	protocols_lines(f, "ccvm-session to ccvm-net", netctl_commands, NETCTL_COMMANDS);
	protocols_lines(f, "ccvm-net to ccvm-session", netctl_reports, NETCTL_REPORTS);
	fprintf(f, "\n### stats\n\ncounters; the answer to stats, and the last line of all.\n");
	protocols_members(f, &netctl_stats_shape);
	fclose(f);
}

static void protocols_files(const char *directory)
{
	FILE *f = protocols_open_lines(directory, "files.md", "ccvm-fs to ccvm-session",
				       "src/proto/fsctl.c");

	protocols_lines(f, "Reports", fsctl_reports, FSCTL_REPORTS);
	fclose(f);
}

static void protocols_egress(const char *directory)
{
	FILE *f = protocols_open_lines(directory, "egress.md", "egress and egress-row frames",
				       "src/proto/egressctl.c");

	protocols_lines(f, "Client to ccvm-session", egressctl_requests, EGRESSCTL_REQUESTS);
	protocols_lines(f, "ccvm-session to client", egressctl_rows, EGRESSCTL_ROWS);
	fclose(f);
}

static void protocols_event_fields(FILE *f, const struct event_field *field, size_t n)
{
	static const char *const kinds[] = {[EVENT_TEXT] = "text",
					    [EVENT_TEXT_IF] = "text, may be missing",
					    [EVENT_NUMBER] = "number",
					    [EVENT_NUMBER_IF] = "number, may be missing",
					    [EVENT_FLAG_IF] = "true, may be missing"};

	for (size_t i = 0; i < n; i++)
		fprintf(f, "| %s | %s | %s |\n", field[i].name, kinds[field[i].kind],
			field[i].help);
}

static void protocols_events(const char *directory)
{
	FILE *f = protocols_open(directory, "events.md");

	fprintf(f,
		"# Events\n\nMade by `tools/protocols.c` from `src/proto/event.c`: change it "
		"there.\n\n"
		"One JSON object a line, for clients, `CCVM_EVENTS` and `ccvmctl events --json`. "
		"Members may be added; `schema` changes\n"
		"when one changes its meaning or goes.\n\n| member | value | |\n|---|---|---|\n"
		"| event | text | one of those below |\n| schema | number | %d |\n",
		EVENT_SCHEMA);
	protocols_event_fields(f, event_common, event_common_count);
	for (size_t i = 0; i < EVENT_TYPES; i++) {
		const struct event_row *r = &event_rows[i];

		fprintf(f, "\n## %s\n\n%s%s.\n", r->name, r->help,
			i == EVENT_FULL ? ". It has `event`, `schema` and its own members alone"
					: "");
		if (r->n)
			fprintf(f, "\n| member | value | |\n|---|---|---|\n");
		protocols_event_fields(f, r->field, r->n);
	}
	fclose(f);
}

static void protocols_template(const char *directory)
{
	FILE *f = protocols_open(directory, "template.md");

	fprintf(f, "# ccvm-template\n\nMade by `tools/protocols.c` from `src/proto/maker.c` and "
		   "`src/proto/hostenv.c`: change it there.\n\n"
		   "## Standard input\n\nThe settings of this computer.\n");
	protocols_document(f, &hostenv_shape);
	fprintf(f, "\n## Standard output\n\n"
		   "A line for each step, in words for people. The last line is one of these, "
		   "unless it failed:\n\n| line | |\n|---|---|\n");
	for (size_t i = 0; i < MAKER_RESULTS; i++)
		fprintf(f, "| %s | %s |\n", maker_rows[i].line, maker_rows[i].help);
	fclose(f);
}

static void protocols_seed(const char *directory)
{
	FILE *f = protocols_open(directory, "seed.md");

	fprintf(f, "# The seed\n\nMade by `tools/protocols.c` from `src/proto/seedfile.c`: change "
		   "it there.\n\n"
		   "A directory that a guest reads once, at its start. A file that is missing "
		   "leaves the guest its default.\n\n"
		   "| file | holds |\n|---|---|\n");
	for (size_t i = 0; i < seedfile_count; i++)
		fprintf(f, "| %s | %s |\n", seedfile_rows[i].name, seedfile_rows[i].holds);
	fclose(f);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: protocols DIRECTORY\n");
		return 2;
	}
	protocols_frames(argv[1], "client.md", "Clients and ccvm-session",
			 1u << WIRE_STARTER | 1u << WIRE_CLIENT, "client");
	protocols_frames(argv[1], "term.md", "ccvm-session and ccvm-term", 1u << WIRE_TERM,
			 "ccvm-term");
	protocols_frames(argv[1], "clip.md", "ccvm-session and ccvm-clip", 1u << WIRE_CLIP,
			 "ccvm-clip");
	protocols_view(argv[1]);
	protocols_guest(argv[1]);
	protocols_net(argv[1]);
	protocols_files(argv[1]);
	protocols_egress(argv[1]);
	protocols_events(argv[1]);
	protocols_template(argv[1]);
	protocols_seed(argv[1]);
	return 0;
}

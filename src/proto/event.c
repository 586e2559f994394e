#include "proto/event.h"
#include "base/json.h"
#include "base/mem.h"

#define FIELD(member, kind, help)                                                                  \
	{                                                                                          \
#member, kind, offsetof(struct event, member), help                                \
	}
#define TEXT(member, help)	FIELD(member, EVENT_TEXT, help)
#define TEXT_IF(member, help)	FIELD(member, EVENT_TEXT_IF, help)
#define NUMBER(member, help)	FIELD(member, EVENT_NUMBER, help)
#define NUMBER_IF(member, help) FIELD(member, EVENT_NUMBER_IF, help)
#define FIELDS(...)                                                                                \
	(const struct event_field[]){__VA_ARGS__},                                                 \
		ARRAY_LEN(((const struct event_field[]){__VA_ARGS__}))

const struct event_field event_common[] = {
	NUMBER(time_ms, "since 1970"),
	NUMBER(since_start_ms, "since the session's start"),
	TEXT(session, "its id; null until it has one"),
	TEXT(name, "its name; null until it has one"),
};
const size_t event_common_count = ARRAY_LEN(event_common);

/* clang-format off */
const struct event_row event_rows[EVENT_TYPES] = {
	[EVENT_STATE] = {"state", FIELDS(
		TEXT(state, "created, starting, seeding, ready, running, stopping, ended or failed"),
		TEXT_IF(how, "of starting: template or cold"),
		TEXT_IF(accel, "of starting: kvm or tcg"),
		NUMBER_IF(code, "at the end: the exit code"),
		TEXT_IF(stage, "of a failure: where"),
		TEXT_IF(reason, "of a failure: why"),
		TEXT_IF(remedy, "of a failure: what to do; may be empty"),
		TEXT_IF(console, "of a failure: last lines of the guest's console"),
		TEXT_IF(qemu, "of a failure: last lines of QEMU and its helpers")),
		"a new state; that of the end is the last event"},
	[EVENT_PROGRESS] = {"progress", FIELDS(
		TEXT(stage, "of the guest's start"),
		NUMBER(guest_ms, "since the guest's kernel started; 0 of a stage on the host")),
		"a step of the start is done"},
	[EVENT_NOTE] = {"note", FIELDS(
		TEXT(stage, "what it is about"),
		TEXT(text, "for people"),
		TEXT_IF(from, "guest: these are its words"),
		TEXT_IF(console, "of a start that is started over: last lines of the console"),
		TEXT_IF(qemu, "the same, of QEMU and its helpers")),
		"what the user should know"},
	[EVENT_RENAMED] = {"renamed", NULL, 0, "`name` is new"},
	[EVENT_AGENT] = {"agent", FIELDS(
		TEXT(agent, "unknown, working, idle or waiting"),
		TEXT(why, "what tells")),
		"the agent's state has changed"},
	[EVENT_PROMPT] = {"prompt", NULL, 0, "the agent was given a prompt"},
	[EVENT_BELL] = {"bell", FIELDS(
		TEXT(title, "of the terminal; may be empty")),
		"the agent rang the terminal's bell"},
	[EVENT_NOTIFICATION] = {"notification", FIELDS(
		TEXT(text, "the agent's words")),
		"the agent sent a notification through its terminal"},
	[EVENT_CLIP] = {"clip", FIELDS(
		TEXT(verdict, "sent or refused"),
		{"type", EVENT_TEXT_IF, offsetof(struct event, kind), "of the image: PNG and so on"},
		NUMBER_IF(bytes, "of the image"),
		TEXT_IF(reason, "why it was refused"),
		FIELD(asked, EVENT_FLAG_IF, "true: nobody had pressed the key")),
		"what became of an image that was to be pasted"},
	[EVENT_EGRESS] = {"egress", FIELDS(
		TEXT(verdict, "refused"),
		TEXT(host, "the name, or the address"),
		TEXT(address, "may be empty"),
		NUMBER(port, "0 for icmp"),
		TEXT(proto, "tcp, udp or icmp"),
		TEXT(reason, "why"),
		NUMBER(count, "connections to it so far"),
		NUMBER(first_ms, "the first one, since 1970"),
		NUMBER(last_ms, "the last one, since 1970"),
		NUMBER(egress_refused, "all connections refused so far")),
		"a connection was refused"},
	[EVENT_EGRESS_QUESTION] = {"egress-question", FIELDS(
		TEXT(host, "the name"),
		NUMBER(port, "the port"),
		NUMBER(wait_ms, "how long it waits")),
		"a connection waits for a decision"},
	[EVENT_POOL] = {"pool", FIELDS(
		TEXT(what, "filling, host disk low, host disk full, host disk has space again"),
		NUMBER(percent, "in use, at this mark"),
		NUMBER(total_kib, "of the file system"),
		NUMBER(used_kib, "of it in use")),
		"the encrypted disk is filling, or the host's is"},
	[EVENT_OUT_OF_MEMORY] = {"out-of-memory", FIELDS(
		TEXT(process, "its name; may be empty"),
		NUMBER(pid, "in the guest"),
		NUMBER(kib, "that it had")),
		"the guest's kernel ended a process for want of memory"},
	[EVENT_FULL] = {"events-full", FIELDS(
		TEXT(text, "for people")),
		"ccvm writes no more of this run to the file of CCVM_EVENTS"},
};
/* clang-format on */

static void event_add(struct buf *out, const struct event_field *f, const struct event *e)
{
	const void *at = (const char *)e + f->at;
	const char *text;
	int64_t number;

	switch (f->kind) {
	case EVENT_TEXT:
	case EVENT_TEXT_IF:
		text = *(const char *const *)at;
		if (text || f->kind == EVENT_TEXT)
			json_add_string(out, f->name, text);
		return;
	case EVENT_NUMBER:
	case EVENT_NUMBER_IF:
		number = *(const int64_t *)at;
		if (number >= 0 || f->kind == EVENT_NUMBER)
			json_add_int(out, f->name, number);
		return;
	case EVENT_FLAG_IF:
		if (*(const bool *)at)
			json_add_bool(out, f->name, true);
		return;
	}
}

void event_put(struct buf *out, const struct event *e)
{
	const struct event_row *row = &event_rows[e->type];
	AUTO_BUF struct buf json = {0};

	json_begin(&json);
	json_add_string(&json, "event", row->name);
	json_add_int(&json, "schema", EVENT_SCHEMA);
	for (size_t i = 0; i < event_common_count && e->type != EVENT_FULL; i++)
		event_add(&json, &event_common[i], e);
	for (size_t i = 0; i < row->n; i++)
		event_add(&json, &row->field[i], e);
	json_end(&json);
	buf_add(out, buf_data(&json), buf_len(&json));
}

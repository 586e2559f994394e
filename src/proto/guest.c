#include "proto/guest.h"
#include "base/mem.h"

#include <string.h>

#define FIGURE_MAX ((int64_t)1 << 40) /* no figure of a guest can be larger and true */

#define SHOWN(name, help) LINE_TEXT_FIELD(guest_message, #name, name, LINE_SHOWN, help)
#define FIGURE(name, help)                                                                         \
	LINE_NUMBER_FIELD(guest_message, #name, name, LINE_FIGURE, 0, FIGURE_MAX, help)
#define MS		       FIGURE(ms, "since the guest's boot")
#define ORDER_TEXT(name, help) LINE_TEXT_FIELD(guest_order, #name, name, LINE_TEXT, help)
#define ORDER_NUMBER(name, help)                                                                   \
	LINE_NUMBER_FIELD(guest_order, #name, name, LINE_NUMBER, 0, INT64_MAX, help)

const struct line_shape guest_shapes[GUEST_TYPES] = {
	[GUEST_PARKED] = {"parked", LINE_FIELDS(MS), "the guest waits for go"},
	[GUEST_STAGE] = {"stage", LINE_FIELDS(SHOWN(stage, "which"), MS),
			 "a stage of the start is done"},
	[GUEST_NOTE] = {"note", LINE_FIELDS(SHOWN(stage, "which"), SHOWN(reason, "why"), MS),
			"a stage failed that the guest can do without"},
	[GUEST_FAILED] = {"failed", LINE_FIELDS(SHOWN(stage, "which"), SHOWN(reason, "why"), MS),
			  "a stage failed that it cannot do without"},
	[GUEST_READY] = {"ready", LINE_FIELDS(MS), "the guest is set up"},
	[GUEST_REPORT] = {"report",
			  LINE_FIELDS(FIGURE(memory_total_kib, "memory"),
				      FIGURE(memory_used_kib, "of it in use"),
				      FIGURE(load_milli, "load of the last minute, times 1000")),
			  "figures, every ten seconds at least"},
	[GUEST_SSHD_ENDED] = {"sshd-ended", LINE_FIELDS(MS), "sshd ended by itself"},
	[GUEST_STOPPED] = {"stopped", LINE_FIELDS(MS), "everything is written back"},
	[GUEST_HOOK] = {"hook",
			LINE_FIELDS(SHOWN(hook, "start, prompt, permission, stop, failure or end")),
			"claude reports what it does"},
	[GUEST_DENIED] = {"denied",
			  LINE_FIELDS(SHOWN(address, "where to"), SHOWN(proto, "tcp, udp or icmp"),
				      FIGURE(port, "0 for icmp"),
				      FIGURE(count, "packets since the last such message")),
			  "the guest's own firewall refused packets"},
	[GUEST_POOL] = {"pool",
			LINE_FIELDS(FIGURE(pool_total_kib, "size"),
				    FIGURE(pool_used_kib, "of it in use")),
			"figures of the encrypted disk"},
	[GUEST_OOM] = {"oom",
		       LINE_FIELDS(SHOWN(process, "its name"), FIGURE(pid, "its process"),
				   FIGURE(count, "KiB that it had")),
		       "the guest ran out of memory and ended a process"},
};

const struct line_shape guest_order_shapes[GUEST_ORDER_TYPES] = {
	[GUEST_ORDER_GO] = {"go", NULL, 0, "the seed is there: go on"},
	[GUEST_ORDER_STOP] = {"stop", NULL, 0, "end everything and write back"},
	[GUEST_ORDER_CLOCK] = {"clock", LINE_FIELDS(ORDER_NUMBER(ns, "since 1970")), "the time"},
	[GUEST_ORDER_POOL_LIMIT] = {"pool-limit",
				    LINE_FIELDS(ORDER_NUMBER(kib, "that may be used")),
				    "room on the host's disk"},
	[GUEST_ORDER_PASTE] = {"paste",
			       LINE_FIELDS(ORDER_TEXT(token, "16 hexadecimal digits"),
					   ORDER_TEXT(suffix, "of the file")),
			       "fetch an image whose path was pasted"},
};

void guest_parse(const char *line, size_t n, struct guest_message *m)
{
	memset(m, 0, sizeof(*m));
	m->type = (enum guest_type)line_parse(guest_shapes, GUEST_TYPES, line, n, m);
}

void guest_put(struct buf *out, const struct guest_message *m)
{
	line_put(&guest_shapes[m->type], m, out);
}

void guest_order_parse(const char *line, size_t n, struct guest_order *o)
{
	memset(o, 0, sizeof(*o));
	o->type = (enum guest_order_type)line_parse(guest_order_shapes, GUEST_ORDER_TYPES, line, n,
						    o);
}

void guest_order_put(struct buf *out, const struct guest_order *o)
{
	line_put(&guest_order_shapes[o->type], o, out);
}

#include "vm/guest.h"
#include "base/log.h"
#include "base/mem.h"

#include <string.h>

static const struct {
	const char *name;
	enum guest_kind kind;
} guest_kinds[] = {
	{"parked", GUEST_PARKED}, {"stage", GUEST_STAGE},   {"note", GUEST_NOTE},
	{"failed", GUEST_FAILED}, {"ready", GUEST_READY},   {"report", GUEST_REPORT},
	{"sshd-ended", GUEST_SSHD_ENDED}, {"stopped", GUEST_STOPPED},
	{"hook", GUEST_HOOK},	    {"denied", GUEST_DENIED}, {"pool", GUEST_POOL},   {"oom", GUEST_OOM},
};

static void guest_copy_text(char *dst, size_t size, const char *text)
{
	AUTO_BUF struct buf escaped = {0};

	if (!text)
		return;
	log_escape(&escaped, text, strlen(text), size - 1);
	memcpy(dst, buf_text(&escaped), buf_len(&escaped) + 1);
}

/* A figure of the guest's: kept only when it can be true. */
static int64_t guest_figure(const struct json_line *l, const char *name)
{
	int64_t value;

	return json_get_int(l, name, &value) && value >= 0 && value <= (int64_t)1 << 40 ? value : 0;
}

void guest_parse(const char *line, size_t n, struct guest_message *m)
{
	static struct json_line l;
	const char *kind;

	memset(m, 0, sizeof(*m));
	if (json_parse_line(line, n, &l) < 0 || !(kind = json_get_string(&l, "type")))
		return;
	for (size_t i = 0; i < ARRAY_LEN(guest_kinds); i++)
		if (strcmp(guest_kinds[i].name, kind) == 0)
			m->kind = guest_kinds[i].kind;
	guest_copy_text(m->stage, sizeof(m->stage), json_get_string(&l, "stage"));
	guest_copy_text(m->reason, sizeof(m->reason), json_get_string(&l, "reason"));
	guest_copy_text(m->address, sizeof(m->address), json_get_string(&l, "address"));
	guest_copy_text(m->hook, sizeof(m->hook), json_get_string(&l, "hook"));
	guest_copy_text(m->proto, sizeof(m->proto), json_get_string(&l, "proto"));
	guest_copy_text(m->process, sizeof(m->process), json_get_string(&l, "process"));
	m->pid = guest_figure(&l, "pid");
	m->port = guest_figure(&l, "port");
	m->count = guest_figure(&l, "count");
	m->ms = guest_figure(&l, "ms");
	m->memory_total_kib = guest_figure(&l, "memory_total_kib");
	m->memory_used_kib = guest_figure(&l, "memory_used_kib");
	m->pool_total_kib = guest_figure(&l, "pool_total_kib");
	m->pool_used_kib = guest_figure(&l, "pool_used_kib");
	m->load_milli = guest_figure(&l, "load_milli");
}

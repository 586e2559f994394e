#include "conf/conf.h"
#include "conf/conf_env.h"
#include "conf/conf_file.h"
#include "base/jscan.h"
#include "base/json.h"
#include "conf/option.h"
#include "conf/value.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What QEMU maps beside the guest's memory, in MiB: code, heap, the emulator's translation
 * buffer, and for each processor a stack and an arena. All of it is locked with the rest
 * (mlockall(2)). */
#define CONF_MEMLOCK_EXTRA 1200
#define CONF_MEMLOCK_CORE  72

void conf_init(struct conf *c)
{
	struct err e;

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if (value_from_json(o, o->fallback, strlen(o->fallback), option_field(o, c), &e) <
		    0)
			mem_die("an option's default is not valid");
	}
}

void conf_fini(struct conf *c)
{
	for (size_t i = 0; i < option_count(); i++)
		value_fini(option_at(i), option_field(option_at(i), c));
	free(c->file);
	c->file = NULL;
	strv_fini(&c->notes);
}

/* ---- limits of this host ---- */

static void conf_lower(struct conf *c, const char *name, long *value, long limit, const char *unit)
{
	if (limit <= 0 || *value <= limit)
		return;
	/* A default that is more than the host has is nobody's wish, so nobody needs to hear of it. */
	if (c->source[option_find(name)] > CONF_SOURCE_IMAGE)
		strv_addf(&c->notes, "%s lowered from %ld to %ld%s: the host has no more", name,
			  *value, limit, unit);
	*value = limit;
}

static void conf_apply_limits(struct conf *c)
{
	long page = sysconf(_SC_PAGESIZE);
	long pages = sysconf(_SC_PHYS_PAGES);

	conf_lower(c, "cores", &c->cores, sysconf(_SC_NPROCESSORS_ONLN), "");
	if (page > 0 && pages > 0)
		conf_lower(c, "memory", &c->memory,
			   (long)((unsigned long long)page * (unsigned long long)pages >> 20),
			   " MiB");
}

static void conf_note_conflicts(struct conf *c)
{
	if (c->agent_sudo == 1 && c->egress_allowlist.n)
		strv_addf(
			&c->notes,
			"agentSudo is on with egressAllowlist: the agent can turn off the firewall "
			"inside the guest; only the host's filter remains");
	if (c->egress_allowlist.n && !c->egress_ports.n)
		strv_addf(&c->notes, "egressPorts is empty: with egressAllowlist set, nothing can "
				     "be reached by name");
}

static void conf_apply_flags(struct conf *c, const struct conf_args *a)
{
	if (a->writable_cwd < 0)
		return;
	c->writable_cwd = a->writable_cwd;
	c->source[option_find("writableCwd")] = CONF_SOURCE_FLAG;
}

int conf_load(struct conf *c, const struct conf_args *a, char *const *envp, struct err *e)
{
	if (conf_file_load(c, envp, e) < 0 || conf_env_load(c, envp, e) < 0)
		return -1;
	if (a)
		conf_apply_flags(c, a);
	conf_apply_limits(c);
	conf_note_conflicts(c);
	return 0;
}

bool conf_agent_sudo(const struct conf *c)
{
	return c->agent_sudo < 0 ? c->egress_allowlist.n == 0 : c->agent_sudo;
}

/* ---- memory lock ---- */

int conf_check_memlock_limit(const struct conf *c, unsigned long long limit, struct err *e)
{
	unsigned long long need = (unsigned long long)(c->memory + CONF_MEMLOCK_EXTRA +
						       CONF_MEMLOCK_CORE * c->cores)
				  << 20;

	if (!c->lock_guest_memory || limit >= need)
		return 0;
	err_set(e,
		"lockGuestMemory: %llu MiB must be lockable for a guest of %ld MiB, but "
		"RLIMIT_MEMLOCK is "
		"%llu KiB",
		need >> 20, c->memory, limit >> 10);
	err_remedy(e,
		   "Raise the limit (a line \"USER - memlock %llu\" in a file of "
		   "/etc/security/limits.d, then log "
		   "in again; "
		   "under systemd LimitMEMLOCK=), give the guest less memory, or set "
		   "lockGuestMemory to false.",
		   need >> 10);
	return err_exit_code(e, ERR_EXIT_POLICY);
}

/* With the capability the limit does not count (mlock(2)): root, also in most containers. */
static bool conf_may_lock_anything(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & 1u << CAP_IPC_LOCK);
}

int conf_check_memlock(const struct conf *c, struct err *e)
{
	struct rlimit r;

	if (conf_may_lock_anything())
		return 0;
	if (getrlimit(RLIMIT_MEMLOCK, &r) < 0)
		return err_sys(e, "getrlimit");
	/* The hard limit: the session raises its soft one before it starts QEMU. */
	return conf_check_memlock_limit(c, r.rlim_max == RLIM_INFINITY ? ~0ULL : r.rlim_max, e);
}

/* ---- as JSON ---- */

char *conf_to_json(const struct conf *c)
{
	AUTO_BUF struct buf out = {0};

	buf_addf(&out, "{");
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		buf_addf(&out, "%s\"%s\": {\"value\": ", i ? ", " : "", o->name);
		value_to_json(o, option_field_const(o, c), &out);
		buf_addf(&out, ", \"source\": %d, \"line\": %d}", c->source[i], c->line[i]);
	}
	buf_addf(&out, "}");
	return mem_strdup(buf_text(&out));
}

static bool conf_read_int(struct jscan *s, int max, int *out)
{
	struct json_value v;
	int64_t number;

	jscan_peek(s);
	v.text = s->at;
	if (!jscan_value(s, 1))
		return false;
	v.n = (size_t)(s->at - v.text);
	if (!json_int(v, 0, max, &number))
		return false;
	*out = (int)number;
	return true;
}

/* One field of {"value": …, "source": …, "line": …}. */
static int conf_read_field(struct conf *c, int row, struct jscan *s, struct err *e)
{
	const struct option *o = option_at((size_t)row);
	AUTO_BUF struct buf key = {0};
	const char *start;
	int number = 0;

	if (!jscan_name(s, &key))
		return err_set(e, "malformed option record");
	if (strcmp(buf_text(&key), "source") == 0) {
		if (!conf_read_int(s, CONF_SOURCE_FLAG, &number))
			return err_set(e, "invalid source");
		c->source[row] = (unsigned char)number;
		return 0;
	}
	if (strcmp(buf_text(&key), "line") == 0)
		return conf_read_int(s, 1 << 24, &c->line[row]) ? 0 : err_set(e, "invalid line");
	jscan_peek(s);
	start = s->at;
	if (strcmp(buf_text(&key), "value") != 0 || !jscan_value(s, 4))
		return err_set(e, "malformed option record");
	return value_from_json(o, start, (size_t)(s->at - start), option_field(o, c), e);
}

static int conf_read_record(struct conf *c, struct jscan *s, struct err *e)
{
	AUTO_BUF struct buf key = {0};
	enum jscan_step step;
	int row;

	if (!jscan_name(s, &key))
		return err_set(e, "missing option name");
	row = option_find(buf_text(&key));
	if (row < 0)
		return err_set(e, "unknown option \"%.100s\"", buf_text(&key));
	if (!jscan_take(s, '{'))
		return err_set(e, "%s: missing record", option_at((size_t)row)->name);
	for (bool first = true; (step = jscan_next(s, '}', first)) == JSCAN_MORE; first = false)
		if (conf_read_field(c, row, s, e) < 0)
			return err_wrap(e, "%s", option_at((size_t)row)->name);
	return step == JSCAN_DONE ? 0 : err_set(e, "not valid JSON");
}

int conf_from_json(struct conf *c, const char *json, struct err *e)
{
	struct jscan s = {json, json + strlen(json)};
	enum jscan_step step = JSCAN_BAD;

	if (jscan_take(&s, '{'))
		for (bool first = true; (step = jscan_next(&s, '}', first)) == JSCAN_MORE;
		     first = false)
			if (conf_read_record(c, &s, e) < 0)
				return err_wrap(e, "resolved options");
	if (step != JSCAN_DONE || (jscan_peek(&s), s.at != s.end))
		return err_set(e, "resolved options: not valid JSON");
	return 0;
}

/* ---- the image ---- */

/* An image that was built without something cannot be asked for it. */
static int conf_apply_cap(struct conf *c, size_t row, const char *json, size_t n, struct err *e)
{
	const struct option *o = option_at(row);
	bool is_false = n == 5 && memcmp(json, "false", 5) == 0;
	void *field = option_field(o, c);
	bool wanted = o->type == OPTION_TRI ? *(int *)field == 1
					    : *(bool *)field && c->source[row] > CONF_SOURCE_IMAGE;

	if (!is_false)
		return value_from_json(o, json, n, &(union {
					       bool b;
					       int i;
				       }){0},
				       e); /* checked, and no grant */
	if (wanted)
		strv_addf(&c->notes, "%s stays off: the image was built without it", o->name);
	if (o->type == OPTION_TRI)
		*(int *)field = 0;
	else
		*(bool *)field = false;
	c->source[row] = CONF_SOURCE_IMAGE;
	return 0;
}

static int conf_apply_member(struct conf *c, struct jscan *s, struct err *e)
{
	AUTO_BUF struct buf key = {0};
	const struct option *o;
	const char *start;
	size_t n;
	int row;

	if (!jscan_name(s, &key))
		return err_set(e, "not valid JSON");
	jscan_peek(s);
	start = s->at;
	if (!jscan_value(s, 4))
		return err_set(e, "not valid JSON");
	n = (size_t)(s->at - start);
	row = option_find(buf_text(&key));
	if (row < 0)
		return 0;
	o = option_at((size_t)row);
	if (o->not_image)
		return 0;
	if (o->when == OPTION_IMAGE_RUN)
		return conf_apply_cap(c, (size_t)row, start, n, e);
	/* What an image holds is a fact, whatever a config file says today. */
	if (o->when != OPTION_IMAGE && c->source[row] > CONF_SOURCE_IMAGE)
		return 0;
	if (value_from_json(o, start, n, option_field(o, c), e) < 0)
		return err_wrap(e, "%s", o->name);
	c->source[row] = CONF_SOURCE_IMAGE;
	return 0;
}

int conf_apply_image(struct conf *c, const char *json, struct err *e)
{
	struct jscan s = {json, json + strlen(json)};
	enum jscan_step step = JSCAN_BAD;

	if (jscan_take(&s, '{'))
		for (bool first = true; (step = jscan_next(&s, '}', first)) == JSCAN_MORE;
		     first = false)
			if (conf_apply_member(c, &s, e) < 0)
				return err_exit_code(e, ERR_EXIT_POLICY),
				       err_wrap(e, "options of the image");
	if (step != JSCAN_DONE)
		return err_set(e, "options of the image: not valid JSON"),
		       err_exit_code(e, ERR_EXIT_POLICY);
	conf_apply_limits(c);
	return 0;
}

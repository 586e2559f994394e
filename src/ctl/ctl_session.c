#include "ctl/ctl_session.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/sessions.h"
#include "ctl/ctl_options.h"

#include <stdio.h>
#include <string.h>

static char *ctl_session_name(const char *id)
{
	static struct json_line l;
	const char *name = sessions_status(id, &l) ? json_get_string(&l, "name") : NULL;

	return mem_strdup(name ? name : id);
}

int ctl_session_find(struct ctl_session *s, const char *wanted, struct err *e)
{
	AUTO_FREE char *directory = sessions_directory(wanted, e);

	*s = (struct ctl_session){0};
	if (!directory)
		return -1;
	s->id = mem_strdup(strrchr(directory, '/') + 1);
	s->name = ctl_session_name(s->id);
	return 0;
}

void ctl_session_fini(struct ctl_session *s)
{
	free(s->id);
	free(s->name);
	*s = (struct ctl_session){0};
}

void ctl_session_add(struct buf *out, const struct ctl_session *s)
{
	json_add_string(out, "id", s->id);
	json_add_string(out, "name", s->name);
}

void ctl_print_json(const struct buf *json)
{
	log_print(buf_data(json), buf_len(json));
	printf("\n");
}

void ctl_session_print(const struct ctl_session *s)
{
	AUTO_BUF struct buf out = {0};

	json_begin(&out);
	ctl_session_add(&out, s);
	json_end(&out);
	ctl_print_json(&out);
}

int ctl_session_each(const struct ctl_args *a, const char *what, ctl_session_fn *one,
		     ctl_session_all_fn *all, struct err *e)
{
	AUTO_BUF struct buf done = {0}, list = {0};
	const bool is_all = ctl_has(a, "all");
	int rc = 0;

	if (is_all != (a->n == 0))
		return is_all ? ctl_usage(e, "--all takes no %s", what)
			      : ctl_usage(e, "%s needs a %s, or --all", a->command->name, what);
	if (is_all)
		rc = all(&done, e);
	for (int i = 0; rc == 0 && i < a->n; i++)
		rc = one(a->operands[i], &done, e);
	buf_addf(&list, "[%s]", buf_text(&done));
	if (ctl_has(a, "json"))
		ctl_print_json(&list);
	return rc;
}

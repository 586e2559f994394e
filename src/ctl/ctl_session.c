#include "ctl/ctl_session.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/sessions.h"

#include <stdio.h>
#include <string.h>

static char *ctl_session_name(const char *id)
{
	static struct json_line l;
	struct sessions all;
	struct err ignored;
	char *name = NULL;

	if (sessions_list(&all, &ignored) < 0)
		return mem_strdup(id);
	for (size_t i = 0; i < all.n && !name; i++)
		if (strcmp(all.id[i], id) == 0 &&
		    json_parse_line(all.status[i], strlen(all.status[i]), &l) == 0 &&
		    json_get_string(&l, "name"))
			name = mem_strdup(json_get_string(&l, "name"));
	sessions_fini(&all);
	return name ? name : mem_strdup(id);
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

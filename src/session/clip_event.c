#include "session/clip_event.h"
#include "base/json.h"

void clip_event_add(struct buf *fields, const struct clip_event *e)
{
	json_add_string(fields, "verdict", e->verdict);
	if (e->type != CLIP_NO_TYPE)
		json_add_string(fields, "type", clip_type_name(e->type));
	if (e->bytes)
		json_add_int(fields, "bytes", (int64_t)e->bytes);
	if (e->reason)
		json_add_string(fields, "reason", e->reason);
	if (e->asked)
		json_add_bool(fields, "asked", true);
}

#include "session/clip_event.h"

struct event clip_event_make(const struct clip_event *e)
{
	return (struct event){.type = EVENT_CLIP,
			      .verdict = e->verdict,
			      .kind = e->type == CLIP_NO_TYPE ? NULL : clip_type_name(e->type),
			      .bytes = e->bytes ? (int64_t)e->bytes : -1,
			      .reason = e->reason,
			      .asked = e->asked};
}

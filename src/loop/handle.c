#include "loop/handle.h"

#include <stdlib.h>

void handle_init(struct handle *h, const char *kind, const char *maker,
		 void (*release)(struct handle *h))
{
	h->uv.any.data = h;
	h->kind = kind;
	h->maker = maker;
	h->release = release;
}

static void handle_on_closed(uv_handle_t *uv)
{
	struct handle *h = uv->data;

	h->release(h);
}

void handle_close(struct handle *h)
{
	if (h)
		uv_close(&h->uv.any, handle_on_closed);
}

void handle_release(struct handle *h)
{
	free(h);
}

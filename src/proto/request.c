#include "proto/request.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

DOCUMENT_SHAPE(request,
	       DOCUMENT_FIELD(request, options, DOCUMENT_OBJECT,
			      "all options, resolved; has to be there"),
	       DOCUMENT_INSIDE_FIELD(request, host, hostenv_shape,
				     "settings of this computer; has to be there"),
	       DOCUMENT_FIELD(request, shell, DOCUMENT_FLAG, "a shell in place of claude"),
	       DOCUMENT_FIELD(request, dryrun, DOCUMENT_FLAG, "write the seed, start nothing"),
	       DOCUMENT_FIELD(request, detached, DOCUMENT_FLAG,
			      "lives on without the client that started it"),
	       DOCUMENT_FIELD(request, spare, DOCUMENT_FLAG,
			      "ends when nobody is connected, until it gets a name"),
	       DOCUMENT_FIELD(request, name, DOCUMENT_TEXT, "its name; missing: the directory's"),
	       DOCUMENT_FIELD(request, tty, DOCUMENT_FLAG, "the agent gets a PTY"),
	       DOCUMENT_FIELD(request, term, DOCUMENT_TEXT, "TERM of the agent; missing: dumb"),
	       DOCUMENT_INT_FIELD(request, cols, 1, 10000, "columns, 80 by default"),
	       DOCUMENT_INT_FIELD(request, rows, 1, 10000, "rows, 24 by default"));

bool request_is_name(const void *text, size_t n)
{
	const unsigned char *p = text;

	if (n == 0 || n > 64 || p[0] == ' ' || p[0] == '-' || p[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8(p + i, n - i, &ch);

		if (!len || !text_is_cell(ch))
			return false;
		i += len;
	}
	return true;
}

/* The default for a text that is missing or empty. */
static void request_default(char **text, const char *fallback)
{
	if (*text && (*text)[0])
		return;
	free(*text);
	*text = mem_strdup(fallback);
}

int request_parse(struct request *r, const void *text, size_t n, struct err *e)
{
	*r = (struct request){.host = HOSTENV_INIT, .cols = 80, .rows = 24};
	if (document_get(&request_shape, text, n, r) < 0 || !r->options ||
	    !hostenv_is_whole(&r->host)) {
		request_fini(r);
		return err_set(e, "malformed start request");
	}
	if (r->name && !request_is_name(r->name, strlen(r->name)))
		free(mem_steal_ptr(&r->name));
	request_default(&r->term, "dumb");
	return 0;
}

void request_put(struct buf *out, const struct request *r)
{
	document_put(&request_shape, r, out);
}

void request_fini(struct request *r)
{
	hostenv_fini(&r->host);
	document_fini(&request_shape, r);
	memset(r, 0, sizeof(*r));
}

#include "proto/links.h"
#include "base/bytes.h"
#include "base/mem.h"

#include <string.h>

#define LINKS_HEADER 6 /* id, length */

void links_fini(struct links *l)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		free(l->slot[i].uri);
	memset(l, 0, sizeof(*l));
}

bool links_is_uri(const char *text, size_t n)
{
	static const char *const schemes[] = {"https://", "http://", "file://", "mailto:"};
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		known = known || (n > strlen(schemes[i]) &&
				  memcmp(text, schemes[i], strlen(schemes[i])) == 0);
	if (!known || n > LINKS_URI_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f || strchr("\"\\<>^`{|}", text[i]))
			return false;
	return true;
}

static void links_set(struct links *l, uint32_t id, char *owned)
{
	const size_t i = id % LINKS_MAX;

	free(l->slot[i].uri);
	l->slot[i].id = id;
	l->slot[i].uri = owned;
}

uint32_t links_add(struct links *l, const char *uri)
{
	const size_t n = strnlen(uri, LINKS_URI_MAX + 1);

	if (!links_is_uri(uri, n))
		return 0;
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (l->slot[i].id && strcmp(l->slot[i].uri, uri) == 0)
			return l->slot[i].id;
	if (++l->last == 0) /* around: 0 is no link */
		l->last = 1;
	links_set(l, l->last, mem_strndup(uri, n));
	return l->last;
}

const char *links_uri(const struct links *l, uint32_t id)
{
	return id && l->slot[id % LINKS_MAX].id == id ? l->slot[id % LINKS_MAX].uri : NULL;
}

void links_put(const struct links *l, struct buf *out, const uint32_t *ids, size_t n)
{
	bool sent[LINKS_MAX] = {0};
	const size_t at = buf_len(out);
	uint16_t count = 0;

	bytes_put_u16(out, 0);
	for (size_t i = 0; i < n; i++) {
		const char *uri = links_uri(l, ids[i]);

		if (!uri || sent[ids[i] % LINKS_MAX])
			continue;
		sent[ids[i] % LINKS_MAX] = true;
		bytes_put_u32(out, ids[i]);
		bytes_put_u16(out, (uint16_t)strlen(uri));
		buf_add(out, uri, strlen(uri));
		count++;
	}
	bytes_set_u16(out->bytes + out->start + at, count);
}

size_t links_take(struct links *l, const unsigned char *p, size_t n)
{
	const size_t count = n >= 2 ? bytes_get_u16(p) : LINKS_MAX + 1;
	size_t at = 2;

	if (count > LINKS_MAX)
		return 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t id;
		size_t len;

		if (n - at < LINKS_HEADER)
			return 0;
		id = bytes_get_u32(p + at);
		len = bytes_get_u16(p + at + 4);
		at += LINKS_HEADER;
		if (!id || n - at < len || !links_is_uri((const char *)p + at, len))
			return 0;
		links_set(l, id, mem_strndup((const char *)p + at, len));
		at += len;
	}
	return at;
}

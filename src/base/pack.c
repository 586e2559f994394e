/* Theory of operation. The guest's root reads packs that came through QEMU.
 *
 * 1. A length is compared with what is left before anything behind it is looked at.
 * 2. A name cannot form a path: a pack writes only into the folder that its reader chose.
 * 3. The only state between calls is the position, which belongs to the caller. */
#include "base/pack.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <string.h>

static bool pack_is_name(const char *p, size_t n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.";

	if (n == 0 || n > PACK_NAME_MAX || p[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!memchr(allowed, p[i], sizeof(allowed) - 1))
			return false;
	return true;
}

int pack_add(struct buf *out, const char *name, const void *bytes, size_t n, struct err *e)
{
	const size_t length = strlen(name);
	const uint8_t head = (uint8_t)length;

	if (!pack_is_name(name, length))
		return err_set(e, "%s: invalid file name for a pack", name);
	if (n > UINT32_MAX)
		return err_set(e, "%s: too long", name);
	buf_add(out, &head, 1);
	buf_add(out, name, length);
	bytes_put_u32(out, (uint32_t)n);
	buf_add(out, bytes, n);
	return 0;
}

int pack_next(const void *bytes, size_t n, size_t *at, struct pack_entry *entry, struct err *e)
{
	const uint8_t *p = (const uint8_t *)bytes + *at;
	const size_t left = n - *at, length = left ? p[0] : 0;
	const uint8_t *size;

	if (left == 0)
		return 0;
	if (left < 1 + length + 4)
		return err_set(e, "truncated pack");
	size = p + 1 + length;
	if (!pack_is_name((const char *)p + 1, length))
		return err_set(e, "invalid name in a pack");
	entry->n = bytes_get_u32(size);
	if (entry->n > left - (1 + length + 4))
		return err_set(e, "truncated pack");
	memcpy(entry->name, p + 1, length);
	entry->name[length] = '\0';
	entry->bytes = size + 4;
	*at += 1 + length + 4 + entry->n;
	return 1;
}

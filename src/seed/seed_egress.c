/* The guest's own firewall: a marker that alone decides, literal addresses, ports. Names are the
 * host's matter. */
#include "base/buf.h"
#include "base/file.h"
#include "conf/egress_entry.h"
#include "proto/names.h"
#include "seed/seed_part.h"

int seed_write_egress(const struct seed_run *r, struct err *e)
{
	const struct conf *c = r->spec->conf;
	AUTO_BUF struct buf allow = {0};
	AUTO_BUF struct buf ports = {0};

	if (!c->egress_allowlist.n)
		return 0;
	for (size_t i = 0; i < c->egress_allowlist.n; i++)
		if (egress_entry_is_literal(c->egress_allowlist.v[i]))
			buf_addf(&allow, "%s\n", c->egress_allowlist.v[i]);
	for (size_t i = 0; i < c->egress_ports.n; i++)
		buf_addf(&ports, "%s%s", i ? "," : "", c->egress_ports.v[i]);
	if (file_create(r->dirfd, NAME_SEED_EGRESS_ENFORCE, "1", 1, SEED_FILE_MODE, e) < 0 ||
	    file_create(r->dirfd, NAME_SEED_EGRESS_ALLOW, buf_text(&allow), buf_len(&allow),
			SEED_FILE_MODE, e) < 0)
		return -1;
	return file_create(r->dirfd, NAME_SEED_EGRESS_PORTS, buf_text(&ports), buf_len(&ports),
			   SEED_FILE_MODE, e);
}

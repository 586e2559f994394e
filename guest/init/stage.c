#include "init/stage.h"

int stage_run_all(const struct stage *table, size_t n, struct boot *b, stage_listener *listener,
		  void *ctx, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct stage *s = &table[i];

		listener(ctx, s, STAGE_BEGUN, NULL);
		if (s->run(b, e) == 0) {
			listener(ctx, s, STAGE_DONE, NULL);
			continue;
		}
		if (s->rule == STAGE_FAIL_CLOSED) {
			listener(ctx, s, STAGE_FAILED, e);
			return err_wrap(e, "%s", s->name);
		}
		listener(ctx, s, STAGE_SKIPPED_WITH_REASON, e);
	}
	return 0;
}

/* ctl_template: what the image commands say and do about saved guests. */
#ifndef CCVM_CTL_TEMPLATE_H
#define CCVM_CTL_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"

/* `image warm [--json]`, as a ctl_command. */
int template_warm(int argc, char **argv, struct err *e);
void template_print(void);
/* Adds the list `templates`. */
void template_add_json(struct buf *line);

#endif

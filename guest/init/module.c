#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static int module_load(const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char path[300];

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		return err_sys(e, "load %s", name);
	return 0;
}

int module_load_all(struct boot *b, struct err *e)
{
	AUTO_BUF struct buf order = {0};
	char *names, *name;

	(void)b;
	if (file_read(AT_FDCWD, "/modules/order", 65536, &order, e) < 0)
		return -1;
	(void)buf_text(&order);
	names = (char *)order.bytes;
	while ((name = text_next_word(&names, "\n")))
		if (module_load(name, e) < 0)
			return -1;
	return 0;
}

#include "vm/initrd.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* More than the part of a kernel that QEMU looks at can be: 256 sectors of real-mode code (the
 * kernel's Documentation/arch/x86/boot.rst, setup_sects). */
#define INITRD_STUB_SIZE (132 << 10)

static int initrd_append(int out, const char *path, struct err *e)
{
	AUTO_CLOSE int in = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	static const char zeros[4];

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(e, "open %s", path);
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);

		if (n <= 0)
			return err_sys(e, "read %s", path);
		left -= n;
	}
	/* Archives start at multiples of 4. */
	if (st.st_size % 4 && write(out, zeros, (size_t)(4 - st.st_size % 4)) < 0)
		return err_sys(e, "write the initramfs");
	return 0;
}

static int initrd_seal(int fd, struct err *e)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0
		       ? err_sys(e, "seal the initramfs")
		       : 0;
}

int initrd_join(const char *modules_cpio, const char *programs_cpio, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("ccvm-initrd", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_sys(e, "memfd_create");
	if (initrd_append(fd, modules_cpio, e) < 0 || initrd_append(fd, programs_cpio, e) < 0)
		return -1;
	return initrd_seal(fd, e) < 0 ? -1 : mem_steal_fd(&fd);
}

int initrd_stub(const char *kernel, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("ccvm-initrd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	AUTO_CLOSE int in = open(kernel, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "memfd_create");
	if (in < 0 || sendfile(fd, in, NULL, INITRD_STUB_SIZE) <= 0)
		return err_sys(e, "read %s", kernel);
	return initrd_seal(fd, e) < 0 ? -1 : mem_steal_fd(&fd);
}

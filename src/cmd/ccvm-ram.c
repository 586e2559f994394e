/* ccvm-ram.so: loaded into a QEMU before 8.2 (LD_PRELOAD) that is to map a template's memory.
 *
 * Such a QEMU opens a memory file for writing even where it maps it private, which needs no
 * writing. The template's file is every later guest's memory, so a QEMU that was taken over must
 * not be able to write to it: its confinement forbids that, and this library makes QEMU ask for
 * no more than it needs. Of all files only this one, by the name that ccvm's command line gives
 * it.
 *
 * It is linked with nothing: what it needs is in the C library of the QEMU that loads it,
 * whichever that is. */
#include "vm/qemu_args.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(QEMU_FD_RAM < 10, "one digit");

static int ram_open(const char *path, int flags, mode_t mode)
{
	static const char ram[] = {'/', 'p', 'r', 'o', 'c',
				   '/', 's', 'e', 'l', 'f',
				   '/', 'f', 'd', '/', '0' + QEMU_FD_RAM,
				   '\0'};

	if (strcmp(path, ram) == 0)
		flags &= ~O_ACCMODE; /* O_RDONLY */
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* The names that open(2) has for a program. On x86-64 a mode that was not passed is a register's
 * old content, and the kernel looks at it only where a file may be made. */
#define RAM_EXPORT(function, name)                                                                 \
	int function(const char *path, int flags, mode_t mode) __asm__(name)                       \
		__attribute__((visibility("default")));                                            \
	int function(const char *path, int flags, mode_t mode)                                     \
	{                                                                                          \
		return ram_open(path, flags, mode);                                                \
	}

RAM_EXPORT(ram_open_plain, "open")
RAM_EXPORT(ram_open64, "open64")
RAM_EXPORT(ram_open_2, "__open_2")
RAM_EXPORT(ram_open64_2, "__open64_2")

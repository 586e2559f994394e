/* fstouch: what ccvm-fs says of a change on the host, so that who watches files in the guest
 * hears of it.
 *
 * It comes as a notice NAME_FS_TOUCH among FUSE's: a struct, and a path from the root of the
 * mount with its NUL. A process of the guest makes the kernel tell of the change by doing as if
 * it made it: it creates, removes or sets the time of what changed, and ccvm-fs, which knows the
 * process, agrees and does nothing. It says what it is about to do by looking up one of the names
 * below in the root of the mount; there is none of them. */
#ifndef CCVM_PROTO_FSTOUCH_H
#define CCVM_PROTO_FSTOUCH_H

#include <stdint.h>

#define FSTOUCH_PATH_MAX 3072					     /* longer ones are not told */
#define FSTOUCH_MAX	 (sizeof(struct fstouch) + FSTOUCH_PATH_MAX) /* less than PIPE_BUF */

enum fstouch_kind { FSTOUCH_CHANGED, FSTOUCH_CAME, FSTOUCH_WENT };

struct fstouch {
	uint32_t length;	  /* with the path */
	uint32_t kind;		  /* enum fstouch_kind */
	uint64_t directory, file; /* inode numbers; 0: not known */
	uint32_t type;		  /* S_IFMT of the mode, and the bits to execute it */
	uint32_t unused;
};

#define FSTOUCH_IS    ".ccvm-touch-is" /* "I am the process": what its operations are from now on */
#define FSTOUCH_COMES ".ccvm-touch-comes" /* it does as if it made the next entry */
#define FSTOUCH_GOES  ".ccvm-touch-goes"  /* or removed it, */
#define FSTOUCH_RMDIR ".ccvm-touch-rmdir" /* which is a directory */

#endif

/* ccvmctl: manages sessions and images. Never asks a question: everything it needs is in its
 * arguments. */
#include "base/log.h"
#include "client/launch.h"
#include "ctl/ctl.h"

int main(int argc, char **argv)
{
	log_init("ccvmctl", LOG_LEVEL_NOTE);
	launch_keep_trusted_programs();
	return ctl_run(argc, argv);
}

/* clock: the clocks by name. All of them answer from the vDSO and cannot fail. */
#ifndef CCVM_BASE_CLOCK_H
#define CCVM_BASE_CLOCK_H

#include <stdint.h>

/* Since some point in the past; stands still while the computer sleeps; setting the time of day
 * does not change it. For deadlines. */
int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);
/* Since boot, sleep included. For deadlines that must not be extended by a night of sleep. */
int64_t clock_boot_ms(void);
/* Since 1970. For times that people and other computers read. */
int64_t clock_wall_ns(void);
int64_t clock_wall_ms(void);

#endif

/* bootid: the id of this computer's boot (random(4), /proc/sys/kernel/random/boot_id): for records
 * that are valid until the next one. */
#ifndef CCVM_BASE_BOOTID_H
#define CCVM_BASE_BOOTID_H

#include <stdbool.h>

#define BOOTID_SIZE 37 /* a UUID's text */

bool bootid_read(char out[BOOTID_SIZE]);

#endif

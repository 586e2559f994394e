/* bootid: which start of this computer it is (random(4), /proc/sys/kernel/random/boot_id): for records that end with it. */
#ifndef CCVM_BASE_BOOTID_H
#define CCVM_BASE_BOOTID_H

#include <stdbool.h>

#define BOOTID_SIZE 37 /* a UUID's text */

bool bootid_read(char out[BOOTID_SIZE]);

#endif

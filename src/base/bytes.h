/* bytes: whole numbers as bytes, the least significant first. Pure. */
#ifndef CCVM_BASE_BYTES_H
#define CCVM_BASE_BYTES_H

#include <stdint.h>

#include "base/buf.h"

void bytes_put_u16(struct buf *out, uint16_t v);
void bytes_put_u32(struct buf *out, uint32_t v);
void bytes_put_u64(struct buf *out, uint64_t v);
/* Into bytes that are there already. */
void bytes_set_u16(unsigned char *p, uint16_t v);
void bytes_set_u32(unsigned char *p, uint32_t v);

uint16_t bytes_get_u16(const unsigned char *p);
uint32_t bytes_get_u32(const unsigned char *p);
uint64_t bytes_get_u64(const unsigned char *p);

#endif

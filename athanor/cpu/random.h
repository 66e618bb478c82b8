/* Unpredictable bytes. */
#ifndef ATHANOR_RANDOM_H
#define ATHANOR_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Collects what the machine has of entropy: RDRAND, where it is, and the time
 * stamp counter. After cpu_features_detect. */
void random_start(void);

void random_fill(void *out, size_t bytes);
uint64_t random_u64(void);

/* One ChaCha20 block (RFC 8439, 2.3) with block counter 0 and nonce 0. */
void random_block(const uint32_t key[static 8], uint32_t out[static 16]);

#endif

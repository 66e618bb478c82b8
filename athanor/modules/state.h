/* What an old version of a module hands over to the new one: the bytes between export_state and
 * import_state. One transfer at a time; the caller serializes them. */
#ifndef ATHANOR_STATE_H
#define ATHANOR_STATE_H

#include <alkahest/instance.h>

#define STATE_BYTES_MAX (UINT64_C(4) << 20)

/* `from` may save from now on, and `to` may load what was saved. */
void state_begin(const struct alka_instance *from, const struct alka_instance *to);
/* Nobody may. Returns how many bytes went over. */
uint64_t state_end(void);

/* False: not this instance's turn, too much, or no memory. */
bool state_save(const struct alka_instance *from, const void *bytes, uint32_t count);
bool state_load(const struct alka_instance *to, void *out, uint32_t count, uint32_t *out_read);

#endif

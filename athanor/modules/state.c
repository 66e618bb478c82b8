/*
 * State on its way from one version of a module to the next. In: bytes of the old one's memory,
 * already checked to be there. Out: the same bytes, in order. It must never give one module's bytes
 * to another that is not its next version.
 */
#include "modules/state.h"
#include "mm/memory.h"
#include <string.h>

#define STATE_BYTES_FIRST 4096u

static struct {
    const struct alka_instance *from, *to; /* NULL: no transfer */
    uint8_t *bytes;
    uint64_t room, saved, read;
} state;

void state_begin(const struct alka_instance *from, const struct alka_instance *to) {
    state.from = from;
    state.to = to;
}

uint64_t state_end(void) {
    uint64_t saved = state.saved;
    if (state.bytes != NULL) {
        memory_give(state.bytes, state.room);
    }
    memset(&state, 0, sizeof state);
    return saved;
}

static bool state_grow(uint64_t least) {
    uint64_t room = state.room == 0 ? STATE_BYTES_FIRST : state.room;
    while (room < least) {
        room *= 2;
    }
    uint8_t *bytes = room == state.room ? state.bytes : memory_take(room);
    if (bytes == NULL || bytes == state.bytes) {
        return bytes != NULL;
    }
    if (state.bytes != NULL) {
        memcpy(bytes, state.bytes, state.saved);
        memory_give(state.bytes, state.room);
    }
    state.bytes = bytes;
    state.room = room;
    return true;
}

bool state_save(const struct alka_instance *from, const void *bytes, uint32_t count) {
    if (state.from != from || count > STATE_BYTES_MAX - state.saved ||
        !state_grow(state.saved + count)) {
        return false;
    }
    memcpy(state.bytes + state.saved, bytes, count);
    state.saved += count;
    return true;
}

bool state_load(const struct alka_instance *to, void *out, uint32_t count, uint32_t *out_read) {
    if (state.to != to) {
        return false;
    }
    uint64_t left = state.saved - state.read;
    *out_read = left < count ? (uint32_t)left : count;
    if (*out_read > 0) {
        memcpy(out, state.bytes + state.read, *out_read);
        state.read += *out_read;
    }
    return true;
}

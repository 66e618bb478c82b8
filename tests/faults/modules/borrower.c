/* Looks at what it is lent, during a call. */
#include "common.h"

static struct place place ATHANOR_BUFFER_PLACE;

/* How many words are not what they should be. */
ATHANOR_EXPORT("look") uint32_t look(uint64_t handle, uint32_t seed) {
    place_fill(&place, OWN_WORD);
    if (athanor_buffer_place(handle, &place) != 0)
        return BUFFER_PAGES * PAGE_WORDS;
    uint32_t wrong = place_wrong(&place, seed);
    for (uint32_t i = 0; i < BUFFER_PAGES * PAGE_WORDS; i += PAGE_WORDS / 2)
        wrong += place.words[i] == OWN_WORD;
    wrong += athanor_buffer_displace(handle) != 0;
    return wrong + (place.words[0] != OWN_WORD);
}

/* Calls others: one that is exchanged for other versions all the time, and must count on; one that
 * borrows a buffer. */
#include "common.h"

TALLY

enum { COUNTS, LENDS };

ATHANOR_IMPORT("counter", "add") uint32_t counter_add(void);
ATHANOR_IMPORT("borrower", "look") uint32_t borrower_look(uint64_t handle, uint32_t seed);

static struct place place ATHANOR_BUFFER_PLACE;

ATHANOR_EXPORT("count") void count(void) {
    for (uint32_t expected = counter_add() + 1;; expected++) {
        EXPECT(COUNTS, counter_add() == expected);
        tally.rounds[COUNTS]++;
        if (expected % 64 == 0)
            athanor_yield();
    }
}

ATHANOR_EXPORT("lend") void lend(void) {
    athanor_handle borrower = ATHANOR_NO_HANDLE, buffer, over_there;
    EXPECT(LENDS, athanor_open_name("borrower", &borrower) == 0);
    place_fill(&place, OWN_WORD);
    for (uint32_t number = 1;; number++) {
        if (athanor_buffer_create(BUFFER_PAGES, &buffer) == 0) {
            EXPECT(LENDS, athanor_buffer_place(buffer, &place) == 0);
            place_fill(&place, number);
            EXPECT(LENDS,
                   athanor_buffer_lend(buffer, borrower, ATHANOR_FOR_READING, &over_there) == 0);
            EXPECT(LENDS, borrower_look(over_there, number) == 0);
            EXPECT(LENDS, athanor_buffer_recall(buffer, ATHANOR_NO_HANDLE) == 0);
            EXPECT(LENDS, place.words[9] != OWN_WORD && place_wrong(&place, number) == 0);
            EXPECT(LENDS, athanor_close(buffer) == 0);
            EXPECT(LENDS, place.words[9] == OWN_WORD);
        }
        tally.rounds[LENDS]++;
        athanor_yield();
    }
}

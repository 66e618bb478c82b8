/* What the modules around the campaign's victims have in common: messages that can be checked, and
 * a tally that the kernel reads. */
#ifndef FAULTS_COMMON_H
#define FAULTS_COMMON_H

#include <athanor.h>

#define PAGE_WORDS (ATHANOR_BUFFER_PAGE / 4)
#define BUFFER_PAGES 2u
#define OWN_WORD 0x0BADCAFEu

enum note_kind {
    NOTE_PLAIN = 1,
    NOTE_READ,
    NOTE_WRITE
}; /* the others: of a loan, whose number is `handle` */

/* A message; if it is whole, it fits its kind and number. */
struct note {
    uint32_t kind, number;
    uint64_t handle;
    uint32_t body[12];
};

static inline uint32_t mixed(uint32_t seed, uint32_t index) {
    uint32_t word = seed * 2654435761u + index * 40503u + 1;
    word ^= word >> 15;
    word *= 2246822519u;
    return word ^ word >> 13;
}

static inline struct note note_make(enum note_kind kind, uint32_t number, uint64_t handle) {
    struct note note = {.kind = kind, .number = number, .handle = handle};
    for (uint32_t i = 0; i < 12; i++)
        note.body[i] = mixed(number ^ kind << 28 ^ (uint32_t)handle, i);
    return note;
}

static inline int note_is_whole(const struct note *note, const struct athanor_received *received) {
    uint32_t seed = note->number ^ note->kind << 28 ^ (uint32_t)note->handle, same = 0;
    for (uint32_t i = 0; i < 12; i++)
        same += note->body[i] == mixed(seed, i);
    return received->size == sizeof *note && same == 12;
}

/* Where buffers stand; OWN_WORD everywhere when there is none. */
struct place {
    uint32_t words[BUFFER_PAGES * PAGE_WORDS];
};

static inline void place_fill(struct place *place, uint32_t seed) {
    for (uint32_t i = 0; i < BUFFER_PAGES * PAGE_WORDS; i++)
        *(volatile uint32_t *)&place->words[i] = seed == OWN_WORD ? OWN_WORD : mixed(seed, i);
}

/* How many words are neither what `seed` makes nor what is there without a buffer. */
static inline uint32_t place_wrong(const struct place *place, uint32_t seed) {
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < BUFFER_PAGES * PAGE_WORDS; i++) {
        uint32_t word = *(const volatile uint32_t *)&place->words[i];
        wrong += word != OWN_WORD && word != mixed(seed, i);
    }
    return wrong;
}

/* Roles: what runs on a thread of its own in one of the modules. */
enum { TALLY_ROLES = 8 };
struct tally {
    uint32_t rounds[TALLY_ROLES], wrong[TALLY_ROLES];
    uint32_t line; /* of the source, that found the last wrong thing */
};

#define TALLY                           \
    static volatile struct tally tally; \
    ATHANOR_EXPORT("tally") uint32_t tally_at(void) { return (uint32_t)(uintptr_t)&tally; }
#define EXPECT(role, condition)    \
    do {                           \
        if (!(condition)) {        \
            tally.wrong[role]++;   \
            tally.line = __LINE__; \
        }                          \
    } while (0)

#endif

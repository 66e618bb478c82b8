/*
 * Test support: a Crucible of counted grants that fails on demand. Each grant (pages_map,
 * slot_reserve, slot_commit, code_reserve, code_commit, code_seal) has a number, from 0; grant
 * `fail_at` is refused with ALKA_E_OUT_OF_MEMORY. What is given back wrongly aborts the test.
 *
 *     struct fake_crucible fake;
 *     fake_crucible_init(&fake);
 *     ... use &fake.crucible ...
 *     assert_true(fake_crucible_is_empty(&fake));
 */
#ifndef ALKAHEST_FAKE_CRUCIBLE_H
#define ALKAHEST_FAKE_CRUCIBLE_H

#include <alkahest/crucible.h>
#include <stdbool.h>

#define FAKE_NEVER UINT32_MAX
#define FAKE_HOLDINGS 4096

enum fake_holding_kind { FAKE_PAGES, FAKE_SLOT, FAKE_CODE, FAKE_CODE_SEALED };

struct fake_holding {
    enum fake_holding_kind kind;
    void *base;       /* as handed out */
    size_t low_bytes; /* context of a slot; else 0 */
    uint64_t bytes;
    uint64_t committed_bytes; /* of a slot's space */
};

struct fake_crucible {
    struct alka_crucible crucible;
    uint32_t grants;  /* asked for so far, refused ones too */
    uint32_t fail_at; /* FAKE_NEVER: none fails */
    struct fake_holding holdings[FAKE_HOLDINGS];
    uint32_t holding_count;
    uint64_t held_bytes; /* of pages */
    uint32_t state_events, diagnostic_events;
    uint32_t states_seen[64]; /* `state_to` of the first state events */
    struct alka_diag last_diag;
};

void fake_crucible_init(struct fake_crucible *fake);
/* Says what is still held and returns false if anything is. */
bool fake_crucible_is_empty(const struct fake_crucible *fake);

#endif

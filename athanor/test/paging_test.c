/* Page tables in plain memory, walked by a second, independent reading of the manual's format. */
#include "mm/paging.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define LARGE (UINT64_C(2) << 20)
#define TABLES 64u
#define VIRT UINT64_C(0xFFFF800000000000)
#define PHYS UINT64_C(0x40000000)

static _Alignas(4096) uint8_t memory[TABLES][4096];
static bool taken[TABLES];
static uint32_t tables_out, tables_allowed, flushes;

static bool take(void *self, uint64_t *out_phys) {
    (void)self;
    for (uint32_t i = 0; i < TABLES && tables_out < tables_allowed; i++) {
        if (!taken[i]) {
            taken[i] = true;
            tables_out++;
            memset(memory[i], 0, 4096);
            *out_phys = i * PAGE;
            return true;
        }
    }
    return false;
}

static void give(void *self, uint64_t phys) {
    (void)self;
    assert_true(taken[phys / PAGE]);
    taken[phys / PAGE] = false;
    for (uint32_t i = 0; i < 4096; i++) {
        assert_int_equal(memory[phys / PAGE][i], 0);
    }
    tables_out--;
}

static void flush(void *self, uint64_t virt) {
    (void)self;
    (void)virt;
    flushes++;
}

static struct paging paging;

static int setup(void **state) {
    (void)state;
    memset(taken, 0, sizeof taken);
    tables_out = flushes = 0;
    tables_allowed = TABLES;
    paging = (struct paging){
        .direct_base = (uint64_t)memory, .take_table = take, .give_table = give, .flush = flush};
    return paging_start(&paging) == ALKA_OK ? 0 : 1;
}

/* The entry that translates `virt`, by the manual; 0 if there is none. `*size`: of its page. */
static uint64_t walk(uint64_t virt, uint64_t *size) {
    uint64_t entry = paging.root_phys | 1;
    for (int shift = 39; shift >= 12; shift -= 9) {
        uint64_t table = entry & 0xFFFFFFFFFF000;
        memcpy(&entry, (uint8_t *)memory + table + (virt >> shift & 511) * 8, 8);
        *size = UINT64_C(1) << shift;
        if ((entry & 1) == 0) {
            return 0;
        }
        if (shift == 21 && (entry >> 7 & 1) != 0) {
            return entry;
        }
    }
    return entry;
}

static void expect(uint64_t virt, uint64_t phys, bool write, bool execute) {
    uint64_t size;
    uint64_t entry = walk(virt, &size);
    assert_true((entry & 1) != 0);
    assert_int_equal((entry & 0xFFFFFFFFFF000 & ~(size - 1)) + virt % size, phys);
    assert_int_equal(entry >> 1 & 1, write);
    assert_int_equal(entry >> 63, !execute);
    struct paging_mapping mapping;
    assert_true(paging_query(&paging, virt, &mapping));
    assert_int_equal(mapping.phys, phys);
    assert_int_equal((mapping.flags & PAGING_WRITE) != 0, write);
    assert_int_equal((mapping.flags & PAGING_EXEC) != 0, execute);
}

static uint64_t given_bytes;
static void count_given(void *self, uint64_t phys, uint64_t bytes) {
    (void)self;
    (void)phys;
    given_bytes += bytes;
}

static void maps_and_unmaps(void **state) {
    (void)state;
    uint64_t size;
    assert_int_equal(paging_map(&paging, VIRT + PAGE, PHYS, 3 * PAGE, PAGING_WRITE), ALKA_OK);
    assert_int_equal(walk(VIRT, &size), 0);
    expect(VIRT + PAGE, PHYS, true, false);
    expect(VIRT + 3 * PAGE + 5, PHYS + 2 * PAGE + 5, true, false);
    assert_int_equal(walk(VIRT + 4 * PAGE, &size), 0);
    assert_int_equal(tables_out, 4);

    assert_int_equal(paging_map(&paging, VIRT, PHYS, 2 * PAGE, 0), ALKA_E_INTERNAL);
    assert_int_equal(walk(VIRT, &size), 0);
    expect(VIRT + PAGE, PHYS, true, false);

    given_bytes = 0;
    paging_unmap(&paging, VIRT, UINT64_C(8) << 30, count_given, NULL);
    assert_int_equal(given_bytes, 3 * PAGE);
    assert_int_equal(tables_out, 2); /* the root and the table under it stay */
}

static void uses_large_pages(void **state) {
    (void)state;
    uint64_t start = VIRT + LARGE - PAGE, bytes = 2 * LARGE + 2 * PAGE;
    assert_int_equal(paging_map(&paging, start, PHYS - PAGE, bytes, PAGING_WRITE | PAGING_LARGE),
                     ALKA_OK);
    uint64_t size;
    walk(VIRT + LARGE, &size);
    assert_int_equal(size, LARGE);
    for (uint64_t at = 0; at < bytes; at += PAGE) {
        expect(start + at, PHYS - PAGE + at, true, false);
    }
    assert_int_equal(tables_out, 5);

    /* One page of a large one becomes read-only, the others stay. */
    assert_int_equal(paging_protect(&paging, VIRT + LARGE + 7 * PAGE, PAGE, 0), ALKA_OK);
    for (uint64_t at = 0; at < bytes; at += PAGE) {
        expect(start + at, PHYS - PAGE + at, start + at != VIRT + LARGE + 7 * PAGE, false);
    }
    assert_int_equal(tables_out, 6);
    given_bytes = 0;
    paging_unmap(&paging, start, bytes, count_given, NULL);
    assert_int_equal(given_bytes, bytes);
    assert_int_equal(tables_out, 2);
}

static void write_and_execute_exclude_each_other(void **state) {
    (void)state;
    assert_int_equal(paging_map(&paging, VIRT, PHYS, PAGE, PAGING_WRITE | PAGING_EXEC),
                     ALKA_E_INTERNAL);
    assert_int_equal(paging_map(&paging, VIRT, PHYS, 2 * PAGE, PAGING_WRITE), ALKA_OK);
    assert_int_equal(paging_protect(&paging, VIRT, PAGE, PAGING_WRITE | PAGING_EXEC),
                     ALKA_E_INTERNAL);
    flushes = 0;
    assert_int_equal(paging_protect(&paging, VIRT, PAGE, PAGING_EXEC), ALKA_OK);
    assert_int_equal(flushes, 1);
    expect(VIRT, PHYS, false, true);
    expect(VIRT + PAGE, PHYS + PAGE, true, false);
    assert_int_equal(paging_protect(&paging, VIRT, 3 * PAGE, 0), ALKA_E_INTERNAL);
}

static void cache_modes_survive_splitting(void **state) {
    (void)state;
    struct paging_mapping mapping;
    assert_int_equal(paging_map(&paging, VIRT, PHYS, LARGE,
                                PAGING_LARGE | PAGING_WRITE | PAGING_WRITE_COMBINING),
                     ALKA_OK);
    assert_int_equal(paging_protect(&paging, VIRT, PAGE, 0), ALKA_OK);
    assert_true(paging_query(&paging, VIRT + LARGE - PAGE, &mapping));
    assert_int_equal(mapping.flags, PAGING_WRITE | PAGING_WRITE_COMBINING);
    assert_int_equal(mapping.phys, PHYS + LARGE - PAGE);
    assert_int_equal(paging_map(&paging, VIRT + LARGE, PHYS, PAGE, PAGING_UNCACHED), ALKA_OK);
    assert_true(paging_query(&paging, VIRT + LARGE, &mapping));
    assert_int_equal(mapping.flags, PAGING_UNCACHED);
}

static void no_table_no_trace(void **state) {
    (void)state;
    uint64_t size;
    for (uint32_t allowed = 1; allowed < 6; allowed++) {
        tables_allowed = allowed;
        alka_status status = paging_map(&paging, VIRT + LARGE - PAGE, PHYS, 2 * PAGE, PAGING_WRITE);
        assert_int_equal(status, allowed < 5 ? ALKA_E_OUT_OF_MEMORY : ALKA_OK);
        if (status != ALKA_OK) {
            assert_int_equal(walk(VIRT + LARGE - PAGE, &size), 0);
            assert_int_equal(walk(VIRT + LARGE, &size), 0);
            assert_true(tables_out <= 2);
        }
        paging_unmap(&paging, VIRT, 2 * LARGE, NULL, NULL);
    }
    assert_int_equal(paging_map(&paging, VIRT, PHYS, LARGE, PAGING_LARGE | PAGING_WRITE), ALKA_OK);
    tables_allowed = tables_out;
    assert_int_equal(paging_protect(&paging, VIRT, PAGE, 0), ALKA_E_OUT_OF_MEMORY);
    expect(VIRT, PHYS, true, false);
    assert_int_equal(paging_protect(&paging, VIRT, PAGE, PAGING_WRITE), ALKA_OK); /* as it is */
}

static void maps_single_frames(void **state) {
    (void)state;
    const uint64_t frames[] = {PHYS + 7 * PAGE, PHYS, PHYS + 3 * PAGE, PHYS + 5 * PAGE};
    uint64_t start = VIRT + LARGE - 2 * PAGE, size; /* two in one table, two in the next */
    assert_int_equal(paging_map_frames(&paging, start, frames, 4, PAGING_WRITE), ALKA_OK);
    for (uint64_t i = 0; i < 4; i++) {
        expect(start + i * PAGE, frames[i], true, false);
    }
    assert_int_equal(walk(start + 4 * PAGE, &size), 0);
    assert_int_equal(paging_map_frames(&paging, start, frames, 1, PAGING_WRITE | PAGING_EXEC),
                     ALKA_E_INTERNAL);

    /* One page is in the way: nothing of the run stays. */
    assert_int_equal(paging_map_frames(&paging, start - 2 * PAGE, frames, 4, 0), ALKA_E_INTERNAL);
    assert_int_equal(walk(start - 2 * PAGE, &size), 0);
    assert_int_equal(walk(start - PAGE, &size), 0);
    expect(start, frames[0], true, false);
    paging_unmap(&paging, start, 4 * PAGE, NULL, NULL);

    /* No table for the second half. */
    uint32_t out = tables_out;
    tables_allowed = tables_out + 2;
    assert_int_equal(paging_map_frames(&paging, start, frames, 4, 0), ALKA_E_OUT_OF_MEMORY);
    assert_int_equal(tables_out, out);
    assert_int_equal(walk(start, &size), 0);
    tables_allowed = TABLES;
}

static void the_last_page_of_all(void **state) {
    (void)state;
    uint64_t last = UINT64_C(0xFFFFFFFFFFFFF000), size;
    assert_int_equal(paging_map(&paging, last, PHYS, PAGE, 0), ALKA_OK);
    expect(last, PHYS, false, false);
    paging_unmap(&paging, last - LARGE, LARGE + PAGE, NULL, NULL);
    assert_int_equal(walk(last, &size), 0);
}

/* What the processor does at a write. */
static void soil(uint64_t virt) {
    uint64_t entry = paging.root_phys | 1, *at = NULL;
    for (int shift = 39; shift >= 12; shift -= 9) {
        at = (uint64_t *)((uint8_t *)memory + (entry & 0xFFFFFFFFFF000)) + (virt >> shift & 511);
        entry = *at;
    }
    *at |= 64;
}

static struct {
    uint64_t virt[8], phys[8];
    uint32_t count;
} dirty;

static void note_dirty(void *self, uint64_t virt, uint64_t phys, uint64_t bytes) {
    (void)self;
    assert_int_equal(bytes, PAGE);
    assert_true(dirty.count < 8);
    dirty.virt[dirty.count] = virt;
    dirty.phys[dirty.count++] = phys;
}

static void finds_dirty_pages(void **state) {
    (void)state;
    /* Across two lowest tables, with a hole. */
    uint64_t from = VIRT + LARGE - 3 * PAGE;
    assert_int_equal(paging_map(&paging, from, PHYS, 3 * PAGE, PAGING_WRITE), ALKA_OK);
    assert_int_equal(paging_map(&paging, VIRT + LARGE + PAGE, PHYS + LARGE, 2 * PAGE, PAGING_WRITE),
                     ALKA_OK);
    uint64_t soiled[] = {from, from + 2 * PAGE, VIRT + LARGE + 2 * PAGE};
    for (size_t i = 0; i < 3; i++) {
        soil(soiled[i]);
    }
    flushes = dirty.count = 0;
    paging_each_dirty(&paging, from, 6 * PAGE, false, note_dirty, NULL);
    assert_int_equal(flushes, 0);
    paging_each_dirty(&paging, from + PAGE, 5 * PAGE, true, note_dirty,
                      NULL); /* all but the first */
    assert_int_equal(flushes, 2);
    assert_int_equal(dirty.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(dirty.virt[i], soiled[i < 3 ? i : i - 2]);
    }
    assert_int_equal(dirty.phys[1], PHYS + 2 * PAGE);
    assert_int_equal(dirty.phys[2], PHYS + LARGE + PAGE);
    dirty.count = 0;
    paging_each_dirty(&paging, VIRT, 2 * LARGE, true, note_dirty, NULL);
    assert_int_equal(dirty.count, 1);
    assert_int_equal(dirty.virt[0], from);
    dirty.count = 0;
    paging_each_dirty(&paging, VIRT, 2 * LARGE, true, note_dirty, NULL);
    assert_int_equal(dirty.count, 0);
}

/* Pages stand in for others and go again; what was there is there again, dirty or not. */
static void pages_stand_in_for_others(void **state) {
    (void)state;
    enum { COUNT = 6 };
    uint64_t from = VIRT + LARGE - 3 * PAGE, size; /* in two lowest tables */
    uint64_t entries[COUNT], before[COUNT];
    assert_int_equal(paging_map(&paging, from, PHYS, COUNT * PAGE, PAGING_WRITE), ALKA_OK);
    soil(from + PAGE);
    for (uint64_t i = 0; i < COUNT; i++) {
        before[i] = walk(from + i * PAGE, &size);
        entries[i] = paging_entry(PHYS + (100 + 2 * i) * PAGE, PAGING_READ_WRITE);
    }
    flushes = 0;
    paging_exchange(&paging, from, entries, COUNT);
    assert_int_equal(flushes, COUNT);
    for (uint64_t i = 0; i < COUNT; i++) {
        expect(from + i * PAGE, PHYS + (100 + 2 * i) * PAGE, true, false);
    }
    paging_set_access(&paging, from, COUNT, PAGING_READ_ONLY);
    for (uint64_t i = 0; i < COUNT; i++) {
        expect(from + i * PAGE, PHYS + (100 + 2 * i) * PAGE, false, false);
    }
    paging_set_access(&paging, from + PAGE, COUNT - 1, PAGING_NO_ACCESS);
    assert_int_equal(walk(from + PAGE, &size), 0);
    assert_int_equal(walk(from + (COUNT - 1) * PAGE, &size), 0);
    expect(from, PHYS + 100 * PAGE, false, false);
    paging_exchange(&paging, from, entries, COUNT);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(walk(from + i * PAGE, &size), before[i]);
    }
    assert_int_not_equal(paging_entry(0, PAGING_NO_ACCESS), 0); /* or its table would look empty */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(maps_and_unmaps, setup),
        cmocka_unit_test_setup(uses_large_pages, setup),
        cmocka_unit_test_setup(write_and_execute_exclude_each_other, setup),
        cmocka_unit_test_setup(cache_modes_survive_splitting, setup),
        cmocka_unit_test_setup(no_table_no_trace, setup),
        cmocka_unit_test_setup(maps_single_frames, setup),
        cmocka_unit_test_setup(the_last_page_of_all, setup),
        cmocka_unit_test_setup(finds_dirty_pages, setup),
        cmocka_unit_test_setup(pages_stand_in_for_others, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Page tables. In: virtual and physical ranges. Out: table entries. Pure but for where tables come
 * from and the flush, so that it runs against plain memory in tests. It must never leave a page
 * writable and executable, and never lose a table.
 */
#include "mm/paging.h"
#include <stddef.h>

#define ENTRIES 512u
#define LEVEL_TOP 3
#define LEVEL_LARGE 1 /* entries of 2 MiB */

#define ENTRY_PRESENT UINT64_C(1)
#define ENTRY_WRITE UINT64_C(2)
#define ENTRY_WRITE_THROUGH UINT64_C(8)
#define ENTRY_CACHE_DISABLE UINT64_C(16)
#define ENTRY_DIRTY UINT64_C(64)
#define ENTRY_LARGE UINT64_C(128)           /* at level 1 */
#define ENTRY_PAT_4K UINT64_C(128)          /* at level 0 */
#define ENTRY_PAT_LARGE (UINT64_C(1) << 12) /* at level 1 */
#define ENTRY_NX (UINT64_C(1) << 63)
#define ENTRY_ADDRESS UINT64_C(0x000FFFFFFFFFF000)

static uint64_t *paging_table(const struct paging *paging, uint64_t phys) {
    return (uint64_t *)(paging->direct_base + phys);
}

static uint64_t paging_level_bytes(int level) { return PAGING_PAGE_BYTES << (9 * level); }

static uint32_t paging_index(uint64_t virt, int level) {
    return (uint32_t)(virt >> (12 + 9 * level)) % ENTRIES;
}

/* Where the entry of `level` that covers `virt` ends. 0 at the end of the address space. */
static uint64_t paging_next(uint64_t virt, int level) {
    uint64_t bytes = paging_level_bytes(level);
    return (virt & ~(bytes - 1)) + bytes;
}

static uint64_t paging_leaf(uint64_t phys, uint32_t flags, bool large) {
    uint64_t entry = phys | ENTRY_PRESENT;
    entry |= (flags & PAGING_WRITE) != 0 ? ENTRY_WRITE : 0;
    entry |= (flags & PAGING_EXEC) != 0 ? 0 : ENTRY_NX;
    entry |= (flags & PAGING_UNCACHED) != 0 ? ENTRY_CACHE_DISABLE | ENTRY_WRITE_THROUGH : 0;
    if ((flags & PAGING_WRITE_COMBINING) != 0) {
        entry |= large ? ENTRY_PAT_LARGE : ENTRY_PAT_4K; /* PAT entry 4 */
    }
    return large ? entry | ENTRY_LARGE : entry;
}

static bool paging_write_and_execute(uint32_t flags) {
    return (flags & PAGING_WRITE) != 0 && (flags & PAGING_EXEC) != 0;
}

static bool paging_is_large(uint64_t entry, int level) {
    return level == LEVEL_LARGE && (entry & ENTRY_LARGE) != 0;
}

alka_status paging_start(struct paging *paging) {
    if (!paging->take_table(paging->self, &paging->root_phys)) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    return ALKA_OK;
}

/* A new table in an absent entry. */
static alka_status paging_grow(struct paging *paging, uint64_t *entry) {
    uint64_t phys;
    if (!paging->take_table(paging->self, &phys)) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    *entry = phys | ENTRY_PRESENT | ENTRY_WRITE;
    return ALKA_OK;
}

/* Replaces a large page by a table of 512 pages that say the same. */
static alka_status paging_split(struct paging *paging, uint64_t *entry, uint64_t virt) {
    uint64_t phys;
    if (!paging->take_table(paging->self, &phys)) {
        return ALKA_E_OUT_OF_MEMORY;
    }
    uint64_t pat = (*entry & ENTRY_PAT_LARGE) != 0 ? ENTRY_PAT_4K : 0;
    uint64_t page = *entry & ~(ENTRY_LARGE | ENTRY_PAT_LARGE);
    uint64_t *table = paging_table(paging, phys);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        table[i] = (page | pat) + i * PAGING_PAGE_BYTES;
    }
    *entry = phys | ENTRY_PRESENT | ENTRY_WRITE;
    paging->flush(paging->self, virt);
    return ALKA_OK;
}

/* The entry of `level` for `virt`, making the tables above it. */
static alka_status paging_reach(struct paging *paging, uint64_t virt, int level,
                                uint64_t **out_entry) {
    uint64_t *table = paging_table(paging, paging->root_phys);
    for (int at = LEVEL_TOP; at > level; at--) {
        uint64_t *entry = &table[paging_index(virt, at)];
        if (*entry == 0) {
            ALKA_TRY(paging_grow(paging, entry));
        }
        if (paging_is_large(*entry, at)) {
            return ALKA_E_INTERNAL;
        }
        table = paging_table(paging, *entry & ENTRY_ADDRESS);
    }
    *out_entry = &table[paging_index(virt, level)];
    return *(*out_entry) == 0 ? ALKA_OK : ALKA_E_INTERNAL;
}

static bool paging_table_empty(const uint64_t *table) {
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (table[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Gives back the tables over `virt` that have become empty, from the bottom up. The top level's
 * entries stay. */
static void paging_prune(struct paging *paging, uint64_t virt) {
    uint64_t *entries[LEVEL_TOP + 1] = {NULL};
    uint64_t *table = paging_table(paging, paging->root_phys);
    int level = LEVEL_TOP;
    for (; level > 0; level--) {
        entries[level] = &table[paging_index(virt, level)];
        if (*entries[level] == 0 || paging_is_large(*entries[level], level)) {
            break;
        }
        table = paging_table(paging, *entries[level] & ENTRY_ADDRESS);
    }
    /* `table` is the lowest one over `virt`, and entries[level + 1] names it. */
    for (level++; level < LEVEL_TOP; level++) {
        uint64_t phys = *entries[level] & ENTRY_ADDRESS;
        if (!paging_table_empty(paging_table(paging, phys))) {
            return;
        }
        *entries[level] = 0;
        paging->flush(paging->self, virt);
        paging->give_table(paging->self, phys);
    }
}

alka_status paging_map(struct paging *paging, uint64_t virt, uint64_t phys, uint64_t bytes,
                       uint32_t flags) {
    if (paging_write_and_execute(flags)) {
        return ALKA_E_INTERNAL;
    }
    uint64_t done = 0;
    while (done < bytes) {
        bool large = (flags & PAGING_LARGE) != 0 && bytes - done >= PAGING_LARGE_BYTES &&
                     ((virt + done) | (phys + done)) % PAGING_LARGE_BYTES == 0;
        uint64_t *entry;
        alka_status status = paging_reach(paging, virt + done, large ? LEVEL_LARGE : 0, &entry);
        if (status != ALKA_OK) {
            paging_prune(paging, virt + done);
            paging_unmap(paging, virt, done, NULL, NULL);
            return status;
        }
        *entry = paging_leaf(phys + done, flags, large);
        done += large ? PAGING_LARGE_BYTES : PAGING_PAGE_BYTES;
    }
    return ALKA_OK;
}

alka_status paging_map_frames(struct paging *paging, uint64_t virt, const uint64_t *frames,
                              uint64_t count, uint32_t flags) {
    if (paging_write_and_execute(flags)) {
        return ALKA_E_INTERNAL;
    }
    uint64_t *entry = NULL;
    for (uint64_t i = 0; i < count; i++, entry++) {
        uint64_t page = virt + i * PAGING_PAGE_BYTES;
        alka_status status = ALKA_OK;
        if (i == 0 || paging_index(page, 0) == 0) {
            status = paging_reach(paging, page, 0, &entry);
        } else if (*entry != 0) {
            status = ALKA_E_INTERNAL;
        }
        if (status != ALKA_OK) {
            paging_prune(paging, page);
            paging_unmap(paging, virt, i * PAGING_PAGE_BYTES, NULL, NULL);
            return status;
        }
        *entry = paging_leaf(frames[i], flags, false);
    }
    return ALKA_OK;
}

/* The lowest entry over `virt` that exists, and its level; NULL with the level where the way down
 * ends. */
static uint64_t *paging_find(const struct paging *paging, uint64_t virt, int *out_level) {
    uint64_t *table = paging_table(paging, paging->root_phys);
    for (int level = LEVEL_TOP;; level--) {
        uint64_t *entry = &table[paging_index(virt, level)];
        *out_level = level;
        if (*entry == 0) {
            return NULL;
        }
        if (level == 0 || paging_is_large(*entry, level)) {
            return entry;
        }
        table = paging_table(paging, *entry & ENTRY_ADDRESS);
    }
}

static uint64_t paging_entry_phys(uint64_t entry, int level) {
    return entry & ENTRY_ADDRESS & ~(paging_level_bytes(level) - 1);
}

void paging_unmap(struct paging *paging, uint64_t virt, uint64_t bytes, paging_give give,
                  void *give_self) {
    uint64_t at = virt, left = bytes;
    bool touched = false; /* the lowest table over `at` */
    while (left > 0) {
        int level;
        uint64_t *entry = paging_find(paging, at, &level);
        uint64_t step = paging_next(at, level) - at;
        if (entry != NULL) {
            uint64_t phys = paging_entry_phys(*entry, level);
            *entry = 0;
            touched = true;
            paging->flush(paging->self, at);
            if (give != NULL) {
                give(give_self, phys, paging_level_bytes(level));
            }
        }
        step = step < left ? step : left;
        bool leaving = left == step || at / PAGING_LARGE_BYTES != (at + step) / PAGING_LARGE_BYTES;
        if (touched && leaving) {
            paging_prune(paging, at);
            touched = false;
        }
        at += step;
        left -= step;
    }
}

alka_status paging_protect(struct paging *paging, uint64_t virt, uint64_t bytes, uint32_t flags) {
    if (paging_write_and_execute(flags)) {
        return ALKA_E_INTERNAL;
    }
    uint64_t done = 0;
    while (done < bytes) {
        int level;
        uint64_t *entry = paging_find(paging, virt + done, &level);
        if (entry == NULL) {
            return ALKA_E_INTERNAL;
        }
        uint64_t step = paging_next(virt + done, level) - (virt + done);
        step = step < bytes - done ? step : bytes - done;
        uint64_t value = *entry & ~(ENTRY_WRITE | ENTRY_NX);
        value |= (flags & PAGING_WRITE) != 0 ? ENTRY_WRITE : 0;
        value |= (flags & PAGING_EXEC) != 0 ? 0 : ENTRY_NX;
        if (value != *entry) {
            if (step != paging_level_bytes(level)) {
                ALKA_TRY(paging_split(paging, entry, virt + done));
                continue;
            }
            *entry = value;
            paging->flush(paging->self, virt + done);
        }
        done += step;
    }
    return ALKA_OK;
}

void paging_each_dirty(struct paging *paging, uint64_t virt, uint64_t bytes, bool clear,
                       paging_visit visit, void *visit_self) {
    uint64_t at = virt, left = bytes;
    while (left > 0) {
        int level;
        uint64_t *entry = paging_find(paging, at, &level);
        uint64_t step = paging_next(at, level) - at;
        /* The rest of a lowest table needs no other way down. */
        uint64_t count = level == 0 && entry != NULL ? ENTRIES - paging_index(at, 0) : 1;
        for (; count > 0 && left > 0; count--) {
            if (entry != NULL && (*entry & ENTRY_DIRTY) != 0) {
                if (clear) {
                    *entry &= ~ENTRY_DIRTY;
                    paging->flush(paging->self, at);
                }
                visit(visit_self, at, paging_entry_phys(*entry, level), paging_level_bytes(level));
            }
            entry += entry != NULL ? 1 : 0;
            step = step < left ? step : left;
            at += step;
            left -= step;
        }
    }
}

/* --- Pages that stand in for others. --- */

uint64_t paging_entry_with(uint64_t entry, enum paging_access access) {
    entry &= ~(ENTRY_PRESENT | ENTRY_WRITE);
    entry |= access != PAGING_NO_ACCESS ? ENTRY_PRESENT : 0;
    return entry | (access == PAGING_READ_WRITE ? ENTRY_WRITE : 0);
}

/* NX is set without the page being present, too: so that an entry is never 0. */
uint64_t paging_entry(uint64_t phys, enum paging_access access) {
    return paging_entry_with(phys | ENTRY_NX, access);
}

/* The lowest entry for `virt`: the next one, or found anew at the beginning of a table. */
static uint64_t *paging_step(const struct paging *paging, uint64_t *entry, uint64_t virt) {
    int level;
    if (entry != NULL && paging_index(virt, 0) != 0) {
        return entry + 1;
    }
    return paging_find(paging, virt, &level);
}

void paging_exchange(struct paging *paging, uint64_t virt, uint64_t *entries, uint64_t count) {
    uint64_t *entry = NULL;
    for (uint64_t i = 0; i < count; i++, virt += PAGING_PAGE_BYTES) {
        entry = paging_step(paging, entry, virt);
        uint64_t was = *entry;
        *entry = entries[i];
        entries[i] = was;
        paging->flush(paging->self, virt);
    }
}

void paging_set_access(struct paging *paging, uint64_t virt, uint64_t count,
                       enum paging_access access) {
    uint64_t *entry = NULL;
    for (uint64_t i = 0; i < count; i++, virt += PAGING_PAGE_BYTES) {
        entry = paging_step(paging, entry, virt);
        *entry = paging_entry_with(*entry, access);
        paging->flush(paging->self, virt);
    }
}

bool paging_query(const struct paging *paging, uint64_t virt, struct paging_mapping *out) {
    int level;
    const uint64_t *entry = paging_find(paging, virt, &level);
    if (entry == NULL) {
        return false;
    }
    uint64_t pat = level == 0 ? ENTRY_PAT_4K : ENTRY_PAT_LARGE;
    out->phys = paging_entry_phys(*entry, level) + virt % paging_level_bytes(level);
    out->flags = level == 0 ? 0 : PAGING_LARGE;
    out->flags |= (*entry & ENTRY_WRITE) != 0 ? PAGING_WRITE : 0;
    out->flags |= (*entry & ENTRY_NX) != 0 ? 0 : PAGING_EXEC;
    out->flags |= (*entry & ENTRY_CACHE_DISABLE) != 0 ? PAGING_UNCACHED : 0;
    out->flags |= (*entry & pat) != 0 ? PAGING_WRITE_COMBINING : 0;
    out->dirty = (*entry & ENTRY_DIRTY) != 0;
    return true;
}

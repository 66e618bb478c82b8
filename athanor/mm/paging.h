/*
 * Page tables: four levels, 4 KiB and 2 MiB pages (AMD64 Architecture Programmer's Manual 2, 5.3).
 * Addresses are canonical and page-aligned, sizes multiples of 4096. No mapping is ever writable
 * and executable: asking for it is refused here.
 */
#ifndef ATHANOR_PAGING_H
#define ATHANOR_PAGING_H

#include <alkahest/status.h>
#include <stdbool.h>
#include <stdint.h>

#define PAGING_PAGE_BYTES UINT64_C(4096)
#define PAGING_LARGE_BYTES (UINT64_C(2) << 20)

enum paging_flags {
    PAGING_WRITE = 1,
    PAGING_EXEC = 2,
    PAGING_UNCACHED = 4,
    PAGING_WRITE_COMBINING = 8,
    PAGING_LARGE = 16, /* use 2 MiB pages where both addresses allow it */
};

/* Of pages that are never executed. */
enum paging_access { PAGING_NO_ACCESS, PAGING_READ_ONLY, PAGING_READ_WRITE };

/* Where tables come from and how they are reached. */
struct paging {
    uint64_t root_phys;
    uint64_t direct_base;                               /* virtual address of physical address 0 */
    bool (*take_table)(void *self, uint64_t *out_phys); /* all zeros */
    void (*give_table)(void *self, uint64_t phys);      /* all zeros again */
    void (*flush)(void *self, uint64_t virt); /* forget what the processors cached of one page */
    void *self;
};

/* ALKA_E_OUT_OF_MEMORY if there is no table to be had. */
ALKA_MUST_CHECK alka_status paging_start(struct paging *paging);

/*
 * Maps [virt, virt + bytes) to [phys, …). All or nothing: ALKA_E_OUT_OF_MEMORY, or ALKA_E_INTERNAL
 * if a page there is mapped already or the flags ask for write and execute.
 */
ALKA_MUST_CHECK alka_status paging_map(struct paging *paging, uint64_t virt, uint64_t phys,
                                       uint64_t bytes, uint32_t flags);

/* Maps one page after the other, from `virt` on, to the `count` frames; as paging_map otherwise. */
ALKA_MUST_CHECK alka_status paging_map_frames(struct paging *paging, uint64_t virt,
                                              const uint64_t *frames, uint64_t count,
                                              uint32_t flags);

/*
 * Unmaps what is mapped in the range and hands each piece to `give` (NULL: to nobody), after
 * flushing it. Absent pages cost next to nothing. Empty tables are given back. A large page must
 * lie in the range as a whole.
 */
typedef void (*paging_give)(void *self, uint64_t phys, uint64_t bytes);
void paging_unmap(struct paging *paging, uint64_t virt, uint64_t bytes, paging_give give,
                  void *give_self);

/*
 * Sets write and execute of each mapped page in the range; a large page that reaches beyond it is
 * split, unless it is that way already. On ALKA_E_OUT_OF_MEMORY (a split needs a table) some pages
 * may have changed; changing them back cannot fail. ALKA_E_INTERNAL: a page is not mapped, or the
 * flags ask for write and execute.
 */
ALKA_MUST_CHECK alka_status paging_protect(struct paging *paging, uint64_t virt, uint64_t bytes,
                                           uint32_t flags);

/*
 * Hands each dirty page in the range to `visit`, in order of address; with `clear`, it counts as
 * clean from before its visit on. Absent pages cost next to nothing.
 */
typedef void (*paging_visit)(void *self, uint64_t virt, uint64_t phys, uint64_t bytes);
void paging_each_dirty(struct paging *paging, uint64_t virt, uint64_t bytes, bool clear,
                       paging_visit visit, void *visit_self);

/*
 * Pages that stand in for others: entries of 4 KiB pages, as the tables hold them, with all that
 * they say (also whether the page is dirty). paging_exchange puts entries[i] where the page at virt
 * + i * 4096 is and keeps what was there in entries[i]: doing it again puts all back. It cannot
 * fail: each page in the range is there, as a small one, and an entry is never 0.
 */
uint64_t paging_entry(uint64_t phys, enum paging_access access);
uint64_t paging_entry_with(uint64_t entry, enum paging_access access);
void paging_exchange(struct paging *paging, uint64_t virt, uint64_t *entries, uint64_t count);
/* Changes what may be done with such pages, where they are. */
void paging_set_access(struct paging *paging, uint64_t virt, uint64_t count,
                       enum paging_access access);

struct paging_mapping {
    uint64_t phys;
    uint32_t flags; /* PAGING_LARGE: it is one */
    bool dirty;
};

/* What `virt` (any address) maps to; false if to nothing. Writes nothing: usable in a panic. */
bool paging_query(const struct paging *paging, uint64_t virt, struct paging_mapping *out);

#endif

/* What the files of this room share. */
#ifndef ALKAHEST_MODULES_PRIVATE_H
#define ALKAHEST_MODULES_PRIVATE_H

#include <alkahest/instance.h>
#include <alkahest/registry.h>

void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);

static inline uint64_t modules_round_pages(uint64_t bytes) {
    return (bytes + ALKA_PAGE_BYTES - 1) & ~(uint64_t)(ALKA_PAGE_BYTES - 1);
}

/* registry.c */
ALKA_MUST_CHECK alka_status registry_range_take(struct alka_registry *registry,
                                                struct alka_code_range **out_range);
void registry_range_give(struct alka_code_range *range);
ALKA_MUST_CHECK alka_status registry_instance_take(struct alka_registry *registry,
                                                   struct alka_instance **out_instance);
void registry_instance_give(struct alka_instance *instance);

/* dispose.c: gives back what an instance has, whatever step of making it failed. */
void instance_dispose(struct alka_instance *instance);
/* Takes its views out of the memories and tables that it shares. */
void instance_unlink(struct alka_instance *instance);
/* The rest: pages, slot, image, the registry's place. After instance_unlink. */
void instance_free(struct alka_instance *instance);

/* memory.c, table.c: views follow their memory or table from now on. */
void memory_use(struct alka_memory *memory, struct alka_use *use);
void memory_unuse(struct alka_memory *memory, const struct alka_use *use);
void table_use(struct alka_table *table, struct alka_use *use);
void table_unuse(struct alka_table *table, const struct alka_use *use);
/* The address space of a memory, as slot_reserve gave it. */
struct memory_space {
    struct alka_host_addr base;
    uint64_t committed_bytes, reserve_bytes;
};
/* A memory in a space that somebody else reserved and releases; min pages are committed then. */
ALKA_MUST_CHECK alka_status memory_init(struct alka_memory *memory,
                                        const struct alka_crucible *crucible,
                                        const struct alka_range *range, uint64_t limit_pages,
                                        enum alka_memory_model model,
                                        const struct memory_space *space);
/* Commits what masked indices of a wrap-model user may reach. */
ALKA_MUST_CHECK alka_status memory_wrap(struct alka_memory *memory);
uint64_t memory_reserve_bytes(const struct alka_range *range, uint64_t limit_pages);
/* What the min pages take; 0 if the limit forbids them. */
uint64_t memory_first_bytes(const struct alka_range *range, uint64_t limit_pages);
size_t table_entry_bytes(alka_valtype type);
/* Any reference: a struct alka_func * or an external one; 0 is null. */
void table_set(struct alka_table *table, uint64_t index, uint64_t reference);
/* `count` entries from `to` on, in range. */
void table_fill(struct alka_table *table, uint64_t to, uint64_t count, uint64_t reference);
/* As memmove; both in range, of the same type. */
void table_copy(struct alka_table *target, uint64_t to, const struct alka_table *source,
                uint64_t from, uint64_t count);
/* Null in all of [from, to). */
void table_clear(struct alka_table *table, uint64_t from, uint64_t to);
void table_init(struct alka_table *table, const struct alka_crucible *crucible, alka_valtype type,
                const struct alka_range *range, uint64_t limit_entries, void *entries);

/* evaluate.c: the value of a validated constant expression; v128 takes both words. */
struct evaluate_value {
    uint64_t words[2];
};
ALKA_MUST_CHECK alka_status evaluate(const struct alka_instance *instance, struct alka_piece piece,
                                     struct alka_arena *scratch, struct evaluate_value *out_value,
                                     uint32_t *out_end_off);

/* instance.c */
uint64_t *instance_global_cell(const struct alka_instance *instance, uint32_t global_idx);

/* Somebody else can name its functions from now on: it stays until the registry goes. */
void instance_pin(struct alka_instance *instance);

/* exceptions.c: what references to exceptions name */
void exceptions_drop(struct alka_registry *registry);
/* A new one with room for so many words, which the caller fills at once; 0: there are too many.
 * Those that nothing refers to any more go: `stack_low` and `data_low` are where the thread's
 * stacks begin. */
uint64_t exceptions_make(struct alka_registry *registry, const struct alka_thread *thread,
                         uint64_t stack_low, uint64_t data_low, struct alka_exception shape,
                         uint64_t **out_words);

/* segments.c: what table.init and memory.init read. `references` has room for the items of all
 * passive element segments. */
ALKA_MUST_CHECK alka_status segments_make(struct alka_instance *instance, uint64_t *references,
                                          struct alka_arena *scratch);
/* All active segments in order (specification 4.5.5, steps 14 and 15). */
ALKA_MUST_CHECK alka_status segments_apply(struct alka_instance *instance,
                                           struct alka_arena *scratch, struct alka_diag *out_diag);

#endif

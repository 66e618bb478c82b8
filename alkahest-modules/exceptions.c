/*
 * Room: modules. What references to exceptions name: a fixed number of cells, and pages for values
 * that a cell does not hold. Comes in: values when a handler wants a reference. Goes out:
 * references, which are numbers: a cell and its generation, so that a stale one names nothing. Must
 * never grow beyond its cells, and never follow a word that is not known to be a living cell's.
 *
 * When no cell is free, all that may hold a reference is searched: the running thread's stacks,
 * word by word, globals and tables of the registry's instances, and the values of exceptions that
 * are held. The others go. What only another thread's stacks hold may go as well; its reference
 * then names nothing.
 */
#include "private.h"

enum {
    EXCEPTION_CELLS = 4096,
    EXCEPTION_WORDS = 12, /* in a cell */
    EXCEPTION_INDEX_BITS = 16,
};

/* Bits 63–56 of a reference, so that few other words look like one. */
#define EXCEPTION_MARK UINT64_C(0xE7)

enum exception_state { EXCEPTION_FREE, EXCEPTION_HELD, EXCEPTION_FOUND };

struct exception_cell {
    struct alka_exception exception;
    uint64_t words[EXCEPTION_WORDS];
    uint32_t generation;
    uint32_t next; /* of those that are found but not looked into; + 1 */
    enum exception_state state;
};

struct alka_exceptions {
    uint32_t hint; /* where to look for a free cell */
    uint32_t found;
    struct exception_cell cells[EXCEPTION_CELLS];
};

static uint64_t exception_reference(const struct alka_exceptions *all, uint32_t index) {
    return EXCEPTION_MARK << 56 | (uint64_t)all->cells[index].generation << EXCEPTION_INDEX_BITS |
           index;
}

/* The living cell that a word names. */
static struct exception_cell *exception_cell(struct alka_exceptions *all, uint64_t word) {
    uint32_t index = (uint32_t)(word & ((UINT32_C(1) << EXCEPTION_INDEX_BITS) - 1));
    if (!all || word >> 56 != EXCEPTION_MARK || index >= EXCEPTION_CELLS ||
        all->cells[index].state == EXCEPTION_FREE || exception_reference(all, index) != word)
        return NULL;
    return &all->cells[index];
}

static size_t exception_more_bytes(const struct exception_cell *cell) {
    return cell->exception.word_count > EXCEPTION_WORDS
               ? modules_round_pages(cell->exception.word_count * sizeof(uint64_t))
               : 0;
}

static void exception_free(const struct alka_registry *registry, struct exception_cell *cell) {
    size_t bytes = exception_more_bytes(cell);
    if (bytes)
        registry->crucible->pages_unmap(registry->crucible->self,
                                        (void *)(uint64_t)cell->exception.words, bytes);
    cell->state = EXCEPTION_FREE;
    cell->generation++;
}

/* --- What is still held. --- */

static void mark_word(struct alka_exceptions *all, uint64_t word) {
    struct exception_cell *cell = exception_cell(all, word);
    if (!cell || cell->state == EXCEPTION_FOUND)
        return;
    cell->state = EXCEPTION_FOUND;
    cell->next = all->found;
    all->found = (uint32_t)(cell - all->cells) + 1;
}

/* Stacks are read as they are: AddressSanitizer's marks do not concern us. */
__attribute__((no_sanitize("address"))) static void mark_words(struct alka_exceptions *all,
                                                               uint64_t from, uint64_t to) {
    for (uint64_t at = (from + 7) & ~UINT64_C(7); at + 8 <= to; at += 8)
        mark_word(all, *(const uint64_t *)at);
}

static bool mark_holds(alka_valtype type) {
    return alka_valtype_is_ref(type) && !alka_valtype_is_funcref(type);
}

static void mark_instance(struct alka_exceptions *all, const struct alka_instance *instance) {
    const struct alka_module *module = &instance->image->module;
    for (uint32_t i = 0; i < module->global_count; i++)
        if (mark_holds(module->globals[i].type))
            mark_word(all, *instance_global_cell(instance, i));
    for (uint32_t i = 0; i < module->table_count; i++) {
        const struct alka_table *table = instance->tables[i];
        if (table && mark_holds(table->type))
            mark_words(all, (uint64_t)table->entries, (uint64_t)table->entries + table->size * 8);
    }
    for (uint32_t i = 0; i < module->element_count; i++)
        if (mark_holds(module->elements[i].type))
            mark_words(all, (uint64_t)instance->elements[i].references,
                       (uint64_t)(instance->elements[i].references + instance->elements[i].count));
}

static void exceptions_collect(struct alka_registry *registry, const struct alka_thread *thread,
                               uint64_t stack_low, uint64_t data_low) {
    struct alka_exceptions *all = registry->exceptions;
    mark_words(all, stack_low, (uint64_t)thread);
    mark_words(all, data_low, thread->data_top);
    mark_word(all, thread->exception);
    for (struct alka_instance *at = NULL; (at = alka_registry_next(registry, at));)
        if (at->context && at->tables)
            mark_instance(all, at);
    while (all->found) { /* values may be references */
        const struct exception_cell *cell = &all->cells[all->found - 1];
        all->found = cell->next;
        mark_words(all, (uint64_t)cell->exception.words,
                   (uint64_t)(cell->exception.words + cell->exception.word_count));
    }
    for (uint32_t i = 0; i < EXCEPTION_CELLS; i++) {
        if (all->cells[i].state == EXCEPTION_HELD)
            exception_free(registry, &all->cells[i]);
        else if (all->cells[i].state == EXCEPTION_FOUND)
            all->cells[i].state = EXCEPTION_HELD;
    }
}

/* --- Making. --- */

static struct exception_cell *exceptions_find(struct alka_exceptions *all) {
    for (uint32_t i = 0; i < EXCEPTION_CELLS; i++) {
        uint32_t index = (all->hint + i) % EXCEPTION_CELLS;
        if (all->cells[index].state != EXCEPTION_FREE)
            continue;
        all->hint = index + 1;
        return &all->cells[index];
    }
    return NULL;
}

static bool exceptions_open(struct alka_registry *registry) {
    if (registry->exceptions)
        return true;
    void *pages;
    if (registry->crucible->pages_map(registry->crucible->self,
                                      modules_round_pages(sizeof *registry->exceptions), &pages))
        return false;
    registry->exceptions = pages;
    return true;
}

uint64_t exceptions_make(struct alka_registry *registry, const struct alka_thread *thread,
                         uint64_t stack_low, uint64_t data_low, struct alka_exception shape,
                         uint64_t **out_words) {
    if (!exceptions_open(registry))
        return 0;
    struct alka_exceptions *all = registry->exceptions;
    struct exception_cell *cell = exceptions_find(all);
    if (!cell) {
        exceptions_collect(registry, thread, stack_low, data_low);
        cell = exceptions_find(all);
    }
    if (!cell)
        return 0;
    cell->exception = shape;
    cell->exception.words = cell->words;
    size_t bytes = exception_more_bytes(cell);
    void *pages = cell->words;
    if (bytes && registry->crucible->pages_map(registry->crucible->self, bytes, &pages))
        return 0;
    cell->exception.words = pages;
    cell->state = EXCEPTION_HELD;
    *out_words = pages;
    return exception_reference(all, (uint32_t)(cell - all->cells));
}

bool alka_exception_look(const struct alka_registry *registry, uint64_t reference,
                         struct alka_exception *out_exception) {
    const struct exception_cell *cell = exception_cell(registry->exceptions, reference);
    if (!cell)
        return false;
    *out_exception = cell->exception;
    return true;
}

void exceptions_drop(struct alka_registry *registry) {
    struct alka_exceptions *all = registry->exceptions;
    if (!all)
        return;
    for (uint32_t i = 0; i < EXCEPTION_CELLS; i++)
        if (all->cells[i].state != EXCEPTION_FREE)
            exception_free(registry, &all->cells[i]);
    registry->crucible->pages_unmap(registry->crucible->self, all,
                                    modules_round_pages(sizeof *all));
    registry->exceptions = NULL;
}

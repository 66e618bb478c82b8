/*
 * Room: codegen. The text under construction and the tables beside it: room, jumps to patch, trap
 * sites, relocations, cold stubs, read-only data. Comes in: what lowerings note down. Goes out: the
 * same, in the order of the code. Must never write behind what the Crucible committed.
 */
#include "emit.h"

void *memcpy(void *restrict, const void *restrict, size_t);

/* Text grows by a quarter, in steps of: at first, and when the host may use huge pages. */
enum { TEXT_STEP_BYTES = 64 * 1024, TEXT_HUGE_BYTES = 2 << 20 };

bool emit_reserve(struct emit *e, size_t bytes) {
    if ((size_t)(e->limit - e->x.at) >= bytes)
        return true;
    if (e->status)
        return false;
    struct alka_codegen *gen = e->gen;
    uint64_t need = emit_off(e) + (uint64_t)bytes;
    uint64_t step = gen->text_committed / 4 > TEXT_STEP_BYTES ? gen->text_committed / 4 : 1;
    uint64_t unit = gen->text_committed < TEXT_HUGE_BYTES ? TEXT_STEP_BYTES : TEXT_HUGE_BYTES;
    uint64_t to = (need + step + unit - 1) / unit * unit;
    if (to > gen->text_reserved)
        to = gen->text_reserved;
    if (need > to) {
        emit_fail(e, ALKA_E_CODE_TOO_LARGE);
        return false;
    }
    alka_status status =
        gen->crucible->code_commit(gen->crucible->self, gen->text, gen->text_committed, (size_t)to);
    if (status) {
        emit_fail(e, status);
        return false;
    }
    gen->text_committed = (uint32_t)to;
    e->limit = gen->text + to;
    e->op_limit = e->limit - EMIT_OP_BYTES;
    return true;
}

/* Appends to one of the tables; on failure notes why and writes nothing. Inlined, so that the
 * record is copied as what it is. */
static inline __attribute__((always_inline)) void text_append(struct emit *e, struct pages *pages,
                                                              const void *record, uint32_t bytes) {
    alka_status status = pages_reserve(pages, e->gen->crucible, bytes);
    if (status) {
        emit_fail(e, status);
        return;
    }
    __builtin_memcpy(pages->data + pages->used_bytes, record, bytes);
    pages->used_bytes += bytes;
}

void emit_site_slow(struct emit *e, struct alka_trap_site site) {
    text_append(e, &e->gen->sites, &site, sizeof site);
}

void emit_reloc(struct emit *e, enum alka_reloc_kind kind, uint32_t index) {
    struct alka_reloc reloc = {
        .code_off = emit_off(e) - 4, .kind = (uint32_t)kind & 0xFF, .index = index & 0xFFFFFF};
    text_append(e, &e->gen->relocs, &reloc, sizeof reloc);
}

void emit_call_site(struct emit *e, uint32_t try_idx) {
    if (try_idx == NO_OFF)
        return;
    struct alka_call_site site = {emit_off(e), try_idx};
    text_append(e, &e->gen->call_sites, &site, sizeof site);
}

uint32_t emit_try(struct emit *e, struct alka_try record) {
    text_append(e, &e->gen->tries, &record, sizeof record);
    return e->gen->tries.used_bytes / (uint32_t)sizeof record - 1;
}

uint32_t emit_clause(struct emit *e, struct alka_clause record) {
    text_append(e, &e->gen->clauses, &record, sizeof record);
    return e->gen->clauses.used_bytes / (uint32_t)sizeof record - 1;
}

struct alka_clause *emit_clause_at(const struct emit *e, uint32_t clause) {
    return (struct alka_clause *)(void *)e->gen->clauses.data + clause;
}

struct alka_try *emit_try_at(const struct emit *e, uint32_t try_idx) {
    return (struct alka_try *)(void *)e->gen->tries.data + try_idx;
}

void emit_frame_record(struct emit *e, uint32_t frame) {
    text_append(e, &e->gen->frames, &frame, sizeof frame);
}

/* --- Jumps -------------------------------------------------------------------------------------*/

void emit_patch(struct emit *e, uint32_t rel32_off, uint32_t target_off) {
    uint32_t distance = target_off - (rel32_off + 4);
    __builtin_memcpy(emit_at(e, rel32_off), &distance, 4);
}

void emit_patch_chain(struct emit *e, uint32_t last_off, uint32_t target_off) {
    while (last_off != NO_OFF) {
        uint32_t next;
        __builtin_memcpy(&next, emit_at(e, last_off), 4);
        emit_patch(e, last_off, target_off);
        last_off = next;
    }
}

/* --- Cold code ---------------------------------------------------------------------------------*/

void emit_stub(struct emit *e, struct stub stub) {
    text_append(e, &e->gen->stubs, &stub, sizeof stub);
}

void emit_jump_back(struct emit *e, const struct stub *stub) {
    x64_jmp(&e->x, 0);
    emit_patch(e, emit_off(e) - 4, stub->back_off);
}

static void stub_trap(struct emit *e, const struct stub *stub) {
    emit_site(e, (enum alka_trap)stub->trap, stub->wasm_off);
    x64_ud2(&e->x);
}

void emit_trap_if(struct emit *e, enum x64_cond cond, enum alka_trap trap) {
    x64_jcc(&e->x, cond, NO_OFF);
    emit_stub(e, (struct stub){.emit = stub_trap,
                               .jump_off = emit_off(e) - 4,
                               .wasm_off = e->op_off,
                               .trap = (uint8_t)trap});
}

/* Behind the body. A stub may add stubs. */
void emit_stubs(struct emit *e) {
    struct pages *stubs = &e->gen->stubs;
    for (uint32_t at = 0; at < stubs->used_bytes; at += (uint32_t)sizeof(struct stub)) {
        if (!emit_reserve(e, EMIT_OP_BYTES))
            return;
        struct stub stub;
        __builtin_memcpy(&stub, stubs->data + at, sizeof stub);
        if (stub.jump_off != NO_OFF)
            emit_patch(e, stub.jump_off, emit_off(e));
        stub.emit(e, &stub);
    }
    stubs->used_bytes = 0;
}

/* --- Read-only data ----------------------------------------------------------------------------*/

/* An entry of the open-addressed table that finds equal constants. */
struct constant {
    uint64_t low, high;
    uint32_t off_plus_1; /* 0: empty */
    uint32_t bytes;
};

static uint32_t rodata_append(struct emit *e, uint32_t bytes, uint32_t align) {
    struct pages *rodata = &e->gen->rodata;
    alka_status status = pages_reserve(rodata, e->gen->crucible, bytes + align);
    if (status || rodata->used_bytes > (UINT32_C(1) << 28)) {
        emit_fail(e, status ? status : ALKA_E_CODE_TOO_LARGE);
        return NO_OFF;
    }
    uint32_t off = (rodata->used_bytes + align - 1) & ~(align - 1);
    rodata->used_bytes = off + bytes;
    return off;
}

/* Constants that a module chose to collide are not worth more than this: they may be there twice.
 */
enum { CONSTANT_PROBES = 16 };

/* The entry of an equal constant, an empty one, or NULL: there is no place. */
static struct constant *constant_find(struct constant *table, uint32_t slots, uint64_t low,
                                      uint64_t high, uint32_t bytes) {
    const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t hash = ((low ^ bytes) * odd ^ high) * odd;
    for (uint32_t probe = 0; probe < CONSTANT_PROBES; probe++) {
        struct constant *slot = &table[((uint32_t)(hash >> 32) + probe) & (slots - 1)];
        bool equal = slot->low == low && slot->high == high && slot->bytes == bytes;
        if (!slot->off_plus_1 || equal)
            return slot;
    }
    return NULL;
}

/* Keeps the table at most half full. */
static alka_status constants_grow(struct alka_codegen *gen) {
    uint32_t slots = gen->constants.capacity_bytes / (uint32_t)sizeof(struct constant);
    slots = slots ? UINT32_C(1) << (31 - (unsigned)__builtin_clz(slots)) : 0;
    if (gen->constant_count < slots / 2)
        return ALKA_OK;
    struct pages bigger = {0};
    uint32_t more = slots ? slots * 2 : 128;
    ALKA_TRY(pages_grow(&bigger, gen->crucible, (size_t)more * sizeof(struct constant)));
    const struct constant *old = (const struct constant *)(void *)gen->constants.data;
    more = UINT32_C(1) << (31 - (unsigned)__builtin_clz(bigger.capacity_bytes /
                                                        (uint32_t)sizeof(struct constant)));
    for (uint32_t i = 0; i < slots; i++) {
        struct constant *place = constant_find((struct constant *)(void *)bigger.data, more,
                                               old[i].low, old[i].high, old[i].bytes);
        if (old[i].off_plus_1 && place)
            *place = old[i];
    }
    pages_drop(&gen->constants, gen->crucible);
    gen->constants = bigger;
    return ALKA_OK;
}

struct rodata rodata_constant(struct emit *e, uint64_t low, uint64_t high, unsigned bytes) {
    struct alka_codegen *gen = e->gen;
    alka_status status = constants_grow(gen);
    if (status) {
        emit_fail(e, status);
        return (struct rodata){0};
    }
    struct constant *table = (struct constant *)(void *)gen->constants.data;
    uint32_t slots = gen->constants.capacity_bytes / (uint32_t)sizeof(struct constant);
    slots = UINT32_C(1) << (31 - (unsigned)__builtin_clz(slots));
    struct constant *slot = constant_find(table, slots, low, high, bytes);
    if (slot && slot->off_plus_1)
        return (struct rodata){slot->off_plus_1 - 1};
    uint32_t off = rodata_append(e, bytes, bytes);
    if (off == NO_OFF)
        return (struct rodata){0};
    uint64_t words[2] = {low, high};
    memcpy(gen->rodata.data + off, words, bytes);
    if (slot) {
        *slot = (struct constant){low, high, off + 1, bytes};
        gen->constant_count++;
    }
    return (struct rodata){off};
}

void rodata_use(struct emit *e, struct rodata what, unsigned tail) {
    struct rodata_fixup fixup = {
        .code_off = emit_off(e) - 4 - tail, .rodata_off = what.off & 0x1FFFFFFF, .tail = tail & 7};
    text_append(e, &e->gen->fixups, &fixup, sizeof fixup);
}

struct rodata rodata_jump_table(struct emit *e, uint32_t count) {
    uint32_t off = rodata_append(e, count * 4, 4);
    if (off == NO_OFF)
        return (struct rodata){0};
    struct jump_table table = {off, count};
    text_append(e, &e->gen->tables, &table, sizeof table);
    return (struct rodata){off};
}

uint32_t *rodata_word(struct emit *e, uint32_t word) {
    return (uint32_t *)(void *)e->gen->rodata.data + word;
}

/*
 * Room: codegen. Homes: where each web of a body lives, decided before a byte is emitted. Comes in:
 * the summary. Goes out: e->homes, the registers that the prologue saves, the frame's layout. Must
 * stay n log n in the number of webs.
 *
 * Heaviest webs choose first. A web may live in a register that no heavier web occupies in any of
 * its steps; a segment tree over the steps answers that for all registers at once. A web with calls
 * inside wants a callee-saved register, or pays for saving and reloading; if that costs more than
 * its uses gain, it lives in the frame. A home never changes, so branches move no locals.
 */
#include "stack.h"

enum {
    REGS_COST_CALLEE_SAVED = 2, /* push and pop, once per call of the function */
    REGS_STEPS_FEW = 64,        /* are gone over one by one, which a tree does not beat */
};

/* Steps × registers: `any` is taken somewhere below the node, `all` everywhere. */
struct regs_node {
    reg_set any, all;
};

struct regs {
    struct emit *e;
    reg_set *steps; /* few: what is taken in each; NULL: as many as the tree is for */
    struct regs_node *nodes;
    uint32_t leaves;
    uint32_t covering; /* first node of the highest level where `all` holds anything */
    reg_set available; /* may be homes in this body */
    uint8_t *hints;    /* per web: the register its parameter arrives in, REG_NONE */
};

/* All ones if the bit is set: the turns on the way up the tree cannot be predicted. */
static inline reg_set regs_if(uint32_t bit) { return (reg_set)0 - bit; }

static reg_set regs_tree_busy(const struct regs *regs, uint32_t first, uint32_t last) {
    const struct regs_node *nodes = regs->nodes;
    reg_set busy = 0;
    uint32_t left = first + regs->leaves, right = last + regs->leaves;
    /* What covers the ends from above, */
    for (uint32_t l = left / 2, r = right / 2; l >= regs->covering; l /= 2, r /= 2)
        busy |= nodes[l].all | nodes[r].all;
    /* and what is inside. */
    for (right++; left < right; left /= 2, right /= 2) {
        uint32_t left_odd = left & 1, right_odd = right & 1;
        right -= right_odd;
        busy |= (nodes[left].any & regs_if(left_odd)) | (nodes[right].any & regs_if(right_odd));
        left += left_odd;
    }
    return busy;
}

static void regs_tree_occupy(struct regs *regs, uint32_t first, uint32_t last, reg_set reg) {
    struct regs_node *nodes = regs->nodes;
    uint32_t left = first + regs->leaves, right = last + regs->leaves;
    for (uint32_t l = left / 2, r = right / 2; l; l /= 2, r /= 2) {
        if (nodes[l].any & nodes[r].any & reg) /* and so it is in all above */
            break;
        nodes[l].any |= reg;
        nodes[r].any |= reg;
    }
    uint32_t level = regs->leaves; /* its first node */
    for (right++;; left /= 2, right /= 2, level /= 2) {
        uint32_t left_odd = left & 1, right_odd = right & 1;
        right -= right_odd;
        nodes[left].any |= reg & regs_if(left_odd);
        nodes[left].all |= reg & regs_if(left_odd);
        nodes[right].any |= reg & regs_if(right_odd);
        nodes[right].all |= reg & regs_if(right_odd);
        left += left_odd;
        if (left / 2 >= right / 2)
            break;
    }
    regs->covering = level < regs->covering ? level : regs->covering;
}

static reg_set regs_busy(const struct regs *regs, uint32_t first, uint32_t last) {
    if (!regs->steps)
        return regs_tree_busy(regs, first, last);
    reg_set busy = 0;
    for (const reg_set *step = regs->steps + first; step <= regs->steps + last; step++)
        busy |= *step;
    return busy;
}

static void regs_occupy(struct regs *regs, uint32_t first, uint32_t last, reg_set reg) {
    if (!regs->steps) {
        regs_tree_occupy(regs, first, last, reg);
        return;
    }
    for (reg_set *step = regs->steps + first; step <= regs->steps + last; step++)
        *step |= reg;
}

enum { REGS_SORT_FEW = 24 };

/* Least first, one by one. */
static void regs_sort_few(uint64_t *keys, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        uint32_t to = i;
        for (; to > 0 && keys[to - 1] > key; to--)
            keys[to] = keys[to - 1];
        keys[to] = key;
    }
}

/* One byte of the keys decides; those that are equal in it keep their order. */
static void regs_sort_byte(uint64_t *to, const uint64_t *from, uint32_t count, unsigned shift) {
    uint32_t ends[257] = {0}, *starts = ends;
    for (uint32_t i = 0; i < count; i++)
        ends[(from[i] >> shift & 0xFF) + 1]++;
    for (uint32_t i = 1; i < 256; i++)
        ends[i] += ends[i - 1];
    for (uint32_t i = 0; i < count; i++)
        to[starts[from[i] >> shift & 0xFF]++] = from[i];
}

/* Heaviest first. A key is ~weight << 32 | web; the webs come in their order, which ties keep. */
static void regs_sort(uint64_t *keys, uint64_t *spare, uint32_t count) {
    if (count <= REGS_SORT_FEW) {
        regs_sort_few(keys, count);
        return;
    }
    uint64_t differ = 0;
    for (uint32_t i = 1; i < count; i++)
        differ |= keys[i] ^ keys[0];
    uint64_t *from = keys, *to = spare;
    for (unsigned shift = 32; shift < 64; shift += 8) {
        if (!(differ >> shift & 0xFF))
            continue;
        regs_sort_byte(to, from, count, shift);
        uint64_t *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != keys)
        __builtin_memcpy(keys, from, count * sizeof *keys);
}

/* What living in a register of the set saves, in memory accesses; negative if it costs. */
struct regs_offer {
    reg_set regs;
    int64_t gain;
    bool is_saved, writes_through;
};

static struct regs_offer regs_offer_callee(const struct regs *regs, const struct alka_web *web,
                                           reg_set free) {
    reg_set used = free & REG_CALLEE_SAVED & regs->e->saved_regs;
    struct regs_offer offer = {.regs = used, .gain = web->weight};
    if (!used) {
        offer.regs = free & REG_CALLEE_SAVED;
        offer.gain -= REGS_COST_CALLEE_SAVED;
    }
    return offer;
}

static struct regs_offer regs_offer_caller(const struct alka_web *web, reg_set free) {
    struct regs_offer offer = {.regs = free & ~REG_CALLEE_SAVED, .gain = web->weight};
    if (!web->call_weight)
        return offer;
    int64_t save = web->call_weight, through = (int64_t)web->write_weight + web->is_initial;
    offer.is_saved = true;
    offer.writes_through = through <= save;
    offer.gain -= web->call_weight + (through < save ? through : save);
    return offer;
}

static void regs_choose(struct regs *regs, uint32_t index) {
    const struct alka_web *web = &regs->e->summary->webs[index];
    struct home *home = &regs->e->homes[index];
    reg_set free = regs->available & reg_class(alka_valtype_kind(web->type)) &
                   ~regs_busy(regs, web->first_step, web->last_step);
    struct regs_offer best = regs_offer_caller(web, free),
                      callee = regs_offer_callee(regs, web, free);
    if (!best.regs || (callee.regs && callee.gain > best.gain))
        best = callee;
    if (!best.regs || best.gain <= 0)
        return;
    unsigned hint = regs->hints[index];
    unsigned reg =
        hint != REG_NONE && (best.regs & REG_BIT(hint)) ? hint : (unsigned)__builtin_ctz(best.regs);
    home->reg = (uint8_t)reg;
    home->last_off = web->last_off;
    home->is_saved = best.is_saved;
    home->writes_through = best.writes_through;
    regs->e->saved_regs |= REG_BIT(reg) & REG_CALLEE_SAVED;
    regs_occupy(regs, web->first_step, web->last_step, REG_BIT(reg));
}

static const uint8_t regs_params[ALKA_PLACE_INTEGERS] = {X64_RDI, X64_RSI, X64_RDX,
                                                         X64_RCX, X64_R8,  X64_R9};

static void regs_hint_params(struct regs *regs) {
    const struct alka_body_summary *summary = regs->e->summary;
    struct alka_places places = {0};
    for (uint32_t i = 0; i < summary->param_count; i++) {
        struct alka_place place = alka_place_next(&places, summary->local_types[i]);
        uint32_t web = summary->def_webs[i];
        if (web == NO_WEB)
            continue;
        if (place.kind == ALKA_PLACE_INTEGER)
            regs->hints[web] = regs_params[place.index];
        if (place.kind == ALKA_PLACE_VECTOR)
            regs->hints[web] = (uint8_t)(REG_XMM0 + place.index);
    }
}

static void regs_start_homes(struct emit *e) {
    const struct alka_body_summary *summary = e->summary;
    for (uint32_t i = 0; i < summary->web_count; i++)
        e->homes[i] = (struct home){.reg = REG_NONE,
                                    .type = (uint8_t)alka_valtype_kind(summary->webs[i].type),
                                    .last_off = UINT32_MAX,
                                    .slot = HOME_NO_SLOT};
}

static bool regs_is_read(const struct alka_web *web) { return web->weight > web->write_weight; }

alka_status regs_assign(struct emit *e) {
    const struct alka_body_summary *summary = e->summary;
    uint32_t steps = summary->def_count - summary->local_count + 1;
    struct regs regs = {.e = e, .leaves = 1, .available = e->gen->home_regs};
    while (regs.leaves < steps)
        regs.leaves *= 2;
    regs.covering = regs.leaves;
    uint64_t *keys, *spare;
    ALKA_TRY(alka_arena_take(e->scratch, summary->web_count, sizeof *e->homes, &e->homes));
    ALKA_TRY(alka_arena_take(e->scratch, summary->web_count, sizeof *keys, &keys));
    ALKA_TRY(alka_arena_take(e->scratch, summary->web_count, sizeof *keys, &spare));
    ALKA_TRY(alka_arena_take(e->scratch, summary->web_count, 1, &regs.hints));
    if (steps <= REGS_STEPS_FEW)
        ALKA_TRY(alka_arena_alloc(e->scratch, steps, sizeof *regs.steps, &regs.steps));
    else
        ALKA_TRY(alka_arena_alloc(e->scratch, (size_t)regs.leaves * 2 + 1, sizeof *regs.nodes,
                                  &regs.nodes));
    regs_start_homes(e);
    uint32_t count = 0;
    for (uint32_t i = 0; i < summary->web_count; i++) {
        regs.hints[i] = REG_NONE;
        if (regs_is_read(&summary->webs[i]))
            keys[count++] = (uint64_t)~summary->webs[i].weight << 32 | i;
    }
    regs_hint_params(&regs);
    regs_sort(keys, spare, count);
    for (uint32_t i = 0; i < count; i++)
        regs_choose(&regs, (uint32_t)keys[i]);
    return ALKA_OK;
}

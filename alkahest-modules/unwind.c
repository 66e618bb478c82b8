/*
 * Room: modules. Where an exception goes (specification 4.6.8.13). Comes in: the registers at a
 * throw. Goes out: those of the handler, frames in between undone, or why it traps. Must find its
 * way by return addresses and the tables of code.h alone; nothing is changed before a handler is
 * found, so that an exception that nobody catches traps where it was thrown.
 */
#include "private.h"

#include <alkahest/call.h>
#include <alkahest/routines.h>
#include <alkahest/unwind.h>

/* The exception on its way: its values are in the throw's registers and parameters, or in a cell.
 */
struct unwind {
    struct alka_registry *registry;
    struct alka_throw *state;
    uint64_t tag_serial;
    uint32_t type_id;
    const struct alka_functype *type; /* NULL: the values are in `held` */
    uint64_t reference;               /* 0: none names it so far */
    struct alka_exception held;

    /* Where the walk is: as in struct alka_throw. */
    uint64_t rsp, rbp, saved[4], r15;
    struct alka_gate *gate;
    const struct alka_image *image; /* of the frame looked at last */
};

enum unwind_step { UNWIND_ON, UNWIND_FOUND, UNWIND_REFUSED, UNWIND_OUT };

static uint64_t unwind_address(const char *label) { return (uint64_t)label; }

static uint64_t unwind_pop(struct unwind *unwind) {
    uint64_t word = *(const uint64_t *)unwind->rsp;
    unwind->rsp += 8;
    return word;
}

/* --- Tables. --- */

static const struct alka_unwind *unwind_tables(const struct alka_image *image) {
    return (const struct alka_unwind *)(const void *)(image->code.text + image->code.unwind_off);
}

static const void *unwind_table(const struct alka_image *image, uint32_t off) {
    return image->code.text + off;
}

/* The innermost try around the call that ends here. */
static uint32_t unwind_try(const struct alka_image *image, uint32_t code_off) {
    const struct alka_unwind *tables = unwind_tables(image);
    const struct alka_call_site *sites = unwind_table(image, tables->sites_off);
    uint32_t low = 0, high = tables->site_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sites[middle].code_off < code_off)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < tables->site_count && sites[low].code_off == code_off;
    return is_there ? sites[low].try_idx : ALKA_NO_INDEX;
}

static const struct alka_clause *
unwind_clause(const struct unwind *unwind, const struct alka_instance *instance, uint32_t try_idx) {
    const struct alka_image *image = unwind->image;
    const struct alka_unwind *tables = unwind_tables(image);
    const struct alka_try *tries = unwind_table(image, tables->tries_off);
    const struct alka_clause *clauses = unwind_table(image, tables->clauses_off);
    for (; try_idx != ALKA_NO_INDEX; try_idx = tries[try_idx].outer) {
        uint32_t at = tries[try_idx].first_clause;
        for (; at != ALKA_NO_INDEX; at = clauses[at].next)
            if (clauses[at].tag_idx == ALKA_NO_INDEX ||
                instance->tags[clauses[at].tag_idx]->serial == unwind->tag_serial)
                return &clauses[at];
    }
    return NULL;
}

/* --- Values. --- */

static uint64_t *unwind_cell(struct alka_throw *state, uint64_t stack, struct alka_place place) {
    switch (place.kind) {
    case ALKA_PLACE_INTEGER:
        return &state->integers[place.index];
    case ALKA_PLACE_VECTOR:
        return state->vectors[place.index];
    case ALKA_PLACE_STACK:
        break;
    }
    return (uint64_t *)(stack + place.index);
}

static uint32_t unwind_copy(uint64_t *to, const uint64_t *from, alka_valtype type) {
    bool is_narrow = type == ALKA_I32 || type == ALKA_F32;
    to[0] = is_narrow ? (uint32_t)from[0] : from[0];
    if (alka_valtype_kind(type) != ALKA_KIND_V128)
        return 1;
    to[1] = from[1];
    return 2;
}

static uint32_t unwind_words(const struct alka_functype *type) {
    uint32_t words = type->param_count;
    for (uint32_t i = 0; i < type->param_count; i++)
        words += alka_valtype_kind(type->params[i]) == ALKA_KIND_V128;
    return words;
}

/* Where parameters of the throw lie that registers do not hold. */
static uint64_t unwind_params(const struct unwind *unwind) {
    return unwind->state->rbp -
           alka_stack_area_bytes(unwind->type->params, unwind->type->param_count);
}

/* A reference names the exception from now on. */
static bool unwind_hold(struct unwind *unwind) {
    if (unwind->reference)
        return true;
    struct alka_throw *state = unwind->state;
    const struct alka_functype *type = unwind->type;
    struct alka_exception shape = {unwind->tag_serial, unwind->type_id, unwind_words(type), NULL};
    uint64_t *words = NULL;
    unwind->reference = exceptions_make(unwind->registry, alka_thread_here(), (uint64_t)state,
                                        unwind_params(unwind), shape, &words);
    if (!unwind->reference)
        return false;
    struct alka_places places = {0};
    for (uint32_t i = 0; i < type->param_count; i++) {
        const uint64_t *from =
            unwind_cell(state, unwind_params(unwind), alka_place_next(&places, type->params[i]));
        if (alka_valtype_is_funcref(type->params[i]) && *from)
            instance_pin(((const struct alka_func *)*from)->instance);
        words += unwind_copy(words, from, type->params[i]);
    }
    return true;
}

/* To where results of a call are; those in registers are there already if they come from the throw.
 */
static void unwind_deliver(struct unwind *unwind, const struct alka_clause *clause,
                           const struct alka_instance *instance) {
    static const struct alka_functype nothing;
    const struct alka_functype *type =
        clause->tag_idx == ALKA_NO_INDEX ? &nothing : instance->tags[clause->tag_idx]->type;
    struct alka_places places = {0};
    const uint64_t *words = unwind->held.words;
    for (uint32_t i = 0; i < type->param_count; i++) {
        struct alka_place place = alka_place_next(&places, type->params[i]);
        uint64_t *to = unwind_cell(unwind->state, unwind->rbp, place);
        if (!unwind->type)
            words += unwind_copy(to, words, type->params[i]);
        else if (place.kind == ALKA_PLACE_STACK)
            (void)unwind_copy(to, unwind_cell(unwind->state, unwind_params(unwind), place),
                              type->params[i]);
    }
    if (clause->with_ref)
        *unwind_cell(unwind->state, unwind->rbp, alka_place_next(&places, ALKA_EXNREF)) =
            unwind->reference;
}

/* --- The walk. --- */

/* Handlers of an instance that is no longer meant to run do not. */
static bool unwind_may_run(const struct alka_instance *instance) {
    return !instance->is_dropped && instance->state != ALKA_INSTANCE_STOPPED &&
           instance->state != ALKA_INSTANCE_QUARANTINED;
}

static void unwind_undo(struct unwind *unwind, uint32_t code_off) {
    const struct alka_image *image = unwind->image;
    uint32_t defined =
        alka_image_function_at(image, code_off - 1) - image->module.imported_functions;
    const uint32_t *frames = unwind_table(image, unwind_tables(image)->frames_off);
    uint32_t saved = alka_unwind_frame_saved(frames[defined]);
    for (unsigned i = 4; i-- > 0;)
        if (saved >> i & 1)
            unwind->saved[i] = unwind_pop(unwind);
    unwind->rbp += alka_unwind_frame_bytes(frames[defined]);
}

static enum unwind_step unwind_frame(struct unwind *unwind, uint64_t back) {
    const struct alka_image *image = unwind->image;
    if (!image || back <= (uint64_t)image->code.text || back > image->range->end)
        image = alka_registry_image_at(unwind->registry, back - 1);
    if (!image || !image->code.unwind_off)
        return UNWIND_OUT;
    unwind->image = image;
    uint32_t code_off = (uint32_t)(back - (uint64_t)image->code.text);
    const struct alka_instance *instance =
        ((const struct alka_context *)(unwind->r15 - ALKA_CONTEXT_BYTES))->instance;
    const struct alka_clause *clause = NULL;
    if (unwind_may_run(instance))
        clause = unwind_clause(unwind, instance, unwind_try(image, code_off));
    if (!clause) {
        unwind_undo(unwind, code_off);
        return UNWIND_ON;
    }
    if (clause->with_ref && !unwind_hold(unwind))
        return UNWIND_REFUSED;
    unwind_deliver(unwind, clause, instance);
    unwind->state->rip = (uint64_t)image->code.text + clause->pad_off;
    return UNWIND_FOUND;
}

/* r14 and r15 of the caller lie behind what the routine pushed. */
static void unwind_leave_instance(struct unwind *unwind) {
    unwind->saved[3] = unwind_pop(unwind);
    unwind->r15 = unwind_pop(unwind);
}

static void unwind_leave_gate(struct unwind *unwind) {
    unwind->gate = ((const struct alka_gate *)unwind->rsp)->outer;
    unwind->rsp += sizeof(struct alka_gate);
}

static enum unwind_step unwind_step(struct unwind *unwind) {
    uint64_t back = unwind_pop(unwind);
    if (back == unwind_address(alka_return_foreign)) {
        unwind_leave_instance(unwind);
        return UNWIND_ON;
    }
    if (back == unwind_address(alka_return_gate_traps)) {
        unwind_leave_gate(unwind);
        unwind->r15 = unwind_pop(unwind);
        return UNWIND_ON;
    }
    if (back == unwind_address(alka_return_gate_traps_memory)) {
        unwind_leave_gate(unwind);
        unwind_leave_instance(unwind);
        return UNWIND_ON;
    }
    if (back == unwind_address(alka_return_gate_returns)) {
        /* The caller wants a value for whatever goes wrong behind this gate. */
        unwind->state->rip = unwind_address(alka_resume_gate_returns);
        unwind->state->integers[0] = ALKA_TRAP_UNCAUGHT_EXCEPTION;
        return UNWIND_FOUND;
    }
    /* Nobody catches it: not the host, nor an instance that died while it waited here. */
    if (back == unwind_address(alka_return_enter) || back == unwind_address(alka_routine_zombie))
        return UNWIND_OUT;
    return unwind_frame(unwind, back);
}

static bool unwind_begin(struct unwind *unwind, struct alka_throw *state,
                         const struct alka_instance *instance) {
    *unwind = (struct unwind){
        .registry = instance->registry,
        .state = state,
        .rsp = state->rsp,
        .rbp = state->rbp,
        .saved = {state->saved[0], state->saved[1], state->saved[2], state->saved[3]},
        .r15 = state->r15,
        .gate = alka_thread_here()->gate,
    };
    if (state->tag_idx != ALKA_NO_INDEX) {
        const struct alka_tag *tag = instance->tags[state->tag_idx];
        unwind->tag_serial = tag->serial;
        unwind->type_id = tag->type_id;
        unwind->type = tag->type;
        return true;
    }
    unwind->reference = state->integers[0];
    if (!alka_exception_look(unwind->registry, unwind->reference, &unwind->held))
        return false;
    unwind->tag_serial = unwind->held.tag_serial;
    unwind->type_id = unwind->held.type_id;
    return true;
}

static bool unwind_trap(enum alka_trap kind) {
    alka_trap_raise(kind);
    return false;
}

bool alka_helper_throw(struct alka_throw *state) {
    struct alka_thread *thread = alka_thread_here();
    const struct alka_instance *instance =
        ((const struct alka_context *)(state->r15 - ALKA_CONTEXT_BYTES))->instance;
    struct unwind unwind;
    if (thread->pending != ALKA_TRAP_NONE)
        return false;
    if (!unwind_begin(&unwind, state, instance))
        return unwind_trap(ALKA_TRAP_NULL_REFERENCE);
    enum unwind_step step;
    do
        step = unwind_step(&unwind);
    while (step == UNWIND_ON);
    if (step == UNWIND_OUT) {
        thread->exception = unwind_hold(&unwind) ? unwind.reference : 0;
        return unwind_trap(ALKA_TRAP_UNCAUGHT_EXCEPTION);
    }
    if (step == UNWIND_REFUSED)
        return unwind_trap(ALKA_TRAP_EXCEPTIONS_EXHAUSTED);
    state->rsp = unwind.rsp;
    state->rbp = unwind.rbp;
    for (unsigned i = 0; i < 4; i++)
        state->saved[i] = unwind.saved[i];
    state->r15 = unwind.r15;
    thread->gate = unwind.gate;
    return true;
}

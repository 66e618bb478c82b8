/*
 * Room: link. Values ↔ registers and data stack, both ways across the border. Comes in: arrays of
 * values and function types. Goes out: register blocks for the assembly routines, and back. Must
 * never let an i32 into a register with anything in its upper half: module code uses it as an index
 * without looking.
 */
#include "block.h"

#include <alkahest/call.h>

enum {
    /* Host code that calls back must have left this much of the control stack: what alka_enter
     * pushes before the gate is up, with room to spare. */
    CALL_ENTER_ROOM_BYTES = 1024,
};

uint32_t alka_call_values(const struct alka_functype *type) {
    uint32_t params = type->param_count, results = type->result_count;
    for (uint32_t i = 0; i < type->param_count; i++)
        params += alka_valtype_kind(type->params[i]) == ALKA_KIND_V128;
    for (uint32_t i = 0; i < type->result_count; i++)
        results += alka_valtype_kind(type->results[i]) == ALKA_KIND_V128;
    return params > results ? params : results;
}

/* Where the value with this place lies: two elements for a v128. */
static uint64_t *call_cell(struct alka_call_block *block, uint64_t stack, struct alka_place place) {
    switch (place.kind) {
    case ALKA_PLACE_INTEGER:
        return &block->integers[place.index];
    case ALKA_PLACE_VECTOR:
        return block->vectors[place.index];
    case ALKA_PLACE_STACK:
        break;
    }
    return (uint64_t *)(stack + place.index);
}

/* Copies one value, upper half of 32-bit ones cleared; yields the elements that it takes. */
static uint32_t call_copy(uint64_t *to, const uint64_t *from, alka_valtype type) {
    switch (alka_valtype_kind(type)) {
    case ALKA_KIND_I32:
    case ALKA_KIND_F32:
        to[0] = (uint32_t)from[0];
        return 1;
    case ALKA_KIND_V128:
        to[0] = from[0];
        to[1] = from[1];
        return 2;
    case ALKA_KIND_BOTTOM:
    case ALKA_KIND_I64:
    case ALKA_KIND_F64:
    case ALKA_KIND_REF:
        break;
    }
    to[0] = from[0];
    return 1;
}

static void call_scatter(struct alka_call_block *block, uint64_t stack, const alka_valtype *types,
                         uint32_t count, const uint64_t *values) {
    struct alka_places places = {0};
    for (uint32_t i = 0; i < count; i++)
        values += call_copy(call_cell(block, stack, alka_place_next(&places, types[i])), values,
                            types[i]);
}

static void call_gather(struct alka_call_block *block, uint64_t stack, const alka_valtype *types,
                        uint32_t count, uint64_t *values) {
    struct alka_places places = {0};
    for (uint32_t i = 0; i < count; i++)
        values += call_copy(values, call_cell(block, stack, alka_place_next(&places, types[i])),
                            types[i]);
}

static bool call_has_room(const struct alka_thread *thread, uint64_t stack_bytes) {
    if (stack_bytes > thread->data_pointer - thread->data_limit)
        return false;
    uint64_t here = (uint64_t)__builtin_frame_address(0);
    return alka_thread_here() != thread || here - thread->control_limit > CALL_ENTER_ROOM_BYTES;
}

/* The common case: integers in registers, at most one result. False: it is not. */
static bool call_scatter_plain(struct alka_call_block *block, const struct alka_functype *type,
                               const uint64_t *values) {
    if (type->param_count > ALKA_PLACE_INTEGERS || type->result_count > 1)
        return false;
    for (uint32_t i = 0; i < type->param_count; i++) {
        if (type->params[i] != ALKA_I32 && type->params[i] != ALKA_I64)
            return false;
        block->integers[i] = type->params[i] == ALKA_I32 ? (uint32_t)values[i] : values[i];
    }
    return type->result_count == 0 || type->results[0] == ALKA_I32 || type->results[0] == ALKA_I64;
}

/* Everything else. Inlined, it would have alka_call save registers that the common case has no use
 * for. */
__attribute__((noinline)) static enum alka_trap
call_general(struct alka_thread *thread, const struct alka_func *func,
             const struct alka_functype *type, uint64_t *values, struct alka_call_block *block) {
    uint32_t param_bytes = alka_stack_area_bytes(type->params, type->param_count);
    uint32_t result_bytes = alka_stack_area_bytes(type->results, type->result_count);
    /* Nothing may be written below the stack's limit. */
    if (!call_has_room(thread, (uint64_t)param_bytes + result_bytes))
        return ALKA_TRAP_STACK_EXHAUSTED;
    uint64_t stack = thread->data_pointer - result_bytes;
    block->data_pointer = stack;
    block->uses_vectors = true;
    call_scatter(block, stack - param_bytes, type->params, type->param_count, values);
    enum alka_trap trap = (enum alka_trap)alka_enter(thread, func, block);
    if (trap == ALKA_TRAP_NONE)
        call_gather(block, stack, type->results, type->result_count, values);
    return trap;
}

enum alka_trap alka_call(struct alka_thread *thread, const struct alka_func *func,
                         const struct alka_functype *type, uint64_t *values) {
    struct alka_call_block block;
    if (thread->pending != ALKA_TRAP_NONE)
        return (enum alka_trap)thread->pending;
    if (!call_scatter_plain(&block, type, values))
        return call_general(thread, func, type, values, &block);
    if (!call_has_room(thread, 0))
        return ALKA_TRAP_STACK_EXHAUSTED;
    block.data_pointer = thread->data_pointer;
    block.uses_vectors = false;
    enum alka_trap trap = (enum alka_trap)alka_enter(thread, func, &block);
    if (trap == ALKA_TRAP_NONE && type->result_count)
        values[0] = type->results[0] == ALKA_I32 ? (uint32_t)block.integers[0] : block.integers[0];
    return trap;
}

void alka_host_dispatch(const struct alka_import_record *record, struct alka_call_block *block,
                        uint64_t *values, uint64_t overflow, struct alka_context *caller) {
    const struct alka_functype *type = record->type;
    uint32_t param_bytes = alka_stack_area_bytes(type->params, type->param_count);
    call_gather(block, overflow - param_bytes, type->params, type->param_count, values);
    ((alka_value_fn *)record->target)(caller, values);
    call_scatter(block, overflow, type->results, type->result_count, values);
}

/* The function was called in order to return there: the compiler does not know that it changes. */
bool alka_trap_pend(struct alka_thread *thread, enum alka_trap kind) {
    volatile uint64_t *back = thread->host_call;
    if (thread->pending != ALKA_TRAP_NONE || !back)
        return false;
    thread->pending = kind;
    thread->pending_back = *back;
    *back = (uint64_t)alka_return_pending;
    return true;
}

void alka_trap_raise(enum alka_trap kind) { (void)alka_trap_pend(alka_thread_here(), kind); }

enum alka_trap alka_call_error(struct alka_thread *thread, const struct alka_context *caller) {
    if (thread->error_caller != (uint64_t)(caller + 1))
        return ALKA_TRAP_NONE;
    thread->error_caller = 0;
    return (enum alka_trap)thread->error;
}

struct alka_thread *alka_thread_make(const struct alka_stacks *stacks) {
    struct alka_thread *thread =
        (struct alka_thread *)(stacks->control_base + ALKA_CONTROL_STACK_BYTES -
                               sizeof(struct alka_thread));
    *thread = (struct alka_thread){
        .control_limit = stacks->control_limit,
        .host_limit = stacks->control_limit + stacks->host_room_bytes,
        .data_limit = stacks->data_limit,
        .data_top = stacks->data_top,
        .data_guard_bytes = stacks->data_guard_bytes,
        .data_pointer = stacks->data_top,
    };
    return thread;
}

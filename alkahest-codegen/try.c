/*
 * Room: codegen. Exceptions: throw, try_table, and the older try with its arms. Comes in: calls
 * that were noted with the try around them (emit_call_site). Goes out: handlers, and tables that
 * lead the runtime from a return address to them. Must execute nothing on the way into a try or out
 * of it.
 *
 * A handler is entered as if a call had returned the exception's values: callee-saved homes are as
 * they were at the call, since the runtime undoes the frames in between, and other homes are in
 * their slots, where each call saves them. Which ones: those that live at the end of the body and
 * began before it; so they lived at every call inside.
 */
#include "calls.h"
#include "control.h"
#include "frame.h"

static const struct alka_functype *tag_type(const struct emit *e, uint32_t tag_idx) {
    static const struct alka_functype nothing;
    return tag_idx == ALKA_NO_INDEX ? &nothing : alka_tag_type(e->gen->module, tag_idx);
}

/* --- Throwing ----------------------------------------------------------------------------------*/

static void throw_reference(struct emit *e) {
    static const alka_valtype exception = ALKA_EXNREF;
    static const struct alka_functype type = {&exception, NULL, 1, 0};
    call_throw(e, ALKA_HELPER_THROW_REF, &type, ALKA_NO_INDEX);
    control_die(e);
}

void low_throw(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t tag_idx = emit_take_u32(e);
    call_throw(e, ALKA_HELPER_THROW, tag_type(e, tag_idx), tag_idx);
    control_die(e);
}

void low_throw_ref(struct emit *e, const struct lowering *how) {
    (void)how;
    throw_reference(e);
}

/* The exception of an arm lies below the arm's operands. */
void low_rethrow(struct emit *e, const struct lowering *how) {
    (void)how;
    const struct block *block = control_label(e, emit_take_u32(e));
    stack_flush(e, 0);
    unsigned reg = stack_alloc(e, REG_GENERAL);
    value_fetch(e, ALKA_KIND_REF, frame_mem(e, slot_disp(e, block->base)), reg);
    stack_push_reg(e, ALKA_KIND_REF, reg);
    throw_reference(e);
}

/* --- Bodies ------------------------------------------------------------------------------------*/

static void try_begin(struct emit *e, struct block *block, uint32_t open_off) {
    block->try_idx = block->own_try =
        emit_try(e, (struct alka_try){.outer = e->try_idx, .first_clause = ALKA_NO_INDEX});
    block->last_clause = ALKA_NO_INDEX;
    block->open_off = open_off;
    e->try_idx = block->own_try;
}

static uint32_t try_add_clause(struct emit *e, struct block *block, struct alka_clause record) {
    record.next = ALKA_NO_INDEX;
    uint32_t clause = emit_clause(e, record);
    if (e->status)
        return clause;
    if (block->last_clause == ALKA_NO_INDEX)
        emit_try_at(e, block->try_idx)->first_clause = clause;
    else
        emit_clause_at(e, block->last_clause)->next = clause;
    block->last_clause = clause;
    return clause;
}

/* --- try_table: pads behind the function -------------------------------------------------------*/

enum pad_target { PAD_IN_PLACE, PAD_SLOTS, PAD_RESULTS };

/* From where results of a call are to the places of the label. The stubs that follow bring homes
 * back and jump there. */
static void stub_pad(struct emit *e, const struct stub *stub) {
    struct alka_clause *clause = emit_clause_at(e, stub->more);
    const struct alka_functype *type = tag_type(e, clause->tag_idx);
    uint32_t count = type->param_count;
    bool with_ref = clause->with_ref;
    e->pad_label_off = clause->pad_off;
    clause->pad_off = emit_off(e);
    if (!emit_reserve(e, EMIT_OP_BYTES + (size_t)count * 4 * X64_MOST_BYTES))
        return;
    if (stub->a == PAD_SLOTS)
        call_store_results(e, type->params, count, with_ref, stub->back_off,
                           stub->back_off + count);
    struct alka_places places = {0};
    for (uint32_t i = 0; stub->a == PAD_RESULTS && i < count + with_ref; i++) {
        alka_valtype param = i < count ? type->params[i] : ALKA_EXNREF;
        struct alka_place place = alka_place_next(&places, param);
        if (place.kind == ALKA_PLACE_STACK)
            frame_copy(e, alka_valtype_kind(param), e->top_disp + (int32_t)place.index,
                       (int32_t)place.index, X64_R11);
    }
}

static void stub_pad_home(struct emit *e, const struct stub *stub) {
    frame_reload(e, &e->homes[stub->more]);
}

static void stub_pad_jump(struct emit *e, const struct stub *stub) {
    (void)stub;
    x64_jmp(&e->x, 0);
    emit_patch(e, emit_off(e) - 4, e->pad_label_off);
}

static enum pad_target pad_target(const struct block *label) {
    if (label->kind == BLOCK_BODY)
        return PAD_RESULTS;
    return label->result_reg != REG_NONE ? PAD_IN_PLACE : PAD_SLOTS;
}

/* The clauses of a try_table are read twice: where it begins, and where it ends. */
struct table_clause {
    uint32_t kind, tag_idx;
    struct block *label;
};

static struct table_clause table_read(struct emit *e) {
    struct table_clause clause = {.kind = *e->pc++, .tag_idx = ALKA_NO_INDEX};
    if (clause.kind < 2)
        clause.tag_idx = emit_take_u32(e);
    clause.label = control_label(e, emit_take_u32(e) + 1);
    return clause;
}

void low_try_table(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t open_off = e->op_off;
    struct block *block = block_start(e, BLOCK_BLOCK);
    block->clauses_off = (uint32_t)(e->pc - e->bytes);
    block->is_table = true;
    try_begin(e, block, open_off);
    for (uint32_t count = emit_take_u32(e); count && !e->status; count--) {
        struct table_clause read = table_read(e);
        bool is_loop = read.label->kind == BLOCK_LOOP;
        /* The pad's place, later; until then the way to the label's address. */
        uint32_t link = is_loop ? read.label->label_off : read.label->clause_chain;
        uint32_t clause = try_add_clause(e, block,
                                         (struct alka_clause){.tag_idx = read.tag_idx,
                                                              .with_ref = read.kind & 1,
                                                              .pad_off = link});
        if (is_loop)
            continue;
        read.label->clause_chain = clause + 1;
        read.label->is_reached = true;
    }
}

static void table_end(struct emit *e, const struct block *block) {
    const uint8_t *behind = e->pc;
    reg_set homes = call_homes_since(e, block->open_off);
    uint32_t clause = emit_try_at(e, block->own_try)->first_clause;
    e->pc = e->bytes + block->clauses_off;
    for (uint32_t count = emit_take_u32(e); count && !e->status; count--) {
        struct table_clause read = table_read(e);
        emit_stub(e, (struct stub){.emit = stub_pad,
                                   .jump_off = NO_OFF,
                                   .a = (uint8_t)pad_target(read.label),
                                   .back_off = read.label->base,
                                   .more = clause});
        for (reg_set left = homes; left; left &= left - 1)
            emit_stub(e, (struct stub){.emit = stub_pad_home,
                                       .jump_off = NO_OFF,
                                       .more = e->home_web[__builtin_ctz(left)]});
        emit_stub(e, (struct stub){.emit = stub_pad_jump, .jump_off = NO_OFF});
        clause = emit_clause_at(e, clause)->next;
    }
    e->pc = behind;
}

void try_end(struct emit *e, struct block *block) {
    if (block->is_table)
        table_end(e, block);
    e->try_idx = block->outer_try;
    block->own_try = NO_OFF;
}

/* --- The older try: its arms are pads ----------------------------------------------------------*/

void low_try(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t open_off = e->op_off;
    struct block *block = block_start(e, BLOCK_BLOCK);
    try_begin(e, block, open_off);
}

/* The exception itself, if it will be thrown again, then its values. */
static void arm_push(struct emit *e, const struct alka_functype *type, bool keeps_exception) {
    uint32_t count = type->param_count, base = e->depth;
    if (count == 1 && !keeps_exception) {
        unsigned kind = alka_valtype_kind(type->params[0]);
        stack_push_reg(e, kind, kind_is_vector(kind) ? REG_XMM0 : X64_RAX);
        return;
    }
    if (!emit_reserve(e, EMIT_OP_BYTES + (size_t)count * 4 * X64_MOST_BYTES))
        return;
    call_store_results(e, type->params, count, keeps_exception, base + keeps_exception, base);
    if (keeps_exception)
        e->stack[e->depth++] = (struct value){.kind = VALUE_SLOT, .type = ALKA_KIND_REF};
    for (uint32_t i = 0; i < count; i++)
        e->stack[e->depth++] =
            (struct value){.kind = VALUE_SLOT, .type = (uint8_t)alka_valtype_kind(type->params[i])};
    e->settled = e->depth;
}

static void arm_start(struct emit *e, uint32_t tag_idx) {
    struct block *block = control_label(e, 0);
    bool keeps_exception = e->summary->blocks[e->next_block++].is_rethrown;
    if (!emit_is_dead(e)) {
        label_place(e, block);
        label_jump(e, block, JUMP_ALWAYS);
    }
    stack_drop_to(e, block->base);
    e->try_idx = block->outer_try;
    block->own_try = NO_OFF;
    block->kind = BLOCK_ELSE;
    block->keeps_exception |= keeps_exception;
    emit_label(e);
    try_add_clause(e, block,
                   (struct alka_clause){
                       .tag_idx = tag_idx, .with_ref = keeps_exception, .pad_off = emit_off(e)});
    arm_push(e, tag_type(e, tag_idx), keeps_exception);
    call_reload(e, call_homes_since(e, block->open_off));
    e->halt &= (uint8_t)~EMIT_DEAD;
}

void low_catch(struct emit *e, const struct lowering *how) {
    (void)how;
    arm_start(e, emit_take_u32(e));
}

void low_catch_all(struct emit *e, const struct lowering *how) {
    (void)how;
    arm_start(e, ALKA_NO_INDEX);
}

/* Whoever catches around the label's block catches for this try; the label of a try whose body is
 * open means that try. */
void low_delegate(struct emit *e, const struct lowering *how) {
    struct block *block = control_label(e, 0);
    const struct block *label = control_label(e, emit_take_u32(e) + 1);
    uint32_t outer = label->own_try != NO_OFF ? label->own_try : label->outer_try;
    if (!e->status)
        emit_try_at(e, block->own_try)->outer = outer;
    low_end(e, how);
}

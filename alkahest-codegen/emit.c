/*
 * Room: codegen. The walk: one body from its first opcode to its last `end`. Comes in: the summary
 * and the bytes it describes. Goes out: machine code behind that of the function before. Must
 * decode only what the validator accepted, and must skip what no path reaches exactly as the
 * summary did.
 */
#include "control.h"
#include "frame.h"
#include <alkahest/codegen_trace.h>

alka_status emit_function(struct alka_codegen *gen, const struct alka_body_summary *summary,
                          struct alka_arena *scratch);

/* One slot per opcode: those without prefix by their byte, the others behind them. */
enum {
    EMIT_SLOT_00 = 0,
    EMIT_SLOT_FB = EMIT_SLOT_00 + 0x100,
    EMIT_SLOT_FC = EMIT_SLOT_FB + 0x20,
    EMIT_SLOT_FD = EMIT_SLOT_FC + 0x20,
    EMIT_SLOT_FE = EMIT_SLOT_FD + 0x120,
    EMIT_SLOT_END = EMIT_SLOT_FE + 0x50
};

/* A row without an X64 column does not compile. */
static const struct lowering emit_lowerings[EMIT_SLOT_END] = {
#define OP(id, text, prefix, code, imm, sig, feature) [EMIT_SLOT_##prefix + code] =
#define X64(shape, ...) LOW_##shape(__VA_ARGS__),
#include <alkahest/wasm_ops.def>
};

static const struct lowering *emit_decode(struct emit *e) {
    uint32_t byte = *e->pc++;
    if (__builtin_expect(byte < ALKA_PREFIX_FB, 1))
        return &emit_lowerings[byte];
    static const uint16_t slots[] = {EMIT_SLOT_FB, EMIT_SLOT_FC, EMIT_SLOT_FD, EMIT_SLOT_FE};
    return &emit_lowerings[slots[byte - ALKA_PREFIX_FB] + emit_take_u32(e)];
}

/* --- Trace -------------------------------------------------------------------------------------*/

static enum alka_op emit_op_at(const struct emit *e, uint32_t off) {
    const uint8_t *at = e->bytes + off;
    uint32_t byte = *at++;
    if (byte < ALKA_PREFIX_FB || byte == 0xFF)
        return alka_op_decode(ALKA_PREFIX_00, byte);
    return alka_op_decode((enum alka_prefix)byte, alka_leb_take_u32(&at));
}

static void trace_value(const struct emit *e, const struct value *value,
                        struct alka_trace_value *out) {
    static const uint8_t kinds[] = {
        [VALUE_CONST] = ALKA_TRACE_CONSTANT, [VALUE_LOCAL] = ALKA_TRACE_LOCAL,
        [VALUE_REG] = ALKA_TRACE_REGISTER,   [VALUE_SLOT] = ALKA_TRACE_SLOT,
        [VALUE_FLAGS] = ALKA_TRACE_FLAGS,    [VALUE_ADDRESS] = ALKA_TRACE_ADDRESS,
        [VALUE_LOAD] = ALKA_TRACE_LOAD,
    };
    *out = (struct alka_trace_value){.kind = (enum alka_trace_value_kind)kinds[value->kind],
                                     .type = value->type,
                                     .base = value->base,
                                     .index = value->index,
                                     .scale = value->scale,
                                     .disp = value->disp,
                                     .web = NO_WEB,
                                     .bits = 0};
    if (value->kind == VALUE_CONST)
        out->bits = value->bits;
    if (value->kind == VALUE_FLAGS)
        out->base = value->cond;
    if (value->kind == VALUE_SLOT)
        out->disp = slot_disp(e, (uint32_t)(value - e->stack));
    if (value->kind == VALUE_LOCAL) {
        out->web = value->base_web;
        out->base = e->homes[value->base_web].reg;
    }
}

static void trace_op(const struct emit *e, uint32_t code_off) {
    enum { TRACE_DEPTH = 16 };
    const struct alka_codegen_trace *trace = e->gen->options.trace;
    if (!trace->op)
        return;
    struct alka_trace_value stack[TRACE_DEPTH];
    uint32_t depth = e->depth < TRACE_DEPTH ? e->depth : TRACE_DEPTH;
    for (uint32_t i = 0; i < depth; i++)
        trace_value(e, &e->stack[e->depth - depth + i], &stack[i]);
    struct alka_trace_op op = {
        .wasm_off = e->op_off,
        .op = emit_op_at(e, e->op_off),
        .code_off = code_off,
        .code_end_off = emit_off(e),
        .stack = stack,
        .depth = depth,
        .hidden = e->depth - depth,
    };
    trace->op(trace->self, &op, e->gen->text);
}

static alka_status trace_homes(const struct emit *e) {
    const struct alka_codegen_trace *trace = e->gen->options.trace;
    if (!trace || !trace->homes)
        return ALKA_OK;
    struct alka_trace_home *homes;
    uint32_t count = 0;
    ALKA_TRY(alka_arena_alloc(e->scratch, e->summary->web_count, sizeof *homes, &homes));
    for (uint32_t i = 0; i < e->summary->web_count; i++) {
        const struct home *home = &e->homes[i];
        if (home->reg == REG_NONE && home->slot == HOME_NO_SLOT)
            continue;
        homes[count++] = (struct alka_trace_home){i, home->reg, home->is_saved, home->slot};
    }
    trace->homes(trace->self, e->summary, homes, count);
    return ALKA_OK;
}

/* --- The walk ----------------------------------------------------------------------------------*/

static void skip_vector(struct emit *e) {
    for (uint32_t count = emit_take_u32(e); count; count--)
        emit_take_u32(e);
}

static void skip_memarg(struct emit *e) {
    uint32_t align = emit_take_u32(e);
    if (align & 0x40)
        emit_take_u32(e);
    alka_leb_take_unsigned(&e->pc);
}

static void skip_try_table(struct emit *e) {
    emit_take_valtype(e);
    for (uint32_t count = emit_take_u32(e); count; count--) {
        uint32_t clause = emit_take_u32(e);
        if (clause < 2)
            emit_take_u32(e);
        emit_take_u32(e);
    }
}

static void skip_cast(struct emit *e) {
    e->pc++;
    emit_take_u32(e);
    emit_take_signed(e);
    emit_take_signed(e);
}

/* The immediate of an instruction that is not emitted. */
static void skip_immediate(struct emit *e, enum alka_imm imm) {
    switch (imm) {
    case ALKA_IMM_NONE:
    case ALKA_IMM_COUNT:
        return;
    case ALKA_IMM_I32:
    case ALKA_IMM_I64:
    case ALKA_IMM_HEAP_TYPE:
        emit_take_signed(e);
        return;
    case ALKA_IMM_BLOCK_TYPE:
        emit_take_valtype(e);
        return;
    case ALKA_IMM_F32:
        e->pc += 4;
        return;
    case ALKA_IMM_F64:
        e->pc += 8;
        return;
    case ALKA_IMM_V128:
    case ALKA_IMM_SHUFFLE:
        e->pc += 16;
        return;
    case ALKA_IMM_LABEL:
    case ALKA_IMM_LOCAL:
    case ALKA_IMM_GLOBAL:
    case ALKA_IMM_FUNC:
    case ALKA_IMM_TYPE:
    case ALKA_IMM_TABLE:
    case ALKA_IMM_MEMORY:
    case ALKA_IMM_DATA:
    case ALKA_IMM_ELEM:
    case ALKA_IMM_TAG:
        emit_take_u32(e);
        return;
    case ALKA_IMM_TYPE_TABLE:
    case ALKA_IMM_TABLE_TABLE:
    case ALKA_IMM_ELEM_TABLE:
    case ALKA_IMM_MEMORY_MEMORY:
    case ALKA_IMM_DATA_MEMORY:
    case ALKA_IMM_TYPE_FIELD:
    case ALKA_IMM_TYPE_COUNT:
    case ALKA_IMM_TYPE_TYPE:
    case ALKA_IMM_TYPE_DATA:
    case ALKA_IMM_TYPE_ELEM:
        emit_take_u32(e);
        emit_take_u32(e);
        return;
    case ALKA_IMM_BR_TABLE:
        skip_vector(e);
        emit_take_u32(e);
        return;
    case ALKA_IMM_TRY_TABLE:
        skip_try_table(e);
        return;
    case ALKA_IMM_SELECT_TYPES:
        for (uint32_t count = emit_take_u32(e); count; count--)
            emit_take_valtype(e);
        return;
    case ALKA_IMM_CAST:
        skip_cast(e);
        return;
    case ALKA_IMM_MEM8:
    case ALKA_IMM_MEM16:
    case ALKA_IMM_MEM32:
    case ALKA_IMM_MEM64:
    case ALKA_IMM_MEM128:
    case ALKA_IMM_ATOMIC8:
    case ALKA_IMM_ATOMIC16:
    case ALKA_IMM_ATOMIC32:
    case ALKA_IMM_ATOMIC64:
        skip_memarg(e);
        return;
    case ALKA_IMM_MEM8_LANE:
    case ALKA_IMM_MEM16_LANE:
    case ALKA_IMM_MEM32_LANE:
    case ALKA_IMM_MEM64_LANE:
        skip_memarg(e);
        e->pc++;
        return;
    case ALKA_IMM_LANE2:
    case ALKA_IMM_LANE4:
    case ALKA_IMM_LANE8:
    case ALKA_IMM_LANE16:
    case ALKA_IMM_FENCE:
        e->pc++;
        return;
    }
}

enum { EMIT_END_BYTE = 0x0B };

/* To the else or end of the innermost block. */
static void emit_skip_dead(struct emit *e) {
    if (*e->pc == EMIT_END_BYTE) /* so it is nearly always */
        return;
    for (uint32_t depth = 0;;) {
        uint32_t off = (uint32_t)(e->pc - e->bytes);
        enum alka_op op = emit_op_at(e, off);
        bool is_end = op == ALKA_OP_END || op == ALKA_OP_DELEGATE;
        bool is_arm = op == ALKA_OP_ELSE || op == ALKA_OP_CATCH || op == ALKA_OP_CATCH_ALL;
        if (depth == 0 && (is_end || is_arm))
            return;
        emit_decode(e);
        enum alka_imm imm = (enum alka_imm)alka_op_infos[op].imm;
        depth += imm == ALKA_IMM_BLOCK_TYPE || imm == ALKA_IMM_TRY_TABLE;
        depth -= is_end;
        skip_immediate(e, imm);
    }
}

/* Reads of locals and constants are two of five instructions and emit nothing: they are done here,
 * one after the other, as long as no deeper entry has to be settled for them. */
enum { EMIT_LOCAL_GET = 0x20, EMIT_I32_CONST = 0x41 };

static bool emit_is_push(uint8_t op) { return op == EMIT_LOCAL_GET || op == EMIT_I32_CONST; }

static void emit_pushes(struct emit *e) {
    uint32_t depth = e->depth, end = e->settled + EMIT_WINDOW;
    struct value *next = &e->stack[depth];
    const uint8_t *pc = e->pc;
    for (; depth < end && emit_is_push(*pc); depth++, next++) {
        uint32_t off = (uint32_t)(pc - e->bytes);
        if (*pc++ == EMIT_LOCAL_GET)
            value_put(next, local_read(e, emit_take_u32_at(&pc), off));
        else
            value_put(next, value_const(ALKA_KIND_I32, (uint32_t)emit_take_signed_at(&pc)));
    }
    e->pc = pc;
    e->depth = depth;
}

/* The operands of the opcode that comes next may be changed in place. */
static void emit_unsettle_operands(struct emit *e) {
    if (__builtin_expect(e->settled == 0, 1))
        return;
    uint32_t below = e->depth > EMIT_OPERANDS ? e->depth - EMIT_OPERANDS : 0;
    if (e->settled > below)
        e->settled = below;
}

static inline __attribute__((always_inline)) void emit_op(struct emit *e) {
    e->op_off = (uint32_t)(e->pc - e->bytes);
    e->pinned = 0;
    emit_unsettle_operands(e);
    const struct lowering *how = emit_decode(e);
    if (e->has_flags && !how->takes_flags)
        stack_own(e, stack_top(e, 0));
    how->emit(e, how);
}

/* To the else or end of the innermost block if no path leads here; false: to nowhere. */
static bool emit_resume(struct emit *e) {
    if (e->halt != EMIT_DEAD)
        return false;
    emit_skip_dead(e);
    return true;
}

/* Ready for the next opcode; false: there is none. */
static inline bool emit_is_ready(struct emit *e) {
    if (e->halt && !emit_resume(e))
        return false;
    return e->x.at <= e->op_limit || emit_reserve(e, EMIT_OP_BYTES);
}

static void emit_walk(struct emit *e) {
    while (emit_is_ready(e)) {
        if (emit_is_push(*e->pc) && !e->has_flags)
            emit_pushes(e);
        emit_op(e);
    }
}

static void emit_walk_traced(struct emit *e) {
    while (emit_is_ready(e)) {
        uint32_t start = emit_off(e);
        emit_op(e);
        trace_op(e, start);
    }
}

/* Behind the function before, aligned; calls to it that were emitted already get its address. */
static bool emit_start_text(struct emit *e) {
    struct alka_codegen *gen = e->gen;
    e->x.at = gen->text + gen->text_used;
    e->limit = gen->text + gen->text_committed;
    if (!emit_reserve(e, EMIT_OP_BYTES))
        return false;
    e->op_limit = e->limit - EMIT_OP_BYTES;
    while (emit_off(e) & 15)
        x64_u8(&e->x, 0xCC);
    uint32_t start = emit_off(e);
    emit_patch_chain(e, gen->function_offs[gen->emitted], start);
    gen->function_offs[gen->emitted] = start;
    return true;
}

static alka_status emit_prepare(struct emit *e) {
    const struct alka_body_summary *summary = e->summary;
    ALKA_TRY(alka_arena_take(e->scratch, (size_t)summary->max_operands + 4, sizeof *e->stack,
                             &e->stack));
    ALKA_TRY(
        alka_arena_take(e->scratch, summary->local_count, sizeof *e->local_webs, &e->local_webs));
    ALKA_TRY(alka_arena_take(e->scratch, (size_t)summary->max_nesting + 1, sizeof *e->blocks,
                             &e->blocks));
    for (uint32_t i = 0; i < summary->local_count; i++)
        e->local_webs[i] = summary->def_webs[i];
    e->next_def = summary->local_count;
    e->next_block = 1;
    e->try_idx = NO_OFF;
    ALKA_TRY(regs_assign(e));
    ALKA_TRY(frame_plan(e));
    e->free = e->gen->allocatable & ~(REG_CALLEE_SAVED & ~e->saved_regs);
    return trace_homes(e);
}

alka_status emit_function(struct alka_codegen *gen, const struct alka_body_summary *summary,
                          struct alka_arena *scratch) {
    struct emit emit = {
        .gen = gen,
        .summary = summary,
        .scratch = scratch,
        .bytes = gen->module->bytes.data,
        .pc = gen->module->bytes.data + summary->code.off,
        .op_off = summary->code.off,
    };
    struct emit *e = &emit;
    ALKA_TRY(emit_prepare(e));
    gen->stubs.used_bytes = 0;
    if (emit_start_text(e)) {
        control_begin(e);
        frame_enter(e);
        if (gen->options.trace)
            emit_walk_traced(e);
        else
            emit_walk(e);
    }
    emit_stubs(e);
    ALKA_TRY(e->status);
    EMIT_ASSERT(e->depth == 0 && e->pending_loads == 0);
    EMIT_ASSERT(e->pc == e->bytes + summary->code.off + summary->code.size);
    frame_patch(e);
    emit_frame_record(e, frame_record(e));
    ALKA_TRY(e->status);
    gen->text_used = emit_off(e);
    gen->emitted++;
    return ALKA_OK;
}

/*
 * Room: codegen. The frame: prologue, epilogue, and where in the frame things lie. Comes in: homes.
 * Goes out: code that brings parameters home, and back. Must never touch the data stack outside of
 * [rbp, rbp + frame), the callee's parameters below and the caller's overflow area above; a
 * function that calls nobody keeps its frame below rbp instead, where nobody else writes.
 *
 *   rbp →  results of calls that registers do not hold
 *          homes of locals, one slot per local: its webs never live at once
 *          slots of the operand stack, by depth
 *          own parameters that registers do not hold: the homes of those that live in the frame
 *   + frame_bytes: the caller's frame, whose bottom takes our own such results
 */
#include "frame.h"
#include "moves.h"

enum {
    FRAME_SLOT_BYTES = 8,
    FRAME_VECTOR_BYTES = 16, /* v128: slots are aligned, so that instructions may read them */
    /* What a function that calls nobody may use of the stacks without asking (checked model). */
    FRAME_LEAF_CONTROL_BYTES = 256,
    FRAME_LEAF_DATA_BYTES = ALKA_FRAME_UNPROBED_BYTES,
};

static const uint8_t frame_saved_order[] = {X64_RBX, X64_R12, X64_R13, X64_R14};

/* At least what so many parameters or results take on the stack. */
static uint64_t frame_overflow_bytes(const struct emit *e, uint32_t values) {
    return values > ALKA_PLACE_INTEGERS ? (uint64_t)(values - ALKA_PLACE_INTEGERS) * e->slot_bytes
                                        : 0;
}

static bool frame_needs_slot(const struct emit *e, uint32_t web) {
    const struct alka_web *facts = &e->summary->webs[web];
    const struct home *home = &e->homes[web];
    return facts->weight > facts->write_weight && (home->reg == REG_NONE || home->is_saved);
}

static uint32_t frame_type_bytes(alka_valtype type) {
    return alka_valtype_kind(type) == ALKA_KIND_V128 ? FRAME_VECTOR_BYTES : FRAME_SLOT_BYTES;
}

/* Where a local's slot is: n + 1 above the bottom of the frame, -n - 1 above the stack parameters,
 * 0 if it has none. Parameters that came on the stack stay there. */
static void frame_plan_params(const struct emit *e, int32_t *local_slots) {
    const struct alka_body_summary *summary = e->summary;
    struct alka_places places = {0};
    for (uint32_t i = 0; i < summary->param_count; i++) {
        struct alka_place place = alka_place_next(&places, summary->local_types[i]);
        if (place.kind == ALKA_PLACE_STACK)
            local_slots[i] = -(int32_t)place.index - 1;
    }
}

static void frame_plan_locals(struct emit *e, int32_t *local_slots, uint64_t *bytes) {
    const struct alka_body_summary *summary = e->summary;
    for (uint32_t i = 0; i < summary->web_count; i++) {
        if (!frame_needs_slot(e, i) || local_slots[summary->webs[i].local])
            continue;
        uint64_t size = frame_type_bytes(summary->webs[i].type);
        *bytes = (*bytes + size - 1) & ~(size - 1);
        local_slots[summary->webs[i].local] = (int32_t)*bytes + 1;
        *bytes += size;
    }
}

static void frame_place_slots(struct emit *e, const int32_t *local_slots) {
    for (uint32_t i = 0; i < e->summary->web_count; i++) {
        int32_t slot = local_slots[e->summary->webs[i].local];
        if (frame_needs_slot(e, i))
            e->homes[i].slot = slot > 0 ? e->bottom_disp + slot - 1 : e->args_disp - slot - 1;
    }
}

alka_status frame_plan(struct emit *e) {
    const struct alka_body_summary *summary = e->summary;
    /* Whatever can put a v128 on the operand stack has marked the feature as used by now. */
    bool has_vectors = e->gen->module->features_used & ALKA_FEATURE_BIT(SIMD);
    e->slot_bytes = has_vectors ? FRAME_VECTOR_BYTES : FRAME_SLOT_BYTES;
    int32_t *local_slots;
    ALKA_TRY(alka_arena_alloc(e->scratch, summary->local_count, sizeof *local_slots, &local_slots));
    uint64_t bytes = frame_overflow_bytes(e, summary->max_call_results);
    frame_plan_params(e, local_slots);
    frame_plan_locals(e, local_slots, &bytes);
    uint64_t operands = (bytes + e->slot_bytes - 1) & ~(uint64_t)(e->slot_bytes - 1);
    bytes = (operands + (uint64_t)summary->max_operands * e->slot_bytes + 15) & ~UINT64_C(15);
    uint32_t params_bytes = alka_stack_area_bytes(summary->local_types, summary->param_count);
    bytes += params_bytes;
    e->call_params_bytes =
        ((uint32_t)frame_overflow_bytes(e, summary->max_call_params) + 15) & ~UINT32_C(15);
    if (bytes + e->call_params_bytes > ALKA_FRAME_MOST_BYTES)
        return ALKA_E_FRAME_TOO_LARGE;
    e->frame_bytes = (uint32_t)bytes;
    e->is_leaf =
        summary->call_count == 0 && bytes + e->call_params_bytes <= ALKA_FRAME_UNPROBED_BYTES / 2;
    e->bottom_disp = e->is_leaf ? -(int32_t)bytes : 0;
    e->top_disp = e->bottom_disp + (int32_t)bytes;
    e->slots_disp = e->bottom_disp + (int32_t)operands;
    e->args_disp = e->top_disp - (int32_t)params_bytes;
    frame_place_slots(e, local_slots);
    return ALKA_OK;
}

/* --- Entering ----------------------------------------------------------------------------------*/

void frame_save(struct emit *e, const struct home *home) {
    value_store(e, home->type, frame_mem(e, home->slot), home->reg);
}

void frame_reload(struct emit *e, const struct home *home) {
    value_fetch(e, home->type, frame_mem(e, home->slot), home->reg);
}

/* A v128 goes in two halves, so that one general register does for every kind. */
void frame_copy(struct emit *e, unsigned kind, int32_t to, int32_t from, unsigned temp) {
    int32_t bytes = kind == ALKA_KIND_V128 ? 16 : 8;
    for (int32_t at = 0; at < bytes; at += 8) {
        x64_g(&e->x, X64_MOV | kind_w(kind), reg_gpr(temp), frame_mem(e, from + at));
        x64_g(&e->x, X64_MOV_STORE | kind_w(kind), reg_gpr(temp), frame_mem(e, to + at));
    }
}

/* A parameter that arrived on the stack. */
static void frame_fetch_param(struct emit *e, const struct home *home, uint32_t stack_off) {
    if (home->reg != REG_NONE)
        value_fetch(e, home->type, frame_mem(e, e->args_disp + (int32_t)stack_off), home->reg);
}

/* Parameters go home: first those whose home is the frame, then registers to registers at once,
 * then what came on the stack. */
static void frame_place_params(struct emit *e) {
    const struct alka_body_summary *summary = e->summary;
    struct moves moves;
    moves_begin(&moves);
    struct alka_places places = {0};
    for (uint32_t i = 0; i < summary->param_count; i++) {
        struct alka_place place = alka_place_next(&places, summary->local_types[i]);
        uint32_t web = summary->def_webs[i];
        if (web == NO_WEB || place.kind == ALKA_PLACE_STACK)
            continue;
        unsigned from = abi_param_reg(place);
        const struct home *home = &e->homes[web];
        if (home->reg == REG_NONE)
            value_store(e, home->type, frame_mem(e, home->slot), from);
        else
            moves_add(&moves, home->reg, from, home->type);
    }
    moves_emit(e, &moves);
    places = (struct alka_places){0};
    for (uint32_t i = 0; i < summary->param_count; i++) {
        struct alka_place place = alka_place_next(&places, summary->local_types[i]);
        uint32_t web = summary->def_webs[i];
        if (web == NO_WEB || place.kind != ALKA_PLACE_STACK)
            continue;
        if (!emit_reserve(e, EMIT_OP_BYTES))
            return;
        frame_fetch_param(e, &e->homes[web], place.index);
    }
}

static void frame_zero(struct emit *e, const struct home *home) {
    x64_n_i32(&e->x, X64_MOV_IMM | kind_w(home->type), 0, frame_mem(e, home->slot), 0);
    if (home->type == ALKA_KIND_V128)
        x64_n_i32(&e->x, X64_MOV_IMM | X64_W, 0, frame_mem(e, home->slot + 8), 0);
}

/* Locals that may be read before they are set. */
static void frame_zero_locals(struct emit *e) {
    const struct alka_body_summary *summary = e->summary;
    for (uint32_t i = summary->param_count; i < summary->local_count; i++) {
        uint32_t web = summary->def_webs[i];
        if (web == NO_WEB)
            continue;
        if (!emit_reserve(e, EMIT_OP_BYTES))
            return;
        const struct home *home = &e->homes[web];
        if (home->reg == REG_NONE)
            frame_zero(e, home);
        else if (reg_is_vector(home->reg))
            x64_xx(&e->x, X64_XORPS, reg_xmm(home->reg), reg_xmm(home->reg));
        else
            x64_gg(&e->x, X64_XOR, reg_gpr(home->reg), reg_gpr(home->reg));
    }
}

/* Initial values that live in registers and in their slots. */
static void frame_start_webs(struct emit *e) {
    const struct alka_body_summary *summary = e->summary;
    for (uint32_t i = 0; i < summary->local_count; i++) {
        uint32_t web = summary->def_webs[i];
        if (web == NO_WEB || e->homes[web].reg == REG_NONE)
            continue;
        if (!emit_reserve(e, EMIT_OP_BYTES))
            return;
        if (e->homes[web].writes_through)
            frame_save(e, &e->homes[web]);
        web_start(e, web);
    }
}

/* Without unmapped guards: compare both stack pointers, as they will be, with the limits at the top
 * of the control stack. rax and r10 hold no parameter. */
static void frame_check_stacks(struct emit *e) {
    const int32_t thread = 1 - (int32_t)sizeof(struct alka_thread);
    struct x64_rm control_limit =
        x64_mem(X64_GPR(RAX), thread + (int32_t)offsetof(struct alka_thread, control_limit));
    struct x64_rm data_limit =
        x64_mem(X64_GPR(RAX), thread + (int32_t)offsetof(struct alka_thread, data_limit));
    x64_gg(&e->x, X64_MOV | X64_W, X64_GPR(RAX), X64_GPR(RSP));
    x64_alu_imm(&e->x, X64_OR | X64_W, x64_rm_gpr(X64_GPR(RAX)),
                (int32_t)(ALKA_CONTROL_STACK_BYTES - 1));
    x64_g(&e->x, X64_LEA | X64_W, X64_GPR(R10), x64_mem(X64_GPR(RSP), -FRAME_LEAF_CONTROL_BYTES));
    x64_g(&e->x, X64_CMP | X64_W, X64_GPR(R10), control_limit);
    emit_trap_if(e, X64_B, ALKA_TRAP_STACK_EXHAUSTED);
    x64_g(&e->x, X64_LEA | X64_W, X64_GPR(R10),
          x64_mem(X64_GPR(RBP),
                  -(int32_t)(e->frame_bytes + e->call_params_bytes) - FRAME_LEAF_DATA_BYTES));
    x64_g(&e->x, X64_CMP | X64_W, X64_GPR(R10), data_limit);
    emit_trap_if(e, X64_B, ALKA_TRAP_STACK_EXHAUSTED);
}

void frame_enter(struct emit *e) {
    if (e->gen->options.memory_model == ALKA_MEMORY_CHECKED && !e->is_leaf)
        frame_check_stacks(e);
    for (unsigned i = 0; i < sizeof frame_saved_order; i++)
        if (e->saved_regs & REG_BIT(frame_saved_order[i]))
            x64_push(&e->x, reg_gpr(frame_saved_order[i]));
    e->prologue_sub_off = NO_OFF;
    if (!e->is_leaf && e->frame_bytes) {
        e->prologue_sub_off = emit_off(e);
        x64_alu_imm(&e->x, X64_SUB | X64_W, x64_rm_gpr(X64_GPR(RBP)), (int32_t)e->frame_bytes);
        e->prologue_sub_bytes = emit_off(e) - e->prologue_sub_off;
        /* Too large for the guard to be counted on: touch its bottom. */
        if (e->frame_bytes > ALKA_FRAME_UNPROBED_BYTES) {
            emit_site(e, ALKA_TRAP_STACK_EXHAUSTED, e->summary->code.off);
            x64_g(&e->x, X64_TEST, X64_GPR(RAX), frame_mem(e, 0));
        }
    }
    frame_place_params(e);
    frame_zero_locals(e);
    frame_start_webs(e);
}

/* --- Leaving -----------------------------------------------------------------------------------*/

bool frame_is_bare(const struct emit *e) { return !e->saved_regs && e->prologue_sub_off == NO_OFF; }

void frame_restore(struct emit *e) {
    if (e->prologue_sub_off != NO_OFF) {
        if (e->epilogue_count < EMIT_EPILOGUES)
            e->epilogue_add_offs[e->epilogue_count++] = emit_off(e);
        else
            e->uses_frame = true;
        x64_alu_imm(&e->x, X64_ADD | X64_W, x64_rm_gpr(X64_GPR(RBP)), (int32_t)e->frame_bytes);
    }
    for (unsigned i = sizeof frame_saved_order; i-- > 0;)
        if (e->saved_regs & REG_BIT(frame_saved_order[i]))
            x64_pop(&e->x, reg_gpr(frame_saved_order[i]));
}

void frame_leave(struct emit *e) {
    frame_restore(e);
    x64_ret(&e->x);
}

/* A frame that nothing used need not be made. */
void frame_patch(struct emit *e) {
    if (e->uses_frame || e->prologue_sub_off == NO_OFF)
        return;
    struct x64 at = {emit_at(e, e->prologue_sub_off)};
    x64_nop(&at, e->prologue_sub_bytes);
    for (uint32_t i = 0; i < e->epilogue_count; i++) {
        at.at = emit_at(e, e->epilogue_add_offs[i]);
        x64_nop(&at, e->prologue_sub_bytes);
    }
}

uint32_t frame_record(const struct emit *e) {
    uint32_t record = e->uses_frame && e->prologue_sub_off != NO_OFF ? e->frame_bytes : 0;
    for (unsigned i = 0; i < sizeof frame_saved_order; i++)
        record |= (e->saved_regs >> frame_saved_order[i] & 1) << i;
    return record;
}

/*
 * Room: codegen. Calls: inside the module, of imports, through tables, of runtime helpers. Comes
 * in: arguments on the stack. Goes out: results on the stack, every live home as it was. Must leave
 * nothing pending across a call, and check all of a table entry before control goes through it.
 *
 * Order: what lies below the arguments goes to slots; live homes in caller-saved registers go to
 * theirs; arguments for the frame; then all arguments for registers at once.
 */
#include "calls.h"
#include "control.h"
#include "frame.h"
#include "moves.h"

enum {
    ENTRY_CODE = offsetof(struct alka_table_entry, code),
    ENTRY_CONTEXT = offsetof(struct alka_table_entry, context),
    ENTRY_FUNC = offsetof(struct alka_table_entry, func),
    ENTRY_TYPE_ID = offsetof(struct alka_table_entry, type_id),
};
_Static_assert(sizeof(struct alka_table_entry) == 32, "call_indirect scales by a shift");

#define CALL_ENTRY X64_GPR(R11) /* the linker's routines want it there: a record, too */
#define CALL_INDEX X64_GPR(RAX)

/* --- Before ------------------------------------------------------------------------------------*/

/* Entries below the arguments must not depend on a register that the callee overwrites. Locals may
 * stay pending: their homes survive. */
static void call_settle_below(struct emit *e, uint32_t args) {
    for (uint32_t i = e->settled; i + args < e->depth; i++) {
        struct value *value = &e->stack[i];
        bool stays = value_is_const(value) ||
                     (value->kind == VALUE_LOCAL && e->homes[value->base_web].state != HOME_ENDED);
        if (!stays)
            stack_settle(e, value);
    }
}

/* Homes that hold a value still wanted, in registers that the callee may overwrite. */
static reg_set call_homes(const struct emit *e) {
    reg_set homes = 0;
    for (reg_set left = e->live_homes & ~REG_CALLEE_SAVED; left; left &= left - 1) {
        unsigned reg = (unsigned)__builtin_ctz(left);
        if (e->homes[e->home_web[reg]].state == HOME_LIVE)
            homes |= REG_BIT(reg);
    }
    return homes;
}

static void call_save(struct emit *e, reg_set homes) {
    for (; homes; homes &= homes - 1) {
        const struct home *home = &e->homes[e->home_web[__builtin_ctz(homes)]];
        EMIT_ASSERT(home->is_saved);
        if (!home->writes_through)
            frame_save(e, home);
    }
}

reg_set call_homes_since(const struct emit *e, uint32_t open_off) {
    reg_set homes = 0;
    for (reg_set left = call_homes(e); left; left &= left - 1) {
        uint32_t web = e->home_web[__builtin_ctz(left)];
        if (e->homes[web].is_saved && e->summary->webs[web].first_off <= open_off)
            homes |= left & -left;
    }
    return homes;
}

void call_reload(struct emit *e, reg_set homes) {
    for (; homes; homes &= homes - 1)
        frame_reload(e, &e->homes[e->home_web[__builtin_ctz(homes)]]);
}

/* One argument for the stack; its entry, which may be settled, stays as it is. */
static void call_store_arg(struct emit *e, const struct value *value, int32_t disp) {
    struct x64_rm to = frame_mem(e, disp);
    if (value->kind == VALUE_REG) {
        value_store(e, value->type, to, value->base);
        return;
    }
    if (value_is_home_reg(e, value)) {
        value_store(e, value->type, to, e->homes[value->base_web].reg);
        return;
    }
    unsigned temp = stack_alloc(e, reg_class(value->type));
    value_load(e, value, temp);
    value_store(e, value->type, to, temp);
    stack_free(e, temp);
}

/* The arguments that go to registers, and how many of them read each register, so that one may be
 * computed where another was. */
struct call_args {
    const struct alka_functype *type;
    uint32_t first, count; /* depth of the first argument; arguments in registers */
    int32_t stack_disp;    /* rbp-relative: where those lie that registers do not hold */
    struct call_arg {
        struct value *value;
        unsigned to;
    } in_regs[ALKA_PLACE_INTEGERS + ALKA_PLACE_VECTORS + 1];
    uint8_t readers[32];
};

static void call_count_readers(const struct emit *e, struct call_args *args,
                               const struct value *value, int step) {
    for (reg_set reads = value_reads(e, value); reads; reads &= reads - 1)
        args->readers[__builtin_ctz(reads)] = (uint8_t)(args->readers[__builtin_ctz(reads)] + step);
}

/* A pending argument is computed in its own place if no other one reads that register, else in a
 * register of its own. A home may be overwritten: it is saved, or not wanted any more. */
static void call_compute_arg(struct emit *e, struct call_args *args, struct value *value,
                             unsigned to) {
    call_count_readers(e, args, value, -1);
    if (args->readers[to] == 0 && reg_is_vector(to) == kind_is_vector(value->type)) {
        bool is_free = e->free & REG_BIT(to);
        e->free &= ~REG_BIT(to);
        value_load(e, value, to);
        bool was_own = value_owns(value, to);
        unsigned kind = value->type;
        value_release(e, value, REG_BIT(to));
        value_put(value, value_reg(kind, to));
        if (!is_free && !was_own) /* held by nobody: not the entry's to give back */
            value->base_web = NO_WEB - 1;
    } else {
        stack_own(e, value);
    }
    call_count_readers(e, args, value, 1);
    e->pinned = 0;
}

static bool value_is_pending(const struct value *value) {
    return value->kind == VALUE_ADDRESS || value->kind == VALUE_LOAD;
}

static void call_add_arg(struct emit *e, struct call_args *args, struct value *value, unsigned to) {
    args->in_regs[args->count++] = (struct call_arg){value, to};
    call_count_readers(e, args, value, 1);
}

/* What the frame takes, first; it may need registers. */
static void call_store_args(struct emit *e, struct call_args *args) {
    struct alka_places places = {0};
    for (uint32_t i = 0; i < args->type->param_count; i++) {
        struct alka_place place = alka_place_next(&places, args->type->params[i]);
        struct value *value = &e->stack[args->first + i];
        if (place.kind == ALKA_PLACE_STACK) {
            call_store_arg(e, value, args->stack_disp + (int32_t)place.index);
            if (value_is_pending(value)) {
                value_release(e, value, 0);
                value_put(value, value_const(value->type, 0));
            }
        } else {
            call_add_arg(e, args, value, abi_param_reg(place));
        }
        e->pinned = 0;
    }
}

/* Pending arguments are computed; registers are moved at once; what comes from the frame or is a
 * constant is loaded after that. */
static void call_place_args(struct emit *e, struct call_args *args) {
    const struct call_arg *end = args->in_regs + args->count;
    for (const struct call_arg *arg = args->in_regs; arg < end; arg++)
        if (value_is_pending(arg->value))
            call_compute_arg(e, args, arg->value, arg->to);
    struct moves moves;
    moves_begin(&moves);
    reg_set loads = 0; /* by number of the argument */
    for (const struct call_arg *arg = args->in_regs; arg < end; arg++) {
        const struct value *value = arg->value;
        if (value->kind == VALUE_REG)
            moves_add(&moves, arg->to, value->base, value->type);
        else if (value_is_home_reg(e, value))
            moves_add(&moves, arg->to, e->homes[value->base_web].reg, value->type);
        else
            loads |= UINT32_C(1) << (arg - args->in_regs);
    }
    moves_emit(e, &moves);
    for (; loads; loads &= loads - 1) {
        const struct call_arg *arg = &args->in_regs[__builtin_ctz(loads)];
        value_load(e, arg->value, arg->to);
    }
}

/* --- After -------------------------------------------------------------------------------------*/

/* First what is in registers, before those are needed for something else. */
void call_store_results(struct emit *e, const alka_valtype *types, uint32_t count, bool with_ref,
                        uint32_t first, uint32_t ref_depth) {
    for (unsigned is_stack = 0; is_stack < 2; is_stack++) {
        struct alka_places places = {0};
        for (uint32_t i = 0; i < count + with_ref; i++) {
            alka_valtype type = i < count ? types[i] : ALKA_EXNREF;
            unsigned kind = alka_valtype_kind(type);
            struct alka_place place = alka_place_next(&places, type);
            if ((place.kind == ALKA_PLACE_STACK) != is_stack)
                continue;
            int32_t slot = slot_disp(e, i < count ? first + i : ref_depth);
            if (is_stack)
                frame_copy(e, kind, slot, (int32_t)place.index, X64_RAX);
            else
                value_store(e, kind, frame_mem(e, slot), abi_result_reg(place));
        }
    }
}

/* Several results: all to their slots. */
static void call_push_results(struct emit *e, const struct alka_functype *type) {
    call_store_results(e, type->results, type->result_count, false, e->depth, 0);
    for (uint32_t i = 0; i < type->result_count; i++)
        e->stack[e->depth++] = (struct value){.kind = VALUE_SLOT,
                                              .type = (uint8_t)alka_valtype_kind(type->results[i])};
    e->settled = e->depth;
}

static void call_finish(struct emit *e, const struct alka_functype *type, reg_set homes) {
    if (type->result_count == 1) {
        unsigned kind = alka_valtype_kind(type->results[0]);
        stack_push_reg(e, kind, kind_is_vector(kind) ? REG_XMM0 : X64_RAX);
    } else if (type->result_count) {
        stack_flush(e, 0);
        call_push_results(e, type);
    }
    call_reload(e, homes);
}

/* --- The calls ---------------------------------------------------------------------------------*/

static bool call_reserve(struct emit *e, const struct alka_functype *type) {
    size_t values = (size_t)type->param_count + type->result_count;
    return emit_reserve(e, EMIT_OP_BYTES + values * 4 * X64_MOST_BYTES);
}

/* All arguments to their places, those for the stack right below `stack_disp`. */
static void call_pass(struct emit *e, const struct alka_functype *type, bool is_indirect,
                      int32_t stack_disp) {
    uint32_t count = type->param_count + (is_indirect ? 1 : 0);
    index_forget_all(e);
    struct call_args args;
    args.type = type;
    args.first = e->depth - count;
    args.stack_disp = stack_disp - (int32_t)alka_stack_area_bytes(type->params, type->param_count);
    args.count = 0;
    __builtin_memset(args.readers, 0, sizeof args.readers);
    call_store_args(e, &args);
    if (is_indirect)
        call_add_arg(e, &args, stack_top(e, 0), CALL_INDEX.number);
    call_place_args(e, &args);
    stack_pop_to(e, args.first);
}

/* Up to the call instruction; returns the homes to be reloaded. */
static reg_set call_prepare(struct emit *e, const struct alka_functype *type, bool is_indirect) {
    call_settle_below(e, type->param_count + (is_indirect ? 1 : 0));
    reg_set homes = call_homes(e);
    call_save(e, homes);
    call_pass(e, type, is_indirect, 0);
    return homes;
}

typedef void call_jump_fn(struct x64 *x, uint32_t link);

/* `jump`: x64_call, or x64_jmp for a tail call. */
static void call_defined(struct emit *e, uint32_t func, call_jump_fn *jump) {
    struct alka_codegen *gen = e->gen;
    uint32_t defined = func - gen->module->imported_functions;
    if (defined <= gen->emitted) {
        jump(&e->x, 0);
        emit_patch(e, emit_off(e) - 4, gen->function_offs[defined]);
        return;
    }
    jump(&e->x, gen->function_offs[defined]);
    gen->function_offs[defined] = emit_off(e) - 4;
}

/* Through its record. C leaves the upper half of an i32 result undefined. */
static void call_import(struct emit *e, uint32_t func, const struct alka_functype *type) {
    int32_t record =
        e->gen->layout.import_records_disp + (int32_t)(func * sizeof(struct alka_import_record));
    x64_g(&e->x, X64_LEA | X64_W, CALL_ENTRY, x64_mem(X64_GPR(R15), record));
    x64_n(&e->x, X64_GROUP5, 2, x64_mem(CALL_ENTRY, offsetof(struct alka_import_record, routine)));
    emit_call_site(e, e->try_idx);
    if (type->result_count == 1 && type->results[0] == ALKA_I32)
        x64_gg(&e->x, X64_MOV, X64_GPR(RAX), X64_GPR(RAX));
}

static bool call_is_import(const struct emit *e, uint32_t func) {
    return func < e->gen->module->imported_functions;
}

void low_call(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t func = emit_take_u32(e);
    const struct alka_functype *type = alka_function_type(e->gen->module, func);
    if (!call_reserve(e, type))
        return;
    reg_set homes = call_prepare(e, type, false);
    if (call_is_import(e, func)) {
        call_import(e, func, type);
    } else {
        call_defined(e, func, x64_call);
        emit_call_site(e, e->try_idx);
    }
    call_finish(e, type, homes);
}

/* Null, or of another type. */
static void stub_wrong_entry(struct emit *e, const struct stub *stub) {
    x64_alu_imm(&e->x, X64_CMP | X64_W, x64_mem(CALL_ENTRY, ENTRY_FUNC), 0);
    uint8_t *not_null = x64_jcc_short(&e->x, X64_NE);
    emit_site(e, ALKA_TRAP_UNINITIALIZED_ELEMENT, stub->wasm_off);
    x64_ud2(&e->x);
    x64_land(&e->x, not_null);
    emit_site(e, ALKA_TRAP_INDIRECT_TYPE_MISMATCH, stub->wasm_off);
    x64_ud2(&e->x);
}

/* The type expected is not final: one of the entry's supertypes may be it. */
static void stub_supertypes(struct emit *e, const struct stub *stub) {
    x64_g(&e->x, X64_MOV | X64_W, X64_GPR(R10), x64_mem(CALL_ENTRY, ENTRY_FUNC));
    x64_gg(&e->x, X64_TEST | X64_W, X64_GPR(R10), X64_GPR(R10));
    uint8_t *not_null = x64_jcc_short(&e->x, X64_NE);
    emit_site(e, ALKA_TRAP_UNINITIALIZED_ELEMENT, stub->wasm_off);
    x64_ud2(&e->x);
    x64_land(&e->x, not_null);
    x64_g(&e->x, X64_MOV | X64_W, X64_GPR(R10),
          x64_mem(X64_GPR(R10), (int32_t)offsetof(struct alka_func, supertype_ids)));
    const uint8_t *next = e->x.at;
    x64_n_i32(&e->x, X64_ALU_IMM32, 7, x64_mem(X64_GPR(R10), 0), 0);
    emit_reloc(e, ALKA_RELOC_TYPE_ID, stub->more);
    uint8_t *differs = x64_jcc_short(&e->x, X64_NE);
    emit_jump_back(e, stub);
    x64_land(&e->x, differs);
    x64_alu_imm(&e->x, X64_CMP, x64_mem(X64_GPR(R10), 0), -1);
    x64_g(&e->x, X64_LEA | X64_W, X64_GPR(R10), x64_mem(X64_GPR(R10), 4));
    x64_jcc_back(&e->x, X64_NE, next);
    emit_site(e, ALKA_TRAP_INDIRECT_TYPE_MISMATCH, stub->wasm_off);
    x64_ud2(&e->x);
}

/* A function of another instance: the thunk changes r15. */
static void stub_foreign(struct emit *e, const struct stub *stub) {
    x64_call(&e->x, 0);
    emit_reloc(e, ALKA_RELOC_FOREIGN_CALL, 0);
    emit_call_site(e, stub->more);
    emit_jump_back(e, stub);
}

/* The index in CALL_INDEX becomes the address in CALL_ENTRY of an entry of that type. */
static void call_find_entry(struct emit *e, uint32_t table_idx, uint32_t type_idx) {
    const struct alka_table_def *table = &e->gen->module->tables[table_idx];
    int32_t view = e->gen->layout.table_views_disp + (int32_t)table_idx * 16;
    bool fixed = !table->imported && table->range.has_max && table->range.max == table->range.min;
    if (fixed && table->range.min <= INT32_MAX)
        x64_alu_imm(&e->x, table->range.is_64 ? X64_CMP | X64_W : X64_CMP, x64_rm_gpr(CALL_INDEX),
                    (int32_t)table->range.min);
    else
        x64_g(&e->x, X64_CMP | X64_W, CALL_INDEX,
              x64_mem(X64_GPR(R15), view + (int32_t)offsetof(struct alka_view, size)));
    emit_trap_if(e, X64_AE, ALKA_TRAP_UNDEFINED_ELEMENT);
    x64_n_i8(&e->x, X64_SHIFT_IMM | X64_W, X64_SHL, x64_rm_gpr(CALL_INDEX), 5);
    x64_g(&e->x, X64_MOV | X64_W, CALL_ENTRY, x64_mem(X64_GPR(R15), view));
    x64_gg(&e->x, X64_ADD | X64_W, CALL_ENTRY, CALL_INDEX);
    x64_n_i32(&e->x, X64_ALU_IMM32, 7, x64_mem(CALL_ENTRY, ENTRY_TYPE_ID), 0);
    emit_reloc(e, ALKA_RELOC_TYPE_ID, type_idx);
    bool is_final = e->gen->module->type_defs[type_idx].is_final;
    x64_jcc(&e->x, X64_NE, NO_OFF);
    emit_stub(e, (struct stub){.emit = is_final ? stub_wrong_entry : stub_supertypes,
                               .more = type_idx,
                               .jump_off = emit_off(e) - 4,
                               .back_off = emit_off(e),
                               .wasm_off = e->op_off});
}

/* The reference in CALL_INDEX becomes the entry in CALL_ENTRY: they are laid out alike. */
static void call_find_reference(struct emit *e) {
    x64_gg(&e->x, X64_TEST | X64_W, CALL_INDEX, CALL_INDEX);
    emit_trap_if(e, X64_E, ALKA_TRAP_NULL_REFERENCE);
    x64_gg(&e->x, X64_MOV | X64_W, CALL_ENTRY, CALL_INDEX);
}

/* `may_be_foreign`: of another instance. */
static void call_entry(struct emit *e, bool may_be_foreign) {
    uint32_t foreign_jump = NO_OFF;
    if (may_be_foreign) {
        x64_g(&e->x, X64_CMP | X64_W, X64_GPR(R15), x64_mem(CALL_ENTRY, ENTRY_CONTEXT));
        x64_jcc(&e->x, X64_NE, NO_OFF);
        foreign_jump = emit_off(e) - 4;
    }
    x64_n(&e->x, X64_GROUP5, 2, x64_mem(CALL_ENTRY, ENTRY_CODE));
    emit_call_site(e, e->try_idx);
    if (foreign_jump != NO_OFF)
        emit_stub(e, (struct stub){.emit = stub_foreign,
                                   .jump_off = foreign_jump,
                                   .back_off = emit_off(e),
                                   .wasm_off = e->op_off,
                                   .more = e->try_idx});
}

void low_call_indirect(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t type_idx = emit_take_u32(e), table_idx = emit_take_u32(e);
    const struct alka_functype *type = &e->gen->module->types[type_idx];
    if (!call_reserve(e, type))
        return;
    reg_set homes = call_prepare(e, type, true);
    call_find_entry(e, table_idx, type_idx);
    call_entry(e, e->gen->foreign_tables[table_idx]);
    call_finish(e, type, homes);
}

void low_call_ref(struct emit *e, const struct lowering *how) {
    (void)how;
    const struct alka_functype *type = &e->gen->module->types[emit_take_u32(e)];
    if (!call_reserve(e, type))
        return;
    reg_set homes = call_prepare(e, type, true);
    call_find_reference(e);
    call_entry(e, true);
    call_finish(e, type, homes);
}

/* --- Tail calls --------------------------------------------------------------------------------*/

/* Arguments for the stack belong where the frame is, from which they may still be read: they are
 * collected below it first. Downwards, since the two places may overlap. */
static void tail_raise_args(struct emit *e, const struct alka_functype *type) {
    int32_t distance = e->top_disp - e->bottom_disp;
    int32_t area = (int32_t)alka_stack_area_bytes(type->params, type->param_count);
    for (int32_t at = area - 8; distance && at >= 0; at -= 8) {
        int32_t from = e->bottom_disp - area + at;
        x64_g(&e->x, X64_MOV | X64_W, X64_GPR(R10), frame_mem(e, from));
        x64_g(&e->x, X64_MOV_STORE | X64_W, X64_GPR(R10), frame_mem(e, from + distance));
    }
}

/* Nothing of the function is needed any more but the arguments. */
static bool tail_prepare(struct emit *e, const struct alka_functype *type, bool is_indirect) {
    if (!emit_reserve(e, EMIT_OP_BYTES + (size_t)type->param_count * 8 * X64_MOST_BYTES))
        return false;
    stack_settle_loads(e);
    call_pass(e, type, is_indirect, e->bottom_disp);
    return true;
}

void low_return_call(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t func = emit_take_u32(e);
    const struct alka_functype *type = alka_function_type(e->gen->module, func);
    if (!tail_prepare(e, type, false))
        return;
    tail_raise_args(e, type);
    frame_restore(e);
    if (call_is_import(e, func)) {
        x64_jmp(&e->x, 0);
        emit_reloc(e, ALKA_RELOC_IMPORT_CALL, func);
    } else {
        call_defined(e, func, x64_jmp);
    }
    control_die(e);
}

static void tail_entry(struct emit *e, const struct alka_functype *type, bool may_be_foreign) {
    tail_raise_args(e, type);
    frame_restore(e);
    if (may_be_foreign) {
        x64_g(&e->x, X64_CMP | X64_W, X64_GPR(R15), x64_mem(CALL_ENTRY, ENTRY_CONTEXT));
        x64_jcc(&e->x, X64_NE, 0);
        emit_reloc(e, ALKA_RELOC_FOREIGN_CALL, 0);
    }
    x64_n(&e->x, X64_GROUP5, 4, x64_mem(CALL_ENTRY, ENTRY_CODE));
    control_die(e);
}

void low_return_call_indirect(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t type_idx = emit_take_u32(e), table_idx = emit_take_u32(e);
    const struct alka_functype *type = &e->gen->module->types[type_idx];
    if (!tail_prepare(e, type, true))
        return;
    call_find_entry(e, table_idx, type_idx);
    tail_entry(e, type, e->gen->foreign_tables[table_idx]);
}

void low_return_call_ref(struct emit *e, const struct lowering *how) {
    (void)how;
    const struct alka_functype *type = &e->gen->module->types[emit_take_u32(e)];
    if (!tail_prepare(e, type, true))
        return;
    call_find_reference(e);
    tail_entry(e, type, true);
}

/* --- Helpers -----------------------------------------------------------------------------------*/

void call_helper(struct emit *e, enum alka_helper helper, uint32_t param_count,
                 alka_valtype result) {
    static const alka_valtype words[ALKA_PLACE_INTEGERS] = {ALKA_I64, ALKA_I64, ALKA_I64,
                                                            ALKA_I64, ALKA_I64, ALKA_I64};
    struct alka_functype type = {words, &result, param_count, result != ALKA_BOTTOM};
    EMIT_ASSERT(param_count < ALKA_PLACE_INTEGERS);
    reg_set homes = call_prepare(e, &type, false);
    x64_call(&e->x, 0);
    emit_reloc(e, ALKA_RELOC_HELPER_CALL, helper);
    call_finish(e, &type, homes);
}

void call_throw(struct emit *e, enum alka_helper helper, const struct alka_functype *type,
                uint32_t tag_idx) {
    if (!call_reserve(e, type))
        return;
    (void)call_prepare(e, type, false);
    if (tag_idx != ALKA_NO_INDEX)
        x64_mov_imm(&e->x, X64_GPR(RAX), tag_idx);
    x64_call(&e->x, 0);
    emit_reloc(e, ALKA_RELOC_HELPER_CALL, helper);
    emit_call_site(e, e->try_idx);
}

void call_helper_size(struct emit *e, enum alka_helper helper, uint32_t param_count, bool is_64) {
    call_helper(e, helper, param_count, is_64 ? ALKA_I64 : ALKA_I32);
    if (!is_64)
        x64_gg(&e->x, X64_MOV, X64_GPR(RAX), X64_GPR(RAX));
}

/* (delta) → old size in pages, or -1 */
void low_memory_grow(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t memory_idx = emit_take_u32(e);
    bool is_64 = e->gen->module->memories[memory_idx].range.is_64;
    stack_push(e, value_const(ALKA_KIND_I32, memory_idx));
    call_helper_size(e, ALKA_HELPER_MEMORY_GROW, 2, is_64);
}

/* (reference, delta) → old size in entries, or -1 */
void low_table_grow(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t table_idx = emit_take_u32(e);
    bool is_64 = e->gen->module->tables[table_idx].range.is_64;
    stack_push(e, value_const(ALKA_KIND_I32, table_idx));
    call_helper_size(e, ALKA_HELPER_TABLE_GROW, 3, is_64);
}

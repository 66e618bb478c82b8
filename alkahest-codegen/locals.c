/*
 * Room: codegen. Locals and globals: local.get defers, local.set moves into the web's home, and the
 * life of homes between their webs' first write and last read. Comes in: the summary's webs. Must
 * keep to its numbering: one definition per set or tee that is emitted.
 */
#include "calls.h"
#include "frame.h"

/* The register is held already. */
static void home_adopt(struct emit *e, uint32_t web) {
    struct home *home = &e->homes[web];
    home->state = HOME_LIVE;
    e->live_homes |= REG_BIT(home->reg);
    e->home_web[home->reg] = web;
}

void web_start(struct emit *e, uint32_t web) {
    struct home *home = &e->homes[web];
    if (home->state == HOME_LIVE)
        return;
    EMIT_ASSERT(home->state == HOME_IDLE);
    stack_take(e, home->reg);
    home_adopt(e, web);
}

void web_end(struct emit *e, uint32_t web) {
    struct home *home = &e->homes[web];
    if (home->reg == REG_NONE || home->state != HOME_LIVE)
        return;
    if (home->refs)
        home->state = HOME_ENDED;
    else
        home_release(e, home);
}

void webs_expire(struct emit *e, uint32_t off) {
    for (reg_set left = e->live_homes; left; left &= left - 1) {
        uint32_t web = e->home_web[__builtin_ctz(left)];
        if (e->homes[web].last_off <= off)
            web_end(e, web);
    }
}

/* The last read of a web in a register hands that register over to the operand stack. */
struct value local_read_last(struct emit *e, uint32_t web) {
    struct home *home = &e->homes[web];
    if (home->refs == 0) {
        home->state = HOME_IDLE;
        e->live_homes &= ~REG_BIT(home->reg);
        return value_reg(home->type, home->reg);
    }
    home->refs++;
    home->state = HOME_ENDED;
    return value_local(home->type, web);
}

void low_local_get(struct emit *e, const struct lowering *how) {
    (void)how;
    stack_push(e, local_read(e, emit_take_u32(e), e->op_off));
}

/* --- Writing -----------------------------------------------------------------------------------*/

static bool value_is_web(const struct value *value, uint32_t web) {
    return value->kind == VALUE_LOCAL && value->base_web == web;
}

static void local_store_in_frame(struct emit *e, uint32_t web, struct value *top) {
    struct home *home = &e->homes[web];
    int32_t imm;
    if (value_is_imm(top, &imm)) {
        x64_n_i32(&e->x, X64_MOV_IMM | kind_w(home->type), 0, frame_mem(e, home->slot), imm);
        return;
    }
    unsigned reg = stack_reg(e, top);
    value_store(e, home->type, frame_mem(e, home->slot), reg);
}

/* The top entry's value goes home, and what remains of the entry is the local; a constant remains
 * one. */
static void local_store_in_register(struct emit *e, uint32_t web, struct value *top) {
    struct home *home = &e->homes[web];
    if (value_is_const(top) && home->state == HOME_LIVE) {
        value_load(e, top, home->reg);
        if (home->writes_through)
            frame_save(e, home);
        return;
    }
    if (top->kind == VALUE_REG && top->base_web == web) {
        /* made in place */
    } else if (home->state == HOME_IDLE) {
        stack_into(e, top, home->reg);
        home_adopt(e, web);
    } else {
        value_load(e, top, home->reg);
        value_release(e, top, 0);
    }
    home->refs++;
    value_put(top, value_local(home->type, web));
    if (home->writes_through)
        frame_save(e, home);
}

/* Webs of one local share a slot of the frame: reads of the one before that are still pending come
 * first. */
static void local_detach_slot(struct emit *e, uint32_t old_web, const struct value *top) {
    if (old_web == NO_WEB)
        return;
    const struct home *home = &e->homes[old_web];
    if (home->reg == REG_NONE && home->refs && home->refs > value_refs(top, old_web))
        stack_detach_web(e, old_web, top);
}

/* Where the set value is needed no more, the caller pops it. */
static void local_write(struct emit *e) {
    uint32_t local = emit_take_u32(e), def = e->next_def++;
    uint32_t web = e->summary->def_webs[def], old_web = e->local_webs[local];
    struct value *top = stack_top(e, 0);
    if (web == NO_WEB) /* nobody reads it, and reads of the one before may still be pending */
        return;
    e->local_webs[local] = web;
    local_detach_slot(e, old_web, top);
    struct home *home = &e->homes[web];
    if (!value_is_web(top, web)) {
        if (home->refs && home->refs > value_refs(top, web))
            stack_detach_web(e, web, top);
        if (home->reg == REG_NONE) {
            local_store_in_frame(e, web, top);
        } else {
            index_forget(e, home->reg);
            local_store_in_register(e, web, top);
        }
    }
    if (e->op_off >= home->last_off)
        web_end(e, web);
}

void low_local_set(struct emit *e, const struct lowering *how) {
    local_write(e);
    low_drop(e, how);
}

void low_local_tee(struct emit *e, const struct lowering *how) {
    (void)how;
    local_write(e);
}

void low_drop(struct emit *e, const struct lowering *how) {
    (void)how;
    struct value *top = stack_top(e, 0);
    if (top->kind == VALUE_LOAD) /* may trap */
        stack_own(e, top);
    if (top->kind == VALUE_FLAGS)
        e->has_flags = false;
    stack_pop(e);
}

/* --- Globals -----------------------------------------------------------------------------------*/

/* The cell of a global: in the context, or where a pointer in the context points. */
static struct x64_rm global_cell(struct emit *e, uint32_t index) {
    int32_t disp = e->gen->layout.global_disp[index];
    struct x64_rm cell = x64_mem(X64_GPR(R15), disp);
    if (!alka_global_is_indirect(&e->gen->module->globals[index]))
        return cell;
    unsigned pointer = stack_alloc(e, REG_GENERAL);
    x64_g(&e->x, X64_MOV | X64_W, reg_gpr(pointer), cell);
    stack_free(e, pointer); /* read or written by the very next instruction */
    return x64_mem(reg_gpr(pointer), 0);
}

void low_global_get(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t index = emit_take_u32(e);
    unsigned kind = alka_valtype_kind(e->gen->module->globals[index].type);
    unsigned reg = stack_result(e, kind, NULL, NULL);
    value_fetch(e, kind, global_cell(e, index), reg);
    stack_replace(e, 0, kind, reg);
}

void low_global_set(struct emit *e, const struct lowering *how) {
    (void)how;
    uint32_t index = emit_take_u32(e);
    if (alka_valtype_is_funcref(e->gen->module->globals[index].type)) {
        stack_push(e, value_const(ALKA_KIND_I32, index));
        call_helper(e, ALKA_HELPER_GLOBAL_SET, 2, ALKA_BOTTOM);
        return;
    }
    stack_settle_loads(e); /* a global outlives a trap */
    struct value *top = stack_top(e, 0);
    unsigned kind = top->type;
    int32_t imm;
    if (value_is_imm(top, &imm)) {
        struct x64_rm cell = global_cell(e, index);
        x64_n_i32(&e->x, X64_MOV_IMM | kind_w(kind), 0, cell, imm);
    } else {
        unsigned reg = stack_reg(e, top);
        e->pinned |= REG_BIT(reg);
        value_store(e, kind, global_cell(e, index), reg);
    }
    stack_pop(e);
}

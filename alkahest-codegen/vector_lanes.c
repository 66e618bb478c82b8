/*
 * Room: codegen. Lanes of v128 from one place to another: splats, single lanes, shuffles, loads and
 * stores of lanes. Comes in: operands on the stack, lane numbers. Goes out: results on the stack.
 * Must never read or write more of the memory than the access has bytes.
 */
#include "vector.h"

/* --- Splats ------------------------------------------------------------------------------------*/

/* The lowest lane of x, of 8 or 16 bits, into all others. */
static void lane_spread(struct emit *e, struct x64_xmm x, unsigned bits) {
    if (bits == 8) {
        struct x64_xmm zero = vec_temp(e);
        vec_zero(e, zero);
        vec_op(e, X64_PSHUFB, x, zero);
        vec_free(e, zero);
    } else {
        vec_op_i8(e, X64_PSHUFLW, x, x, 0);
        vec_op_i8(e, X64_PSHUFD, x, x, 0);
    }
}

static bool lane_splat_const(struct emit *e, unsigned bits) {
    const struct value *top = stack_top(e, 0);
    if (!value_is_const(top))
        return false;
    uint64_t lane = top->bits;
    if (bits < 64)
        lane &= (UINT64_C(1) << bits) - 1;
    for (; bits < 64; bits *= 2)
        lane |= lane << bits;
    stack_pop(e);
    stack_push(e, value_const_v128(e, lane, lane));
    return true;
}

/* c: bits of the lane */
void low_vsplat(struct emit *e, const struct lowering *how) {
    if (lane_splat_const(e, how->c))
        return;
    unsigned from = stack_reg(e, stack_top(e, 0));
    e->pinned |= REG_BIT(from);
    struct x64_xmm x = reg_xmm(stack_result(e, ALKA_KIND_V128, NULL, NULL));
    x64_x(&e->x, X64_MOVD_X_G | (how->c == 64 ? X64_W : 0), x, reg_rm(from));
    if (how->c < 32)
        lane_spread(e, x, how->c);
    else
        vec_op_i8(e, X64_PSHUFD, x, x, how->c == 32 ? 0x00 : 0x44);
    vec_finish(e, 1, x);
}

/* c: bits of the lane */
void low_vsplat_float(struct emit *e, const struct lowering *how) {
    if (lane_splat_const(e, how->c))
        return;
    struct value *a = stack_top(e, 0);
    struct x64_xmm from = reg_xmm(stack_reg(e, a));
    struct x64_xmm x = reg_xmm(stack_result(e, ALKA_KIND_V128, a, NULL));
    vec_op_i8(e, X64_PSHUFD, x, from, how->c == 32 ? 0x00 : 0x44);
    vec_finish(e, 1, x);
}

/* --- Single lanes ------------------------------------------------------------------------------*/

/* a: pextr; b: movsx's or 0; kind: of the result. Lane 0 of 32 and 64 bits has a shorter form. */
void low_vextract(struct emit *e, const struct lowering *how) {
    unsigned lane = *e->pc++, from = stack_reg(e, stack_top(e, 0));
    e->pinned |= REG_BIT(from);
    unsigned to = stack_result(e, how->kind, NULL, NULL);
    bool is_word = (how->a & ~(uint32_t)X64_W) == X64_PEXTRD;
    if (lane == 0 && is_word) {
        x64_put(&e->x, X64_MOVD_G_X | (how->a & X64_W), from & 15, reg_rm(to));
    } else {
        x64_put(&e->x, how->a, from & 15, reg_rm(to));
        x64_u8(&e->x, lane);
    }
    if (how->b)
        x64_gg(&e->x, how->b == 8 ? X64_MOVSX8 : X64_MOVSX16, reg_gpr(to), reg_gpr(to));
    stack_replace(e, 1, how->kind, to);
}

/* What lies above a float in its register does not matter. */
void low_vextract_float(struct emit *e, const struct lowering *how) {
    unsigned lane = *e->pc++;
    struct value *a = stack_top(e, 0);
    struct x64_xmm from = reg_xmm(stack_reg(e, a));
    struct x64_xmm to = reg_xmm(stack_result(e, how->kind, a, NULL));
    if (lane == 0)
        vec_copy(e, to, from);
    else
        vec_op_i8(e, X64_PSHUFD, to, from, how->kind == ALKA_KIND_F32 ? lane : 0xEE);
    stack_replace(e, 1, how->kind, to.number + REG_XMM0);
}

/* Pending loads that read just the lane. */
static uint32_t lane_loads(x64_op op) {
    switch (op) {
    case X64_PINSRB:
        return 1u << LOAD_8_S | 1u << LOAD_8_U;
    case X64_PINSRW:
        return 1u << LOAD_16_S | 1u << LOAD_16_U;
    case X64_PINSRD:
        return 1u << LOAD_32;
    case X64_PINSRQ:
        return 1u << LOAD_64;
    case X64_INSERTPS:
        return 1u << LOAD_F32;
    default:
        return 0;
    }
}

/* a: pinsr or insertps; b: how far the lane is shifted left in the immediate */
void low_vreplace(struct emit *e, const struct lowering *how) {
    unsigned lane = *e->pc++;
    struct value *scalar = stack_top(e, 0);
    struct operand operand = stack_operand(e, scalar, lane_loads(how->a));
    e->pinned |= value_reads(e, scalar);
    unsigned to = stack_result_over(e, stack_top(e, 1), scalar);
    operand_emit_i8(e, how->a, to, &operand, lane << how->b);
    vec_finish(e, 2, reg_xmm(to));
}

void low_vreplace_f64(struct emit *e, const struct lowering *how) {
    (void)how;
    unsigned lane = *e->pc++;
    struct vec_pair p = vec_take_two(e);
    vec_op(e, lane ? (x64_op)X64_MOVLHPS : (x64_op)X64_MOVSD, p.x, p.y);
    vec_finish(e, 2, p.x);
}

/* --- Shuffles ----------------------------------------------------------------------------------*/

/* i8x16.swizzle. pshufb yields 0 where the index has bit 7; adding 0x70 with saturation sets it
 * from 16 on and leaves the lower four bits of the others. */
void low_vswizzle(struct emit *e, const struct lowering *how) {
    (void)how;
    struct vec_pair p = vec_take_two(e);
    struct x64_xmm index = vec_temp(e);
    vec_copy(e, index, p.y);
    vec_lanes(e, X64_PADDUSB, index, 8, 0x70);
    vec_op(e, X64_PSHUFB, p.x, index);
    vec_free(e, index);
    vec_finish(e, 2, p.x);
}

/* The lanes of i8x16.shuffle: numbers of bytes, 16 and above in the second operand. */
struct shuffle {
    uint8_t from[16];
};

/* pshufb's mask for the bytes of one operand: the others become 0. */
static void shuffle_mask(struct emit *e, x64_op op, struct x64_xmm x, const struct shuffle *lanes,
                         unsigned first) {
    uint64_t words[2] = {0, 0};
    for (unsigned i = 0; i < 16; i++) {
        unsigned from = lanes->from[i] - first;
        words[i / 8] |= (uint64_t)(from < 16 ? from : 0x80) << i % 8 * 8;
    }
    vec_const(e, op, x, words[0], words[1]);
}

/* pshufd's immediate, if whole doublewords of one operand move; else false. */
static bool shuffle_is_dwords(const struct shuffle *lanes, unsigned *out_imm) {
    *out_imm = 0;
    for (unsigned i = 0; i < 16; i++) {
        unsigned from = lanes->from[i] & 15;
        if (from % 4 != i % 4 || (i % 4 && from != (lanes->from[i - 1] & 15) + 1u))
            return false;
        if (i % 4 == 0)
            *out_imm |= from / 4 << i / 2;
    }
    return true;
}

/* Do all bytes come from the operand whose first one is `first`? */
static bool shuffle_is_of(const struct shuffle *lanes, unsigned first) {
    for (unsigned i = 0; i < 16; i++)
        if (lanes->from[i] - first >= 16)
            return false;
    return true;
}

static void shuffle_one(struct emit *e, const struct shuffle *lanes, bool is_second) {
    struct value *value = stack_top(e, is_second ? 0 : 1), *other = stack_top(e, is_second ? 1 : 0);
    if (other->kind == VALUE_LOAD) /* may trap */
        stack_own(e, other);
    unsigned imm;
    if (shuffle_is_dwords(lanes, &imm)) {
        struct operand operand = vec_operand(e, value);
        struct x64_xmm to = reg_xmm(stack_result(e, ALKA_KIND_V128, value, NULL));
        vec_emit(e, X64_PSHUFD, to, (struct x64_xmm){0}, &operand, VEC_IMM, imm);
        vec_finish(e, 2, to);
        return;
    }
    struct x64_xmm x = reg_xmm(stack_own(e, value));
    shuffle_mask(e, X64_PSHUFB, x, lanes, is_second ? 16 : 0);
    vec_finish(e, 2, x);
}

/* Interleaved lanes of `bytes` each, from the lower or upper halves: a first, or b. */
static bool shuffle_is_unpack(const struct shuffle *lanes, unsigned bytes, unsigned first,
                              bool second_first) {
    for (unsigned i = 0; i < 16; i++) {
        unsigned lane = i / bytes, from = first + lane / 2 * bytes + i % bytes;
        if ((lane & 1) != second_first)
            from += 16;
        if (lanes->from[i] != from)
            return false;
    }
    return true;
}

/* Whether one punpck does it, and with which operand as its first one. */
static bool shuffle_unpack_op(const struct shuffle *lanes, x64_op *out_op, bool *out_turned) {
    static const x64_op ops[2][4] = {
        {X64_PUNPCKLBW, X64_PUNPCKLWD, X64_PUNPCKLDQ, X64_PUNPCKLQDQ},
        {X64_PUNPCKHBW, X64_PUNPCKHWD, X64_PUNPCKHDQ, X64_PUNPCKHQDQ},
    };
    for (unsigned i = 0; i < 16; i++) {
        unsigned log2 = i & 3, high = i >> 2 & 1;
        *out_turned = i >> 3;
        *out_op = ops[high][log2];
        if (shuffle_is_unpack(lanes, 1u << log2, high * 8, *out_turned))
            return true;
    }
    return false;
}

/* Sixteen bytes in a row out of both. */
static bool shuffle_is_window(const struct shuffle *lanes) {
    for (unsigned i = 1; i < 16; i++)
        if (lanes->from[i] != lanes->from[0] + i)
            return false;
    return true;
}

void low_vshuffle(struct emit *e, const struct lowering *how) {
    (void)how;
    struct shuffle lanes;
    __builtin_memcpy(lanes.from, e->pc, sizeof lanes.from);
    e->pc += sizeof lanes.from;
    if (shuffle_is_of(&lanes, 0) || shuffle_is_of(&lanes, 16)) {
        shuffle_one(e, &lanes, lanes.from[0] >= 16);
        return;
    }
    x64_op op;
    bool turned;
    if (shuffle_unpack_op(&lanes, &op, &turned)) {
        struct vec_pair p = vec_take(e, stack_top(e, turned ? 0 : 1), stack_top(e, turned ? 1 : 0));
        vec_op(e, op, p.x, p.y);
        vec_finish(e, 2, p.x);
        return;
    }
    if (shuffle_is_window(&lanes)) {
        struct vec_pair p = vec_take(e, stack_top(e, 0), stack_top(e, 1));
        vec_op_i8(e, X64_PALIGNR, p.x, p.y, lanes.from[0]);
        vec_finish(e, 2, p.x);
        return;
    }
    /* What comes from each operand, zeroes elsewhere; united. */
    struct vec_pair p = vec_take_two(e);
    struct x64_xmm second = vec_temp(e);
    vec_copy(e, second, p.y);
    shuffle_mask(e, X64_PSHUFB, p.x, &lanes, 0);
    shuffle_mask(e, X64_PSHUFB, second, &lanes, 16);
    vec_op(e, X64_POR, p.x, second);
    vec_free(e, second);
    vec_finish(e, 2, p.x);
}

/* --- Memory ------------------------------------------------------------------------------------*/

/* c: bits of the lane, 8 to 32 */
void low_vload_splat(struct emit *e, const struct lowering *how) {
    struct value *address = stack_top(e, 0);
    stack_settle_loads(e);
    memory_address(e, address, how->c / 8u);
    e->pinned |= value_reads(e, address);
    struct x64_xmm x = reg_xmm(stack_result(e, ALKA_KIND_V128, NULL, NULL));
    if (how->c < 32)
        vec_zero(e, x); /* no dependency on what it held */
    emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, e->op_off);
    if (how->c == 32 && vec_has_avx(e)) {
        x64_vx(&e->x, X64_VBROADCASTSS, x, (struct x64_xmm){0}, load_mem(e, address));
    } else if (how->c == 32) {
        x64_x(&e->x, X64_MOVSS, x, load_mem(e, address));
        vec_op_i8(e, X64_PSHUFD, x, x, 0);
    } else {
        x64_x_i8(&e->x, how->c == 8 ? X64_PINSRB : X64_PINSRW, x, load_mem(e, address), 0);
        lane_spread(e, x, how->c);
    }
    vec_finish(e, 1, x);
}

/* a: pinsr; c: bits of the lane */
void low_vload_lane(struct emit *e, const struct lowering *how) {
    struct value *address = stack_top(e, 1);
    stack_settle_loads(e);
    memory_address(e, address, how->c / 8u);
    unsigned lane = *e->pc++;
    e->pinned |= value_reads(e, address);
    struct x64_xmm x = vec_take_one(e, 0);
    emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, e->op_off);
    x64_x_i8(&e->x, how->a, x, load_mem(e, address), lane);
    vec_finish(e, 2, x);
}

/* a: pextr; c: bits of the lane */
void low_vstore_lane(struct emit *e, const struct lowering *how) {
    struct value *address = stack_top(e, 1);
    stack_settle_loads(e);
    memory_address(e, address, how->c / 8u);
    unsigned lane = *e->pc++;
    e->pinned |= value_reads(e, address);
    struct x64_xmm x = reg_xmm(stack_reg(e, stack_top(e, 0)));
    struct x64_rm to = load_mem(e, address);
    emit_site(e, ALKA_TRAP_MEMORY_BOUNDS, e->op_off);
    if (lane == 0 && how->c == 32)
        x64_x(&e->x, X64_MOVSS_STORE, x, to);
    else if (how->c == 64)
        x64_x(&e->x, lane ? X64_MOVHPS_STORE : X64_MOVLPS_STORE, x, to);
    else
        x64_x_i8(&e->x, how->a, x, to, lane);
    stack_pop(e);
    stack_pop(e);
}

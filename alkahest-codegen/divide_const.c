/*
 * Room: codegen. Division by a constant without dividing. Comes in: the dividend on the stack and a
 * divisor that is not 0. Goes out: quotient or remainder. Must never be asked for what traps: div_s
 * by -1 divides.
 *
 * n / d = n × m / 2^(w + shift) for a suitable m (T. Granlund and P. Montgomery, "Division by
 * Invariant Integers using Multiplication", 1994; H. Warren, "Hacker's Delight", chapter 10). For
 * 32 bits the product fits a 64-bit register. For 64 bits mul and imul give its upper half in rdx.
 */
#include "divide.h"

/* Unsigned: n / d = (n × multiplier >> w, plus n if `is_long`) >> shift, multiplier of w bits. */
struct magic {
    uint64_t multiplier;
    unsigned shift;
    bool is_long; /* the multiplier has a bit w, too */
};

/* Hacker's Delight, figure 10–2, for any width: bits of the quotient and the remainder of 2^p / d
 * are found one by one, until the error is small enough. */
static struct magic magic_unsigned(uint64_t divisor, unsigned width) {
    uint64_t mask = width == 64 ? UINT64_MAX : UINT32_MAX, half = UINT64_C(1) << (width - 1);
    uint64_t nc = mask - (mask - divisor + 1) % divisor;
    uint64_t q1 = half / nc, r1 = half - q1 * nc;
    uint64_t q2 = (half - 1) / divisor, r2 = (half - 1) - q2 * divisor, delta;
    unsigned p = width - 1;
    bool is_long = false;
    do {
        p++;
        bool carry = r1 >= nc - r1;
        q1 = (2 * q1 + carry) & mask;
        r1 = (2 * r1 - (carry ? nc : 0)) & mask;
        bool more = r2 + 1 >= divisor - r2;
        is_long |= q2 >= (more ? half - 1 : half);
        q2 = (2 * q2 + more) & mask;
        r2 = (2 * r2 + 1 - (more ? divisor : 0)) & mask;
        delta = (divisor - 1 - r2) & mask;
    } while (p < 2 * width && (q1 < delta || (q1 == delta && r1 == 0)));
    return (struct magic){(q2 + 1) & mask, p - width, is_long};
}

/* The same for signed dividends, figure 10–1; |divisor| from 2 to half - 1. The multiplier is less
 * than 2^w, and signed if that says more. */
static struct magic magic_signed(int64_t divisor, unsigned width) {
    uint64_t half = UINT64_C(1) << (width - 1);
    uint64_t mask = width == 64 ? UINT64_MAX : UINT32_MAX;
    uint64_t ad = divisor < 0 ? 0 - (uint64_t)divisor : (uint64_t)divisor;
    uint64_t t = half + (divisor < 0), anc = t - 1 - t % ad;
    uint64_t q1 = half / anc, r1 = half - q1 * anc, q2 = half / ad, r2 = half - q2 * ad, delta;
    unsigned p = width - 1;
    do {
        p++;
        q1 = 2 * q1, r1 = 2 * r1;
        if (r1 >= anc)
            q1++, r1 -= anc;
        q2 = 2 * q2, r2 = 2 * r2;
        if (r2 >= ad)
            q2++, r2 -= ad;
        delta = ad - r2;
    } while (q1 < delta || (q1 == delta && r1 == 0));
    return (struct magic){(q2 + 1) & mask, p - width, false};
}

static bool is_power_of_two(uint64_t value) { return value && !(value & (value - 1)); }

static void shift_imm(struct emit *e, x64_op w, enum x64_shift shift, unsigned reg,
                      unsigned count) {
    if (count)
        x64_n_i8(&e->x, X64_SHIFT_IMM | w, shift, reg_rm(reg), count);
}

/* The registers of a division by multiplication. */
struct const_divide {
    unsigned kind;
    x64_op w;
    uint64_t divisor; /* as unsigned of the width */
    unsigned n;       /* dividend */
    unsigned q, temp; /* of our own */
};

/* 32 bits: q ← quotient, by a 64-bit product. */
static void divide_u32(struct emit *e, const struct const_divide *d) {
    struct magic magic = magic_unsigned(d->divisor, 32);
    x64_mov_imm(&e->x, reg_gpr(d->q), magic.multiplier);
    x64_gg(&e->x, X64_IMUL | X64_W, reg_gpr(d->q), reg_gpr(d->n));
    if (!magic.is_long) {
        shift_imm(e, X64_W, X64_SHR, d->q, 32 + magic.shift);
        return;
    }
    shift_imm(e, X64_W, X64_SHR, d->q, 32);
    x64_gg(&e->x, X64_ADD | X64_W, reg_gpr(d->q), reg_gpr(d->n));
    shift_imm(e, X64_W, X64_SHR, d->q, magic.shift);
}

/* Rounded down by the shift; one more for negative quotients. */
static void divide_s32(struct emit *e, const struct const_divide *d) {
    int32_t divisor = (int32_t)d->divisor;
    struct magic magic = magic_signed(divisor, 32);
    x64_gg(&e->x, X64_MOVSXD, reg_gpr(d->q), reg_gpr(d->n));
    x64_mov_imm(&e->x, reg_gpr(d->temp), magic.multiplier);
    x64_gg(&e->x, X64_IMUL | X64_W, reg_gpr(d->q), reg_gpr(d->temp));
    shift_imm(e, X64_W, X64_SAR, d->q, 32 + magic.shift);
    x64_gg(&e->x, X64_MOV, reg_gpr(d->temp), reg_gpr(d->n));
    shift_imm(e, 0, X64_SHR, d->temp, 31);
    x64_gg(&e->x, X64_ADD, reg_gpr(d->q), reg_gpr(d->temp));
    if (divisor < 0)
        x64_n(&e->x, X64_UNARY, 3, reg_rm(d->q));
}

/* 64 bits: q is rax and temp is rdx. */
static void divide_u64(struct emit *e, const struct const_divide *d) {
    struct magic magic = magic_unsigned(d->divisor, 64);
    x64_mov_imm(&e->x, reg_gpr(d->q), magic.multiplier);
    x64_n(&e->x, X64_UNARY | X64_W, 4, reg_rm(d->n)); /* mul */
    if (magic.is_long) { /* (n - t) / 2 + t = (n + t) / 2 without a 65th bit */
        x64_gg(&e->x, X64_MOV | X64_W, reg_gpr(d->q), reg_gpr(d->n));
        x64_gg(&e->x, X64_SUB | X64_W, reg_gpr(d->q), reg_gpr(d->temp));
        shift_imm(e, X64_W, X64_SHR, d->q, 1);
        x64_gg(&e->x, X64_ADD | X64_W, reg_gpr(d->q), reg_gpr(d->temp));
        shift_imm(e, X64_W, X64_SHR, d->q, magic.shift - 1);
        return;
    }
    x64_gg(&e->x, X64_MOV | X64_W, reg_gpr(d->q), reg_gpr(d->temp));
    shift_imm(e, X64_W, X64_SHR, d->q, magic.shift);
}

static void divide_s64(struct emit *e, const struct const_divide *d) {
    int64_t divisor = (int64_t)d->divisor;
    struct magic magic = magic_signed(divisor, 64);
    bool is_negative = (int64_t)magic.multiplier < 0;
    if (divisor < 0) {
        magic.multiplier = 0 - magic.multiplier;
        is_negative = (int64_t)magic.multiplier < 0;
    }
    x64_mov_imm(&e->x, reg_gpr(d->q), magic.multiplier);
    x64_n(&e->x, X64_UNARY | X64_W, 5, reg_rm(d->n)); /* imul */
    if (divisor > 0 && is_negative)
        x64_gg(&e->x, X64_ADD | X64_W, reg_gpr(d->temp), reg_gpr(d->n));
    if (divisor < 0 && !is_negative)
        x64_gg(&e->x, X64_SUB | X64_W, reg_gpr(d->temp), reg_gpr(d->n));
    shift_imm(e, X64_W, X64_SAR, d->temp, magic.shift);
    x64_gg(&e->x, X64_MOV | X64_W, reg_gpr(d->q), reg_gpr(d->temp));
    shift_imm(e, X64_W, X64_SHR, d->q, 63);
    x64_gg(&e->x, X64_ADD | X64_W, reg_gpr(d->q), reg_gpr(d->temp));
}

/* Signed, by 2^k: negative dividends are rounded up by adding 2^k - 1 first. In temp: that sum. */
static void divide_bias(struct emit *e, const struct const_divide *d, unsigned k) {
    unsigned bits = kind_is_wide(d->kind) ? 64 : 32;
    x64_gg(&e->x, X64_MOV | d->w, reg_gpr(d->temp), reg_gpr(d->n));
    if (k > 1)
        shift_imm(e, d->w, X64_SAR, d->temp, bits - 1);
    shift_imm(e, d->w, X64_SHR, d->temp, bits - k);
    x64_gg(&e->x, X64_ADD | d->w, reg_gpr(d->temp), reg_gpr(d->n));
}

static void divide_power_signed(struct emit *e, const struct const_divide *d, bool is_rem) {
    unsigned k = (unsigned)__builtin_ctzll(d->divisor);
    divide_bias(e, d, k);
    if (is_rem) { /* n - (that sum without its last k bits) */
        shift_imm(e, d->w, X64_SHR, d->temp, k);
        shift_imm(e, d->w, X64_SHL, d->temp, k);
        x64_gg(&e->x, X64_MOV | d->w, reg_gpr(d->q), reg_gpr(d->n));
        x64_gg(&e->x, X64_SUB | d->w, reg_gpr(d->q), reg_gpr(d->temp));
        return;
    }
    x64_gg(&e->x, X64_MOV | d->w, reg_gpr(d->q), reg_gpr(d->temp));
    shift_imm(e, d->w, X64_SAR, d->q, k);
}

/* q ← n - q × divisor */
static void divide_to_rest(struct emit *e, const struct const_divide *d) {
    int32_t divisor = (int32_t)d->divisor;
    x64_put(&e->x, X64_IMUL_IMM32 | d->w, d->q, reg_rm(d->q));
    x64_u32(&e->x, (uint32_t)divisor);
    x64_gg(&e->x, X64_MOV | d->w, reg_gpr(d->temp), reg_gpr(d->n));
    x64_gg(&e->x, X64_SUB | d->w, reg_gpr(d->temp), reg_gpr(d->q));
    x64_gg(&e->x, X64_MOV | d->w, reg_gpr(d->q), reg_gpr(d->temp));
}

/* Unsigned, by 2^k: a shift or a mask. */
static bool divide_power_unsigned(struct emit *e, unsigned kind, uint64_t divisor, bool is_rem) {
    struct value *a = stack_top(e, 1);
    x64_op w = kind_w(kind);
    unsigned k = (unsigned)__builtin_ctzll(divisor);
    if (is_rem && !x64_fits_i32((int64_t)(divisor - 1)))
        return false;
    unsigned reg = stack_result_over(e, a, NULL);
    if (is_rem)
        x64_alu_imm(&e->x, X64_AND | w, reg_rm(reg), (int32_t)(divisor - 1));
    else
        shift_imm(e, w, X64_SHR, reg, k);
    stack_replace(e, 2, kind, reg);
    return true;
}

/* Which divisors are worth it, and can be. */
static bool divide_is_possible(unsigned kind, uint64_t divisor, bool is_signed, bool is_rem) {
    int64_t value = kind_is_wide(kind) ? (int64_t)divisor : (int32_t)divisor;
    int64_t least = kind_is_wide(kind) ? INT64_MIN : INT32_MIN;
    if (divisor < 2 || (is_signed && (value == -1 || value == least)))
        return false;
    return !is_rem || !kind_is_wide(kind) || x64_fits_i32(value);
}

bool divide_by_constant(struct emit *e, unsigned kind, bool is_signed, bool is_rem) {
    struct value *b = stack_top(e, 0), *a = stack_top(e, 1);
    bool wide = kind_is_wide(kind);
    uint64_t divisor = wide ? b->bits : (uint32_t)b->bits;
    if (!divide_is_possible(kind, divisor, is_signed, is_rem))
        return false;
    if (!is_signed && is_power_of_two(divisor))
        return divide_power_unsigned(e, kind, divisor, is_rem);
    stack_reg(e, a);
    struct const_divide d = {.kind = kind, .w = kind_w(kind), .divisor = divisor};
    if (wide) {
        stack_take(e, X64_RAX);
        stack_take(e, X64_RDX);
        d.q = X64_RAX;
        d.temp = X64_RDX;
        d.n = stack_reg(e, a);
    } else {
        d.n = stack_reg(e, a);
        e->pinned |= REG_BIT(d.n);
        d.q = stack_alloc(e, REG_GENERAL);
        d.temp = stack_alloc(e, REG_GENERAL);
    }
    if (is_signed && is_power_of_two(divisor)) {
        divide_power_signed(e, &d, is_rem);
    } else {
        if (wide)
            (is_signed ? divide_s64 : divide_u64)(e, &d);
        else
            (is_signed ? divide_s32 : divide_u32)(e, &d);
        if (is_rem)
            divide_to_rest(e, &d);
    }
    stack_free(e, d.temp);
    stack_replace(e, 2, kind, d.q);
    return true;
}

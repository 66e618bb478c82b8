/*
 * x86-64 machine code, byte by byte. Knows instructions, not WebAssembly. Everything writes through
 * x64.at without a check: whoever starts an opcode has reserved room for it (X64_MOST_BYTES each).
 *
 * An instruction is named by its x64_op (encoding of the opcode itself), the operand in its ModRM
 * reg field and the operand in its r/m field. The functions are named by the former:
 *   x64_g   a general register     x64_x   a vector register     x64_n   an opcode extension /n
 *   …_i8, …_i32   followed by an immediate       x64_vg, x64_vx   VEX form with one more register
 */
#ifndef ALKAHEST_CODEGEN_X64_H
#define ALKAHEST_CODEGEN_X64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { X64_MOST_BYTES = 16 };

struct x64 {
    uint8_t *at; /* where the next byte goes */
};

struct x64_gpr {
    uint8_t number;
};
struct x64_xmm {
    uint8_t number;
};

enum x64_gpr_number {
    X64_RAX,
    X64_RCX,
    X64_RDX,
    X64_RBX,
    X64_RSP,
    X64_RBP,
    X64_RSI,
    X64_RDI,
    X64_R8,
    X64_R9,
    X64_R10,
    X64_R11,
    X64_R12,
    X64_R13,
    X64_R14,
    X64_R15,
};

#define X64_GPR(name) ((struct x64_gpr){X64_##name})

/*
 * The r/m operand: a register, or memory, encoded when it is made. Bytes 0 to 5, as they will stand
 * behind the opcode: ModRM without its reg field, SIB, displacement; byte 6: the X and B bits of
 * REX; byte 7: how many of the former there are. What they do not fill may be anything.
 */
struct x64_rm {
    uint64_t code;
};

enum { X64_RM_SIB = 4, X64_RM_RIP = 5, X64_RM_REX_SHIFT = 48, X64_RM_BYTES_SHIFT = 56 };

static inline struct x64_rm x64_rm_make(unsigned rex, unsigned bytes, uint64_t code) {
    return (struct x64_rm){(uint64_t)rex << X64_RM_REX_SHIFT |
                           (uint64_t)bytes << X64_RM_BYTES_SHIFT | code};
}
static inline struct x64_rm x64_rm_number(unsigned reg) {
    return x64_rm_make(reg >> 3, 1, 0xC0 | (reg & 7));
}
static inline struct x64_rm x64_rm_gpr(struct x64_gpr reg) { return x64_rm_number(reg.number); }
static inline struct x64_rm x64_rm_xmm(struct x64_xmm reg) { return x64_rm_number(reg.number); }

/* Mod for a displacement from this base: 0, 1 or 2 for none, one byte, four. */
static inline unsigned x64_mod(unsigned base, int32_t disp) {
    unsigned mod = disp == (int8_t)disp ? 1 : 2;
    return disp == 0 && (base & 7) != X64_RBP ? 0 : mod;
}
static inline struct x64_rm x64_mem(struct x64_gpr base, int32_t disp) {
    unsigned mod = x64_mod(base.number, disp), low = base.number & 7u;
    unsigned disp_bytes = mod * mod; /* 0, 1 or 4 */
    uint64_t bits = (uint32_t)disp;
    if (low == X64_RSP) /* would say that there is a SIB: there is, without index */
        return x64_rm_make(base.number >> 3, disp_bytes + 2,
                           bits << 16 | 0x24 << 8 | mod << 6 | X64_RM_SIB);
    return x64_rm_make(base.number >> 3, disp_bytes + 1, bits << 8 | mod << 6 | low);
}
/* index: not rsp */
static inline struct x64_rm x64_mem_index(struct x64_gpr base, struct x64_gpr index, unsigned scale,
                                          int32_t disp) {
    unsigned mod = x64_mod(base.number, disp);
    unsigned sib = scale << 6 | (index.number & 7u) << 3 | (base.number & 7u);
    return x64_rm_make((index.number & 8u) >> 2 | base.number >> 3, mod * mod + 2,
                       (uint64_t)(uint32_t)disp << 16 | sib << 8 | mod << 6 | X64_RM_SIB);
}
static inline struct x64_rm x64_mem_scaled(struct x64_gpr index, unsigned scale, int32_t disp) {
    unsigned sib = scale << 6 | (index.number & 7u) << 3 | X64_RBP; /* no base */
    return x64_rm_make((index.number & 8u) >> 2, 6,
                       (uint64_t)(uint32_t)disp << 16 | sib << 8 | X64_RM_SIB);
}
static inline struct x64_rm x64_mem_rip(int32_t disp) {
    return x64_rm_make(0, 5, (uint64_t)(uint32_t)disp << 8 | X64_RM_RIP);
}

static inline unsigned x64_rm_rex(struct x64_rm rm) {
    return (unsigned)(rm.code >> X64_RM_REX_SHIFT) & 3;
}
static inline bool x64_rm_is_register(struct x64_rm rm) { return (rm.code & 0xC0) == 0xC0; }
/* Of an operand that is a register. */
static inline unsigned x64_rm_register(struct x64_rm rm) {
    return (rm.code & 7) | (x64_rm_rex(rm) & 1) << 3;
}

/* Bits 0–7 opcode byte; 8–9 map; 10–11 mandatory prefix; the rest flags. */
typedef uint32_t x64_op;

#define X64_0F (1u << 8)
#define X64_0F38 (2u << 8)
#define X64_0F3A (3u << 8)
#define X64_66 (1u << 10)
#define X64_F3 (2u << 10)
#define X64_F2 (3u << 10)
#define X64_W (1u << 12)        /* 64-bit operands */
#define X64_BYTE_REG (1u << 13) /* the reg field names an 8-bit register */
#define X64_BYTE_RM (1u << 14)  /* the r/m field does, if it names a register */

enum {
    /* reg ← reg op r/m; +X64_W. The /n of X64_ALU_IMM is opcode >> 3. */
    X64_ADD = 0x03,
    X64_OR = 0x0B,
    X64_AND = 0x23,
    X64_SUB = 0x2B,
    X64_XOR = 0x33,
    X64_CMP = 0x3B,
    X64_ALU_IMM8 = 0x83,
    X64_ALU_IMM32 = 0x81,
    X64_TEST = 0x85,
    X64_TEST_IMM = 0xF7, /* /0 */
    X64_XCHG = 0x87,
    /* r/m with reg, as bytes; one above: with words of every size (the operation is at r/m) */
    X64_XCHG_BYTE = 0x86,
    X64_XADD_BYTE = 0xC0 | X64_0F,
    X64_CMPXCHG_BYTE = 0xB0 | X64_0F, /* rax is compared, and receives what was there */
    X64_LEA = 0x8D,
    X64_MOV = 0x8B,
    X64_MOV_STORE = 0x89,
    X64_MOV_STORE8 = 0x88 | X64_BYTE_REG,
    X64_MOV_STORE16 = 0x89 | X64_66,
    X64_MOV_IMM = 0xC7, /* /0 */
    X64_MOV_IMM8 = 0xC6,
    X64_MOVSXD = 0x63 | X64_W,
    X64_MOVZX8 = 0xB6 | X64_0F | X64_BYTE_RM,
    X64_MOVZX16 = 0xB7 | X64_0F,
    X64_MOVSX8 = 0xBE | X64_0F | X64_BYTE_RM,
    X64_MOVSX16 = 0xBF | X64_0F,
    X64_IMUL = 0xAF | X64_0F,
    X64_IMUL_IMM8 = 0x6B,
    X64_IMUL_IMM32 = 0x69,
    X64_UNARY = 0xF7, /* /2 not, /3 neg, /4 mul, /5 imul, /6 div, /7 idiv */
    X64_SHIFT_CL = 0xD3,
    X64_SHIFT_IMM = 0xC1,
    X64_SETCC = 0x90 | X64_0F | X64_BYTE_RM, /* + condition */
    X64_CMOV = 0x40 | X64_0F,                /* + condition */
    X64_BSF = 0xBC | X64_0F,
    X64_BSR = 0xBD | X64_0F,
    X64_POPCNT = 0xB8 | X64_0F | X64_F3,
    X64_TZCNT = 0xBC | X64_0F | X64_F3,
    X64_LZCNT = 0xBD | X64_0F | X64_F3,
    X64_BT_IMM = 0xBA | X64_0F, /* /5: bts, /7: btc */
    X64_GROUP5 = 0xFF,          /* /2 call, /4 jmp */
    /* VEX: reg ← r/m shifted by vvvv */
    X64_SHLX = 0xF7 | X64_0F38 | X64_66,
    X64_SARX = 0xF7 | X64_0F38 | X64_F3,
    X64_SHRX = 0xF7 | X64_0F38 | X64_F2,
    X64_RORX = 0xF0 | X64_0F3A | X64_F2,

    X64_MOVAPS = 0x28 | X64_0F,
    X64_MOVUPS_STORE = 0x11 | X64_0F,
    X64_MOVUPS = 0x10 | X64_0F,
    X64_MOVSS = 0x10 | X64_0F | X64_F3,
    X64_MOVSD = 0x10 | X64_0F | X64_F2,
    X64_MOVSS_STORE = 0x11 | X64_0F | X64_F3,
    X64_MOVSD_STORE = 0x11 | X64_0F | X64_F2,
    X64_MOVD_X_G = 0x6E | X64_0F | X64_66, /* +X64_W: movq */
    X64_MOVD_G_X = 0x7E | X64_0F | X64_66, /* reg field: the vector register */
    X64_XORPS = 0x57 | X64_0F,
    X64_ANDPS = 0x54 | X64_0F,
    X64_ANDNPS = 0x55 | X64_0F,
    X64_ORPS = 0x56 | X64_0F,
    X64_UCOMISS = 0x2E | X64_0F,
    X64_UCOMISD = 0x2E | X64_0F | X64_66,
    /* The arithmetic ones take X64_F3 for f32 and X64_F2 for f64. */
    X64_SQRT = 0x51 | X64_0F,
    X64_ADDF = 0x58 | X64_0F,
    X64_MULF = 0x59 | X64_0F,
    X64_CVT_F_F = 0x5A | X64_0F, /* F3: to f64, F2: to f32 */
    X64_SUBF = 0x5C | X64_0F,
    X64_MINF = 0x5D | X64_0F,
    X64_DIVF = 0x5E | X64_0F,
    X64_MAXF = 0x5F | X64_0F,
    X64_CVT_I_F = 0x2A | X64_0F,
    X64_CVTT_F_I = 0x2C | X64_0F,
    X64_ROUNDSS = 0x0A | X64_0F3A | X64_66,
    X64_ROUNDSD = 0x0B | X64_0F3A | X64_66,
};

enum x64_shift { X64_ROL = 0, X64_ROR = 1, X64_SHL = 4, X64_SHR = 5, X64_SAR = 7 };

enum x64_cond {
    X64_O,
    X64_NO,
    X64_B,
    X64_AE,
    X64_E,
    X64_NE,
    X64_BE,
    X64_A,
    X64_S,
    X64_NS,
    X64_P,
    X64_NP,
    X64_L,
    X64_GE,
    X64_LE,
    X64_G,
};

static inline enum x64_cond x64_cond_invert(enum x64_cond cond) {
    return (enum x64_cond)(cond ^ 1);
}

static inline void x64_u8(struct x64 *x, unsigned value) { *x->at++ = (uint8_t)value; }
static inline void x64_u32(struct x64 *x, uint32_t value) {
    __builtin_memcpy(x->at, &value, 4);
    x->at += 4;
}
static inline void x64_u64(struct x64 *x, uint64_t value) {
    __builtin_memcpy(x->at, &value, 8);
    x->at += 8;
}

static inline bool x64_fits_i8(int64_t value) { return value == (int8_t)value; }
static inline bool x64_fits_i32(int64_t value) { return value == (int32_t)value; }

/* ModRM, SIB and displacement, in one piece; what is behind them is written over. */
static inline uint8_t *x64_put_rm(uint8_t *at, unsigned reg, struct x64_rm rm) {
    uint64_t code = rm.code | (reg & 7) << 3;
    __builtin_memcpy(at, &code, 8);
    return at + (rm.code >> X64_RM_BYTES_SHIFT);
}

/* All before ModRM. `has_rex`: even if it says nothing. Bytes that may not be there are written
 * nevertheless, and written over: whether they are there cannot be predicted. */
static inline uint8_t *x64_put_op(uint8_t *at, x64_op op, unsigned rex, bool has_rex) {
    unsigned map = op >> 8 & 3, prefix = op >> 10 & 3;
    *at = (uint8_t)(UINT32_C(0xF2F36600) >> 8 * prefix);
    at += prefix != 0;
    rex |= op >> 9 & 8; /* X64_W */
    *at = (uint8_t)(0x40 | rex);
    at += rex != 0 || has_rex;
    /* The maps' own bytes: none, 0F, 0F 38, 0F 3A. */
    unsigned map_bytes = 0x2210 >> 4 * map & 3;
    unsigned escape = map & 2 ? 0x3A0F - ((map & 1) ^ 1) * 0x200 : 0x0F;
    uint32_t code = (map ? escape : 0) | (op & 0xFF) << 8 * map_bytes;
    __builtin_memcpy(at, &code, 4);
    return at + map_bytes + 1;
}

/* One byte of opcode, without prefix, on whole registers: what most instructions are. */
#define X64_IS_SHORT(op) (((op) & (X64_0F3A | X64_F2 | X64_BYTE_REG | X64_BYTE_RM)) == 0)

static inline void x64_put_short(struct x64 *x, x64_op op, unsigned reg, struct x64_rm rm) {
    unsigned rex = (reg & 8) >> 1 | x64_rm_rex(rm) | (op >> 9 & 8);
    uint8_t *at = x->at;
    *at = (uint8_t)(0x40 | rex);
    at += rex != 0;
    *at = (uint8_t)op;
    x->at = x64_put_rm(at + 1, reg, rm);
}

/* Any other. Apart from x64_put, which would save registers for it each time. */
static __attribute__((noinline, unused)) void x64_put_long(struct x64 *x, x64_op op, unsigned reg,
                                                           struct x64_rm rm) {
    /* Registers 4 to 7 have a low byte only with a REX; those from 8 on have one anyway. */
    bool has_rex =
        ((op & X64_BYTE_REG) && (reg & 4)) || ((op & X64_BYTE_RM) && (rm.code & 0xC4) == 0xC4);
    uint8_t *at = x64_put_op(x->at, op, (reg & 8) >> 1 | x64_rm_rex(rm), has_rex);
    x->at = x64_put_rm(at, reg, rm);
}

static inline void x64_put(struct x64 *x, x64_op op, unsigned reg, struct x64_rm rm) {
    if (X64_IS_SHORT(op))
        x64_put_short(x, op, reg, rm);
    else
        x64_put_long(x, op, reg, rm);
}

/* The same with a register as r/m. */
static inline void x64_put_reg(struct x64 *x, x64_op op, unsigned reg, unsigned rm) {
    x64_put(x, op, reg, x64_rm_number(rm));
}

static inline void x64_put_vex(struct x64 *x, x64_op op, unsigned reg, unsigned vvvv,
                               struct x64_rm rm) {
    uint8_t *at = x->at;
    unsigned map = op >> 8 & 3, w = op >> 12 & 1, rex = x64_rm_rex(rm);
    unsigned not_r = ~reg >> 3 & 1, not_xb = ~rex & 3;
    unsigned low = (~vvvv & 15) << 3 | (op >> 10 & 3);
    if (map == 1 && !w && rex == 0) {
        *at++ = 0xC5;
        *at++ = (uint8_t)(not_r << 7 | low);
    } else {
        *at++ = 0xC4;
        *at++ = (uint8_t)(not_r << 7 | not_xb << 5 | map);
        *at++ = (uint8_t)(w << 7 | low);
    }
    *at++ = (uint8_t)op;
    x->at = x64_put_rm(at, reg, rm);
}

static inline void x64_g(struct x64 *x, x64_op op, struct x64_gpr reg, struct x64_rm rm) {
    x64_put(x, op, reg.number, rm);
}
static inline void x64_x(struct x64 *x, x64_op op, struct x64_xmm reg, struct x64_rm rm) {
    x64_put(x, op, reg.number, rm);
}
static inline void x64_n(struct x64 *x, x64_op op, unsigned extension, struct x64_rm rm) {
    x64_put(x, op, extension, rm);
}
static inline void x64_gg(struct x64 *x, x64_op op, struct x64_gpr reg, struct x64_gpr rm) {
    x64_put_reg(x, op, reg.number, rm.number);
}
static inline void x64_xx(struct x64 *x, x64_op op, struct x64_xmm reg, struct x64_xmm rm) {
    x64_put_reg(x, op, reg.number, rm.number);
}
static inline void x64_vg(struct x64 *x, x64_op op, struct x64_gpr reg, struct x64_gpr more,
                          struct x64_rm rm) {
    x64_put_vex(x, op, reg.number, more.number, rm);
}
static inline void x64_vx(struct x64 *x, x64_op op, struct x64_xmm reg, struct x64_xmm more,
                          struct x64_rm rm) {
    x64_put_vex(x, op, reg.number, more.number, rm);
}

static inline void x64_n_i8(struct x64 *x, x64_op op, unsigned extension, struct x64_rm rm,
                            unsigned imm) {
    x64_put(x, op, extension, rm);
    x64_u8(x, imm);
}
static inline void x64_n_i32(struct x64 *x, x64_op op, unsigned extension, struct x64_rm rm,
                             int32_t imm) {
    x64_put(x, op, extension, rm);
    x64_u32(x, (uint32_t)imm);
}
static inline void x64_g_i8(struct x64 *x, x64_op op, struct x64_gpr reg, struct x64_rm rm,
                            unsigned imm) {
    x64_put(x, op, reg.number, rm);
    x64_u8(x, imm);
}
static inline void x64_x_i8(struct x64 *x, x64_op op, struct x64_xmm reg, struct x64_rm rm,
                            unsigned imm) {
    x64_put(x, op, reg.number, rm);
    x64_u8(x, imm);
}

/* r/m ← r/m op imm. `op` is one of X64_ADD … X64_CMP, with or without X64_W. */
static inline void x64_alu_imm(struct x64 *x, x64_op op, struct x64_rm rm, int32_t imm) {
    unsigned extension = (op & 0xFF) >> 3, w = op & X64_W;
    if (x64_fits_i8(imm))
        x64_n_i8(x, X64_ALU_IMM8 | w, extension, rm, (unsigned)imm & 0xFF);
    else
        x64_n_i32(x, X64_ALU_IMM32 | w, extension, rm, imm);
}

/* Leaves the flags alone. */
static inline void x64_mov_imm(struct x64 *x, struct x64_gpr reg, uint64_t value) {
    if (value <= UINT32_MAX) {
        *x->at = 0x41;
        x->at += reg.number >= 8;
        x64_u8(x, 0xB8u | (reg.number & 7u));
        x64_u32(x, (uint32_t)value);
    } else if (x64_fits_i32((int64_t)value)) {
        x64_n_i32(x, X64_MOV_IMM | X64_W, 0, x64_rm_gpr(reg), (int32_t)value);
    } else {
        x64_u8(x, 0x48u | (unsigned)reg.number >> 3);
        x64_u8(x, 0xB8u | (reg.number & 7u));
        x64_u64(x, value);
    }
}

static inline void x64_push(struct x64 *x, struct x64_gpr reg) {
    *x->at = 0x41;
    x->at += reg.number >= 8;
    x64_u8(x, 0x50u | (reg.number & 7u));
}
static inline void x64_pop(struct x64 *x, struct x64_gpr reg) {
    *x->at = 0x41;
    x->at += reg.number >= 8;
    x64_u8(x, 0x58u | (reg.number & 7u));
}
static inline void x64_ret(struct x64 *x) { x64_u8(x, 0xC3); }
static inline void x64_ud2(struct x64 *x) {
    x64_u8(x, 0x0F);
    x64_u8(x, 0x0B);
}
/* Sign-extends eax into edx, or rax into rdx. */
static inline void x64_cdq(struct x64 *x, bool wide) {
    *x->at = 0x48;
    x->at += wide;
    x64_u8(x, 0x99);
}

/* The rel32 that ends these holds `link` until it is patched. */
static inline void x64_jmp(struct x64 *x, uint32_t link) {
    x64_u8(x, 0xE9);
    x64_u32(x, link);
}
static inline void x64_jcc(struct x64 *x, enum x64_cond cond, uint32_t link) {
    x64_u8(x, 0x0F);
    x64_u8(x, 0x80u | (unsigned)cond);
    x64_u32(x, link);
}
static inline void x64_call(struct x64 *x, uint32_t link) {
    x64_u8(x, 0xE8);
    x64_u32(x, link);
}

/* To an address already emitted. */
static inline void x64_jmp_back(struct x64 *x, const uint8_t *target) {
    int64_t distance = target - (x->at + 2);
    if (x64_fits_i8(distance)) {
        x64_u8(x, 0xEB);
        x64_u8(x, (unsigned)distance & 0xFF);
    } else {
        x64_jmp(x, (uint32_t)(distance - 3));
    }
}
static inline void x64_jcc_back(struct x64 *x, enum x64_cond cond, const uint8_t *target) {
    int64_t distance = target - (x->at + 2);
    if (x64_fits_i8(distance)) {
        x64_u8(x, 0x70u | (unsigned)cond);
        x64_u8(x, (unsigned)distance & 0xFF);
    } else {
        x64_jcc(x, cond, (uint32_t)(distance - 4));
    }
}

enum { X64_LOCK = 0xF0 }; /* prefix */

static inline void x64_mfence(struct x64 *x) {
    x64_u8(x, 0x0F);
    x64_u8(x, 0xAE);
    x64_u8(x, 0xF0);
}

/* A short jump forward over code that is about to be emitted; the result goes to x64_land. */
static inline uint8_t *x64_jcc_short(struct x64 *x, enum x64_cond cond) {
    x64_u8(x, 0x70u | (unsigned)cond);
    x64_u8(x, 0);
    return x->at;
}
static inline uint8_t *x64_jmp_short(struct x64 *x) {
    x64_u8(x, 0xEB);
    x64_u8(x, 0);
    return x->at;
}
static inline void x64_land(struct x64 *x, uint8_t *jump) { jump[-1] = (uint8_t)(x->at - jump); }

/* `bytes` of padding in as few instructions as possible. */
static inline void x64_nop(struct x64 *x, unsigned bytes) {
    static const uint8_t nops[9][9] = {
        {0x90},
        {0x66, 0x90},
        {0x0F, 0x1F, 0x00},
        {0x0F, 0x1F, 0x40, 0x00},
        {0x0F, 0x1F, 0x44, 0x00, 0x00},
        {0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00},
        {0x0F, 0x1F, 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    };
    while (bytes) {
        unsigned now = bytes < 9 ? bytes : 9;
        for (unsigned i = 0; i < now; i++)
            x64_u8(x, nops[now - 1][i]);
        bytes -= now;
    }
}

#endif

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

/* The r/m operand: a register, or memory. */
enum x64_rm_kind {
    X64_RM_REGISTER, /* base */
    X64_RM_BASE,     /* [base + disp] */
    X64_RM_INDEX,    /* [base + index << scale + disp] */
    X64_RM_SCALED,   /* [index << scale + disp] */
    X64_RM_RIP,      /* [rip + disp] */
};

struct x64_rm {
    uint8_t kind; /* enum x64_rm_kind */
    uint8_t base, index;
    uint8_t scale; /* 0 to 3 */
    int32_t disp;
};

static inline struct x64_rm x64_rm_gpr(struct x64_gpr reg) {
    return (struct x64_rm){X64_RM_REGISTER, reg.number, 0, 0, 0};
}
static inline struct x64_rm x64_rm_xmm(struct x64_xmm reg) {
    return (struct x64_rm){X64_RM_REGISTER, reg.number, 0, 0, 0};
}
static inline struct x64_rm x64_mem(struct x64_gpr base, int32_t disp) {
    return (struct x64_rm){X64_RM_BASE, base.number, 0, 0, disp};
}
/* index: not rsp */
static inline struct x64_rm x64_mem_index(struct x64_gpr base, struct x64_gpr index, unsigned scale,
                                          int32_t disp) {
    return (struct x64_rm){X64_RM_INDEX, base.number, index.number, (uint8_t)scale, disp};
}
static inline struct x64_rm x64_mem_scaled(struct x64_gpr index, unsigned scale, int32_t disp) {
    return (struct x64_rm){X64_RM_SCALED, 0, index.number, (uint8_t)scale, disp};
}
static inline struct x64_rm x64_mem_rip(int32_t disp) {
    return (struct x64_rm){X64_RM_RIP, 0, 0, 0, disp};
}
static inline bool x64_rm_is_register(struct x64_rm rm) { return rm.kind == X64_RM_REGISTER; }

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

/* [index << scale + disp], [rip + disp] */
static inline uint8_t *x64_put_rm_far(uint8_t *at, unsigned reg_bits, struct x64_rm rm) {
    bool is_scaled = rm.kind == X64_RM_SCALED;
    at[0] = (uint8_t)(reg_bits | (is_scaled ? 4 : 5));
    at[1] = (uint8_t)((unsigned)rm.scale << 6 | (rm.index & 7u) << 3 | 5);
    at += is_scaled ? 2 : 1;
    __builtin_memcpy(at, &rm.disp, 4);
    return at + 4;
}

/* ModRM, SIB and displacement. Bytes that may not be there are written nevertheless, and written
 * over: whether they are there cannot be predicted. */
static inline uint8_t *x64_put_rm(uint8_t *at, unsigned reg, struct x64_rm rm) {
    unsigned reg_bits = (reg & 7) << 3, base = rm.base & 7u;
    if (rm.kind == X64_RM_REGISTER) {
        *at = (uint8_t)(0xC0 | reg_bits | base);
        return at + 1;
    }
    if (rm.kind > X64_RM_INDEX)
        return x64_put_rm_far(at, reg_bits, rm);
    bool has_index = rm.kind == X64_RM_INDEX, has_sib = has_index || base == X64_RSP;
    unsigned index = has_index ? rm.index & 7u : X64_RSP; /* rsp: none */
    unsigned mod = x64_fits_i8(rm.disp) ? 1 : 2;
    mod = rm.disp == 0 && base != X64_RBP ? 0 : mod;
    at[0] = (uint8_t)(mod << 6 | reg_bits | (has_sib ? 4 : base));
    at[1] = (uint8_t)((unsigned)rm.scale << 6 | index << 3 | base);
    at += has_sib ? 2 : 1;
    __builtin_memcpy(at, &rm.disp, 4);
    return at + (size_t)mod * mod; /* 0, 1 or 4 bytes of it */
}

/* What stands around REX, by bits 8 to 11 of the opcode. */
struct x64_form {
    uint8_t prefix, prefix_bytes, map, map_bytes; /* the map's first byte is 0F */
};

/* All before ModRM. `has_rex`: even if it says nothing. */
static inline uint8_t *x64_put_op(uint8_t *at, x64_op op, unsigned rex, bool has_rex) {
#define X64_FORMS(prefix, bytes)                                              \
    {prefix, bytes, 0, 0}, {prefix, bytes, 0, 1}, {prefix, bytes, 0x38, 2}, { \
        prefix, bytes, 0x3A, 2                                                \
    }
    static const struct x64_form forms[16] = {X64_FORMS(0, 0), X64_FORMS(0x66, 1),
                                              X64_FORMS(0xF3, 1), X64_FORMS(0xF2, 1)};
#undef X64_FORMS
    struct x64_form form = forms[op >> 8 & 15];
    rex |= op >> 9 & 8; /* X64_W */
    *at = form.prefix;
    at += form.prefix_bytes;
    *at = (uint8_t)(0x40 | rex);
    at += rex != 0 || has_rex;
    at[0] = 0x0F;
    at[1] = form.map;
    at += form.map_bytes;
    *at = (uint8_t)op;
    return at + 1;
}

static inline void x64_put(struct x64 *x, x64_op op, unsigned reg, struct x64_rm rm) {
    unsigned rex = (reg & 8) >> 1 | (rm.index & 8u) >> 2 | (rm.base & 8u) >> 3;
    bool has_rex = (op & X64_BYTE_REG) && reg >= 4;
    has_rex |= (op & X64_BYTE_RM) && rm.kind == X64_RM_REGISTER && rm.base >= 4;
    x->at = x64_put_rm(x64_put_op(x->at, op, rex, has_rex), reg, rm);
}

/* The same with a register as r/m. */
static inline void x64_put_reg(struct x64 *x, x64_op op, unsigned reg, unsigned rm) {
    bool has_rex = ((op & X64_BYTE_REG) && reg >= 4) || ((op & X64_BYTE_RM) && rm >= 4);
    uint8_t *at = x64_put_op(x->at, op, (reg & 8) >> 1 | (rm & 8) >> 3, has_rex);
    *at = (uint8_t)(0xC0 | (reg & 7) << 3 | (rm & 7));
    x->at = at + 1;
}

static inline void x64_put_vex(struct x64 *x, x64_op op, unsigned reg, unsigned vvvv,
                               struct x64_rm rm) {
    uint8_t *at = x->at;
    unsigned map = op >> 8 & 3, w = op >> 12 & 1;
    unsigned not_r = ~reg >> 3 & 1, not_x = ~(unsigned)rm.index >> 3 & 1,
             not_b = ~(unsigned)rm.base >> 3 & 1;
    unsigned low = (~vvvv & 15) << 3 | (op >> 10 & 3);
    if (map == 1 && !w && not_x && not_b) {
        *at++ = 0xC5;
        *at++ = (uint8_t)(not_r << 7 | low);
    } else {
        *at++ = 0xC4;
        *at++ = (uint8_t)(not_r << 7 | not_x << 6 | not_b << 5 | map);
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

/*
 * Vector instructions of x86-64 (SSE2 to SSE4.2), as x64.h spells them: reg ← reg op r/m, unless a
 * comment says more. All of them have a VEX form with the same bits, reg ← vvvv op r/m.
 */
#ifndef ALKAHEST_CODEGEN_X64_VECTOR_H
#define ALKAHEST_CODEGEN_X64_VECTOR_H

#include "x64.h"

#define X64_660F (X64_66 | X64_0F)
#define X64_660F38 (X64_66 | X64_0F38)
#define X64_660F3A (X64_66 | X64_0F3A)

enum {
    /* Integers: B, W, D, Q lanes of 8, 16, 32, 64 bits */
    X64_PADDB = 0xFC | X64_660F,
    X64_PADDW = 0xFD | X64_660F,
    X64_PADDD = 0xFE | X64_660F,
    X64_PADDQ = 0xD4 | X64_660F,
    X64_PADDSB = 0xEC | X64_660F,
    X64_PADDSW = 0xED | X64_660F,
    X64_PADDUSB = 0xDC | X64_660F,
    X64_PADDUSW = 0xDD | X64_660F,
    X64_PSUBB = 0xF8 | X64_660F,
    X64_PSUBW = 0xF9 | X64_660F,
    X64_PSUBD = 0xFA | X64_660F,
    X64_PSUBQ = 0xFB | X64_660F,
    X64_PSUBSB = 0xE8 | X64_660F,
    X64_PSUBSW = 0xE9 | X64_660F,
    X64_PSUBUSB = 0xD8 | X64_660F,
    X64_PSUBUSW = 0xD9 | X64_660F,
    X64_PAVGB = 0xE0 | X64_660F,
    X64_PAVGW = 0xE3 | X64_660F,
    X64_PMINSB = 0x38 | X64_660F38,
    X64_PMINSW = 0xEA | X64_660F,
    X64_PMINSD = 0x39 | X64_660F38,
    X64_PMINUB = 0xDA | X64_660F,
    X64_PMINUW = 0x3A | X64_660F38,
    X64_PMINUD = 0x3B | X64_660F38,
    X64_PMAXSB = 0x3C | X64_660F38,
    X64_PMAXSW = 0xEE | X64_660F,
    X64_PMAXSD = 0x3D | X64_660F38,
    X64_PMAXUB = 0xDE | X64_660F,
    X64_PMAXUW = 0x3E | X64_660F38,
    X64_PMAXUD = 0x3F | X64_660F38,
    X64_PABSB = 0x1C | X64_660F38,
    X64_PABSW = 0x1D | X64_660F38,
    X64_PABSD = 0x1E | X64_660F38,
    X64_PCMPEQB = 0x74 | X64_660F,
    X64_PCMPEQW = 0x75 | X64_660F,
    X64_PCMPEQD = 0x76 | X64_660F,
    X64_PCMPEQQ = 0x29 | X64_660F38,
    X64_PCMPGTB = 0x64 | X64_660F,
    X64_PCMPGTW = 0x65 | X64_660F,
    X64_PCMPGTD = 0x66 | X64_660F,
    X64_PCMPGTQ = 0x37 | X64_660F38,
    X64_PMULLW = 0xD5 | X64_660F,
    X64_PMULHW = 0xE5 | X64_660F,
    X64_PMULHUW = 0xE4 | X64_660F,
    X64_PMULHRSW = 0x0B | X64_660F38,
    X64_PMULLD = 0x40 | X64_660F38,
    X64_PMULDQ = 0x28 | X64_660F38,    /* of the even lanes */
    X64_PMULUDQ = 0xF4 | X64_660F,     /* of the even lanes */
    X64_PMADDWD = 0xF5 | X64_660F,     /* sums of neighbours' products */
    X64_PMADDUBSW = 0x04 | X64_660F38, /* reg unsigned, r/m signed */
    X64_PHADDD = 0x02 | X64_660F38,
    X64_PAND = 0xDB | X64_660F,
    X64_PANDN = 0xDF | X64_660F, /* ~reg & r/m */
    X64_POR = 0xEB | X64_660F,
    X64_PXOR = 0xEF | X64_660F,
    X64_PTEST = 0x17 | X64_660F38, /* ZF: no common bit */

    /* Shifts by the low quadword of r/m; by an immediate: see X64_PSHIFT_W_IMM */
    X64_PSRLW = 0xD1 | X64_660F,
    X64_PSRLD = 0xD2 | X64_660F,
    X64_PSRLQ = 0xD3 | X64_660F,
    X64_PSRAW = 0xE1 | X64_660F,
    X64_PSRAD = 0xE2 | X64_660F,
    X64_PSLLW = 0xF1 | X64_660F,
    X64_PSLLD = 0xF2 | X64_660F,
    X64_PSLLQ = 0xF3 | X64_660F,
    X64_PSHIFT_W_IMM = 0x71 | X64_660F, /* r/m by imm8, /enum x64_vector_shift */
    X64_PSHIFT_D_IMM = 0x72 | X64_660F,
    X64_PSHIFT_Q_IMM = 0x73 | X64_660F,

    /* Lanes from one place to another, in other widths */
    X64_PACKSSWB = 0x63 | X64_660F,
    X64_PACKUSWB = 0x67 | X64_660F,
    X64_PACKSSDW = 0x6B | X64_660F,
    X64_PACKUSDW = 0x2B | X64_660F38,
    X64_PUNPCKLBW = 0x60 | X64_660F,
    X64_PUNPCKLWD = 0x61 | X64_660F,
    X64_PUNPCKLDQ = 0x62 | X64_660F,
    X64_PUNPCKLQDQ = 0x6C | X64_660F,
    X64_PUNPCKHBW = 0x68 | X64_660F,
    X64_PUNPCKHWD = 0x69 | X64_660F,
    X64_PUNPCKHDQ = 0x6A | X64_660F,
    X64_PUNPCKHQDQ = 0x6D | X64_660F,
    X64_PSHUFB = 0x00 | X64_660F38,
    X64_PSHUFD = 0x70 | X64_660F,         /* imm8 */
    X64_PSHUFLW = 0x70 | X64_F2 | X64_0F, /* imm8 */
    X64_PALIGNR = 0x0F | X64_660F3A,      /* imm8 */
    X64_SHUFPS = 0xC6 | X64_0F,           /* imm8 */
    X64_MOVDDUP = 0x12 | X64_F2 | X64_0F,
    X64_MOVLHPS = 0x16 | X64_0F, /* with memory: movhps */
    X64_MOVLPS = 0x12 | X64_0F,  /* memory only */
    X64_MOVLPS_STORE = 0x13 | X64_0F,
    X64_MOVHPS_STORE = 0x17 | X64_0F,
    X64_VBROADCASTSS = 0x18 | X64_660F38, /* VEX only; from memory */
    X64_PMOVSXBW = 0x20 | X64_660F38,
    X64_PMOVSXWD = 0x23 | X64_660F38,
    X64_PMOVSXDQ = 0x25 | X64_660F38,
    X64_PMOVZXBW = 0x30 | X64_660F38,
    X64_PMOVZXWD = 0x33 | X64_660F38,
    X64_PMOVZXDQ = 0x35 | X64_660F38,
    /* r/m ← lane imm8 of the vector register in the reg field */
    X64_PEXTRB = 0x14 | X64_660F3A,
    X64_PEXTRW = 0x15 | X64_660F3A,
    X64_PEXTRD = 0x16 | X64_660F3A,
    X64_PEXTRQ = 0x16 | X64_660F3A | X64_W,
    /* lane imm8 of reg ← r/m */
    X64_PINSRB = 0x20 | X64_660F3A,
    X64_PINSRW = 0xC4 | X64_660F,
    X64_PINSRD = 0x22 | X64_660F3A,
    X64_PINSRQ = 0x22 | X64_660F3A | X64_W,
    X64_INSERTPS = 0x21 | X64_660F3A, /* lane imm8 >> 4 */
    /* general register ← a bit per lane */
    X64_PMOVMSKB = 0xD7 | X64_660F,
    X64_MOVMSKPS = 0x50 | X64_0F,
    X64_MOVMSKPD = 0x50 | X64_660F,

    /* Floats: ps as spelled, pd with X64_66 */
    X64_CMPPS = 0xC2 | X64_0F, /* imm8: enum x64_vector_compare */
    X64_ROUNDPS = 0x08 | X64_660F3A,
    X64_ROUNDPD = 0x09 | X64_660F3A,
    X64_CVTDQ2PS = 0x5B | X64_0F,
    X64_CVTTPS2DQ = 0x5B | X64_F3 | X64_0F,
    X64_CVTDQ2PD = 0xE6 | X64_F3 | X64_0F,
    X64_CVTTPD2DQ = 0xE6 | X64_660F,
    X64_CVTPS2PD = 0x5A | X64_0F,
    X64_CVTPD2PS = 0x5A | X64_660F,
};

enum x64_vector_shift { X64_VECTOR_SHR = 2, X64_VECTOR_SAR = 4, X64_VECTOR_SHL = 6 };

enum x64_vector_compare {
    X64_VECTOR_EQ = 0,
    X64_VECTOR_LT = 1,
    X64_VECTOR_LE = 2,
    X64_VECTOR_UNORDERED = 3,
    X64_VECTOR_NE = 4,
};

#endif

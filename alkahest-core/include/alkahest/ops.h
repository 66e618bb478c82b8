/*
 * The opcode table as C: enum alka_op and what each row of wasm_ops.def says, as data. How to add
 * an opcode: docs/add-an-opcode.md.
 */
#ifndef ALKAHEST_OPS_H
#define ALKAHEST_OPS_H

#include <alkahest/features.h>
#include <alkahest/types.h>
#include <stdint.h>

enum alka_op {
#define OP(id, text, prefix, code, imm, sig, feature) ALKA_OP_##id,
#include <alkahest/wasm_ops.def>
    ALKA_OP_COUNT /* also: no such opcode */
};

enum alka_imm {
#define IMM(id) ALKA_IMM_##id,
#include <alkahest/op_kinds.def>
    ALKA_IMM_COUNT
};

enum alka_sig {
#define SIG(id, operand_count, first, second, third, result_count, result) ALKA_SIG_##id,
#include <alkahest/op_kinds.def>
    ALKA_SIG_COUNT
};

/* The letters of signatures. A stands for i32 or i64, whichever indexes the memory or table. */
enum alka_sig_type {
    ALKA_SIG_TYPE_N = 0,
    ALKA_SIG_TYPE_I = ALKA_KIND_I32,
    ALKA_SIG_TYPE_L = ALKA_KIND_I64,
    ALKA_SIG_TYPE_F = ALKA_KIND_F32,
    ALKA_SIG_TYPE_D = ALKA_KIND_F64,
    ALKA_SIG_TYPE_V = ALKA_KIND_V128,
    ALKA_SIG_TYPE_A = 0x80
};

/* Prefix bytes; 0x00 stands for "none". */
enum alka_prefix {
    ALKA_PREFIX_00 = 0x00,
    ALKA_PREFIX_FB = 0xFB,
    ALKA_PREFIX_FC = 0xFC,
    ALKA_PREFIX_FD = 0xFD,
    ALKA_PREFIX_FE = 0xFE
};

struct alka_op_info {
    uint16_t code;   /* byte, or number behind the prefix */
    uint8_t prefix;  /* enum alka_prefix */
    uint8_t imm;     /* enum alka_imm */
    uint8_t sig;     /* enum alka_sig */
    uint8_t feature; /* enum alka_feature */
};

struct alka_sig_info {
    uint8_t operand_count, result_count;
    uint8_t operands[3]; /* enum alka_sig_type, the deepest first */
    uint8_t result;
};

extern const struct alka_op_info alka_op_infos[ALKA_OP_COUNT];
extern const struct alka_sig_info alka_sig_infos[ALKA_SIG_COUNT];

/* The opcode's name in the text format; "?" for what is none. */
const char *alka_op_name(uint32_t op);

/* By opcode byte without a prefix: enum alka_op + 1, or 0 if there is no such opcode. */
extern const uint16_t alka_op_by_byte[256];

/* ALKA_OP_COUNT if there is no such opcode. */
enum alka_op alka_op_decode(enum alka_prefix prefix, uint32_t code);

/* The flag name of a feature; "?" for what is none. */
const char *alka_feature_name(uint32_t feature);

#endif

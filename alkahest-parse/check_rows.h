/*
 * What check_fast does with each one-byte opcode, as data made of the opcode table.
 */
#ifndef PARSE_CHECK_ROWS_H
#define PARSE_CHECK_ROWS_H

#include "check.h"

/* How the loop may handle a one-byte opcode. Opcodes without a row read as CHECK_SLOW. */
enum check_way {
    CHECK_SLOW,
    CHECK_PLAIN,      /* no immediates */
    CHECK_EXTEND,     /* the same, of a feature that may have to be noted as used first */
    CHECK_CONST_LEB,  /* signed LEB128 */
    CHECK_CONST_BITS, /* as many bytes as the type has */
    CHECK_ACCESS,     /* memarg */
    CHECK_LOCAL_GET,
    CHECK_LOCAL_SET,
    CHECK_LOCAL_TEE,
    CHECK_GLOBAL_GET,
    CHECK_GLOBAL_SET,
    CHECK_DROP,
    CHECK_SELECT,
    CHECK_ENTER, /* block, loop, if */
    CHECK_ELSE,
    CHECK_END,
    CHECK_BR,
    CHECK_BR_IF,
    CHECK_RETURN,
    CHECK_CALL,
    CHECK_CALL_INDIRECT,
};

struct check_row {
    alka_valtype top, below;       /* the two topmost operands; 0 if there are fewer */
    uint32_t top_mask, below_mask; /* 0 if there are fewer */
    uint8_t way;
    uint8_t pops, pushes, result;
    uint8_t immediate; /* CONST_LEB: most bytes; CONST_BITS: bytes; ACCESS: log2 of the width */
} __attribute__((aligned(32)));

extern const struct check_row check_rows[256];

#endif

/*
 * What `-d regs,emit` shows: the code generator's decisions as records. The sink formats them; all
 * pointers are borrowed for the duration of the call.
 */
#ifndef ALKAHEST_CODEGEN_TRACE_H
#define ALKAHEST_CODEGEN_TRACE_H

#include <alkahest/summary.h>

#define ALKA_TRACE_NO_REGISTER 0xFFu

/* Registers in records: 0–15 rax rcx rdx rbx rsp rbp rsi rdi r8–r15, 16–31 xmm0–xmm15. */

/* Where a web lives. */
struct alka_trace_home {
    uint32_t web;
    uint8_t reg;       /* ALKA_TRACE_NO_REGISTER: in the frame */
    bool is_saved;     /* in its frame slot during calls */
    int32_t frame_off; /* from rbp; INT32_MIN if it has no slot */
};

/* One entry of the operand stack. */
struct alka_trace_value {
    enum alka_trace_value_kind {
        ALKA_TRACE_CONSTANT, /* bits */
        ALKA_TRACE_LOCAL,    /* not read yet: web, and where it lives in base */
        ALKA_TRACE_REGISTER, /* base */
        ALKA_TRACE_SLOT,     /* spilled to disp from rbp */
        ALKA_TRACE_FLAGS,    /* a comparison: condition code in base */
        ALKA_TRACE_ADDRESS,  /* base + (index << scale) + disp, not computed yet */
        ALKA_TRACE_LOAD,     /* memory[base + disp], not loaded yet */
    } kind;
    alka_valtype type;
    uint8_t base, index, scale; /* registers may be ALKA_TRACE_NO_REGISTER */
    int32_t disp;
    uint32_t web;
    uint64_t bits;
};

struct alka_trace_op {
    uint32_t wasm_off;
    uint32_t op; /* enum alka_op */
    uint32_t code_off, code_end_off;
    const struct alka_trace_value *stack; /* behind the opcode, deepest first */
    uint32_t depth;                       /* at most the topmost 16 are shown: entries in `stack` */
    uint32_t hidden;                      /* entries below them */
};

struct alka_codegen_trace {
    void *self;
    /* Before a body is emitted. NULL: not wanted. */
    void (*homes)(void *self, const struct alka_body_summary *summary,
                  const struct alka_trace_home *homes, uint32_t count);
    /* After each opcode; `text` is the first byte of the module's code. NULL: not wanted. */
    void (*op)(void *self, const struct alka_trace_op *op, const uint8_t *text);
};

#endif

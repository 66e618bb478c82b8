/* interpreter (control): a register machine that runs a Collatz search from bytecode.
 *
 * Stresses: the dispatch loop of every interpreter: a fetch, field extraction, a switch of many
 * arms (br_table), operands in a small array in memory. Bounds check, table load and indirect jump
 * of br_table are most of the work. */
#include "../bench.h"

enum op {
    OP_HALT, /* stop */
    OP_LOAD, /* r[a] = the 16-bit immediate */
    OP_MOVE, /* r[a] = r[b] */
    OP_ADD,  /* r[a] = r[b] + r[c] */
    OP_ADDI, /* r[a] = r[b] + c */
    OP_MULI, /* r[a] = r[b] * c */
    OP_ANDI, /* r[a] = r[b] & c */
    OP_SHRI, /* r[a] = r[b] >> c */
    OP_SHLI, /* r[a] = r[b] << c */
    OP_JUMP, /* to the immediate */
    OP_JZ,   /* if r[a] == 0, to the immediate */
    OP_JNZ,  /* if r[a] != 0, to the immediate */
    OP_JLT,  /* if r[a] < r[b], over the next instruction */
    OP_JEQ,  /* if r[a] == r[b], over the next instruction */
};

/* op:8 a:8 b:8 c:8, or op:8 a:8 immediate:16 */
#define CODE(op, a, b, c) ((uint32_t)(op) | (a) << 8 | (b) << 16 | (uint32_t)(c) << 24)
#define CODE_IMM(op, a, imm) ((uint32_t)(op) | (a) << 8 | (uint32_t)(imm) << 16)

enum { R_START, R_VALUE, R_STEPS, R_BEST, R_BEST_STEPS, R_LIMIT, R_BIT, R_EXECUTED, R_ONE };

/* The start below 50,000 with the longest Collatz sequence; counts instructions per step too. */
static const uint32_t program[] = {
    /*  0 */ CODE_IMM(OP_LOAD, R_START, 1),
    /*  1 */ CODE_IMM(OP_LOAD, R_ONE, 1),
    /*  2 */ CODE_IMM(OP_LOAD, R_BEST, 0),
    /*  3 */ CODE_IMM(OP_LOAD, R_BEST_STEPS, 0),
    /*  4 */ CODE_IMM(OP_LOAD, R_LIMIT, 50000),
    /*  5 */ CODE(OP_MOVE, R_VALUE, R_START, 0),
    /*  6 */ CODE_IMM(OP_LOAD, R_STEPS, 1),
    /*  7 */ CODE(OP_JEQ, R_VALUE, R_ONE, 0), /* while value != 1 */
    /*  8 */ CODE_IMM(OP_JUMP, 0, 10),
    /*  9 */ CODE_IMM(OP_JUMP, 0, 18),
    /* 10 */ CODE(OP_ANDI, R_BIT, R_VALUE, 1),
    /* 11 */ CODE_IMM(OP_JZ, R_BIT, 15),
    /* 12 */ CODE(OP_MULI, R_VALUE, R_VALUE, 3),
    /* 13 */ CODE(OP_ADDI, R_VALUE, R_VALUE, 1),
    /* 14 */ CODE(OP_ADD, R_STEPS, R_STEPS, R_ONE),
    /* 15 */ CODE(OP_SHRI, R_VALUE, R_VALUE, 1),
    /* 16 */ CODE(OP_ADDI, R_STEPS, R_STEPS, 1),
    /* 17 */ CODE_IMM(OP_JUMP, 0, 7),
    /* 18 */ CODE(OP_JLT, R_BEST_STEPS, R_STEPS, 0),
    /* 19 */ CODE_IMM(OP_JUMP, 0, 22),
    /* 20 */ CODE(OP_MOVE, R_BEST, R_START, 0),
    /* 21 */ CODE(OP_MOVE, R_BEST_STEPS, R_STEPS, 0),
    /* 22 */ CODE(OP_ADDI, R_START, R_START, 1),
    /* 23 */ CODE(OP_JLT, R_START, R_LIMIT, 0),
    /* 24 */ CODE_IMM(OP_HALT, 0, 0),
    /* 25 */ CODE_IMM(OP_JUMP, 0, 5),
};

static uint64_t registers[16];
static uint32_t code[64]; /* a copy, so that the producer cannot specialize the loop */

static void prepare(void) {
    for (int i = 0; i < 16; i++)
        registers[i] = 0;
    for (size_t i = 0; i < sizeof program / sizeof program[0]; i++)
        code[i] = program[i];
}

/* Returns the number of instructions executed. */
static uint64_t interpret(uint64_t *r) {
    const uint32_t *pc = code;
    for (uint64_t executed = 1;; executed++) {
        const uint32_t word = *pc++;
        const uint32_t a = word >> 8 & 15, b = word >> 16 & 15, c = word >> 24, imm = word >> 16;
        switch ((enum op)(word & 0xFF)) {
        case OP_HALT:
            return executed;
        case OP_LOAD:
            r[a] = imm;
            break;
        case OP_MOVE:
            r[a] = r[b];
            break;
        case OP_ADD:
            r[a] = r[b] + r[c & 15];
            break;
        case OP_ADDI:
            r[a] = r[b] + c;
            break;
        case OP_MULI:
            r[a] = r[b] * c;
            break;
        case OP_ANDI:
            r[a] = r[b] & c;
            break;
        case OP_SHRI:
            r[a] = r[b] >> (c & 63);
            break;
        case OP_SHLI:
            r[a] = r[b] << (c & 63);
            break;
        case OP_JUMP:
            pc = code + imm;
            break;
        case OP_JZ:
            pc = r[a] == 0 ? code + imm : pc;
            break;
        case OP_JNZ:
            pc = r[a] != 0 ? code + imm : pc;
            break;
        case OP_JLT:
            pc += r[a] < r[b];
            break;
        case OP_JEQ:
            pc += r[a] == r[b];
            break;
        }
    }
}

static uint64_t run(void) {
    const uint64_t executed = interpret(registers);
    /* Known: 35655 has the longest sequence below 50,000, with 324 terms. */
    if (registers[R_BEST] != 35655 || registers[R_BEST_STEPS] != 324)
        return 0;
    return executed;
}

const struct bench_program bench_program = {"interpreter", prepare, run, 0x1b9ee2e};

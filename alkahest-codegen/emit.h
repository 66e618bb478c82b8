/*
 * The state of one body's emission, and what the files of this room tell each other. The walk
 * (emit.c) calls one lowering per opcode (shapes_*.c, control.c, calls.c, locals.c); lowerings work
 * on the operand stack (stack.h) and write machine code (x64.h).
 *
 * Registers are numbered through: 0–15 general, 16–31 vector, so that one 32-bit set holds all.
 * At any time each allocatable register is exactly one of: free; owned by one entry of the operand
 * stack; the home of one live web; or held by the lowering that runs.
 */
#ifndef ALKAHEST_CODEGEN_EMIT_H
#define ALKAHEST_CODEGEN_EMIT_H

#include "pages.h"
#include "x64.h"
#include <alkahest/code.h>
#include <alkahest/codegen.h>
#include <alkahest/leb128.h>
#include <alkahest/ops.h>
#include <alkahest/summary.h>

#ifdef ALKA_CODEGEN_CHECKS
#define EMIT_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define EMIT_ASSERT(condition) ((void)0)
#endif

typedef uint32_t reg_set;
enum { REG_XMM0 = 16, REG_NONE = 0xFF };
#define REG_BIT(reg) (UINT32_C(1) << (reg))
#define REG_GENERAL UINT32_C(0x0000FFFF)
#define REG_VECTOR UINT32_C(0xFFFF0000)
/* Never homes of webs: the operand stack always finds these. */
#define REG_SCRATCH_GENERAL (REG_BIT(X64_RAX) | REG_BIT(X64_RCX) | REG_BIT(X64_RDX))
#define REG_SCRATCH_VECTOR (UINT32_C(7) << REG_XMM0)
#define REG_CALLEE_SAVED (REG_BIT(X64_RBX) | REG_BIT(X64_R12) | REG_BIT(X64_R13) | REG_BIT(X64_R14))

static inline struct x64_gpr reg_gpr(unsigned reg) {
    EMIT_ASSERT(reg < REG_XMM0);
    return (struct x64_gpr){(uint8_t)reg};
}
static inline struct x64_xmm reg_xmm(unsigned reg) {
    EMIT_ASSERT(reg >= REG_XMM0 && reg < 32);
    return (struct x64_xmm){(uint8_t)(reg - REG_XMM0)};
}
static inline bool reg_is_vector(unsigned reg) { return reg >= REG_XMM0; }
static inline struct x64_rm reg_rm(unsigned reg) {
    return x64_rm_gpr((struct x64_gpr){(uint8_t)(reg & 15)});
}

/* --- Values ------------------------------------------------------------------------------------*/

enum value_kind {
    VALUE_CONST,   /* bits */
    VALUE_LOCAL,   /* web base_web, not read yet */
    VALUE_REG,     /* base; base_web: it is that web's home, and the next opcode sets it */
    VALUE_SLOT,    /* in the frame, in the slot of its own depth */
    VALUE_FLAGS,   /* i32: condition `cond`; on top of the stack only */
    VALUE_ADDRESS, /* (base) + (index << scale) + disp, to be computed by lea */
    VALUE_LOAD, /* memory[(base) + disp], to be read as `load` says; is_absolute: [base + disp] */
};

#define NO_WEB UINT32_MAX

/*
 * An entry of the operand stack. A register that it names is owned by it, unless the web beside the
 * register is not NO_WEB: then the register is that web's home, and is only read.
 */
struct value {
    union {
        struct {
            uint8_t kind;  /* enum value_kind */
            uint8_t type;  /* enum alka_kind */
            uint8_t base;  /* REG_NONE: none */
            uint8_t index; /* ADDRESS */
            /* i32: at least so many leading bits are zero; ADDRESS: of the sum without its
             * displacement. */
            uint8_t zero_bits;
            union {
                uint8_t scale; /* ADDRESS: 0 to 3 */
                uint8_t cond;  /* FLAGS: enum flag_cond */
                uint8_t load;  /* LOAD: enum load_kind */
            };
            bool is_absolute; /* LOAD: base is the entry's own, a host address that was checked */
        };
        uint64_t head; /* all of these at once: value_head */
    };
    union {
        struct {
            int32_t disp;
            uint32_t wasm_off; /* LOAD: of the instruction, for its trap */
        };
        uint64_t where; /* both */
    };
    union {
        uint64_t bits; /* CONST; f32 in the low half; v128: value_const_v128 */
        struct {
            uint32_t base_web, index_web;
        };
    };
};

/* Entries are made and copied word by word, which stays in registers; made of bytes, they would be
 * written to memory in pieces and waited for when they are copied. */
static inline uint64_t value_head(enum value_kind kind, unsigned type, unsigned base) {
    return (uint64_t)kind | (uint64_t)type << 8 | (uint64_t)base << 16;
}
static inline void value_put(struct value *to, struct value from) {
    to->head = from.head;
    to->where = from.where;
    to->bits = from.bits;
}

/* Conditions of pending comparisons: x64_cond, or one of these of two flags. */
enum flag_cond {
    FLAG_FLOAT_EQ = 16, /* ZF and not PF */
    FLAG_FLOAT_NE = 17, /* not ZF or PF */
};

/* How a pending load reads. */
enum load_kind {
    LOAD_32,
    LOAD_64,
    LOAD_8_S,
    LOAD_8_U,
    LOAD_16_S,
    LOAD_16_U,
    LOAD_8_S_64,
    LOAD_16_S_64,
    LOAD_32_S_64,
    LOAD_F32,
    LOAD_F64,
    LOAD_V128,
    LOAD_8X8_S,
    LOAD_8X8_U,
    LOAD_16X4_S,
    LOAD_16X4_U,
    LOAD_32X2_S,
    LOAD_32X2_U,
    LOAD_64_SPLAT,
    LOAD_KINDS
};

static inline bool kind_is_vector(unsigned kind) {
    return kind >= ALKA_KIND_F32 && kind <= ALKA_KIND_V128;
}
/* 64-bit general register operand. */
static inline bool kind_is_wide(unsigned kind) {
    return kind != ALKA_KIND_I32 && kind != ALKA_KIND_F32;
}
static inline x64_op kind_w(unsigned kind) { return kind_is_wide(kind) ? X64_W : 0; }

/* --- Homes -------------------------------------------------------------------------------------*/

enum home_state {
    HOME_IDLE,  /* holds nothing */
    HOME_LIVE,  /* its register is taken */
    HOME_ENDED, /* was read for the last time, but entries still refer to it */
};

/* Where a web lives. */
struct home {
    uint8_t reg;   /* REG_NONE: in the frame */
    uint8_t type;  /* enum alka_kind */
    uint8_t state; /* enum home_state; registers only */
    bool is_saved; /* caller-saved register and calls inside: the frame slot holds it meanwhile */
    bool writes_through; /* is_saved, and every write goes to the slot too: no save needed */
    uint32_t refs;       /* entries of the operand stack that name it */
    uint32_t last_off;   /* of the web; in the frame it does not matter: UINT32_MAX */
    int32_t slot;        /* rbp-relative; HOME_NO_SLOT */
};

#define HOME_NO_SLOT INT32_MIN

/* --- Blocks ------------------------------------------------------------------------------------*/

enum block_kind { BLOCK_BODY, BLOCK_BLOCK, BLOCK_LOOP, BLOCK_IF, BLOCK_ELSE };

struct block {
    uint8_t kind;
    bool is_reached;     /* something branches to its label */
    uint8_t result_reg;  /* place of the label's only value; REG_NONE: slots */
    alka_valtype single; /* when the type is written in place */
    const alka_valtype *params, *results;
    uint32_t param_count, result_count;
    uint32_t base;      /* depth of the operand stack below the parameters */
    uint32_t label_off; /* loop: its head. Else: last jump to the end, which links to the others */
    uint32_t else_off;  /* if: the jump to the else arm */
    uint32_t table_chain;  /* jump table words that want the end's address, linked, plus 1 */
    uint32_t clause_chain; /* clauses whose pads go on here, linked, plus 1 */
    /* The innermost try whose body the block is in, NO_OFF; its own try, as long as its body is
     * open; its last clause; where it begins. */
    uint32_t outer_try, own_try, try_idx, last_clause, open_off;
    uint32_t clauses_off; /* try_table: its clauses, in the module */
    bool is_table;        /* of try_table: own_try's pads follow the function */
    bool keeps_exception; /* an arm: the exception is below its operands */
    uint32_t stub_off;    /* br_table's stub for this label, and */
    uint32_t stub_table;  /* the br_table (its wasm offset) that made it */
};

#define NO_OFF UINT32_MAX

/* --- Cold code ---------------------------------------------------------------------------------*/

struct emit;

/* What is emitted behind the body. `jump_off`: the rel32 that leads there; `back_off`: where it
 * goes on. */
struct stub {
    void (*emit)(struct emit *e, const struct stub *stub);
    uint32_t jump_off, back_off, wasm_off;
    uint8_t trap; /* enum alka_trap */
    uint8_t a, b, c;
    uint32_t more;
};

/* --- Indices -----------------------------------------------------------------------------------*/

/* What general registers hold that was an index of memory 0 (index.c). */
struct index_facts {
    reg_set used;  /* the index of an access since the last label; free or owned, and unchanged */
    reg_set sums;  /* of these: base + disp, mod 2^32 */
    reg_set bases; /* that registers of `sums` were made from */
    uint8_t base[16]; /* of `sums` */
    uint32_t disp[16];
};

/* --- The whole ---------------------------------------------------------------------------------*/

/* A use of a read-only datum in the text: rel32 at code_off, ends the instruction but for `tail`
 * bytes of immediate. */
struct rodata_fixup {
    uint32_t code_off;
    uint32_t rodata_off : 29, tail : 3;
};

struct jump_table {
    uint32_t rodata_off, count;
};

struct alka_codegen {
    const struct alka_module *module;
    const struct alka_crucible *crucible;
    struct alka_codegen_options options;
    struct alka_layout layout;
    uint8_t *text;
    uint32_t text_reserved, text_committed, text_used;
    uint32_t *function_offs; /* until a function is emitted: last call to it, which links on */
    uint32_t emitted;
    bool *foreign_tables; /* per table: may hold functions of other instances */
    struct pages sites, relocs, rodata, fixups, tables, constants, stubs;
    struct pages frames, call_sites, tries, clauses; /* struct alka_unwind's */
    uint32_t constant_count;
    reg_set allocatable, home_regs; /* what the limits and the module leave */
    bool has_memory32;    /* memory 0 exists and has 32-bit addresses: the memory model is for it */
    uint32_t index_spare; /* what may be added to an index that was good for an access: index.c */
    uint8_t memory_reg;   /* r15 or r14 */
    bool is_finished;
};

enum {
    EMIT_OP_BYTES = 2048, /* room that every opcode has */
    EMIT_OPERANDS = 3,    /* entries that a lowering may change in place: never settled */
    EMIT_WINDOW = 24,     /* entries on top of the operand stack that are not settled */
    EMIT_EPILOGUES = 8,   /* ways out that an unused frame is taken away from again */
};

enum emit_halt {
    EMIT_DEAD = 1,   /* no path leads here */
    EMIT_DONE = 2,   /* behind the body's `end` */
    EMIT_FAILED = 4, /* see `status` */
};

struct emit {
    struct x64 x;         /* first: hot */
    const uint8_t *pc;    /* next byte of the body */
    const uint8_t *bytes; /* of the module */
    uint8_t *limit;       /* text that may be written */
    uint8_t *op_limit;    /* an opcode may start here, at the latest: EMIT_OP_BYTES before that */
    struct value *stack;
    uint32_t depth;
    uint32_t settled; /* entries below are constants or slots */
    reg_set free;     /* registers that an entry may take */
    reg_set pinned;   /* held by the lowering that runs: not to be spilled */
    reg_set live_homes;
    uint32_t op_off; /* module offset of the opcode that runs */
    uint32_t pending_loads;
    bool has_flags; /* top entry is VALUE_FLAGS */
    /* If x.at is still here, ZF says whether this register is zero, as wide as zero_w says. */
    uint8_t *zero_at;
    uint8_t zero_reg;
    x64_op zero_w;
    struct index_facts index;
    uint8_t halt; /* a set of enum emit_halt: what keeps the walk from going on */
    bool uses_frame;
    bool is_leaf;
    alka_status status; /* first failure; emission stops at the next opcode */

    struct alka_codegen *gen;
    const struct alka_body_summary *summary;
    struct home *homes;
    uint32_t home_web[32]; /* which web lives in each register of live_homes */
    uint32_t *local_webs;  /* per local: the web of its latest definition that anybody reads */
    uint32_t next_def, next_block;
    uint32_t try_idx;       /* the innermost try whose body we are in; NO_OFF */
    uint32_t pad_label_off; /* where the pad that is being emitted goes on */
    struct block *blocks;
    uint32_t block_count;
    int32_t slots_disp;  /* rbp-relative: operand slot 0 */
    uint32_t slot_bytes; /* of each operand slot: 8, or 16 where there may be a v128 */
    /* rbp-relative: the frame from bottom to top; parameters that came on the stack */
    int32_t bottom_disp, top_disp, args_disp;
    uint32_t frame_bytes;
    uint32_t call_params_bytes; /* below the frame, at most: parameters of calls */
    reg_set saved_regs;
    uint32_t prologue_sub_off, prologue_sub_bytes;
    uint32_t epilogue_add_offs[EMIT_EPILOGUES], epilogue_count;
    struct alka_arena *scratch;
};

static inline uint32_t emit_off(const struct emit *e) { return (uint32_t)(e->x.at - e->gen->text); }
static inline uint8_t *emit_at(const struct emit *e, uint32_t off) { return e->gen->text + off; }

/* The instruction just emitted set ZF according to its result. */
static inline void emit_zero_known(struct emit *e, unsigned reg, x64_op w) {
    e->zero_at = e->x.at;
    e->zero_reg = (uint8_t)reg;
    e->zero_w = w & X64_W;
}
/* Nothing is known about the flags. */
static inline void emit_zero_unknown(struct emit *e) { e->zero_at = NULL; }

static inline void index_forget_all(struct emit *e) {
    e->index.used = e->index.sums = e->index.bases = 0;
}
void index_forget_known(struct emit *e, unsigned reg);
/* The register is about to change. */
static inline void index_forget(struct emit *e, unsigned reg) {
    if (__builtin_expect((e->index.used | e->index.bases) & REG_BIT(reg), 0))
        index_forget_known(e, reg);
}

/* Here a jump arrives: nothing is known about flags and registers. */
static inline void emit_label(struct emit *e) {
    emit_zero_unknown(e);
    index_forget_all(e);
}

static inline bool emit_is_dead(const struct emit *e) { return e->halt & EMIT_DEAD; }

static inline void emit_fail(struct emit *e, alka_status status) {
    if (!e->status)
        e->status = status;
    e->halt |= EMIT_FAILED;
}

/* --- What the files offer each other -----------------------------------------------------------*/

/* text.c: room, jumps, tables beside the text */
bool emit_reserve(struct emit *e, size_t bytes); /* false: failed, and e->status says why */
void emit_site_slow(struct emit *e, struct alka_trap_site site);
static inline void emit_site(struct emit *e, enum alka_trap trap, uint32_t wasm_off) {
    struct alka_trap_site site = alka_trap_site_make(emit_off(e), wasm_off, trap);
    struct pages *sites = &e->gen->sites;
    if (__builtin_expect(sites->capacity_bytes - sites->used_bytes < sizeof site, 0)) {
        emit_site_slow(e, site);
        return;
    }
    __builtin_memcpy(sites->data + sites->used_bytes, &site, sizeof site);
    sites->used_bytes += (uint32_t)sizeof site;
}
void emit_reloc(struct emit *e, enum alka_reloc_kind kind, uint32_t index);
/* A call that may throw ends here, inside of that try; NO_OFF: none. */
void emit_call_site(struct emit *e, uint32_t try_idx);
/* Their numbers: */
uint32_t emit_try(struct emit *e, struct alka_try record);
uint32_t emit_clause(struct emit *e, struct alka_clause record);
struct alka_clause *emit_clause_at(const struct emit *e, uint32_t clause);
struct alka_try *emit_try_at(const struct emit *e, uint32_t try_idx);
/* How the function's frame is unwound. */
void emit_frame_record(struct emit *e, uint32_t frame);
void emit_patch(struct emit *e, uint32_t rel32_off, uint32_t target_off);
/* Patches a chain of rel32 that link to each other (NO_OFF ends it). */
void emit_patch_chain(struct emit *e, uint32_t last_off, uint32_t target_off);
void emit_stub(struct emit *e, struct stub stub);
/* From a stub to where it goes on. */
void emit_jump_back(struct emit *e, const struct stub *stub);
/* A jump to a stub that traps, if `cond`. */
void emit_trap_if(struct emit *e, enum x64_cond cond, enum alka_trap trap);
void emit_stubs(struct emit *e);
/* Read-only data. The constant's address goes into the instruction that follows through a fixup
 * that rodata_use makes after it was written. */
struct rodata {
    uint32_t off;
};
struct rodata rodata_constant(struct emit *e, uint64_t low, uint64_t high, unsigned bytes);
void rodata_use(struct emit *e, struct rodata what, unsigned tail);
/* `count` words; the result is the number of the first; emit.c's labels fill them. */
struct rodata rodata_jump_table(struct emit *e, uint32_t count);
uint32_t *rodata_word(struct emit *e, uint32_t word);

/* regs.c: homes of webs */
alka_status regs_assign(struct emit *e);

static inline struct x64_rm frame_mem(struct emit *e, int32_t disp) {
    e->uses_frame = true;
    return x64_mem(X64_GPR(RBP), disp);
}

/* The trusted decoder: bytes that the validator has accepted. Numbers of one and two bytes, which
 * nearly all have, are read in a straight line. */
static inline uint32_t emit_take_u32_at(const uint8_t **pc) {
    const uint8_t *at = *pc;
    uint32_t low = at[0];
    if (low < 0x80) {
        *pc = at + 1;
        return low;
    }
    uint32_t high = at[1];
    if (high >= 0x80)
        return alka_leb_take_u32(pc);
    *pc = at + 2;
    return high << 7 | (low & 0x7F);
}
static inline int64_t emit_take_signed_at(const uint8_t **pc) {
    const uint8_t *at = *pc;
    uint32_t low = at[0];
    if (low < 0x80) {
        *pc = at + 1;
        return (int64_t)((uint64_t)low << 57) >> 57;
    }
    uint32_t high = at[1];
    if (high >= 0x80)
        return alka_leb_take_signed(pc);
    *pc = at + 2;
    return (int64_t)((uint64_t)(high << 7 | (low & 0x7F)) << 50) >> 50;
}
static inline uint32_t emit_take_u32(struct emit *e) { return emit_take_u32_at(&e->pc); }
static inline int64_t emit_take_signed(struct emit *e) { return emit_take_signed_at(&e->pc); }
/* (ref null ht) and (ref ht) have a heap type behind their first byte (5.3.3). */
static inline int64_t emit_take_valtype(struct emit *e) {
    enum { REF_NULL = -0x1D, REF = -0x1C };
    int64_t code = emit_take_signed(e);
    if (code == REF_NULL || code == REF)
        (void)emit_take_signed(e);
    return code;
}

/* How one opcode is lowered: a function and what tells the opcodes apart that share it
 * (lowerings.h). */
struct lowering {
    void (*emit)(struct emit *e, const struct lowering *how);
    uint32_t a;
    uint16_t needs; /* alka_cpu_set */
    uint8_t kind;   /* enum alka_kind of the operands */
    uint8_t b, c, d;
    bool takes_flags;
};

static inline bool emit_cpu_has(const struct emit *e, alka_cpu_set features) {
    return (e->gen->options.cpu & features) == features;
}

#endif

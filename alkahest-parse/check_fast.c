/*
 * Room: parse. The common instructions in their common form, with cursor and stack pointer in
 * registers: a table says for each one-byte opcode what there is to do. In: the cursor at an
 * instruction. Out: the cursor at one that is rare, unusual or wrong, nothing of which has been
 * done: check_step reads it from its first byte, knows all cases, and alone reports failures. Must
 * never accept what check_step would refuse.
 */
#include "check.h"

/* How the loop may handle a one-byte opcode. Opcodes without a row read as CHECK_SLOW. */
enum check_way {
    CHECK_SLOW,
    CHECK_PLAIN,      /* no immediates */
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
    CHECK_END,
    CHECK_BR,
    CHECK_BR_IF,
    CHECK_CALL,
};

struct check_row {
    alka_valtype top, below;       /* the two topmost operands; 0 if there are fewer */
    uint32_t top_mask, below_mask; /* 0 if there are fewer */
    uint8_t way;
    uint8_t pops, pushes, result;
    uint8_t immediate; /* CONST_LEB: most bytes; CONST_BITS: bytes; ACCESS: log2 of the width */
} __attribute__((aligned(32)));

/* What signatures contribute, as constants. The address type A counts as i32 here. */
enum check_sig_facts {
#define CHECK_TYPE_N 0
#define CHECK_TYPE_I ALKA_SIG_TYPE_I
#define CHECK_TYPE_L ALKA_SIG_TYPE_L
#define CHECK_TYPE_F ALKA_SIG_TYPE_F
#define CHECK_TYPE_D ALKA_SIG_TYPE_D
#define CHECK_TYPE_V ALKA_SIG_TYPE_V
#define CHECK_TYPE_A ALKA_SIG_TYPE_I
#define SIG(id, pops, first, second, third, pushes, result)                                      \
    CHECK_POPS_##id = pops, CHECK_PUSHES_##id = pushes, CHECK_RESULT_##id = CHECK_TYPE_##result, \
    CHECK_TOP_##id = (pops) == 2 ? CHECK_TYPE_##second : CHECK_TYPE_##first,                     \
    CHECK_BELOW_##id = (pops) == 2 ? CHECK_TYPE_##first : 0,
#include <alkahest/op_kinds.def>
};

#define CHECK_SPECIAL_WAY(op)                        \
    ((op) == ALKA_OP_LOCAL_GET    ? CHECK_LOCAL_GET  \
     : (op) == ALKA_OP_LOCAL_SET  ? CHECK_LOCAL_SET  \
     : (op) == ALKA_OP_LOCAL_TEE  ? CHECK_LOCAL_TEE  \
     : (op) == ALKA_OP_GLOBAL_GET ? CHECK_GLOBAL_GET \
     : (op) == ALKA_OP_GLOBAL_SET ? CHECK_GLOBAL_SET \
     : (op) == ALKA_OP_DROP       ? CHECK_DROP       \
     : (op) == ALKA_OP_SELECT     ? CHECK_SELECT     \
     : (op) == ALKA_OP_BLOCK      ? CHECK_ENTER      \
     : (op) == ALKA_OP_LOOP       ? CHECK_ENTER      \
     : (op) == ALKA_OP_IF         ? CHECK_ENTER      \
     : (op) == ALKA_OP_END        ? CHECK_END        \
     : (op) == ALKA_OP_BR         ? CHECK_BR         \
     : (op) == ALKA_OP_BR_IF      ? CHECK_BR_IF      \
     : (op) == ALKA_OP_CALL       ? CHECK_CALL       \
                                  : CHECK_SLOW)
#define CHECK_FIXED_WAY(imm)                                                 \
    ((imm) == ALKA_IMM_NONE                               ? CHECK_PLAIN      \
     : (imm) == ALKA_IMM_I32 || (imm) == ALKA_IMM_I64     ? CHECK_CONST_LEB  \
     : (imm) == ALKA_IMM_F32 || (imm) == ALKA_IMM_F64     ? CHECK_CONST_BITS \
     : (imm) >= ALKA_IMM_MEM8 && (imm) <= ALKA_IMM_MEM128 ? CHECK_ACCESS     \
                                                          : CHECK_SLOW)
#define CHECK_WAY(op, imm, sig, feature)                   \
    ((feature) != ALKA_FEATURE_MVP ? CHECK_SLOW            \
     : (sig) == ALKA_SIG_SPECIAL   ? CHECK_SPECIAL_WAY(op) \
                                   : CHECK_FIXED_WAY(imm))
#define CHECK_IMMEDIATE(imm)                                                    \
    ((imm) == ALKA_IMM_I32                                ? 5                   \
     : (imm) == ALKA_IMM_I64                              ? 10                  \
     : (imm) == ALKA_IMM_F32                              ? 4                   \
     : (imm) == ALKA_IMM_F64                              ? 8                   \
     : (imm) >= ALKA_IMM_MEM8 && (imm) <= ALKA_IMM_MEM128 ? (imm)-ALKA_IMM_MEM8 \
                                                          : 0)

static const struct check_row check_rows[256] = {
#define CHECK_ROW_00(id, code, imm, sig, feature)                                              \
    [code] = {CHECK_TOP_##sig,                                                                 \
              CHECK_BELOW_##sig,                                                               \
              CHECK_POPS_##sig >= 1 ? UINT32_MAX : 0,                                          \
              CHECK_POPS_##sig >= 2 ? UINT32_MAX : 0,                                          \
              CHECK_WAY(ALKA_OP_##id, ALKA_IMM_##imm, ALKA_SIG_##sig, ALKA_FEATURE_##feature), \
              CHECK_POPS_##sig,                                                                \
              CHECK_PUSHES_##sig,                                                              \
              CHECK_RESULT_##sig,                                                              \
              (uint8_t)CHECK_IMMEDIATE(ALKA_IMM_##imm)},
#define CHECK_ROW_FB(...)
#define CHECK_ROW_FC(...)
#define CHECK_ROW_FD(...)
#define CHECK_ROW_FE(...)
#define OP(id, text, prefix, code, imm, sig, feature) \
    CHECK_ROW_##prefix(id, code, imm, sig, feature)
#include <alkahest/wasm_ops.def>
};

/* Without a branch on the number of operands: it changes from instruction to instruction. */
static inline bool fast_fits(const struct check_row *row, const alka_valtype *sp,
                             const alka_valtype *floor) {
    return (size_t)(sp - floor) >= row->pops &&
           (((sp[-1] ^ row->top) & row->top_mask) | ((sp[-2] ^ row->below) & row->below_mask)) == 0;
}

enum { FAST_LEB_LONG = 16 };

/* The bytes of the LEB128 number at `at`, from which eight bytes can be read; FAST_LEB_LONG: more
 * than those. */
static inline uint32_t fast_leb_bytes(const uint8_t *at) {
    uint64_t bytes;
    __builtin_memcpy(&bytes, at, sizeof bytes);
    uint64_t last = ~bytes & UINT64_C(0x8080808080808080);
    return last ? ((uint32_t)__builtin_ctzll(last) >> 3) + 1 : FAST_LEB_LONG;
}

/* An index of at most three bytes; *at moves behind it. Longer ones read as too large for any use.
 */
static inline uint32_t fast_index(const uint8_t **at) {
    uint32_t index = *(*at)++;
    if (IN_LIKELY(index < 0x80))
        return index;
    uint32_t second = *(*at)++;
    index = (index & 0x7F) | (second & 0x7F) << 7;
    if (second < 0x80)
        return index;
    uint32_t third = *(*at)++;
    return third < 0x80 ? index | third << 14 : UINT32_MAX;
}

#define FAST_INLINE static inline __attribute__((always_inline))

/* What the loop has in registers. `limit`: from here on there might be too few bytes to
 * look at. */
struct fast {
    const uint8_t *at, *limit;
    alka_valtype *sp, *floor;
};

/* There is room for one push whenever an instruction begins: where the stack is deeper than ever,
 * it is looked at how much is left, and the loop ended. */
FAST_INLINE void fast_deepen(struct check *check, struct fast *fast) {
    if (IN_LIKELY(fast->sp <= check->deepest))
        return;
    check->deepest = fast->sp;
    if (fast->sp >= check->stack_end - 1)
        fast->limit = fast->at;
}

FAST_INLINE bool fast_top_is(const struct fast *fast, alka_valtype type) {
    return fast->sp > fast->floor && fast->sp[-1] == type;
}

/* Each of these does its instruction and returns true, or does nothing. `next` is behind the
 * opcode. */

FAST_INLINE bool fast_local(struct check *check, struct fast *fast, enum check_way way) {
    const uint8_t *next = fast->at + 1;
    uint32_t local_idx = fast_index(&next);
    if (IN_UNLIKELY(local_idx >= check->local_count || next > check->in.end))
        return false;
    alka_valtype type = check->locals[local_idx];
    if (IN_UNLIKELY(!alka_valtype_has_default(type)))
        return false;
    uint32_t off = in_off(&check->in, fast->at), height = (uint32_t)(fast->sp - check->stack);
    if (way == CHECK_LOCAL_GET) {
        summarize_get(&check->sum, local_idx, off, height);
        *fast->sp++ = type;
        fast_deepen(check, fast);
    } else {
        if (IN_UNLIKELY(!fast_top_is(fast, type)))
            return false;
        summarize_set(&check->sum, local_idx, off, height - 1);
        fast->sp -= way == CHECK_LOCAL_SET;
    }
    fast->at = next;
    return true;
}

FAST_INLINE bool fast_global(struct check *check, struct fast *fast, bool is_set) {
    const struct alka_module *module = check->in.module;
    const uint8_t *next = fast->at + 1;
    uint32_t global_idx = fast_index(&next);
    if (global_idx >= module->global_count || next > check->in.end)
        return false;
    const struct alka_global_def *global = &module->globals[global_idx];
    if (alka_valtype_is_ref(global->type))
        return false;
    if (is_set && !(global->is_mutable && fast_top_is(fast, global->type)))
        return false;
    if (is_set) {
        fast->sp--;
    } else {
        *fast->sp++ = global->type;
        fast_deepen(check, fast);
    }
    fast->at = next;
    return true;
}

FAST_INLINE bool fast_select(struct fast *fast) {
    const alka_valtype *sp = fast->sp;
    if (sp - fast->floor < 3 || sp[-1] != ALKA_I32 || sp[-2] != sp[-3] ||
        alka_valtype_is_ref(sp[-2]) || sp[-2] == ALKA_BOTTOM)
        return false;
    fast->sp -= 2;
    fast->at++;
    return true;
}

/* Blocks without parameters and results. */
FAST_INLINE bool fast_enter(struct check *check, struct fast *fast) {
    enum { FAST_EMPTY_BLOCK = 0x40 };
    static const struct alka_functype empty;
    uint32_t op = alka_op_by_byte[*fast->at] - 1u;
    bool is_if = op == ALKA_OP_IF;
    if (fast->at[1] != FAST_EMPTY_BLOCK || check->depth == check->frame_room)
        return false;
    if (is_if && !fast_top_is(fast, ALKA_I32))
        return false;
    fast->sp -= is_if;
    check->sp = fast->sp;
    check_open_frame(check, op, &empty);
    check_summarize_frame(check, op);
    fast->floor = check->floor;
    fast->at += 2;
    return true;
}

/* The end of a block with at most one result, which is there and nothing else. */
FAST_INLINE bool fast_end(struct check *check, struct fast *fast) {
    const struct check_frame *frame = check_top(check);
    const struct alka_functype *type = frame->type;
    uint32_t count = type->result_count;
    if (check->depth == 1 || count > 1 || check->is_set || frame->op > ALKA_OP_ELSE ||
        (frame->op == ALKA_OP_IF && (count || type->param_count)) ||
        fast->sp != fast->floor + count || (count && fast->sp[-1] != type->results[0]))
        return false;
    summarize_end(&check->sum, in_off(&check->in, fast->at));
    check->depth--;
    check->floor = fast->floor = check->stack + check_top(check)->floor;
    fast->at++;
    return true;
}

/* Branches that take no values along. */
FAST_INLINE bool fast_branch(struct check *check, struct fast *fast, bool is_conditional) {
    uint32_t depth = fast->at[1];
    if (depth >= check->depth || depth >= 0x80)
        return false;
    const struct check_frame *frame = &check->frames[check->depth - 1 - depth];
    const struct alka_functype *type = frame->type;
    if ((frame->op == ALKA_OP_LOOP ? type->param_count : type->result_count) != 0 ||
        (is_conditional && !fast_top_is(fast, ALKA_I32)))
        return false;
    fast->sp -= is_conditional;
    summarize_branch(&check->sum, depth);
    if (!is_conditional) {
        check_unreachable(check);
        fast->sp = check->sp;
    }
    fast->at += 2;
    return true;
}

FAST_INLINE bool fast_call(struct check *check, struct fast *fast) {
    const struct alka_module *module = check->in.module;
    const uint8_t *next = fast->at + 1;
    uint32_t func_idx = fast_index(&next);
    if (IN_UNLIKELY(func_idx >= module->function_count || next > check->in.end))
        return false;
    const struct alka_functype *type = alka_function_type(module, func_idx);
    const alka_valtype *args = fast->sp - type->param_count;
    if (fast->sp - fast->floor < (ptrdiff_t)type->param_count ||
        check->stack_end - fast->sp <= (ptrdiff_t)type->result_count)
        return false;
    for (uint32_t i = 0; i < type->param_count; i++)
        if (args[i] != type->params[i])
            return false;
    fast->sp -= type->param_count;
    for (uint32_t i = 0; i < type->result_count; i++)
        *fast->sp++ = type->results[i];
    fast_deepen(check, fast);
    summarize_call(&check->sum, type->param_count, type->result_count);
    fast->at = next;
    return true;
}

/* Instructions of a fixed signature: operands and immediates as the row says. */
FAST_INLINE bool fast_fixed(struct check *check, struct fast *fast, const struct check_row *row,
                            enum check_way way) {
    const uint8_t *next = fast->at + 1;
    if (way == CHECK_CONST_BITS)
        next += row->immediate;
    if (way == CHECK_CONST_LEB) {
        uint32_t bytes = fast_leb_bytes(next);
        if (IN_UNLIKELY(bytes >= row->immediate)) /* the last byte's bits matter */
            return false;
        next += bytes;
    }
    if (way == CHECK_ACCESS) {
        uint32_t bytes = fast_leb_bytes(next + 1);
        if (IN_UNLIKELY(!check->has_memory32 || *next > row->immediate || bytes >= 5))
            return false;
        next += 1 + bytes;
    }
    if (IN_UNLIKELY(next > check->in.end || !fast_fits(row, fast->sp, fast->floor)))
        return false;
    fast->sp -= row->pops;
    *fast->sp = row->result;
    fast->sp += row->pushes;
    fast_deepen(check, fast);
    fast->at = next;
    return true;
}

FAST_INLINE bool fast_step(struct check *check, struct fast *fast) {
    enum { LOCAL_GET = 0x20, I32_CONST = 0x41 };
    uint32_t byte = *fast->at;
    if (byte == LOCAL_GET) /* so common that a jump of its own can be predicted */
        return fast_local(check, fast, CHECK_LOCAL_GET);
    const struct check_row *row = &check_rows[byte];
    if (byte == I32_CONST)
        return fast_fixed(check, fast, row, CHECK_CONST_LEB);
    switch ((enum check_way)row->way) {
    case CHECK_PLAIN:
        return fast_fixed(check, fast, row, CHECK_PLAIN);
    case CHECK_CONST_LEB:
        return fast_fixed(check, fast, row, CHECK_CONST_LEB);
    case CHECK_CONST_BITS:
        return fast_fixed(check, fast, row, CHECK_CONST_BITS);
    case CHECK_ACCESS:
        return fast_fixed(check, fast, row, CHECK_ACCESS);
    case CHECK_LOCAL_GET:
        return fast_local(check, fast, CHECK_LOCAL_GET);
    case CHECK_LOCAL_SET:
        return fast_local(check, fast, CHECK_LOCAL_SET);
    case CHECK_LOCAL_TEE:
        return fast_local(check, fast, CHECK_LOCAL_TEE);
    case CHECK_GLOBAL_GET:
        return fast_global(check, fast, false);
    case CHECK_GLOBAL_SET:
        return fast_global(check, fast, true);
    case CHECK_DROP:
        if (fast->sp == fast->floor)
            return false;
        fast->sp--;
        fast->at++;
        return true;
    case CHECK_SELECT:
        return fast_select(fast);
    case CHECK_ENTER:
        return fast_enter(check, fast);
    case CHECK_END:
        return fast_end(check, fast);
    case CHECK_BR:
        return fast_branch(check, fast, false);
    case CHECK_BR_IF:
        return fast_branch(check, fast, true);
    case CHECK_CALL:
        return fast_call(check, fast);
    case CHECK_SLOW:
        break;
    }
    return false;
}

void check_fast(struct check *check) {
    enum { FAST_BYTES = 16 }; /* an opcode, an alignment, and eight bytes to find a number's end */
    const struct input *in = &check->in;
    const uint8_t *module_end = in->base + in->module->bytes.size;
    if (in->end - in->cursor < 2 || module_end - in->cursor < FAST_BYTES)
        return;
    struct fast fast = {in->cursor, in->end - 1, check->sp, check->floor};
    if (module_end - FAST_BYTES < fast.limit)
        fast.limit = module_end - FAST_BYTES;
    if (check->deepest >= check->stack_end - 1)
        return;
    while (fast.at < fast.limit && fast_step(check, &fast)) {
    }
    check->in.cursor = fast.at;
    check->sp = fast.sp;
}

/*
 * Room: parse. The common instructions in their common form, with cursor and stack pointer in
 * registers: a table says for each one-byte opcode what there is to do. In: the cursor at an
 * instruction. Out: the cursor at one that is rare, unusual or wrong, nothing of which has been
 * done: check_step reads it from its first byte, knows all cases, and alone reports failures. Must
 * never accept what check_step would refuse.
 */
#include "check_rows.h"

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
static inline uint32_t fast_index_long(const uint8_t **at) {
    const uint8_t *next = *at;
    uint32_t index = (next[0] & 0x7Fu) | (next[1] & 0x7Fu) << 7;
    bool is_short = next[1] < 0x80;
    *at = next + 3 - is_short;
    if (is_short)
        return index;
    return next[2] < 0x80 ? index | (uint32_t)next[2] << 14 : UINT32_MAX;
}
static inline uint32_t fast_index(const uint8_t **at) {
    uint32_t index = **at;
    if (IN_UNLIKELY(index >= 0x80))
        return fast_index_long(at);
    ++*at;
    return index;
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

/* Block types without parameters: no result, or a number. NULL: something else. */
static const struct alka_functype *fast_block_type(uint8_t byte) {
    enum { FAST_F64 = 0x7C, FAST_I32 = 0x7F, FAST_EMPTY_BLOCK = 0x40 };
    static const alka_valtype results[] = {ALKA_F64, ALKA_F32, ALKA_I64, ALKA_I32};
    static const struct alka_functype empty, types[] = {{NULL, &results[0], 0, 1},
                                                        {NULL, &results[1], 0, 1},
                                                        {NULL, &results[2], 0, 1},
                                                        {NULL, &results[3], 0, 1}};
    if (byte == FAST_EMPTY_BLOCK)
        return &empty;
    return byte >= FAST_F64 && byte <= FAST_I32 ? &types[byte - FAST_F64] : NULL;
}

FAST_INLINE bool fast_enter(struct check *check, struct fast *fast) {
    uint32_t op = alka_op_by_byte[*fast->at] - 1u;
    bool is_if = op == ALKA_OP_IF;
    const struct alka_functype *type = fast_block_type(fast->at[1]);
    if (!type || check->depth == check->frame_room)
        return false;
    if (is_if && !fast_top_is(fast, ALKA_I32))
        return false;
    fast->sp -= is_if;
    check->sp = fast->sp;
    check_open_frame(check, op, type);
    check_summarize_frame(check, op);
    fast->floor = check->floor;
    fast->at += 2;
    return true;
}

/* At most one value, of the right type, is on top. */
FAST_INLINE bool fast_holds(const struct fast *fast, const alka_valtype *types, uint32_t count) {
    return count == 0 || (count == 1 && fast_top_is(fast, types[0]));
}

/* The block's results are there and nothing else, and no local loses its value. */
FAST_INLINE bool fast_arm_ends(const struct check *check, const struct fast *fast,
                               const struct alka_functype *type) {
    return !check->is_set && fast->sp == fast->floor + type->result_count &&
           fast_holds(fast, type->results, type->result_count);
}

FAST_INLINE bool fast_else(struct check *check, struct fast *fast) {
    struct check_frame *frame = check_top(check);
    if (frame->op != ALKA_OP_IF || frame->type->param_count ||
        !fast_arm_ends(check, fast, frame->type))
        return false;
    frame->op = ALKA_OP_ELSE;
    frame->is_unreachable = false;
    summarize_else(&check->sum);
    fast->sp = fast->floor;
    fast->at++;
    return true;
}

FAST_INLINE bool fast_end(struct check *check, struct fast *fast) {
    const struct check_frame *frame = check_top(check);
    const struct alka_functype *type = frame->type;
    if (check->depth == 1 || frame->op > ALKA_OP_ELSE ||
        (frame->op == ALKA_OP_IF && (type->result_count || type->param_count)) ||
        !fast_arm_ends(check, fast, type))
        return false;
    summarize_end(&check->sum, in_off(&check->in, fast->at));
    check->depth--;
    check->floor = fast->floor = check->stack + check_top(check)->floor;
    fast->at++;
    return true;
}

/* Nothing falls through. */
FAST_INLINE void fast_jump(struct check *check, struct fast *fast, uint32_t depth) {
    summarize_branch(&check->sum, depth);
    check_unreachable(check);
    fast->sp = check->sp;
}

FAST_INLINE bool fast_return(struct check *check, struct fast *fast) {
    if (!fast_holds(fast, check->type->results, check->type->result_count))
        return false;
    fast_jump(check, fast, check->depth - 1);
    fast->at++;
    return true;
}

/* Branches that take at most one value along. */
FAST_INLINE bool fast_branch(struct check *check, struct fast *fast, bool is_conditional) {
    uint32_t depth = fast->at[1];
    if (depth >= check->depth || depth >= 0x80)
        return false;
    const struct check_frame *frame = &check->frames[check->depth - 1 - depth];
    const struct alka_functype *type = frame->type;
    bool is_loop = frame->op == ALKA_OP_LOOP;
    if (is_conditional && !fast_top_is(fast, ALKA_I32))
        return false;
    fast->sp -= is_conditional;
    if (!fast_holds(fast, is_loop ? type->params : type->results,
                    is_loop ? type->param_count : type->result_count)) {
        fast->sp += is_conditional;
        return false;
    }
    if (is_conditional)
        summarize_branch(&check->sum, depth);
    else
        fast_jump(check, fast, depth);
    fast->at += 2;
    return true;
}

/* A function of that type is called. */
FAST_INLINE bool fast_apply(struct check *check, struct fast *fast,
                            const struct alka_functype *type) {
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
    return true;
}

FAST_INLINE bool fast_call(struct check *check, struct fast *fast) {
    const struct alka_module *module = check->in.module;
    const uint8_t *next = fast->at + 1;
    uint32_t func_idx = fast_index(&next);
    if (IN_UNLIKELY(func_idx >= module->function_count || next > check->in.end) ||
        !fast_apply(check, fast, alka_function_type(module, func_idx)))
        return false;
    fast->at = next;
    return true;
}

/* Through table 0, which is one of functions. */
FAST_INLINE bool fast_call_indirect(struct check *check, struct fast *fast) {
    const struct alka_module *module = check->in.module;
    const uint8_t *next = fast->at + 1;
    uint32_t type_idx = fast_index(&next);
    if (type_idx >= module->type_count || module->type_defs[type_idx].form != ALKA_TYPE_FUNC ||
        next >= check->in.end || *next != 0 || module->table_count == 0 ||
        module->tables[0].type != ALKA_FUNCREF || module->tables[0].range.is_64 ||
        !fast_top_is(fast, ALKA_I32))
        return false;
    fast->sp--;
    if (!fast_apply(check, fast, &module->types[type_idx])) {
        fast->sp++;
        return false;
    }
    fast->at = next + 1;
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
    if (way == CHECK_CONST_LEB || way == CHECK_CONST_BITS) /* no other grows the stack */
        fast_deepen(check, fast);
    fast->at = next;
    return true;
}

/* The same for the most common of them, without a row. */
FAST_INLINE bool fast_i32_const(struct check *check, struct fast *fast) {
    uint32_t bytes = fast_leb_bytes(fast->at + 1);
    if (IN_UNLIKELY(bytes >= 5 || fast->at + 1 + bytes > check->in.end))
        return false;
    *fast->sp++ = ALKA_I32;
    fast_deepen(check, fast);
    fast->at += 1 + bytes;
    return true;
}

FAST_INLINE bool fast_step(struct check *check, struct fast *fast) {
    enum { LOCAL_GET = 0x20, I32_CONST = 0x41 };
    uint32_t byte = *fast->at;
    if (byte == LOCAL_GET) /* so common that jumps of their own can be predicted */
        return fast_local(check, fast, CHECK_LOCAL_GET);
    if (byte == I32_CONST)
        return fast_i32_const(check, fast);
    const struct check_row *row = &check_rows[byte];
    switch ((enum check_way)row->way) {
    case CHECK_PLAIN:
        return fast_fixed(check, fast, row, CHECK_PLAIN);
    case CHECK_EXTEND:
        return (check->in.module->features_used & ALKA_FEATURE_BIT(SIGN_EXT)) &&
               fast_fixed(check, fast, row, CHECK_PLAIN);
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
    case CHECK_ELSE:
        return fast_else(check, fast);
    case CHECK_END:
        return fast_end(check, fast);
    case CHECK_BR:
        return fast_branch(check, fast, false);
    case CHECK_BR_IF:
        return fast_branch(check, fast, true);
    case CHECK_RETURN:
        return fast_return(check, fast);
    case CHECK_CALL:
        return fast_call(check, fast);
    case CHECK_CALL_INDIRECT:
        return fast_call_indirect(check, fast);
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

/*
 * Room: parse. One step of the validator (specification, appendix A.3): operand stack, immediates,
 * and the instructions whose signature is fixed, straight from the opcode table. In: the cursor at
 * an opcode. Out: the stacks after it, or its failure. Must never recurse and never look back.
 */
#include "check.h"

void *memcpy(void *, const void *, size_t);
int memcmp(const void *, const void *, size_t);

alka_status check_fail(const struct check *check, alka_status code, uint64_t arg0, uint64_t arg1) {
    return in_fail(&check->in, code, check->at, arg0, arg1);
}

/* Operand stack */

enum { CHECK_STACK_FIRST = 256, CHECK_STACK_PADDING = 2 };

alka_status check_grow(struct check *check, uint32_t count) {
    uint32_t limit = check->in.module->limits->operand_stack;
    size_t height = (size_t)(check->sp - check->stack);
    size_t capacity = (size_t)(check->stack_end - check->stack);
    if (height + count > limit)
        return check_fail(check, ALKA_E_LIMIT_OPERANDS, height + count, limit);
    size_t wanted = capacity != 0 ? capacity * 2 : CHECK_STACK_FIRST;
    if (wanted < height + count + 1)
        wanted = height + count + 1;
    if (wanted > (size_t)limit + 1)
        wanted = (size_t)limit + 1;
    alka_valtype *stack = NULL;
    ALKA_TRY(in_take(&check->in, wanted + CHECK_STACK_PADDING, sizeof *stack, &stack));
    for (uint32_t i = 0; i < CHECK_STACK_PADDING; i++)
        *stack++ = ALKA_BOTTOM;
    if (height != 0)
        memcpy(stack, check->stack, height * sizeof *stack);
    check->floor = stack + (check->floor - check->stack);
    check->deepest = stack + (check->deepest - check->stack);
    check->stack = stack;
    check->sp = stack + height;
    check->stack_end = stack + wanted;
    return ALKA_OK;
}

static inline void check_deepen(struct check *check) {
    if (check->sp > check->deepest)
        check->deepest = check->sp;
}

alka_status check_push(struct check *check, alka_valtype type) {
    ALKA_TRY(check_room(check, 1));
    *check->sp++ = type;
    check_deepen(check);
    return ALKA_OK;
}

alka_status check_pop_any(struct check *check, alka_valtype *out_type) {
    if (IN_LIKELY(check->sp > check->floor)) {
        *out_type = *--check->sp;
        return ALKA_OK;
    }
    *out_type = ALKA_BOTTOM;
    return check_top(check)->is_unreachable ? ALKA_OK
                                            : check_fail(check, ALKA_E_STACK_EMPTY, ALKA_BOTTOM, 0);
}

alka_status check_pop(struct check *check, alka_valtype type) {
    if (IN_UNLIKELY(check->sp == check->floor)) {
        return check_top(check)->is_unreachable ? ALKA_OK
                                                : check_fail(check, ALKA_E_STACK_EMPTY, type, 0);
    }
    alka_valtype found = *--check->sp;
    if (IN_UNLIKELY(!in_subtype(check->in.module, found, type)))
        return check_fail(check, ALKA_E_TYPE_MISMATCH, type, found);
    return ALKA_OK;
}

/* Short runs go one by one: memcmp would read in one piece what was just written in several, and
 * wait for it. Long ones are rare, but not in modules made to be slow. */
enum { CHECK_RUN_SHORT = 8 };

alka_status check_push_types(struct check *check, const alka_valtype *types, uint32_t count) {
    ALKA_TRY(check_room(check, count));
    if (count > CHECK_RUN_SHORT)
        memcpy(check->sp, types, count * sizeof *types);
    for (uint32_t i = 0; i < count && count <= CHECK_RUN_SHORT; i++)
        check->sp[i] = types[i];
    check->sp += count;
    check_deepen(check);
    return ALKA_OK;
}

bool check_holds(const struct check *check, const alka_valtype *types, uint32_t count) {
    if ((size_t)(check->sp - check->floor) < count)
        return false;
    const alka_valtype *held = check->sp - count;
    if (count > CHECK_RUN_SHORT)
        return memcmp(held, types, count * sizeof *types) == 0;
    for (uint32_t i = 0; i < count; i++)
        if (held[i] != types[i])
            return false;
    return true;
}

alka_status check_pop_types(struct check *check, const alka_valtype *types, uint32_t count) {
    if (IN_LIKELY(check_holds(check, types, count))) {
        check->sp -= count;
        return ALKA_OK;
    }
    for (uint32_t i = count; i != 0; i--)
        ALKA_TRY(check_pop(check, types[i - 1]));
    return ALKA_OK;
}

/* Immediates */

alka_status check_index(struct check *check, uint32_t count, alka_status unknown,
                        uint32_t *out_index) {
    ALKA_TRY(in_u32(&check->in, out_index));
    if (IN_UNLIKELY(*out_index >= count))
        return check_fail(check, unknown, *out_index, 0);
    return ALKA_OK;
}

alka_status check_memory_index(struct check *check, uint32_t *out_memory_idx) {
    struct input *in = &check->in;
    *out_memory_idx = 0;
    if (in_may_use(in, ALKA_FEATURE_MULTI_MEMORY)) {
        ALKA_TRY(in_u32(in, out_memory_idx));
    } else {
        const uint8_t *at = in->cursor;
        uint8_t zero = 0;
        ALKA_TRY(in_byte(in, &zero));
        if (zero != 0)
            return in_use_or(in, ALKA_FEATURE_MULTI_MEMORY, ALKA_E_ZERO_BYTE, at);
    }
    if (*out_memory_idx >= in->module->memory_count)
        return check_fail(check, ALKA_E_UNKNOWN_MEMORY, *out_memory_idx, 0);
    if (*out_memory_idx != 0)
        return in_use(in, ALKA_FEATURE_MULTI_MEMORY, check->at);
    return ALKA_OK;
}

static alka_status check_data(struct check *check, uint32_t data_idx) {
    const struct alka_module *module = check->in.module;
    if (!module->has_data_count)
        return check_fail(check, ALKA_E_DATA_COUNT_REQUIRED, 0, 0);
    if (data_idx >= module->data_count)
        return check_fail(check, ALKA_E_UNKNOWN_DATA, data_idx, 0);
    return ALKA_OK;
}

/* Release 3.0 gave bit 6 a meaning and made what is below it an alignment, however large. */
enum { MEMARG_HAS_MEMORY = 0x40, MEMARG_FLAGS_END = 0x80, MEMARG_ALIGN_END_2 = 32 };

/* The flags of a memarg (5.4.6): alignment as a power of two, and whether a memory is named. */
static alka_status check_memarg_flags(struct check *check, uint32_t *out_log2,
                                      uint32_t *out_memory_idx) {
    struct input *in = &check->in;
    const uint8_t *at = in->cursor;
    uint32_t flags = 0;
    ALKA_TRY(in_u32(in, &flags));
    bool may_have_memory = in_may_use(in, ALKA_FEATURE_MULTI_MEMORY);
    if (flags >= (may_have_memory ? MEMARG_FLAGS_END : MEMARG_ALIGN_END_2))
        return in_fail(in, ALKA_E_MEMARG_FLAGS, at, flags, 0);
    bool has_memory = (flags & MEMARG_HAS_MEMORY) != 0;
    flags &= ~(uint32_t)MEMARG_HAS_MEMORY;
    *out_log2 = flags;
    *out_memory_idx = 0;
    if (!has_memory)
        return ALKA_OK;
    ALKA_TRY(in_use(in, ALKA_FEATURE_MULTI_MEMORY, at));
    return in_u32(in, out_memory_idx);
}

static alka_status check_memarg(struct check *check, uint32_t natural_log2, bool is_atomic,
                                alka_valtype *out_address_type) {
    struct input *in = &check->in;
    uint32_t log2 = 0, memory_idx = 0;
    uint64_t offset = 0;
    ALKA_TRY(check_memarg_flags(check, &log2, &memory_idx));
    if (memory_idx >= in->module->memory_count)
        return check_fail(check, ALKA_E_UNKNOWN_MEMORY, memory_idx, 0);
    const struct alka_range *range = &in->module->memories[memory_idx].range;
    if (log2 > natural_log2)
        return check_fail(check, ALKA_E_ALIGNMENT, log2, natural_log2);
    if (is_atomic && log2 != natural_log2)
        return check_fail(check, ALKA_E_ALIGNMENT_ATOMIC, natural_log2, log2);
    ALKA_TRY(in_unsigned(in, in_may_use(in, ALKA_FEATURE_MEMORY64) ? 64 : 32, &offset));
    if (!range->is_64 && offset > UINT32_MAX)
        return check_fail(check, ALKA_E_OFFSET_RANGE, offset, 0);
    *out_address_type = check_address_type(range);
    return ALKA_OK;
}

static alka_status check_lane(struct check *check, uint32_t lanes) {
    uint8_t lane = 0;
    ALKA_TRY(in_byte(&check->in, &lane));
    return lane < lanes ? ALKA_OK : check_fail(check, ALKA_E_LANE_INDEX, lane, 0);
}

static alka_status check_shuffle(struct check *check) {
    for (uint32_t i = 0; i < 16; i++)
        ALKA_TRY(check_lane(check, 32));
    return ALKA_OK;
}

static alka_status check_zero_byte(struct check *check) {
    const uint8_t *at = check->in.cursor;
    uint8_t zero = 0;
    ALKA_TRY(in_byte(&check->in, &zero));
    return zero == 0 ? ALKA_OK : in_fail(&check->in, ALKA_E_ZERO_BYTE, at, 0, 0);
}

static alka_status check_constant(struct check *check, uint32_t bits) {
    int64_t value = 0;
    return in_signed(&check->in, bits, &value);
}

static alka_status check_memory(struct check *check, alka_valtype *out_address_type) {
    uint32_t memory_idx = 0;
    ALKA_TRY(check_memory_index(check, &memory_idx));
    *out_address_type = check_address_type(&check->in.module->memories[memory_idx].range);
    return ALKA_OK;
}

/* The data segment comes first in the bytes, the memory first in the specification's rule. */
static alka_status check_memory_init(struct check *check, alka_valtype *out_address_type) {
    uint32_t data_idx = 0;
    ALKA_TRY(in_u32(&check->in, &data_idx));
    ALKA_TRY(check_memory(check, out_address_type));
    return check_data(check, data_idx);
}

static alka_status check_lane_access(struct check *check, uint32_t log2,
                                     alka_valtype *out_address_type) {
    ALKA_TRY(check_memarg(check, log2, false, out_address_type));
    return check_lane(check, 16u >> log2);
}

/* The immediates of the instructions with a fixed signature. */
static alka_status check_immediate(struct check *check, enum alka_imm imm,
                                   alka_valtype *out_address_type) {
    uint32_t index = 0;
    switch ((uint32_t)imm) {
    case ALKA_IMM_NONE:
        return ALKA_OK;
    case ALKA_IMM_I32:
        return check_constant(check, 32);
    case ALKA_IMM_I64:
        return check_constant(check, 64);
    case ALKA_IMM_F32:
        return in_skip(&check->in, 4);
    case ALKA_IMM_F64:
        return in_skip(&check->in, 8);
    case ALKA_IMM_V128:
        return in_skip(&check->in, 16);
    case ALKA_IMM_MEM8:
    case ALKA_IMM_MEM16:
    case ALKA_IMM_MEM32:
    case ALKA_IMM_MEM64:
    case ALKA_IMM_MEM128:
        return check_memarg(check, (uint32_t)imm - ALKA_IMM_MEM8, false, out_address_type);
    case ALKA_IMM_MEM8_LANE:
    case ALKA_IMM_MEM16_LANE:
    case ALKA_IMM_MEM32_LANE:
    case ALKA_IMM_MEM64_LANE:
        return check_lane_access(check, (uint32_t)imm - ALKA_IMM_MEM8_LANE, out_address_type);
    case ALKA_IMM_ATOMIC8:
    case ALKA_IMM_ATOMIC16:
    case ALKA_IMM_ATOMIC32:
    case ALKA_IMM_ATOMIC64:
        return check_memarg(check, (uint32_t)imm - ALKA_IMM_ATOMIC8, true, out_address_type);
    case ALKA_IMM_LANE2:
    case ALKA_IMM_LANE4:
    case ALKA_IMM_LANE8:
    case ALKA_IMM_LANE16:
        return check_lane(check, 2u << ((uint32_t)imm - ALKA_IMM_LANE2));
    case ALKA_IMM_SHUFFLE:
        return check_shuffle(check);
    case ALKA_IMM_FENCE:
        return check_zero_byte(check);
    case ALKA_IMM_MEMORY:
        return check_memory(check, out_address_type);
    case ALKA_IMM_DATA:
        ALKA_TRY(in_u32(&check->in, &index));
        return check_data(check, index);
    case ALKA_IMM_ELEM:
        return check_index(check, check->in.module->element_count, ALKA_E_UNKNOWN_ELEMENT, &index);
    case ALKA_IMM_DATA_MEMORY:
        return check_memory_init(check, out_address_type);
    default:
        return check_fail(check, ALKA_E_INTERNAL, 0, 0);
    }
}

/* One instruction */

static inline alka_valtype check_sig_type(uint8_t type, alka_valtype address_type) {
    return type == ALKA_SIG_TYPE_A ? address_type : type;
}

static alka_status check_fixed(struct check *check, const struct alka_op_info *op) {
    const struct alka_sig_info *sig = &alka_sig_infos[op->sig];
    alka_valtype address_type = ALKA_I32;
    ALKA_TRY(check_immediate(check, (enum alka_imm)op->imm, &address_type));
    for (uint32_t i = sig->operand_count; i != 0; i--)
        ALKA_TRY(check_pop(check, check_sig_type(sig->operands[i - 1], address_type)));
    if (sig->result_count != 0)
        return check_push(check, check_sig_type(sig->result, address_type));
    return ALKA_OK;
}

/* Instructions that are calls into the runtime for the emitter. */
static bool check_is_helper_call(uint32_t op) {
    switch (op) {
    case ALKA_OP_MEMORY_GROW:
    case ALKA_OP_MEMORY_FILL:
    case ALKA_OP_REF_TEST:
    case ALKA_OP_REF_TEST_NULL:
    case ALKA_OP_REF_CAST:
    case ALKA_OP_REF_CAST_NULL:
    case ALKA_OP_MEMORY_COPY:
    case ALKA_OP_MEMORY_INIT:
    case ALKA_OP_DATA_DROP:
    case ALKA_OP_TABLE_SET:
    case ALKA_OP_TABLE_GROW:
    case ALKA_OP_TABLE_FILL:
    case ALKA_OP_TABLE_COPY:
    case ALKA_OP_TABLE_INIT:
    case ALKA_OP_ELEM_DROP:
    case ALKA_OP_MEMORY_ATOMIC_NOTIFY:
    case ALKA_OP_MEMORY_ATOMIC_WAIT32:
    case ALKA_OP_MEMORY_ATOMIC_WAIT64:
        return true;
    default:
        return false;
    }
}

static alka_status check_by_hand(struct check *check, uint32_t op, enum alka_feature feature) {
    if (op <= ALKA_OP_CALL_INDIRECT)
        return check_control(check, op);
    if (feature == ALKA_FEATURE_FUNCTION_REFERENCES)
        return check_reference(check, op);
    return feature == ALKA_FEATURE_GC ? check_object(check, op) : check_special(check, op);
}

alka_status check_step(struct check *check) {
    uint32_t op = ALKA_OP_COUNT;
    check->at = check->in.cursor;
    check->in.op = ALKA_DIAG_NONE;
    ALKA_TRY(in_opcode(&check->in, &op));
    check->in.op = op;
    const struct alka_op_info *info = &alka_op_infos[op];
    if (info->sig != ALKA_SIG_SPECIAL)
        ALKA_TRY(check_fixed(check, info));
    else
        ALKA_TRY(check_by_hand(check, op, (enum alka_feature)info->feature));
    if (check->is_summarized && check_is_helper_call(op))
        summarize_call(&check->sum, 0, 0);
    return ALKA_OK;
}

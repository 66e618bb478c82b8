/*
 * Room: modules. Constant expressions: initial values of globals, offsets and items of segments
 * (specification 4.5.5). Comes in: validated bytes. Goes out: a value. Must never read past the
 * expression's `end`, and never recurse.
 */
#include "private.h"

#include <alkahest/leb128.h>
#include <alkahest/ops.h>

enum { EVALUATE_STACK_SMALL = 8 };

struct evaluation {
    const struct alka_instance *instance;
    const uint8_t *at, *end;
    struct evaluate_value *stack;
    uint32_t height, room;
};

static alka_status evaluate_push(struct evaluation *now, uint64_t low, uint64_t high) {
    if (now->height == now->room)
        return ALKA_E_INTERNAL;
    now->stack[now->height++] = (struct evaluate_value){{low, high}};
    return ALKA_OK;
}

static uint64_t evaluate_bytes(struct evaluation *now, uint32_t count) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < count; i++)
        value |= (uint64_t)*now->at++ << 8 * i;
    return value;
}

static alka_status evaluate_global(struct evaluation *now) {
    uint32_t global_idx = alka_leb_take_u32(&now->at);
    const uint64_t *cell = instance_global_cell(now->instance, global_idx);
    alka_valtype type = now->instance->image->module.globals[global_idx].type;
    return evaluate_push(now, cell[0], alka_valtype_kind(type) == ALKA_KIND_V128 ? cell[1] : 0);
}

static alka_status evaluate_func(struct evaluation *now) {
    const struct alka_instance *instance = now->instance;
    uint32_t func_idx = alka_leb_take_u32(&now->at);
    return evaluate_push(now, (uint64_t)&instance->funcs[instance->image->ref_idx[func_idx]], 0);
}

static alka_status evaluate_v128(struct evaluation *now) {
    uint64_t low = evaluate_bytes(now, 8);
    return evaluate_push(now, low, evaluate_bytes(now, 8));
}

static alka_status evaluate_i31(struct evaluation *now) {
    if (now->height == 0)
        return ALKA_E_INTERNAL;
    uint64_t *word = &now->stack[now->height - 1].words[0];
    *word = alka_i31_word((uint32_t)*word);
    return ALKA_OK;
}

/* Integer add, sub, mul of the extended constant expressions. */
static alka_status evaluate_binary(struct evaluation *now, enum alka_op op, bool is_64) {
    if (now->height < 2)
        return ALKA_E_INTERNAL;
    uint64_t right = now->stack[--now->height].words[0];
    uint64_t left = now->stack[now->height - 1].words[0];
    uint64_t result = left * right;
    if (op == ALKA_OP_I32_ADD || op == ALKA_OP_I64_ADD)
        result = left + right;
    if (op == ALKA_OP_I32_SUB || op == ALKA_OP_I64_SUB)
        result = left - right;
    now->stack[now->height - 1].words[0] = is_64 ? result : (uint32_t)result;
    return ALKA_OK;
}

/* One instruction behind its opcode. */
static alka_status evaluate_op(struct evaluation *now, enum alka_op op) {
    /* Operations that are no constant ones did not pass the validator. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
    switch (op) {
    case ALKA_OP_I32_CONST:
        return evaluate_push(now, (uint32_t)alka_leb_take_signed(&now->at), 0);
    case ALKA_OP_I64_CONST:
        return evaluate_push(now, (uint64_t)alka_leb_take_signed(&now->at), 0);
    case ALKA_OP_F32_CONST:
        return evaluate_push(now, evaluate_bytes(now, 4), 0);
    case ALKA_OP_F64_CONST:
        return evaluate_push(now, evaluate_bytes(now, 8), 0);
    case ALKA_OP_V128_CONST:
        return evaluate_v128(now);
    case ALKA_OP_GLOBAL_GET:
        return evaluate_global(now);
    case ALKA_OP_REF_NULL:
        (void)alka_leb_take_signed(&now->at);
        return evaluate_push(now, 0, 0);
    case ALKA_OP_REF_FUNC:
        return evaluate_func(now);
    case ALKA_OP_REF_I31:
        return evaluate_i31(now);
    case ALKA_OP_ANY_CONVERT_EXTERN:
    case ALKA_OP_EXTERN_CONVERT_ANY: /* the same word */
        return ALKA_OK;
    case ALKA_OP_I32_ADD:
    case ALKA_OP_I32_SUB:
    case ALKA_OP_I32_MUL:
        return evaluate_binary(now, op, false);
    case ALKA_OP_I64_ADD:
    case ALKA_OP_I64_SUB:
    case ALKA_OP_I64_MUL:
        return evaluate_binary(now, op, true);
    default:
        return ALKA_E_INTERNAL;
    }
#pragma GCC diagnostic pop
}

static enum alka_op evaluate_decode(struct evaluation *now) {
    uint8_t byte = *now->at++;
    if (byte < ALKA_PREFIX_FB || byte > ALKA_PREFIX_FE)
        return alka_op_decode(ALKA_PREFIX_00, byte);
    return alka_op_decode((enum alka_prefix)byte, alka_leb_take_u32(&now->at));
}

alka_status evaluate(const struct alka_instance *instance, struct alka_piece piece,
                     struct alka_arena *scratch, struct evaluate_value *out_value,
                     uint32_t *out_end_off) {
    struct evaluate_value small[EVALUATE_STACK_SMALL];
    const uint8_t *bytes = instance->image->module.bytes.data;
    struct evaluation now = {
        .instance = instance,
        .at = bytes + piece.off,
        .end = bytes + piece.off + piece.size,
        .stack = small,
        .room = EVALUATE_STACK_SMALL,
    };
    while (now.at < now.end) {
        enum alka_op op = evaluate_decode(&now);
        if (op == ALKA_OP_END)
            break;
        if (now.height == now.room) {
            /* Every operand takes two bytes at least. */
            struct evaluate_value *larger;
            uint32_t room = now.room + piece.size / 2 + 1;
            ALKA_TRY(alka_arena_alloc(scratch, room, sizeof *larger, &larger));
            memcpy(larger, now.stack, now.height * sizeof *larger);
            now.stack = larger;
            now.room = room;
        }
        ALKA_TRY(evaluate_op(&now, op));
    }
    if (now.height != 1)
        return ALKA_E_INTERNAL;
    *out_value = now.stack[0];
    *out_end_off = (uint32_t)(now.at - bytes);
    return ALKA_OK;
}

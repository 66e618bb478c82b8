/*
 * The validator: its fast path against its slow path on random bodies, bombs of every kind, and
 * what it notes down for the emitter. Single refusals are tested by tests/diagnostics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <alkahest/parse.h>
#include <cmocka.h>
#include <stdlib.h>

#include "builder.h"
#include "fake_crucible.h"

/* With its static functions, so that the fast path can be left out. */
#include "check_run.c"

static struct builder builder;
static struct fake_crucible fake;
static struct alka_arena tables, scratch;
static struct alka_module module;
static struct alka_diag diag;
static struct alka_limits limits;

static const alka_feature_set every_feature =
    (alka_feature_set)ALKA_FEATURES_ALL | ALKA_FEATURES_UNBUILT_TOO;

static int setup(void **state) {
    (void)state;
    fake_crucible_init(&fake);
    alka_arena_init(&tables, &fake.crucible, 0);
    alka_arena_init(&scratch, &fake.crucible, 0);
    limits = alka_limits_default;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    alka_arena_drop(&scratch);
    alka_arena_drop(&tables);
    return fake_crucible_is_empty(&fake) ? 0 : -1;
}

/* Types: 0 [] -> [], 1 [i32 i64] -> [f32], 2 [] -> [i32 i32]. One function of type 1, one of type
 * 0, a table, a memory, a mutable global of each number type. The body of function 0 follows. */
static void build_begin(void) {
    struct builder *b = &builder;
    build_header(b);
    BUILD_SECTION(b, 1, 3, 0x60, 0, 0, 0x60, 2, 0x7F, 0x7E, 1, 0x7D, 0x60, 0, 2, 0x7F, 0x7F);
    BUILD_SECTION(b, 3, 1, 1);
    BUILD_SECTION(b, 4, 1, 0x70, 0, 1);
    BUILD_SECTION(b, 5, 1, 0, 1);
    BUILD_SECTION(b, 6, 4, 0x7F, 1, 0x41, 0, 0x0B, 0x7E, 1, 0x42, 0, 0x0B, 0x7D, 1, 0x43, 0, 0, 0,
                  0, 0x0B, 0x7C, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0B);
    BUILD_SECTION(b, 9, 1, 3, 0, 1, 0); /* function 0 may be named by ref.func */
    build_byte(b, 10);
    build_open(b);
    build_byte(b, 1);
    b->size += 5; /* size of the body */
}

static void build_end(void) {
    build_close(&builder);
    uint32_t body = builder.open + 5 + 1;
    build_size_at(&builder, body, builder.size - body - 5);
}

static void parse(void) {
    alka_arena_drop(&tables);
    assert_int_equal(
        alka_parse_module(build_span(&builder), every_feature, &limits, &tables, &module, &diag),
        ALKA_OK);
}

static alka_status validate(struct alka_body_summary *summary) {
    diag = (struct alka_diag){.code = ALKA_OK};
    module.validated_locals = 0;
    alka_status status = alka_validate_body(&module, 0, &scratch, summary, &diag);
    assert_int_equal(diag.code, status);
    return status;
}

/* Only check_step. */
static alka_status validate_slowly(struct alka_diag *out_diag) {
    struct check check = {.is_summarized = false};
    *out_diag = (struct alka_diag){.code = ALKA_OK};
    module.validated_locals = 0;
    ALKA_TRY(check_begin(&check, &module, 0, &scratch, out_diag));
    check.code = check.in.cursor;
    while (check.depth != 0)
        ALKA_TRY(check_step(&check));
    check.in.op = ALKA_DIAG_NONE;
    if (check.in.cursor != check.in.end)
        return in_fail(&check.in, ALKA_E_BODY_SIZE, check.in.cursor, 0, 0);
    return ALKA_OK;
}

static uint64_t random_state;
static uint32_t random_below(uint32_t end) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) % end);
}

/* Types that the body under construction has on its stack, as far as that is known. */
static uint8_t random_stack[4096];
static uint32_t random_height;
static bool random_is_wild; /* whether the body may go wrong on purpose */

static bool random_fits(const struct alka_op_info *op) {
    const struct alka_sig_info *sig = &alka_sig_infos[op->sig];
    if (sig->operand_count > random_height)
        return false;
    for (uint32_t i = 0; i < sig->operand_count; i++) {
        uint8_t want = sig->operands[i] == ALKA_SIG_TYPE_A ? ALKA_SIG_TYPE_I : sig->operands[i];
        if (random_stack[random_height - sig->operand_count + i] != want)
            return false;
    }
    return true;
}

static void random_apply(const struct alka_op_info *op) {
    const struct alka_sig_info *sig = &alka_sig_infos[op->sig];
    random_height -= sig->operand_count;
    if (sig->result_count != 0)
        random_stack[random_height++] =
            sig->result == ALKA_SIG_TYPE_A ? ALKA_SIG_TYPE_I : sig->result;
}

static void random_leb(uint32_t most_bytes) {
    uint32_t most_more = random_is_wild ? most_bytes : most_bytes - 2;
    uint32_t bytes = random_below(8) == 0 ? random_below(most_more + 1) : 0;
    for (uint32_t i = 0; i < bytes; i++)
        build_byte(&builder, random_below(256) | 0x80);
    build_byte(&builder, random_below(random_below(4) == 0 ? 256 : 64));
}

static void random_immediate(uint32_t imm) {
    switch (imm) {
    case ALKA_IMM_NONE:
        return;
    case ALKA_IMM_I32:
        random_leb(5);
        return;
    case ALKA_IMM_I64:
        random_leb(10);
        return;
    case ALKA_IMM_F32:
    case ALKA_IMM_F64:
        for (uint32_t i = imm == ALKA_IMM_F32 ? 4 : 8; i != 0; i--)
            build_byte(&builder, random_below(256));
        return;
    default: /* memory accesses */
        build_byte(&builder, random_is_wild ? random_below(3) : 0);
        random_leb(5);
        return;
    }
}

/* One more instruction, mostly one that fits; nothing if the one that was drawn is not suitable. */
static void random_instruction(void) {
    static const uint8_t rare[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0B, 0x0C, 0x0D, 0x0F,
                                   0x10, 0x1A, 0x1B, 0x20, 0x21, 0x22, 0x23, 0x24, 0x3F, 0x40};
    static const uint8_t local_types[] = {ALKA_KIND_I32, ALKA_KIND_I64, ALKA_KIND_F32,
                                          ALKA_KIND_F64};
    if (random_is_wild && random_below(100) == 0) {
        build_byte(&builder, rare[random_below(sizeof rare)]);
        random_leb(2);
        return;
    }
    if (random_below(3) == 0) {
        uint32_t local = random_below(4);
        if (random_height != 0 && random_below(3) == 0) {
            bool is_tee = random_below(2) != 0;
            for (uint32_t i = 0; i < 4; i++)
                if (local_types[i] == random_stack[random_height - 1])
                    local = i;
            build_byte(&builder, is_tee ? 0x22 : 0x21);
            random_height -= !is_tee;
        } else {
            build_byte(&builder, 0x20);
            random_stack[random_height++] = local_types[local];
        }
        build_byte(&builder, random_is_wild && random_below(200) == 0 ? 77 : local);
        return;
    }
    uint32_t byte = 0x28 + random_below(0xC5 - 0x28);
    const struct alka_op_info *op = &alka_op_infos[alka_op_decode(ALKA_PREFIX_00, byte)];
    bool is_known = op->imm == ALKA_IMM_NONE ||
                    (op->imm >= ALKA_IMM_I32 && op->imm <= ALKA_IMM_F64) ||
                    (op->imm >= ALKA_IMM_MEM8 && op->imm <= ALKA_IMM_MEM64);
    if (!is_known || (!random_fits(op) && !(random_is_wild && random_below(300) == 0)))
        return;
    build_byte(&builder, byte);
    random_immediate(op->imm);
    if (random_fits(op))
        random_apply(op);
}

static void random_body(void) {
    build_begin();
    random_height = 0;
    random_is_wild = random_below(2) != 0;
    build_bytes(&builder, "\2\1\x7D\1\x7C", 5); /* locals: i32 i64 (parameters) f32 f64 */
    for (uint32_t i = 20 + random_below(400); i != 0; i--)
        random_instruction();
    for (; random_height != 0; random_height--)
        build_byte(&builder, 0x1A);
    build_bytes(&builder, "\x20\2\x0B", 3);
    build_end();
}

static void the_fast_path_agrees_with_the_slow_path(void **state) {
    (void)state;
    enum { BODIES = 20000 };
    random_state = 0x9E3779B97F4A7C15;
    uint32_t valid = 0;
    for (uint32_t i = 0; i < BODIES; i++) {
        random_body();
        parse();
        struct alka_diag slow_diag;
        struct alka_body_summary summary;
        alka_status slow = validate_slowly(&slow_diag);
        alka_arena_drop(&scratch);
        alka_status fast = validate(&summary);
        alka_arena_drop(&scratch);
        assert_int_equal(fast, slow);
        if (fast != ALKA_OK) {
            assert_int_equal(diag.offset, slow_diag.offset);
            assert_int_equal(diag.op, slow_diag.op);
        }
        valid += fast == ALKA_OK;
    }
    /* Both outcomes must have been common, or this shows nothing. */
    assert_in_range(valid, BODIES / 20, BODIES - BODIES / 20);
}

static void body(const void *bytes, size_t size) {
    build_begin();
    build_bytes(&builder, bytes, size);
    build_end();
    parse();
}
#define BODY(...) body((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void summaries_count(void **state) {
    (void)state;
    struct alka_body_summary summary;
    /* block; i32.const ×3; drop ×3; loop; end; end; memory.grow; f32.const */
    BODY(1, 2, 0x7C, 0x02, 0x40, 0x41, 0, 0x41, 0, 0x41, 0, 0x1A, 0x1A, 0x1A, 0x03, 0x40, 0x0B,
         0x0B, 0x41, 0, 0x40, 0, 0x1A, 0x43, 0, 0, 0, 0, 0x0B);
    assert_int_equal(validate(&summary), ALKA_OK);
    assert_int_equal(summary.param_count, 2);
    assert_int_equal(summary.local_count, 4);
    assert_int_equal(summary.local_types[1], ALKA_I64);
    assert_int_equal(summary.local_types[3], ALKA_F64);
    assert_int_equal(summary.max_operands, 3);
    assert_int_equal(summary.max_nesting, 3);
    assert_int_equal(summary.call_count, 1);
    assert_int_equal(summary.loop_count, 1);
    assert_int_equal(summary.code.off + summary.code.size, builder.size);
    assert_int_equal(builder.bytes[summary.code.off], 0x02);
}

static void unreachable_code_has_any_type(void **state) {
    (void)state;
    struct alka_body_summary summary;
    BODY(0, 0x00, 0x6A, 0x1A, 0x0B); /* unreachable; i32.add; drop; end wants f32 */
    assert_int_equal(validate(&summary), ALKA_OK);
    BODY(0, 0x00, 0x41, 0, 0x0B); /* an i32 is not an f32 there either */
    assert_int_equal(validate(&summary), ALKA_E_TYPE_MISMATCH);
    BODY(0, 0x00, 0x1B, 0x0B); /* select of unknowns */
    assert_int_equal(validate(&summary), ALKA_OK);
    BODY(0, 0x00, 0x42, 0, 0x41, 0, 0x1B, 0x0B); /* select: an i64, so not an f32 */
    assert_int_equal(validate(&summary), ALKA_E_TYPE_MISMATCH);
    BODY(0, 0x02, 0x40, 0x00, 0x0B, 0x0B); /* the block's end is reachable again, without f32 */
    assert_int_equal(validate(&summary), ALKA_E_STACK_EMPTY);
}

static void bombs_end_in_limits(void **state) {
    (void)state;
    struct alka_body_summary summary;
    enum { BLOCKS = 100000 };
    build_begin();
    build_byte(&builder, 0);
    for (uint32_t i = 0; i < BLOCKS; i++)
        build_bytes(&builder, "\x02\x40", 2);
    build_end();
    parse();
    assert_int_equal(validate(&summary), ALKA_E_LIMIT_NESTING);
    assert_int_equal(diag.args[1], limits.nesting);

    build_begin();
    build_byte(&builder, 0);
    for (uint32_t i = 0; i < BLOCKS; i++)
        build_bytes(&builder, "\x41\x00", 2);
    build_end();
    limits.operand_stack = BLOCKS - 1;
    parse();
    uint32_t last = builder.size - 2;
    assert_int_equal(validate(&summary), ALKA_E_LIMIT_OPERANDS);
    assert_int_equal(diag.offset, last);

    BODY(3, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x7F, 0xFF, 0xFF,
         0xFF, 0xFF, 0x0F, 0x7F, 0x0B);
    assert_int_equal(validate(&summary), ALKA_E_LIMIT_LOCALS);
    assert_int_equal(diag.args[0], UINT64_C(0xFFFFFFFF) + 2);
}

/* Exactly as many operands as the limit says, on both paths. */
static void limits_are_exact(void **state) {
    (void)state;
    struct alka_body_summary summary;
    struct alka_diag slow_diag;
    for (uint32_t limit = 1; limit < 600; limit += limit < 10 ? 1 : 97) {
        for (uint32_t operands = limit; operands <= limit + 1; operands++) {
            build_begin();
            build_byte(&builder, 0);
            for (uint32_t i = 0; i < operands; i++)
                build_bytes(&builder, "\x41\x00", 2);
            for (uint32_t i = 0; i < operands; i++)
                build_byte(&builder, 0x1A);
            build_bytes(&builder, "\x43\0\0\0\0\x0B", 6);
            build_end();
            limits.operand_stack = limit;
            parse();
            alka_status want = operands > limit ? ALKA_E_LIMIT_OPERANDS : ALKA_OK;
            assert_int_equal(validate(&summary), want);
            assert_int_equal(validate_slowly(&slow_diag), want);
            if (want == ALKA_OK)
                assert_int_equal(summary.max_operands, limit);
        }
    }
}

static void every_grant_may_be_refused(void **state) {
    (void)state;
    struct alka_body_summary summary;
    build_begin();
    build_byte(&builder, 0);
    for (uint32_t i = 0; i < 20000; i++)
        build_bytes(&builder, "\x41\x00\x02\x40", 4);
    for (uint32_t i = 0; i < 20000; i++)
        build_bytes(&builder, "\x0B\x1A", 2);
    build_bytes(&builder, "\x43\0\0\0\0\x0B", 6);
    build_end();
    parse();
    for (uint32_t grant = 0;; grant++) {
        fake.grants = 0;
        fake.fail_at = grant;
        alka_status status = validate(&summary);
        alka_arena_drop(&scratch);
        if (status == ALKA_OK)
            break;
        assert_int_equal(status, ALKA_E_OUT_OF_MEMORY);
        assert_true(grant < 1000);
    }
    fake.fail_at = FAKE_NEVER;
}

static void blocks_take_and_give_several_values(void **state) {
    (void)state;
    struct alka_body_summary summary;
    /* (block (type 2) i32.const 1, i32.const 2) drop drop (f32.const) */
    BODY(0, 0x02, 2, 0x41, 1, 0x41, 2, 0x0B, 0x1A, 0x1A, 0x43, 0, 0, 0, 0, 0x0B);
    assert_int_equal(validate(&summary), ALKA_OK);
    /* i32, i64 → (loop (type 1) … br_if back with the same types) */
    BODY(0, 0x20, 0, 0x20, 1, 0x03, 1, 0x20, 0, 0x0D, 0, 0x1A, 0x1A, 0x43, 0, 0, 0, 0, 0x0B, 0x0B);
    assert_int_equal(validate(&summary), ALKA_OK);
    /* the loop's label takes its parameters, not its result */
    BODY(0, 0x20, 0, 0x20, 1, 0x03, 1, 0x1A, 0x1A, 0x43, 0, 0, 0, 0, 0x0C, 0, 0x0B, 0x0B);
    assert_int_equal(validate(&summary), ALKA_E_TYPE_MISMATCH);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_fast_path_agrees_with_the_slow_path),
        TEST(summaries_count),
        TEST(unreachable_code_has_any_type),
        TEST(bombs_end_in_limits),
        TEST(limits_are_exact),
        TEST(every_grant_may_be_refused),
        TEST(blocks_take_and_give_several_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

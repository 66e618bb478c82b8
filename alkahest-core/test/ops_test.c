/*
 * The opcode table against totals counted in the specification and the proposals, and against
 * itself: what decodes to an opcode must be that opcode's row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <alkahest/ops.h>
#include <cmocka.h>
#include <string.h>

struct ops_total {
    enum alka_feature feature;
    uint32_t count;
};

/* Index of instructions (appendix A.1 of the specification), and of each proposal's overview. */
static const struct ops_total ops_totals[] = {
    {ALKA_FEATURE_MVP, 172},
    {ALKA_FEATURE_SIGN_EXT, 5},
    {ALKA_FEATURE_SAT_TRUNC, 8},
    {ALKA_FEATURE_BULK_MEMORY, 7},
    {ALKA_FEATURE_REFERENCE_TYPES, 9}, /* select with types is one of them */
    {ALKA_FEATURE_SIMD, 236},
    {ALKA_FEATURE_RELAXED_SIMD, 20},
    {ALKA_FEATURE_TAIL_CALL, 2},
    {ALKA_FEATURE_EXCEPTIONS, 3},
    {ALKA_FEATURE_LEGACY_EXCEPTIONS, 5},
    {ALKA_FEATURE_FUNCTION_REFERENCES, 5},
    {ALKA_FEATURE_GC, 32},
    {ALKA_FEATURE_THREADS, 67},
};

static void each_feature_has_its_number_of_opcodes(void **state) {
    (void)state;
    uint32_t sum = 0;
    for (size_t i = 0; i < sizeof ops_totals / sizeof *ops_totals; i++) {
        uint32_t count = 0;
        for (uint32_t op = 0; op < ALKA_OP_COUNT; op++)
            count += alka_op_infos[op].feature == (uint32_t)ops_totals[i].feature;
        assert_int_equal(count, ops_totals[i].count);
        sum += count;
    }
    assert_int_equal(sum, ALKA_OP_COUNT);
}

static void decoding_inverts_the_rows(void **state) {
    (void)state;
    static const enum alka_prefix prefixes[] = {ALKA_PREFIX_00, ALKA_PREFIX_FB, ALKA_PREFIX_FC,
                                                ALKA_PREFIX_FD, ALKA_PREFIX_FE};
    uint32_t found = 0;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        for (uint32_t code = 0; code < 0x400; code++) {
            enum alka_op op = alka_op_decode(prefixes[i], code);
            if (op == ALKA_OP_COUNT)
                continue;
            found++;
            assert_int_equal(alka_op_infos[op].prefix, prefixes[i]);
            assert_int_equal(alka_op_infos[op].code, code);
        }
    assert_int_equal(found, ALKA_OP_COUNT);
    assert_int_equal(alka_op_decode(ALKA_PREFIX_00, UINT32_MAX), ALKA_OP_COUNT);
    assert_int_equal(alka_op_decode(ALKA_PREFIX_FD, 0x9A), ALKA_OP_COUNT); /* a gap */
}

static void names_are_unique_and_known(void **state) {
    (void)state;
    for (uint32_t a = 0; a < ALKA_OP_COUNT; a++)
        for (uint32_t b = a + 1; b < ALKA_OP_COUNT; b++)
            if (a != ALKA_OP_SELECT || b != ALKA_OP_SELECT_T)
                assert_string_not_equal(alka_op_name(a), alka_op_name(b));
    assert_string_equal(alka_op_name(ALKA_OP_I8X16_ADD), "i8x16.add");
    assert_string_equal(alka_op_name(ALKA_OP_COUNT), "?");
    assert_string_equal(alka_feature_name(ALKA_FEATURE_SIMD), "simd");
    assert_string_equal(alka_feature_name(ALKA_FEATURE_COUNT), "?");
}

/* A signature's letters are in its name: compare them with what the table says. */
static void signatures_are_what_their_names_say(void **state) {
    (void)state;
    static const char *const names[] = {
#define SIG(id, ...) #id,
#include <alkahest/op_kinds.def>
    };
    static const char letters[] = {
        [ALKA_SIG_TYPE_I] = 'I', [ALKA_SIG_TYPE_L] = 'L', [ALKA_SIG_TYPE_F] = 'F',
        [ALKA_SIG_TYPE_D] = 'D', [ALKA_SIG_TYPE_V] = 'V', [ALKA_SIG_TYPE_A] = 'A'};
    for (uint32_t sig = ALKA_SIG_SPECIAL + 1; sig < ALKA_SIG_COUNT; sig++) {
        const struct alka_sig_info *info = &alka_sig_infos[sig];
        char name[8] = {0};
        size_t length = 0;
        for (uint32_t i = 0; i < info->operand_count; i++)
            name[length++] = letters[info->operands[i]];
        if (info->operand_count == 0)
            name[length++] = 'N';
        name[length++] = '_';
        name[length] = info->result_count ? letters[info->result] : 'N';
        assert_string_equal(name, names[sig]);
    }
}

/* An access has an address; what has none has no memarg. */
static void memory_accesses_take_an_address(void **state) {
    (void)state;
    for (uint32_t op = 0; op < ALKA_OP_COUNT; op++) {
        uint32_t imm = alka_op_infos[op].imm;
        if (imm < ALKA_IMM_MEM8 || imm > ALKA_IMM_ATOMIC64)
            continue;
        assert_int_equal(alka_sig_infos[alka_op_infos[op].sig].operands[0], ALKA_SIG_TYPE_A);
    }
}

static void releases_grow(void **state) {
    (void)state;
    assert_int_equal(ALKA_FEATURES_WASM1 & ~(uint32_t)ALKA_FEATURES_WASM2, 0);
    assert_int_equal(ALKA_FEATURES_WASM2 & ~(uint32_t)ALKA_FEATURES_WASM3, 0);
    assert_int_equal(ALKA_FEATURES_ALL, (UINT32_C(1) << ALKA_FEATURE_COUNT) - 1);
    assert_true(ALKA_FEATURES_WASM2 & ALKA_FEATURE_BIT(SIMD));
    assert_false(ALKA_FEATURES_WASM3 & ALKA_FEATURE_BIT(THREADS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_feature_has_its_number_of_opcodes),
        cmocka_unit_test(decoding_inverts_the_rows),
        cmocka_unit_test(names_are_unique_and_known),
        cmocka_unit_test(signatures_are_what_their_names_say),
        cmocka_unit_test(memory_accesses_take_an_address),
        cmocka_unit_test(releases_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The assembly routines and what C does around them: every way between host and module code that
 * does not trap. Traps need a fault handler: alkahest/host tests them. */
#include "block.h"
#include "fake_crucible.h"
#include <alkahest/unwind.h>

#include <alkahest/call.h>
#include <alkahest/link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

extern const uint32_t alka_runtime_offsets[];

alka_routine module_weigh_9, module_float_9, module_ints_8, module_swap_v128, module_call_import,
    module_tail_import, module_call_entry, module_get_r15, module_get_r14;

/* A function type of letters (extern.h), good until the process ends. */
static const struct alka_functype *type_of(const char *params, const char *results) {
    static alka_valtype words[1024];
    static struct alka_functype types[64];
    static uint32_t word_count, type_count;
    static const struct {
        char letter;
        alka_valtype type;
    } letters[] = {
        {'i', ALKA_I32}, {'I', ALKA_I64}, {'f', ALKA_F32}, {'F', ALKA_F64}, {'v', ALKA_V128}};
    struct alka_functype *type = &types[type_count++];
    *type = (struct alka_functype){.params = words + word_count,
                                   .param_count = (uint32_t)strlen(params),
                                   .results = words + word_count + strlen(params),
                                   .result_count = (uint32_t)strlen(results)};
    const char *const texts[] = {params, results};
    for (unsigned list = 0; list < 2; list++)
        for (const char *at = texts[list]; *at; at++)
            for (unsigned i = 0; i < sizeof letters / sizeof *letters; i++)
                if (letters[i].letter == *at)
                    words[word_count++] = letters[i].type;
    return type;
}

/* One thread and two instances. */
struct world {
    void *control;
    struct alka_thread *thread;
    struct fixture {
        struct {
            struct alka_import_record records[2];
            struct alka_context context;
        } area;
        struct alka_func func;
    } caller, callee;
};

static void fixture_init(struct fixture *fixture, alka_routine *code) {
    memset(fixture, 0, sizeof *fixture);
    fixture->area.context.generation = 7;
    fixture->area.context.instance = (struct alka_instance *)fixture;
    fixture->func = (struct alka_func){
        .code = (uint64_t)code,
        .context = (uint64_t)(&fixture->area.context + 1),
        .instance = (struct alka_instance *)fixture,
    };
}

static void world_open(struct world *world, alka_routine *caller, alka_routine *callee) {
    world->control = mmap(NULL, 2 * ALKA_CONTROL_STACK_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(world->control, MAP_FAILED);
    uint64_t base =
        ((uint64_t)world->control + ALKA_CONTROL_STACK_BYTES - 1) & ~(ALKA_CONTROL_STACK_BYTES - 1);
    static _Alignas(16) uint8_t data[65536];
    memset(data, 0x5A, sizeof data);
    world->thread = alka_thread_make(&(struct alka_stacks){
        .control_base = base,
        .control_limit = base + 65536,
        .host_room_bytes = 512 << 10,
        .data_limit = (uint64_t)data,
        .data_top = (uint64_t)(data + sizeof data),
        .data_guard_bytes = ALKA_DATA_GUARD_BYTES,
    });
    fixture_init(&world->caller, caller);
    fixture_init(&world->callee, callee);
}

static void world_close(struct world *world) {
    assert_null(world->thread->gate);
    assert_int_equal(world->thread->data_pointer, world->thread->data_top);
    munmap(world->control, 2 * ALKA_CONTROL_STACK_BYTES);
}

static void offsets_are_those_of_c(void **state) {
    (void)state;
    const size_t expected[] = {
        ALKA_CONTROL_STACK_BYTES,
        sizeof(struct alka_thread),
        sizeof(struct alka_context),
        offsetof(struct alka_thread, gate),
        offsetof(struct alka_thread, host_limit),
        offsetof(struct alka_thread, data_pointer),
        offsetof(struct alka_thread, pending),
        offsetof(struct alka_thread, host_call),
        offsetof(struct alka_thread, pending_back),
        offsetof(struct alka_thread, error),
        offsetof(struct alka_thread, error_caller),
        (uint32_t)ALKA_CONTEXT_DISP(generation),
        offsetof(struct alka_func, code),
        offsetof(struct alka_func, context),
        offsetof(struct alka_func, memory),
        offsetof(struct alka_table_entry, code),
        offsetof(struct alka_table_entry, context),
        offsetof(struct alka_table_entry, func),
        offsetof(struct alka_import_record, target),
        offsetof(struct alka_import_record, context),
        offsetof(struct alka_import_record, memory),
        offsetof(struct alka_import_record, expected_generation),
        offsetof(struct alka_import_record, depth_max),
        offsetof(struct alka_import_record, detail),
        offsetof(struct alka_gate, callee),
        sizeof(struct alka_gate),
        ALKA_TRAP_KILLED,
        ALKA_TRAP_CALLEE_GONE,
        ALKA_TRAP_GATE_DEPTH,
        offsetof(struct alka_call_block, integers),
        offsetof(struct alka_call_block, vectors),
        offsetof(struct alka_call_block, data_pointer),
        offsetof(struct alka_call_block, uses_vectors),
        sizeof(struct alka_call_block),
        offsetof(struct alka_throw, rsp),
        offsetof(struct alka_throw, rbp),
        offsetof(struct alka_throw, saved),
        offsetof(struct alka_throw, r15),
        offsetof(struct alka_throw, rip),
        offsetof(struct alka_throw, tag_idx),
        sizeof(struct alka_throw),
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(alka_runtime_offsets[i], expected[i]);
    assert_int_equal(offsetof(struct alka_gate, outer), 0);
    assert_int_equal(offsetof(struct alka_import_record, routine), 0);
    assert_int_equal(offsetof(struct alka_import_record, any_routine), 8);
}

static void parameters_overflow_onto_the_data_stack(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_weigh_9, module_float_9);
    uint64_t values[9];
    for (uint64_t i = 0; i < 9; i++)
        values[i] = 100 + i;
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("IIIIIIIII", "I"), values),
                     ALKA_TRAP_NONE);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 9; i++)
        sum += (i + 1) * (100 + i);
    assert_int_equal(values[0], sum);

    uint64_t floats[10];
    for (int i = 0; i < 9; i++) {
        double value = 1.5 * (i + 1);
        memcpy(&floats[i], &value, 8);
    }
    floats[9] = UINT64_C(0xFFFFFFFF00000000) | 100;
    assert_int_equal(
        alka_call(world.thread, &world.callee.func, type_of("FFFFFFFFFi", "F"), floats),
        ALKA_TRAP_NONE);
    double result;
    memcpy(&result, floats, 8);
    assert_true(result == 100 + 13.5 - 1.5);
    world_close(&world);
}

static void many_results_come_back(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_ints_8, module_swap_v128);
    uint64_t values[8];
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("", "iiiiiiii"), values),
                     ALKA_TRAP_NONE);
    for (uint64_t i = 0; i < 8; i++)
        assert_int_equal(values[i], 10 + i);

    uint64_t pair[3] = {0x0123456789ABCDEF, 0xFEDCBA9876543210, 42};
    assert_int_equal(alka_call_values(type_of("vI", "Iv")), 3);
    assert_int_equal(alka_call(world.thread, &world.callee.func, type_of("vI", "Iv"), pair),
                     ALKA_TRAP_NONE);
    assert_int_equal(pair[0], 42);
    assert_int_equal(pair[1], 0x0123456789ABCDEF);
    assert_int_equal(pair[2], 0xFEDCBA9876543210);
    world_close(&world);
}

/* Direct host functions: each remembers its caller; the result has dirt above 32 bits. */
static struct alka_context *seen_caller;
static uint64_t seen[6];

static uint64_t direct_0(struct alka_context *caller) {
    seen_caller = caller;
    return UINT64_C(0xFFFFFFFF00000005);
}
static uint64_t direct_5(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                         struct alka_context *caller) {
    seen_caller = caller;
    seen[0] = a, seen[1] = b, seen[2] = c, seen[3] = d, seen[4] = e;
    return UINT64_C(0xFFFFFFFF00000006);
}

static void bind_host(struct world *world, const struct alka_functype *type, alka_direct_fn *direct,
                      alka_value_fn *values) {
    struct alka_extern target = {.kind = ALKA_EXTERN_FUNC,
                                 .host = {.direct = direct, .values = values}};
    /* Record 0 is the upper one: thunk_0 looks right below the context. */
    alka_link_bind(&world->caller.area.records[1], &target, type);
}

static void direct_host_functions_get_parameters_and_caller(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_call_import, module_get_r15);
    bind_host(&world, type_of("iIiIi", "I"), ALKA_DIRECT(direct_5), NULL);
    uint64_t values[5] = {1, 2, 3, 4, 5};
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("iIiIi", "I"), values),
                     ALKA_TRAP_NONE);
    assert_ptr_equal(seen_caller, &world.caller.area.context);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(seen[i], i + 1);
    assert_true(values[0] == UINT64_C(0xFFFFFFFF00000006));

    world_close(&world);
}

/* module_get… would hide it: look at what the module itself sees. */
static void i32_results_of_c_are_zero_extended(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_tail_import, module_get_r15);
    uint64_t values[5] = {0};
    bind_host(&world, type_of("", "i"), ALKA_DIRECT(direct_0), NULL);
    /* Called as () → i64, so that the whole register comes back. */
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("I", "I"), values),
                     ALKA_TRAP_NONE);
    assert_int_equal(values[0], 5);
    bind_host(&world, type_of("iIiIi", "i"), ALKA_DIRECT(direct_5), NULL);
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("iIiIi", "I"), values),
                     ALKA_TRAP_NONE);
    assert_int_equal(values[0], 6);
    world_close(&world);
}

static void zoo(struct alka_context *caller, uint64_t *values) {
    seen_caller = caller;
    uint64_t v128[2] = {values[0], values[1]};
    uint64_t sum = 0;
    for (int i = 4; i <= 11; i++)
        sum += values[i];
    values[0] = values[2]; /* the f32 */
    values[1] = v128[1];   /* halves swapped */
    values[2] = v128[0];
    values[3] = UINT64_C(0xABCDEF0000000000) | sum; /* an i32 with dirt above */
    values[4] = values[11];
    for (uint64_t i = 5; i < 10; i++)
        values[i] = i;
}

static void value_host_functions_get_everything(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_tail_import, module_get_r15);
    bind_host(&world, type_of("vfFiIIIIIIi", "fviIIIIII"), NULL, zoo);
    uint64_t values[12] = {11, 22, 0x7FA00001, 33, 1, 2,
                           3,  4,  5,          6,  7, UINT64_C(0xFFFFFFFF00000008)};
    assert_int_equal(alka_call_values(type_of("vfFiIIIIIIi", "fviIIIIII")), 12);
    assert_int_equal(
        alka_call(world.thread, &world.caller.func, type_of("vfFiIIIIIIi", "fviIIIIII"), values),
        ALKA_TRAP_NONE);
    assert_ptr_equal(seen_caller, &world.caller.area.context);
    assert_int_equal(values[0], 0x7FA00001); /* a signalling NaN passes unchanged */
    assert_int_equal(values[1], 22);
    assert_int_equal(values[2], 11);
    assert_int_equal(values[3], 36);
    assert_int_equal(values[4], 8);
    for (uint64_t i = 5; i < 10; i++)
        assert_int_equal(values[i], i);
    world_close(&world);
}

/* A host function that calls back, on the same control stack, below the caller's frames. */
static struct world *callback_world;
static void calls_back(struct alka_context *caller, uint64_t *values) {
    (void)caller;
    struct world *world = callback_world;
    uint64_t before = world->thread->data_pointer;
    for (int i = 0; i < 3; i++) {
        uint64_t nested[9] = {1, 1, 1, 1, 1, 1, 1, 1, values[0]};
        assert_ptr_equal(alka_thread_here(), world->thread);
        assert_int_equal(
            alka_call(world->thread, &world->callee.func, type_of("IIIIIIIII", "I"), nested),
            ALKA_TRAP_NONE);
        assert_int_equal(nested[0], 36 + 9 * values[0]);
        assert_int_equal(world->thread->data_pointer, before);
    }
    values[0]++;
}

static void host_functions_may_call_back(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_call_import, module_weigh_9);
    callback_world = &world;
    bind_host(&world, type_of("I", "I"), NULL, calls_back);
    uint64_t values[1] = {41};
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("I", "I"), values),
                     ALKA_TRAP_NONE);
    assert_int_equal(values[0], 42);
    world_close(&world);
}

static void gates_switch_context_and_back(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_call_import, module_get_r15);
    world.callee.func.memory = 0x7770000;
    struct alka_extern target = {.kind = ALKA_EXTERN_FUNC,
                                 .owner = world.callee.func.instance,
                                 .func = &world.callee.func,
                                 .gate_error = 99};
    for (int policy = ALKA_GATE_TRAPS; policy <= ALKA_GATE_RETURNS; policy++) {
        target.gate_policy = (enum alka_gate_policy)policy;
        uint64_t values[1];
        world.callee.func.code = (uint64_t)module_get_r15;
        alka_link_bind(&world.caller.area.records[1], &target, type_of("", "I"));
        assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("", "I"), values),
                         ALKA_TRAP_NONE);
        assert_int_equal(values[0], world.callee.func.context);
        world.callee.func.code = (uint64_t)module_get_r14;
        alka_link_bind(&world.caller.area.records[1], &target, type_of("", "I"));
        assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("", "I"), values),
                         ALKA_TRAP_NONE);
        assert_int_equal(values[0], 0x7770000);
    }
    /* The callee is gone: the returning gate answers for it. */
    world.callee.area.context.generation++;
    uint64_t values[1];
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("", "I"), values),
                     ALKA_TRAP_NONE);
    assert_int_equal(values[0], 99);
    world_close(&world);
}

static void overflow_parameters_pass_through_gates(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_tail_import, module_weigh_9);
    struct alka_extern target = {
        .kind = ALKA_EXTERN_FUNC, .owner = world.callee.func.instance, .func = &world.callee.func};
    alka_link_bind(&world.caller.area.records[1], &target, type_of("IIIIIIIII", "I"));
    uint64_t values[9] = {0, 0, 0, 0, 0, 0, 1, 10, 100};
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("IIIIIIIII", "I"), values),
                     ALKA_TRAP_NONE);
    assert_int_equal(values[0], 7 + 80 + 900);
    world_close(&world);
}

static void foreign_table_entries_run_in_their_own_context(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_call_entry, module_get_r15);
    struct alka_table_entry entry = {.code = world.callee.func.code,
                                     .context = world.callee.func.context,
                                     .func = (uint64_t)&world.callee.func};
    uint64_t values[1] = {(uint64_t)&entry};
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("I", "I"), values),
                     ALKA_TRAP_NONE);
    assert_int_equal(values[0], world.callee.func.context);
    world_close(&world);
}

static void a_call_without_room_is_refused(void **state) {
    (void)state;
    struct world world;
    world_open(&world, module_weigh_9, module_get_r15);
    world.thread->data_pointer = world.thread->data_limit + 16;
    uint64_t values[9] = {0};
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("IIIIIIIII", "I"), values),
                     ALKA_TRAP_STACK_EXHAUSTED);
    world.thread->data_pointer = world.thread->data_top;
    world_close(&world);
}

/* Code with relocations, patched and run where it lies. */
static void thunks_and_relocations_are_patched(void **state) {
    (void)state;
    /* 0: call import 1; ret.  8: mov eax, type id 1; ret.  16: call helper; ret.
     * 24: mov r11, rdi; call foreign; ret */
    static const uint8_t text[48] = {
        0xE8, 0,    0,    0,    0, 0xC3, 0xCC, 0xCC,             /**/
        0xB8, 0,    0,    0,    0, 0xC3, 0xCC, 0xCC,             /**/
        0xE8, 0,    0,    0,    0, 0xC3, 0xCC, 0xCC,             /**/
        0x49, 0x89, 0xFB, 0xE8, 0, 0,    0,    0,    0xC3, 0xCC, /**/
    };
    static const struct alka_reloc relocs[] = {
        {1, ALKA_RELOC_IMPORT_CALL, 1},
        {9, ALKA_RELOC_TYPE_ID, 1},
        {17, ALKA_RELOC_HELPER_CALL, ALKA_HELPER_MEMORY_GROW},
        {28, ALKA_RELOC_FOREIGN_CALL, 0},
    };
    struct world world;
    world_open(&world, module_get_r15, module_get_r15);
    struct fake_crucible fake;
    fake_crucible_init(&fake);
    const struct alka_crucible *crucible = &fake.crucible;
    void *base;
    assert_int_equal(crucible->code_reserve(crucible->self, 8192, &base), ALKA_OK);
    assert_int_equal(crucible->code_commit(crucible->self, base, 0, 4096), ALKA_OK);
    memcpy(base, text, sizeof text);

    struct alka_module module = {.imported_functions = 2, .function_count = 6};
    struct alka_code code = {.text = base,
                             .text_bytes = sizeof text,
                             .functions_bytes = sizeof text,
                             .relocs = relocs,
                             .reloc_count = 4};
    /* Records below the context: 0 is the lower one. */
    struct alka_layout layout = {.import_records_disp = -128 - 2 * 64};
    static const uint32_t type_ids[] = {1234, 5678};
    struct alka_import_record helpers[ALKA_HELPER_COUNT];
    alka_link_bind(&helpers[ALKA_HELPER_MEMORY_GROW],
                   &(struct alka_extern){.host = {.direct = ALKA_DIRECT(direct_5)}},
                   type_of("iIiIi", "I"));
    struct alka_link_input input = {&module, &code, &layout, type_ids, helpers};
    assert_int_equal(alka_link_thunk_bytes(&module), (2 + ALKA_HELPER_COUNT + 1) * 16);
    alka_link_patch(&input, base, sizeof text);
    assert_int_equal(crucible->code_seal(crucible->self, base, 4096, 8192), ALKA_OK);

    bind_host(&world, type_of("iIiIi", "I"), ALKA_DIRECT(direct_5), NULL);
    uint64_t values[5] = {5, 4, 3, 2, 1};
    world.caller.func.code = (uint64_t)base;
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("iIiIi", "I"), values),
                     ALKA_TRAP_NONE);
    assert_int_equal(seen[1], 4);

    world.caller.func.code = (uint64_t)base + 8;
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("", "i"), values),
                     ALKA_TRAP_NONE);
    assert_int_equal(values[0], 5678);

    uint64_t helper_values[5] = {9, 8, 7, 6, 5};
    world.caller.func.code = (uint64_t)base + 16;
    assert_int_equal(
        alka_call(world.thread, &world.caller.func, type_of("iIiIi", "I"), helper_values),
        ALKA_TRAP_NONE);
    assert_int_equal(seen[0], 9);
    assert_ptr_equal(seen_caller, &world.caller.area.context);

    struct alka_table_entry entry = {.code = world.callee.func.code,
                                     .context = world.callee.func.context,
                                     .func = (uint64_t)&world.callee.func};
    uint64_t pointer[1] = {(uint64_t)&entry};
    world.caller.func.code = (uint64_t)base + 24;
    assert_int_equal(alka_call(world.thread, &world.caller.func, type_of("I", "I"), pointer),
                     ALKA_TRAP_NONE);
    assert_int_equal(pointer[0], world.callee.func.context);

    crucible->code_release(crucible->self, base, 4096);
    assert_true(fake_crucible_is_empty(&fake));
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_c),
        cmocka_unit_test(parameters_overflow_onto_the_data_stack),
        cmocka_unit_test(many_results_come_back),
        cmocka_unit_test(direct_host_functions_get_parameters_and_caller),
        cmocka_unit_test(i32_results_of_c_are_zero_extended),
        cmocka_unit_test(value_host_functions_get_everything),
        cmocka_unit_test(host_functions_may_call_back),
        cmocka_unit_test(gates_switch_context_and_back),
        cmocka_unit_test(overflow_parameters_pass_through_gates),
        cmocka_unit_test(foreign_table_entries_run_in_their_own_context),
        cmocka_unit_test(a_call_without_room_is_refused),
        cmocka_unit_test(thunks_and_relocations_are_patched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

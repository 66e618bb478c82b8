/* Sessions: the states and their log, failures at every step, and that nothing is left behind,
 * wherever one is dropped and whichever grant of the Crucible fails. */
#include "fake_crucible.h"
#include "whole_module.h"

#include <alkahest/session.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t host_add(uint32_t one, uint32_t other, struct alka_context *caller) {
    (void)caller;
    return one + other;
}

static const struct alka_vtable_row rows[] = {
    {"h",
     "add",
     ALKA_NO_CAPABILITY,
     {.params = "ii", .results = "i", .direct = ALKA_DIRECT(host_add)}},
};
static const struct alka_vtable vtable = {.rows = rows, .row_count = 1};
static const struct alka_vtable empty_vtable = {0};

struct world {
    struct fake_crucible fake;
    struct alka_registry registry;
    struct alka_session session;
};

static const struct alka_session_options options = {.features = ALKA_FEATURES_BUILT};

static void world_open(struct world *world, const void *bytes, size_t size) {
    fake_crucible_init(&world->fake);
    alka_registry_init(&world->registry, &world->fake.crucible);
    alka_session_open(&world->session, &world->registry, &options, (struct alka_span){bytes, size});
}

static void world_close(struct world *world) {
    alka_session_drop(&world->session);
    /* What the session did not hand over is gone before the registry goes. */
    if (world->registry.instance_count == 0) {
        assert_null(world->registry.images);
        assert_int_equal(world->registry.types.live_count, 0);
    }
    alka_registry_drop(&world->registry);
    assert_true(fake_crucible_is_empty(&world->fake));
}

static void assert_states(const struct world *world, const uint32_t *states, uint32_t count) {
    assert_int_equal(world->fake.state_events, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(world->fake.states_seen[i], states[i]);
}

static void a_session_makes_an_instance_and_goes(void **state) {
    (void)state;
    struct world world;
    world_open(&world, whole_wasm, sizeof whole_wasm);
    assert_int_equal(alka_session_run(&world.session, &vtable, NULL), ALKA_OK);
    assert_int_equal(world.session.state, ALKA_SESSION_READY);
    assert_states(&world,
                  (uint32_t[]){ALKA_SESSION_VALIDATING, ALKA_SESSION_COMPILING,
                               ALKA_SESSION_LINKING, ALKA_SESSION_READY},
                  4);
    assert_int_equal(world.fake.diagnostic_events, 0);
    assert_true(world.session.native_code_bytes > 0);
    assert_true(world.session.peak_arena_bytes > 0);
    struct alka_instance *instance = alka_session_take(&world.session);
    assert_non_null(instance);
    assert_string_equal(instance->name, "whole");
    alka_session_drop(&world.session);
    assert_int_equal(world.registry.instance_count, 1);
    struct alka_extern read;
    assert_true(
        alka_instance_export(instance, (struct alka_span){(const uint8_t *)"read", 4}, &read));
    alka_instance_drop(instance);
    assert_int_equal(world.registry.image_count, 0);
    alka_session_open(&world.session, &world.registry, &options, (struct alka_span){NULL, 0});
    world_close(&world);
}

static void images_can_be_taken_without_an_instance(void **state) {
    (void)state;
    struct world world;
    world_open(&world, whole_wasm, sizeof whole_wasm);
    assert_int_equal(alka_session_run(&world.session, NULL, NULL), ALKA_OK);
    assert_null(alka_session_take(&world.session));
    struct alka_image *image = alka_session_take_image(&world.session);
    alka_session_drop(&world.session);
    struct alka_instance *one, *other;
    struct alka_diag diag;
    assert_int_equal(alka_instance_make(image, &vtable, NULL, &one, &diag), ALKA_OK);
    assert_int_equal(alka_instance_make(image, &vtable, NULL, &other, &diag), ALKA_OK);
    alka_image_release(image);
    assert_int_equal(world.registry.image_count, 1);
    alka_instance_drop(one);
    alka_instance_drop(other);
    assert_int_equal(world.registry.image_count, 0);
    alka_session_open(&world.session, &world.registry, &options, (struct alka_span){NULL, 0});
    world_close(&world);
}

static void assert_fails(const void *bytes, size_t size, alka_status code, const uint32_t *states,
                         uint32_t count, uint32_t offset) {
    struct world world;
    world_open(&world, bytes, size);
    assert_int_equal(alka_session_run(&world.session, &empty_vtable, NULL), code);
    assert_int_equal(world.session.state, ALKA_SESSION_FAILED);
    assert_int_equal(world.session.diag.code, code);
    assert_int_equal(world.session.diag.offset, offset);
    assert_states(&world, states, count);
    assert_int_equal(world.fake.diagnostic_events, 1);
    assert_int_equal(world.fake.last_diag.code, code);
    /* A failed session takes no further step. */
    assert_int_equal(alka_session_link(&world.session, NULL, NULL), ALKA_E_SESSION_STATE);
    assert_int_equal(world.session.diag.code, code);
    world_close(&world);
}

static void each_step_can_refuse_a_module(void **state) {
    (void)state;
    assert_fails("\0asm\2\0\0\0", 8, ALKA_E_VERSION,
                 (uint32_t[]){ALKA_SESSION_VALIDATING, ALKA_SESSION_FAILED}, 2, 4);
    assert_fails(bad_body_wasm, sizeof bad_body_wasm, ALKA_E_TYPE_MISMATCH,
                 (uint32_t[]){ALKA_SESSION_VALIDATING, ALKA_SESSION_COMPILING, ALKA_SESSION_FAILED},
                 3, 0x20);
    assert_fails(whole_wasm, sizeof whole_wasm, ALKA_E_UNKNOWN_IMPORT,
                 (uint32_t[]){ALKA_SESSION_VALIDATING, ALKA_SESSION_COMPILING, ALKA_SESSION_LINKING,
                              ALKA_SESSION_FAILED},
                 4, 32);
}

static void steps_out_of_order_are_refused(void **state) {
    (void)state;
    struct world world;
    world_open(&world, whole_wasm, sizeof whole_wasm);
    assert_int_equal(alka_session_compile(&world.session), ALKA_E_SESSION_STATE);
    assert_int_equal(alka_session_link(&world.session, NULL, NULL), ALKA_E_SESSION_STATE);
    assert_int_equal(alka_session_validate(&world.session), ALKA_OK);
    assert_int_equal(alka_session_validate(&world.session), ALKA_E_SESSION_STATE);
    assert_int_equal(alka_session_compile(&world.session), ALKA_OK);
    assert_int_equal(alka_session_compile(&world.session), ALKA_E_SESSION_STATE);
    assert_int_equal(alka_session_link(&world.session, NULL, NULL), ALKA_OK);
    assert_int_equal(alka_session_link(&world.session, NULL, NULL), ALKA_E_SESSION_STATE);
    world_close(&world);
}

static void a_session_may_be_dropped_in_any_state(void **state) {
    (void)state;
    for (int steps = 0; steps <= 4; steps++) {
        struct world world;
        world_open(&world, whole_wasm, sizeof whole_wasm);
        if (steps > 0)
            assert_int_equal(alka_session_validate(&world.session), ALKA_OK);
        if (steps > 1)
            assert_int_equal(alka_session_compile(&world.session), ALKA_OK);
        if (steps > 2)
            assert_int_equal(alka_session_link(&world.session, steps > 3 ? &vtable : NULL, NULL),
                             ALKA_OK);
        world_close(&world);
    }
}

static void every_grant_may_fail(void **state) {
    (void)state;
    for (uint32_t fail_at = 0;; fail_at++) {
        struct world world;
        world_open(&world, whole_wasm, sizeof whole_wasm);
        world.fake.fail_at = fail_at;
        alka_status status = alka_session_run(&world.session, &vtable, NULL);
        bool failed = world.fake.grants > fail_at;
        assert_int_equal(status, failed ? ALKA_E_OUT_OF_MEMORY : ALKA_OK);
        assert_int_equal(world.session.state, failed ? ALKA_SESSION_FAILED : ALKA_SESSION_READY);
        world_close(&world);
        if (!failed) {
            assert_true(fail_at > 10);
            return;
        }
    }
}

/* Written to a file and read back. */
static void files_are_loaded_instead_of_compiled(void **state) {
    (void)state;
    struct world world, second;
    world_open(&world, whole_wasm, sizeof whole_wasm);
    assert_int_equal(alka_session_validate(&world.session), ALKA_OK);
    assert_int_equal(alka_session_compile(&world.session), ALKA_OK);
    const struct alka_code *code = &world.session.code;
    struct alka_blob_source source = {&world.session.module, code, ALKA_BLOB_VERSION(0, 1, 0)};
    size_t file_bytes = alka_blob_bytes(&source);
    uint8_t *file = malloc(file_bytes);
    alka_blob_write(&source, file);

    for (uint32_t fail_at = 0;; fail_at++) {
        struct alka_blob blob;
        struct alka_diag diag;
        assert_int_equal(alka_blob_read((struct alka_span){file, file_bytes}, &blob, &diag),
                         ALKA_OK);
        world_open(&second, blob.module_bytes.data, blob.module_bytes.size);
        second.fake.fail_at = fail_at;
        alka_status status = alka_session_validate(&second.session);
        if (status == ALKA_OK)
            status = alka_session_load(&second.session, &blob);
        if (status == ALKA_OK) {
            assert_int_equal(second.session.code.functions_bytes, code->functions_bytes);
            assert_memory_equal(second.session.code.text, code->text, code->functions_bytes);
            status = alka_session_link(&second.session, &vtable, NULL);
        }
        bool failed = second.fake.grants > fail_at;
        assert_int_equal(status, failed ? ALKA_E_OUT_OF_MEMORY : ALKA_OK);
        world_close(&second);
        if (!failed)
            break;
    }
    free(file);
    world_close(&world);
}

static void compiling_is_deterministic(void **state) {
    (void)state;
    struct world one, other;
    world_open(&one, whole_wasm, sizeof whole_wasm);
    world_open(&other, whole_wasm, sizeof whole_wasm);
    assert_int_equal(alka_session_validate(&one.session), ALKA_OK);
    assert_int_equal(alka_session_validate(&other.session), ALKA_OK);
    assert_int_equal(alka_session_compile(&one.session), ALKA_OK);
    assert_int_equal(alka_session_compile(&other.session), ALKA_OK);
    const struct alka_code *a = &one.session.code, *b = &other.session.code;
    assert_int_equal(a->text_bytes, b->text_bytes);
    assert_memory_equal(a->text, b->text, a->text_bytes);
    assert_int_equal(a->reloc_count, b->reloc_count);
    assert_memory_equal(a->relocs, b->relocs, a->reloc_count * sizeof *a->relocs);
    assert_int_equal(a->trap_site_count, b->trap_site_count);
    assert_memory_equal(a->trap_sites, b->trap_sites, a->trap_site_count * sizeof *a->trap_sites);
    world_close(&one);
    world_close(&other);
}

static void a_small_arena_is_a_diagnostic(void **state) {
    (void)state;
    struct alka_limits limits = alka_limits_default;
    limits.arena_bytes_base = 0;
    limits.arena_bytes_per_module_byte = 1;
    struct alka_session_options small = options;
    small.limits = &limits;
    struct world world;
    world_open(&world, whole_wasm, sizeof whole_wasm);
    alka_session_open(&world.session, &world.registry, &small,
                      (struct alka_span){whole_wasm, sizeof whole_wasm});
    assert_int_equal(alka_session_run(&world.session, &vtable, NULL), ALKA_E_ARENA_LIMIT);
    assert_int_equal(world.session.diag.args[0], sizeof whole_wasm);
    world_close(&world);
}

static uint32_t progress_calls;
static void progress(void *self, uint32_t done, uint32_t total) {
    assert_ptr_equal(self, &progress_calls);
    assert_int_equal(done, ++progress_calls);
    assert_int_equal(total, 7);
}

static void progress_is_told_after_each_function(void **state) {
    (void)state;
    struct alka_session_options told = options;
    told.progress = progress;
    told.progress_self = &progress_calls;
    struct world world;
    world_open(&world, whole_wasm, sizeof whole_wasm);
    world.session.options = told;
    world.session.options.limits = &alka_limits_default;
    assert_int_equal(alka_session_run(&world.session, NULL, NULL), ALKA_OK);
    assert_int_equal(progress_calls, 7);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_makes_an_instance_and_goes),
        cmocka_unit_test(images_can_be_taken_without_an_instance),
        cmocka_unit_test(each_step_can_refuse_a_module),
        cmocka_unit_test(steps_out_of_order_are_refused),
        cmocka_unit_test(a_session_may_be_dropped_in_any_state),
        cmocka_unit_test(every_grant_may_fail),
        cmocka_unit_test(files_are_loaded_instead_of_compiled),
        cmocka_unit_test(compiling_is_deterministic),
        cmocka_unit_test(a_small_arena_is_a_diagnostic),
        cmocka_unit_test(progress_is_told_after_each_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

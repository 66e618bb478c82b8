/* A function that another instance can name outlives its instance's drop, however it got there. */
#include <alkahest.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Modules as bytes, made with wat2wasm; the text is above each. */
/* clang-format off */

/*
 * (module
 *   (type $constant (func (result i32)))
 *   (table $t (export "t") 2 funcref)
 *   (global $g (export "g") (mut funcref) (ref.null func))
 *   (func (export "keep") (param funcref)
 *     (table.set $t (i32.const 0) (local.get 0)))
 *   (func (export "kept") (result i32)
 *     (call_indirect $t (type $constant) (i32.const 0)))
 *   (func (export "global") (result i32)
 *     (table.set $t (i32.const 1) (global.get $g))
 *     (call_indirect $t (type $constant) (i32.const 1))))
 */
static const uint8_t wasm_keeper[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x09, 0x02, 0x60, 0x00, 0x01, 0x7f, 0x60,
    0x01, 0x70, 0x00, 0x03, 0x04, 0x03, 0x01, 0x00, 0x00, 0x04, 0x04, 0x01, 0x70, 0x00, 0x02, 0x06,
    0x06, 0x01, 0x70, 0x01, 0xd0, 0x70, 0x0b, 0x07, 0x20, 0x05, 0x01, 0x74, 0x01, 0x00, 0x01, 0x67,
    0x03, 0x00, 0x04, 0x6b, 0x65, 0x65, 0x70, 0x00, 0x00, 0x04, 0x6b, 0x65, 0x70, 0x74, 0x00, 0x01,
    0x06, 0x67, 0x6c, 0x6f, 0x62, 0x61, 0x6c, 0x00, 0x02, 0x0a, 0x20, 0x03, 0x08, 0x00, 0x41, 0x00,
    0x20, 0x00, 0x26, 0x00, 0x0b, 0x07, 0x00, 0x41, 0x00, 0x11, 0x00, 0x00, 0x0b, 0x0d, 0x00, 0x41,
    0x01, 0x23, 0x00, 0x26, 0x00, 0x41, 0x01, 0x11, 0x00, 0x00, 0x0b,
};

/*
 * (module
 *   (import "k" "keep" (func $keep (param funcref)))
 *   (global $n (mut i32) (i32.const 40))
 *   (elem declare func $count)
 *   (func $count (result i32)
 *     (global.set $n (i32.add (global.get $n) (i32.const 1)))
 *     (global.get $n))
 *   (func $start (call $keep (ref.func $count)))
 *   (start $start))
 */
static const uint8_t wasm_by_call[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0c, 0x03, 0x60, 0x01, 0x70, 0x00, 0x60,
    0x00, 0x01, 0x7f, 0x60, 0x00, 0x00, 0x02, 0x0a, 0x01, 0x01, 0x6b, 0x04, 0x6b, 0x65, 0x65, 0x70,
    0x00, 0x00, 0x03, 0x03, 0x02, 0x01, 0x02, 0x06, 0x06, 0x01, 0x7f, 0x01, 0x41, 0x28, 0x0b, 0x08,
    0x01, 0x02, 0x09, 0x05, 0x01, 0x03, 0x00, 0x01, 0x01, 0x0a, 0x14, 0x02, 0x0b, 0x00, 0x23, 0x00,
    0x41, 0x01, 0x6a, 0x24, 0x00, 0x23, 0x00, 0x0b, 0x06, 0x00, 0xd2, 0x01, 0x10, 0x00, 0x0b,
};

/*
 * (module
 *   (import "k" "g" (global $g (mut funcref)))
 *   (elem declare func $seven)
 *   (func $seven (result i32) i32.const 7)
 *   (func $start (global.set $g (ref.func $seven)))
 *   (start $start))
 */
static const uint8_t wasm_by_global[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x00, 0x01, 0x7f, 0x60,
    0x00, 0x00, 0x02, 0x08, 0x01, 0x01, 0x6b, 0x01, 0x67, 0x03, 0x70, 0x01, 0x03, 0x03, 0x02, 0x00,
    0x01, 0x08, 0x01, 0x01, 0x09, 0x05, 0x01, 0x03, 0x00, 0x01, 0x00, 0x0a, 0x0d, 0x02, 0x04, 0x00,
    0x41, 0x07, 0x0b, 0x06, 0x00, 0xd2, 0x00, 0x24, 0x00, 0x0b,
};

/* clang-format on */

#define SPAN(bytes) ((struct alka_span){(bytes), sizeof(bytes)})

/* Module "k" is an instance: self. */
static alka_status lookup(void *self, const struct alka_import *import,
                          struct alka_extern *out_extern) {
    return alka_instance_export(self, import->name, out_extern) ? ALKA_OK : ALKA_E_UNKNOWN_IMPORT;
}

static struct alka_instance *instance_of(struct alka_engine *engine, struct alka_span bytes,
                                         struct alka_instance *provider) {
    struct alka_vtable vtable = {.lookup = lookup, .self = provider};
    struct alka_image *image;
    struct alka_instance *instance;
    struct alka_diag diag;
    struct alka_instantiate_error error;
    assert_int_equal(alka_engine_compile(engine, bytes, NULL, &image, &diag), ALKA_OK);
    assert_int_equal(alka_engine_instantiate(engine, image, &vtable, NULL, &instance, &error),
                     ALKA_OK);
    alka_image_release(image);
    return instance;
}

static uint64_t result_of(struct alka_engine *engine, const struct alka_instance *instance,
                          const char *name) {
    struct alka_extern found;
    enum alka_trap trap;
    struct alka_trap_report report;
    uint64_t values[1] = {0};
    assert_true(alka_instance_export(instance, alka_name(name), &found));
    assert_int_equal(alka_engine_call(engine, found.func, values, &trap, &report), ALKA_OK);
    assert_int_equal(trap, ALKA_TRAP_NONE);
    return values[0];
}

static void dropped_instances_stay_while_their_functions_can_be_named(void **state) {
    (void)state;
    struct alka_engine *engine;
    assert_int_equal(alka_engine_open(NULL, &engine), ALKA_OK);
    struct alka_instance *keeper = instance_of(engine, SPAN(wasm_keeper), NULL);
    alka_instance_drop(instance_of(engine, SPAN(wasm_by_call), keeper));
    alka_instance_drop(instance_of(engine, SPAN(wasm_by_global), keeper));
    assert_int_equal(result_of(engine, keeper, "kept"), 41);
    assert_int_equal(result_of(engine, keeper, "kept"), 42);
    assert_int_equal(result_of(engine, keeper, "global"), 7);
    alka_engine_close(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropped_instances_stay_while_their_functions_can_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

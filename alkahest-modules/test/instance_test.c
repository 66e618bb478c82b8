/* Instances: what instantiation makes, what it shares, what it leaves when it fails, and that
 * nothing is ever left behind, whichever grant of the Crucible fails. */
#include "fake_crucible.h"
#include "hand_image.h"

#include <alkahest/helpers.h>
#include <alkahest/instance.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct alka_span span(const char *text) {
    return (struct alka_span){(const uint8_t *)text, strlen(text)};
}

static void host_log(uint32_t text, uint32_t bytes, struct alka_context *caller) {
    (void)text, (void)bytes, (void)caller;
}
static uint32_t host_call(uint32_t value, struct alka_context *caller) {
    (void)caller;
    return value;
}

static const struct alka_vtable_row rows[] = {
    {"h",
     "log",
     ALKA_NO_CAPABILITY,
     {.params = "ii", .results = "", .direct = ALKA_DIRECT(host_log)}},
    {"h",
     "call",
     ALKA_NO_CAPABILITY,
     {.params = "i", .results = "i", .direct = ALKA_DIRECT(host_call)}},
};

/* Module "b" is an instance: self. */
static alka_status lookup(void *self, const struct alka_import *import,
                          struct alka_extern *out_extern) {
    if (import->module.size != 1 || import->module.data[0] != 'b' || !self)
        return ALKA_E_UNKNOWN_IMPORT;
    return alka_instance_export(self, import->name, out_extern) ? ALKA_OK : ALKA_E_UNKNOWN_IMPORT;
}

struct world {
    struct fake_crucible fake;
    struct alka_registry registry;
    struct alka_image *images[4];
    struct alka_diag diag;
};

static alka_status world_make(struct world *world, enum hand_module which,
                              struct alka_instance *provider, struct alka_instance **out_instance) {
    if (!world->images[which])
        ALKA_TRY(
            hand_image_make(&world->registry, which, ALKA_MEMORY_GUARD, &world->images[which]));
    struct alka_vtable vtable = {rows, 2, 0, lookup, provider};
    return alka_instance_make(world->images[which], &vtable, NULL, out_instance, &world->diag);
}

static void world_open(struct world *world) {
    memset(world->images, 0, sizeof world->images);
    fake_crucible_init(&world->fake);
    alka_registry_init(&world->registry, &world->fake.crucible);
}

static void world_release_images(struct world *world) {
    for (unsigned i = 0; i < 4; i++)
        if (world->images[i])
            alka_image_release(world->images[i]);
    memset(world->images, 0, sizeof world->images);
}

static void world_close(struct world *world) {
    alka_registry_drop(&world->registry);
    assert_true(fake_crucible_is_empty(&world->fake));
}

static struct alka_extern export_of(const struct alka_instance *instance, const char *name) {
    struct alka_extern found;
    assert_true(alka_instance_export(instance, span(name), &found));
    return found;
}

static void an_instance_has_what_its_module_says(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instance *basic = NULL;
    assert_int_equal(world_make(&world, HAND_BASIC, NULL, &basic), ALKA_OK);
    assert_int_equal(basic->state, ALKA_INSTANCE_READY);
    assert_string_equal(basic->name, "basic");
    assert_ptr_equal(alka_registry_find(&world.registry, span("basic")), basic);
    assert_ptr_equal(alka_registry_get(&world.registry, basic->id), basic);

    const struct alka_memory *memory = export_of(basic, "mem").memory;
    assert_int_equal(memory->pages, 1);
    assert_memory_equal((void *)(memory->base.value + 8), "hello", 6);
    assert_memory_equal((void *)(memory->base.value + 65530), "world!", 6);
    assert_int_equal(basic->context->memory_base, basic->base.value);
    assert_int_equal(basic->context->memory_bytes, 65536);
    assert_int_equal(basic->context->memory_pages, 1);
    assert_int_equal(basic->context->memory_mask, 65535);

    struct alka_extern global = export_of(basic, "g");
    assert_true(global.global.is_mutable);
    assert_int_equal(*global.global.cell, 7);
    assert_true(*export_of(basic, "k").global.cell == (uint64_t)-5);

    const struct alka_table *table = export_of(basic, "tab").table;
    const struct alka_table_entry *entries = table->entries;
    assert_int_equal(table->size, 4);
    assert_int_equal(entries[0].func, 0);
    assert_int_equal(entries[0].type_id, ALKA_NO_INDEX);
    assert_ptr_equal(entries[1].func, export_of(basic, "unreachable").func);
    assert_ptr_equal(entries[2].func, export_of(basic, "load").func);
    assert_int_equal(((const struct alka_func *)entries[3].func)->func_idx, 9);
    assert_int_equal(entries[2].type_id, export_of(basic, "load").func->type_id);
    assert_int_equal(entries[2].context, basic->base.value);
    const struct alka_view *view =
        (const void *)(basic->base.value +
                       (uint64_t)(int64_t)basic->image->layout.table_views_disp);
    assert_int_equal(view->base, entries);
    assert_int_equal(view->size, 4);

    struct alka_extern none;
    assert_false(alka_instance_export(basic, span("hidden"), &none));
    assert_false(alka_instance_export(basic, span(""), &none));
    world_close(&world);
}

static void instances_of_one_image_share_nothing_but_code(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instance *one = NULL, *other = NULL;
    assert_int_equal(world_make(&world, HAND_BASIC, NULL, &one), ALKA_OK);
    assert_int_equal(world_make(&world, HAND_BASIC, NULL, &other), ALKA_OK);
    assert_int_not_equal(one->id, other->id);
    *export_of(one, "g").global.cell = 1000;
    assert_int_equal(*export_of(other, "g").global.cell, 7);
    assert_int_equal(export_of(one, "load").func->code, export_of(other, "load").func->code);
    assert_int_not_equal(export_of(one, "load").func->context,
                         export_of(other, "load").func->context);
    assert_int_equal(world.registry.image_count, 1);
    world_close(&world);
}

static void everything_can_be_shared(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instance *basic = NULL, *user = NULL;
    assert_int_equal(world_make(&world, HAND_BASIC, NULL, &basic), ALKA_OK);
    assert_int_equal(world_make(&world, HAND_USER, basic, &user), ALKA_OK);

    /* Memory: one, seen by both, after growing too. */
    struct alka_memory *memory = export_of(user, "mem").memory;
    assert_ptr_equal(memory, export_of(basic, "mem").memory);
    assert_memory_equal((void *)(memory->base.value + 8), "hEllo", 6);
    assert_int_equal(alka_memory_grow(memory, 1), 1);
    assert_int_equal(user->context->memory_bytes, 131072);
    assert_int_equal(basic->context->memory_bytes, 131072);
    assert_int_equal(alka_memory_grow(memory, 1), UINT64_MAX);
    assert_int_equal(alka_memory_grow(memory, 0), 2);
    ((uint8_t *)memory->base.value)[131071] = 1;

    /* Globals: the mutable one is one cell, the other one is a copy. */
    assert_ptr_equal(export_of(user, "g").global.cell, export_of(basic, "g").global.cell);
    assert_true(*export_of(user, "copy").global.cell == (uint64_t)-5);

    /* Table: the user's function, and what it imported, as its own. */
    struct alka_table *table = export_of(basic, "tab").table;
    const struct alka_table_entry *entries = table->entries;
    assert_ptr_equal(entries[3].func, export_of(user, "mine").func);
    assert_int_equal(entries[3].context, user->base.value);
    assert_ptr_equal(entries[0].func, export_of(user, "load").func);
    assert_int_equal(entries[0].type_id, export_of(basic, "load").func->type_id);
    assert_int_equal(export_of(user, "mine").func->memory, memory->base.value);
    assert_int_equal(alka_table_grow(table, 4), 4);
    assert_int_equal(alka_table_grow(table, 1), UINT64_MAX);
    const struct alka_view *view =
        (const void *)(user->base.value + (uint64_t)(int64_t)user->image->layout.table_views_disp);
    assert_int_equal(view->base, table->entries);
    assert_int_equal(view->size, 8);
    entries = table->entries;
    assert_int_equal(entries[7].type_id, ALKA_NO_INDEX);
    assert_ptr_equal(entries[3].func, export_of(user, "mine").func);
    world_close(&world);
}

static void providers_stay_as_long_as_they_are_needed(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instance *basic = NULL, *user = NULL;
    assert_int_equal(world_make(&world, HAND_BASIC, NULL, &basic), ALKA_OK);
    assert_int_equal(world_make(&world, HAND_USER, basic, &user), ALKA_OK);
    uint32_t basic_id = basic->id;
    uint64_t generation = basic->generation;
    alka_instance_drop(basic);
    assert_ptr_equal(alka_registry_get(&world.registry, basic_id), basic);
    assert_int_equal(basic->state, ALKA_INSTANCE_STOPPED);
    assert_true(basic->generation > generation);
    /* Its table names the user's functions: the user is pinned, and so is it. */
    alka_instance_drop(user);
    assert_int_equal(world.registry.instance_count, 2);
    world_close(&world);
}

static void dropping_gives_everything_back(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instance *first = NULL, *instance = NULL;
    assert_int_equal(world_make(&world, HAND_BASIC, NULL, &first), ALKA_OK);
    uint32_t held = world.fake.holding_count;
    uint64_t generation = 0;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(world_make(&world, HAND_BASIC, NULL, &instance), ALKA_OK);
        assert_true(instance->generation > generation);
        generation = instance->generation;
        alka_instance_drop(instance);
        assert_int_equal(world.fake.holding_count, held);
    }
    /* The last reference takes the image along. */
    world_release_images(&world);
    assert_int_equal(world.registry.image_count, 1);
    alka_instance_drop(first);
    assert_int_equal(world.registry.image_count, 0);
    assert_int_equal(world.registry.instance_count, 0);
    assert_int_equal(world.registry.types.live_count, 0);
    world_close(&world);
}

static void segments_out_of_bounds_leave_what_was_written(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instance *basic = NULL, *never = NULL;
    assert_int_equal(world_make(&world, HAND_BASIC, NULL, &basic), ALKA_OK);
    uint8_t *bytes = (uint8_t *)export_of(basic, "mem").memory->base.value;

    assert_int_equal(world_make(&world, HAND_DATA_BOUNDS, basic, &never), ALKA_E_DATA_BOUNDS);
    assert_null(never);
    assert_int_equal(world.diag.code, ALKA_E_DATA_BOUNDS);
    assert_int_equal(world.diag.args[0], 1);
    assert_int_equal(bytes[1], 'Y');
    assert_int_equal(bytes[65535], '!');
    assert_int_equal(world.registry.instance_count, 1);

    /* The first element segment names a function of the failed instance, which therefore stays. */
    assert_int_equal(world_make(&world, HAND_BOUNDS, basic, &never), ALKA_E_ELEMENT_BOUNDS);
    assert_null(never);
    const struct alka_table_entry *entries = export_of(basic, "tab").table->entries;
    const struct alka_func *func = (const struct alka_func *)entries[2].func;
    assert_ptr_not_equal(func, export_of(basic, "load").func);
    assert_int_equal(func->instance->state, ALKA_INSTANCE_TRAPPED);
    assert_int_equal(world.registry.instance_count, 2);
    assert_int_equal(bytes[0], 0); /* its data segment never came to pass */
    world_close(&world);
}

static void missing_imports_leave_nothing(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instance *never = NULL;
    assert_int_equal(world_make(&world, HAND_USER, NULL, &never), ALKA_E_UNKNOWN_IMPORT);
    assert_int_equal(world.diag.code, ALKA_E_UNKNOWN_IMPORT);
    assert_int_equal(world.registry.instance_count, 0);
    world_release_images(&world);
    assert_int_equal(world.registry.image_count, 0);
    world_close(&world);
}

static void limits_of_the_host_hold(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    assert_int_equal(
        hand_image_make(&world.registry, HAND_BASIC, ALKA_MEMORY_GUARD, &world.images[HAND_BASIC]),
        ALKA_OK);
    struct alka_vtable vtable = {rows, 2, 0, NULL, NULL};
    struct alka_instance_options options = {
        .name = span("small"), .limits = {.memory_pages = 1, .table_entries = 4}, .user = 42};
    struct alka_instance *instance = NULL;
    assert_int_equal(
        alka_instance_make(world.images[HAND_BASIC], &vtable, &options, &instance, &world.diag),
        ALKA_OK);
    assert_string_equal(instance->name, "small");
    assert_int_equal(instance->context->user, 42);
    assert_int_equal(alka_memory_grow(instance->memories[0], 1), UINT64_MAX);
    assert_int_equal(alka_table_grow(instance->tables[0], 1), UINT64_MAX);
    options.limits.table_entries = 3;
    assert_int_equal(
        alka_instance_make(world.images[HAND_BASIC], &vtable, &options, &instance, &world.diag),
        ALKA_E_OUT_OF_MEMORY);
    world_close(&world);
}

static void wrapped_memories_are_committed_to_a_power_of_two(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    const struct alka_range range = {.min = 0, .max = 10, .has_max = true};
    struct alka_memory memory;
    assert_int_equal(alka_memory_make(&memory, &world.fake.crucible, &range, 10, ALKA_MEMORY_WRAP),
                     ALKA_OK);
    assert_int_equal(memory.committed_bytes, 65536 + 4096);
    assert_int_equal(alka_memory_grow(&memory, 3), 0);
    assert_int_equal(memory.committed_bytes, 4 * 65536 + 4096);
    assert_int_equal(memory.pages, 3);
    alka_memory_drop(&memory);
    world_close(&world);
}

static void every_grant_may_fail(void **state) {
    (void)state;
    for (uint32_t fail_at = 0;; fail_at++) {
        struct world world;
        world_open(&world);
        world.fake.fail_at = fail_at;
        struct alka_instance *basic = NULL, *user = NULL;
        alka_status status = world_make(&world, HAND_BASIC, NULL, &basic);
        if (status == ALKA_OK)
            status = world_make(&world, HAND_USER, basic, &user);
        if (status == ALKA_OK && alka_memory_grow(basic->memories[0], 1) == UINT64_MAX)
            status = ALKA_E_OUT_OF_MEMORY;
        if (status == ALKA_OK && alka_table_grow(basic->tables[0], 1) == UINT64_MAX)
            status = ALKA_E_OUT_OF_MEMORY;
        bool failed = world.fake.grants > fail_at;
        assert_int_equal(status, failed ? ALKA_E_OUT_OF_MEMORY : ALKA_OK);
        world_close(&world);
        if (!failed) {
            assert_true(fail_at > 10);
            return;
        }
    }
}

static void names_and_offsets_lead_to_functions(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    struct alka_instance *basic = NULL;
    assert_int_equal(world_make(&world, HAND_BASIC, NULL, &basic), ALKA_OK);
    const struct alka_image *image = basic->image;
    struct alka_span name = alka_image_function_name(image, 10);
    assert_int_equal(name.size, 6);
    assert_memory_equal(name.data, "hidden", 6);
    assert_int_equal(alka_image_function_name(image, 3).size, 0);
    assert_int_equal(alka_image_function_name(image, 999).size, 0);
    const uint32_t *offs = image->code.function_offs;
    for (uint32_t i = 0; i < image->code.function_count; i++) {
        assert_int_equal(alka_image_function_at(image, offs[i]), 2 + i);
        assert_int_equal(alka_image_function_at(image, offs[i + 1] - 1), 2 + i);
    }
    assert_int_equal(alka_image_function_at(image, image->code.functions_bytes), ALKA_NO_INDEX);
    uint64_t text = (uint64_t)image->code.text;
    assert_ptr_equal(alka_registry_image_at(&world.registry, text), image);
    assert_null(alka_registry_image_at(&world.registry, text - 1));
    assert_null(alka_registry_image_at(&world.registry, text + image->code.functions_bytes));
    world_close(&world);
}

static void many_instances_and_images_come_and_go(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    enum { COUNT = 300 };
    static struct alka_image *images[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(
            hand_image_make(&world.registry, HAND_BOUNDS, ALKA_MEMORY_GUARD, &images[i]), ALKA_OK);
        assert_ptr_equal(alka_registry_image_at(&world.registry, (uint64_t)images[i]->code.text),
                         images[i]);
    }
    assert_int_equal(world.registry.types.live_count, 1);
    for (uint32_t i = 0; i < COUNT; i += 2)
        alka_image_release(images[i]);
    assert_int_equal(world.registry.image_count, COUNT / 2);

    struct alka_instance *last = NULL;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(world_make(&world, HAND_BASIC, NULL, &last), ALKA_OK);
    uint32_t seen = 0, last_id = 0;
    for (struct alka_instance *at = NULL; (at = alka_registry_next(&world.registry, at)); seen++) {
        assert_true(at->id > last_id);
        last_id = at->id;
    }
    assert_int_equal(seen, 100);
    assert_null(alka_registry_get(&world.registry, last_id + 1));
    assert_null(alka_registry_get(&world.registry, 0));
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_has_what_its_module_says),
        cmocka_unit_test(instances_of_one_image_share_nothing_but_code),
        cmocka_unit_test(everything_can_be_shared),
        cmocka_unit_test(providers_stay_as_long_as_they_are_needed),
        cmocka_unit_test(dropping_gives_everything_back),
        cmocka_unit_test(segments_out_of_bounds_leave_what_was_written),
        cmocka_unit_test(missing_imports_leave_nothing),
        cmocka_unit_test(limits_of_the_host_hold),
        cmocka_unit_test(wrapped_memories_are_committed_to_a_power_of_two),
        cmocka_unit_test(every_grant_may_fail),
        cmocka_unit_test(names_and_offsets_lead_to_functions),
        cmocka_unit_test(many_instances_and_images_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Injected faults. In: a module and the name of a fault. Out: the module, having failed. A small
 * module of the kernel's own runs in the victim's name, on the victim's memory; what follows its
 * trap is what follows any.
 */
#include "modules/inject.h"
#include "cpu/x86.h"
#include "modules/builtin.h"
#include "time/clock.h"
#include <string.h>

#define INJECT_LIMIT_NS (UINT64_C(1) * 1000 * 1000 * 1000)

/*
 * (module
 *   (func (export "trap") unreachable)
 *   (func (export "loop") (loop (br 0)))
 *   (func $deeper (export "overflow") (call $deeper)))
 */
static const uint8_t inject_faults[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00,
    0x03, 0x04, 0x03, 0x00, 0x00, 0x00, 0x07, 0x1a, 0x03, 0x04, 0x74, 0x72, 0x61, 0x70,
    0x00, 0x00, 0x04, 0x6c, 0x6f, 0x6f, 0x70, 0x00, 0x01, 0x08, 0x6f, 0x76, 0x65, 0x72,
    0x66, 0x6c, 0x6f, 0x77, 0x00, 0x02, 0x0a, 0x12, 0x03, 0x03, 0x00, 0x00, 0x0b, 0x07,
    0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b, 0x04, 0x00, 0x10, 0x02, 0x0b};

/*
 * (module
 *   (import "victim" "memory" (memory 0))
 *   (func (export "memory") (local i32)
 *     (loop $grow (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
 *     (loop $write
 *       (i32.store (local.get 0) (i32.const 0x5a5a5a5a))
 *       (local.set 0 (i32.add (local.get 0) (i32.const 4096)))
 *       (br $write))))
 */
static const uint8_t inject_memory[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x02, 0x12,
    0x01, 0x06, 0x76, 0x69, 0x63, 0x74, 0x69, 0x6d, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02,
    0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x07, 0x0a, 0x01, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79,
    0x00, 0x00, 0x0a, 0x2a, 0x01, 0x28, 0x01, 0x01, 0x7f, 0x03, 0x40, 0x41, 0x01, 0x40, 0x00, 0x41,
    0x7f, 0x47, 0x0d, 0x00, 0x0b, 0x03, 0x40, 0x20, 0x00, 0x41, 0xda, 0xb4, 0xe9, 0xd2, 0x05, 0x36,
    0x02, 0x00, 0x20, 0x00, 0x41, 0x80, 0x20, 0x6a, 0x21, 0x00, 0x0c, 0x00, 0x0b, 0x0b};

static alka_status inject_lookup(void *self, const struct alka_import *import,
                                 struct alka_extern *out_extern) {
    struct alka_instance *victim = ((struct module *)self)->instance;
    (void)import;
    *out_extern = (struct alka_extern){
        .kind = ALKA_EXTERN_MEMORY, .owner = victim, .memory = victim->memories[0]};
    return ALKA_OK;
}

static void inject_call(struct module *module, const struct alka_instance *injector,
                        const char *fault, struct call_result *out) {
    const struct bundle_text called = {fault, (uint32_t)strlen(fault)};
    uint64_t start_ns = clock_ns();
    *out = (struct call_result){.outcome = CALL_TRAPPED};
    module->calls++;
    module->state = MODULE_RUNNING;
    struct call call;
    call_begin(&call, INJECT_LIMIT_NS, &out->report);
    out->trap = builtin_call(injector, fault, 0);
    call_end(&call);
    module->state = out->trap == ALKA_TRAP_NONE ? MODULE_READY : MODULE_TRAPPED;
    call_keep(&call, &out->report);
    call_recover(called, &out->report, &call.fault);
    out->ns = clock_ns() - start_ns;
}

const char *inject(struct module *module, const char *fault, struct call_result *out) {
    static const char *const names[] = {"trap", "loop", "overflow", "memory"};
    uint32_t which = 0;
    while (which < 4 && strcmp(names[which], fault) != 0) {
        which++;
    }
    if (which == 4) {
        return "no such fault; there are trap, loop, overflow and memory";
    }
    bool on_memory = which == 3;
    if (on_memory && module->instance->image->module.memory_count == 0) {
        return "the module has no memory";
    }
    const struct alka_vtable vtable = {.lookup = inject_lookup, .self = module};
    const struct alka_span bytes = on_memory
                                       ? (struct alka_span){inject_memory, sizeof inject_memory}
                                       : (struct alka_span){inject_faults, sizeof inject_faults};
    struct alka_instance *injector;
    if (builtin_load(bytes, "inject", &vtable, (uint64_t)module, &injector) != ALKA_OK) {
        return "the injected code cannot be loaded";
    }
    inject_call(module, injector, fault, out);
    /* While the injected code can still be named. */
    call_log(module, (struct bundle_text){fault, (uint32_t)strlen(fault)}, out,
             out->outcome == CALL_TRAPPED);
    alka_instance_drop(injector);
    return NULL;
}

/*
 * Room: host. The façade of alkahest.h: a registry, a Crucible, stacks and signals behind one
 * handle. Comes in: bytes, options, values. Goes out: what the libraries say. Must do nothing that
 * a program could not do itself with the libraries.
 */
#include "host.h"

#include <cpuid.h>
#include <stdlib.h>

alka_status alka_engine_open(const struct alka_engine_options *options,
                             struct alka_engine **out_engine) {
    ALKA_TRY(host_signals_install());
    struct alka_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return ALKA_E_OUT_OF_MEMORY;
    if (options)
        engine->options = *options;
    host_crucible_init(&engine->crucible, engine);
    alka_registry_init(&engine->registry, &engine->crucible);
    *out_engine = engine;
    return ALKA_OK;
}

void alka_engine_close(struct alka_engine *engine) {
    alka_registry_drop(&engine->registry);
    host_slots_drop(engine);
    host_threads_drop(engine);
    free(engine);
}

struct alka_registry *alka_engine_registry(struct alka_engine *engine) {
    return &engine->registry;
}

const struct alka_crucible *alka_engine_crucible(struct alka_engine *engine) {
    return &engine->crucible;
}

struct alka_session_options alka_engine_defaults(void) {
    return (struct alka_session_options){
        .features = ALKA_FEATURES_BUILT,
        .limits = &alka_limits_default,
        .codegen = {.memory_model = ALKA_MEMORY_GUARD, .cpu = alka_host_cpu()},
    };
}

alka_status alka_engine_compile(struct alka_engine *engine, struct alka_span bytes,
                                const struct alka_session_options *options,
                                struct alka_image **out_image, struct alka_diag *out_diag) {
    struct alka_session_options defaults = alka_engine_defaults();
    struct alka_session session;
    alka_session_open(&session, &engine->registry, options ? options : &defaults, bytes);
    alka_status status = alka_session_run(&session, NULL, NULL);
    if (status == ALKA_OK)
        *out_image = alka_session_take_image(&session);
    *out_diag = session.diag;
    alka_session_drop(&session);
    return status;
}

/* A call that was refused for want of room never came to a fault, so nobody wrote a report. */
static const struct alka_trap_report *host_report(struct host_thread *thread, enum alka_trap trap) {
    struct alka_trap_report *report = &thread->report;
    if (report->kind != trap) {
        report->kind = trap;
        report->instance_id = 0;
        report->wasm_off = ALKA_DIAG_NONE;
        report->pc = report->address = 0;
        report->frame_count = 0;
        report->frames_cut = false;
    }
    return report;
}

alka_status alka_engine_instantiate(struct alka_engine *engine, struct alka_image *image,
                                    const struct alka_vtable *vtable,
                                    const struct alka_instance_options *options,
                                    struct alka_instance **out_instance,
                                    struct alka_instantiate_error *out_error) {
    out_error->trap = ALKA_TRAP_NONE;
    out_error->diag = (struct alka_diag){ALKA_E_OUT_OF_MEMORY, ALKA_DIAG_NONE, ALKA_DIAG_NONE,
                                         ALKA_DIAG_NONE,       ALKA_DIAG_NONE, {0, 0}};
    struct host_thread *thread;
    ALKA_TRY(host_thread_get(engine, &thread));
    struct alka_instance *instance;
    ALKA_TRY(alka_instance_make(image, vtable, options, &instance, &out_error->diag));
    thread->report.kind = ALKA_TRAP_NONE;
    enum alka_trap trap = alka_instance_start(instance, thread->thread);
    if (trap == ALKA_TRAP_NONE) {
        *out_instance = instance;
        return ALKA_OK;
    }
    out_error->trap = trap;
    out_error->report = *host_report(thread, trap);
    out_error->diag.code = ALKA_E_START_TRAPPED;
    out_error->diag.func_idx = image->module.start_function;
    out_error->diag.args[0] = alka_trap_code(trap);
    alka_instance_drop(instance);
    return ALKA_E_START_TRAPPED;
}

alka_status alka_engine_thread(struct alka_engine *engine, struct alka_thread **out_thread) {
    struct host_thread *thread;
    ALKA_TRY(host_thread_get(engine, &thread));
    *out_thread = thread->thread;
    return ALKA_OK;
}

alka_status alka_engine_call(struct alka_engine *engine, const struct alka_func *func,
                             uint64_t *values, enum alka_trap *out_trap,
                             struct alka_trap_report *out_report) {
    struct host_thread *thread;
    ALKA_TRY(host_thread_get(engine, &thread));
    thread->report.kind = ALKA_TRAP_NONE;
    *out_trap = alka_call(thread->thread, func, alka_func_type(func), values);
    if (out_report && *out_trap != ALKA_TRAP_NONE)
        *out_report = *host_report(thread, *out_trap);
    return ALKA_OK;
}

struct host_cpu_row {
    uint32_t leaf, reg, bit; /* reg: 0 eax, 1 ebx, 2 ecx, 3 edx */
    alka_cpu_set feature;
    bool needs_avx_state; /* of the operating system */
};

static const struct host_cpu_row host_cpu_rows[] = {
    {1, 2, 0, ALKA_CPU_SSE3, false},
    {1, 2, 9, ALKA_CPU_SSSE3, false},
    {1, 2, 19, ALKA_CPU_SSE41, false},
    {1, 2, 20, ALKA_CPU_SSE42, false},
    {1, 2, 23, ALKA_CPU_POPCNT, false},
    {1, 2, 28, ALKA_CPU_AVX, true},
    {1, 2, 12, ALKA_CPU_FMA, true},
    {7, 1, 5, ALKA_CPU_AVX2, true},
    {7, 1, 3, ALKA_CPU_BMI1, false},
    {7, 1, 8, ALKA_CPU_BMI2, false},
    {0x80000001, 2, 5, ALKA_CPU_LZCNT, false},
};

static bool host_saves_avx_state(void) {
    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
        return false;
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

alka_cpu_set alka_host_cpu(void) {
    bool has_avx_state = host_saves_avx_state();
    alka_cpu_set set = 0;
    for (size_t i = 0; i < sizeof host_cpu_rows / sizeof *host_cpu_rows; i++) {
        const struct host_cpu_row *row = &host_cpu_rows[i];
        uint32_t words[4];
        if (!__get_cpuid_count(row->leaf, 0, &words[0], &words[1], &words[2], &words[3]))
            continue;
        if (words[row->reg] >> row->bit & 1 && (has_avx_state || !row->needs_avx_state))
            set |= row->feature;
    }
    return set;
}

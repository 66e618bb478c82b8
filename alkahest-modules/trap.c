/*
 * Room: modules. Trap decisions: whose fault was it, and where does the thread go on. Comes in: the
 * machine state at a fault, hostile in all that a module could have put there. Goes out: a resume
 * point and a post-mortem report, or "not a module's". Must never follow a register before the
 * program counter is known to be in a module's code; must never lock, allocate or call back.
 */
#include "private.h"

#include <alkahest/call.h>
#include <alkahest/gate.h>
#include <alkahest/routines.h>

/* What the decision knows so far. */
struct trap_scene {
    const struct alka_registry *registry;
    const struct alka_thread *thread;
    const struct alka_fault_state *state;
    const struct alka_image *image; /* whose code pc is in; NULL: a routine of the linker */
};

static uint64_t trap_address(const char *label) { return (uint64_t)label; }

static bool trap_in_routines(uint64_t pc) {
    return pc >= trap_address(alka_routines_start) && pc < trap_address(alka_routines_end);
}

bool alka_registry_owns_pc(const struct alka_registry *registry, uint64_t pc) {
    return trap_in_routines(pc) || alka_registry_image_at(registry, pc) != NULL;
}

/* The site that starts at this offset; NULL if there is none. */
static const struct alka_trap_site *trap_site_at(const struct alka_code *code, uint32_t code_off) {
    uint32_t low = 0, high = code->trap_site_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (code->trap_sites[middle].code_off < code_off)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == code->trap_site_count || code->trap_sites[low].code_off != code_off)
        return NULL;
    return &code->trap_sites[low];
}

static const struct alka_trap_site *trap_site(const struct trap_scene *scene) {
    if (!scene->image)
        return NULL;
    return trap_site_at(&scene->image->code,
                        (uint32_t)(scene->state->pc - (uint64_t)scene->image->code.text));
}

static bool trap_hits_stack_guard(const struct trap_scene *scene) {
    uint64_t address = scene->state->address;
    const struct alka_thread *thread = scene->thread;
    uint64_t control_base = (uint64_t)thread & ~(ALKA_CONTROL_STACK_BYTES - 1);
    return (address >= control_base && address < thread->control_limit) ||
           (address < thread->data_limit &&
            address >= thread->data_limit - thread->data_guard_bytes);
}

static bool trap_hits_slot(const struct trap_scene *scene) {
    /* pc is in module code, so r15 is an instance's. */
    const struct alka_context *context =
        (const struct alka_context *)(scene->state->r15 - ALKA_CONTEXT_BYTES);
    return scene->state->address - context->memory_base < ALKA_SLOT_BYTES;
}

static enum alka_trap trap_of_memory(const struct trap_scene *scene) {
    if (trap_hits_stack_guard(scene))
        return ALKA_TRAP_STACK_EXHAUSTED;
    const struct alka_trap_site *site = trap_site(scene);
    if (site && alka_trap_site_kind(*site) == ALKA_TRAP_MEMORY_BOUNDS && trap_hits_slot(scene))
        return ALKA_TRAP_MEMORY_BOUNDS;
    return ALKA_TRAP_NONE;
}

static enum alka_trap trap_of_instruction(const struct trap_scene *scene) {
    uint64_t pc = scene->state->pc;
    if (pc == trap_address(alka_routine_pending))
        return (enum alka_trap)scene->thread->pending;
    if (pc == trap_address(alka_routine_exhausted))
        return ALKA_TRAP_STACK_EXHAUSTED;
    if (pc == trap_address(alka_routine_gone))
        return ALKA_TRAP_CALLEE_GONE;
    if (pc == trap_address(alka_routine_deep))
        return ALKA_TRAP_GATE_DEPTH;
    const struct alka_trap_site *site = trap_site(scene);
    return site ? alka_trap_site_kind(*site) : ALKA_TRAP_NONE;
}

static enum alka_trap trap_of_division(const struct trap_scene *scene) {
    const struct alka_trap_site *site = trap_site(scene);
    if (!site)
        return ALKA_TRAP_NONE;
    enum alka_trap kind = alka_trap_site_kind(*site);
    return kind == ALKA_TRAP_INTEGER_DIVIDE_BY_ZERO || kind == ALKA_TRAP_INTEGER_OVERFLOW
               ? kind
               : ALKA_TRAP_NONE;
}

static enum alka_trap trap_kind(const struct trap_scene *scene) {
    switch (scene->state->fault) {
    case ALKA_FAULT_MEMORY:
        return trap_of_memory(scene);
    case ALKA_FAULT_DIVIDE:
        return trap_of_division(scene);
    case ALKA_FAULT_INSTRUCTION:
        return trap_of_instruction(scene);
    case ALKA_FAULT_OTHER:
        break;
    }
    return ALKA_TRAP_NONE;
}

/* --- The report. --- */

/* Is there a call right before this address? Looks at the bytes of E8 rel32 and of FF /2. */
static bool trap_is_behind_call(const uint8_t *code, uint32_t off) {
    if (off >= 5 && code[off - 5] == 0xE8)
        return true;
    for (uint32_t length = 2; length <= 7 && length <= off; length++)
        if (code[off - length] == 0xFF && (code[off - length + 1] >> 3 & 7) == 2)
            return true;
    return false;
}

static bool trap_frame_of(const struct alka_image *image, uint32_t code_off, uint32_t behind,
                          struct alka_frame *out_frame) {
    uint32_t func_idx = alka_image_function_at(image, code_off - behind);
    if (func_idx == ALKA_NO_INDEX)
        return false;
    uint32_t start = image->code.function_offs[func_idx - image->module.imported_functions];
    *out_frame =
        (struct alka_frame){.image = image, .func_idx = func_idx, .code_off = code_off - start};
    return true;
}

static void trap_add_frame(struct alka_trap_report *report, const struct alka_image *image,
                           uint32_t code_off, uint32_t behind) {
    struct alka_frame frame;
    /* A return address may be the first byte behind its function. */
    if (!trap_frame_of(image, code_off, behind, &frame))
        return;
    if (report->frame_count == ALKA_REPORT_FRAMES) {
        report->frames_cut = true;
        return;
    }
    report->frames[report->frame_count++] = frame;
}

/* The image whose code a call returns to here; NULL: none. */
static const struct alka_image *trap_returns_to(const struct alka_registry *registry,
                                                uint64_t word) {
    const struct alka_image *image = alka_registry_image_at(registry, word - 1);
    bool is_behind = image && trap_is_behind_call(image->code.text,
                                                  (uint32_t)(word - (uint64_t)image->code.text));
    return is_behind ? image : NULL;
}

bool alka_registry_returns_to(const struct alka_registry *registry, uint64_t word) {
    return trap_returns_to(registry, word) != NULL;
}

bool alka_registry_frame_at(const struct alka_registry *registry, uint64_t pc, uint32_t behind,
                            struct alka_frame *out_frame) {
    const struct alka_image *image = alka_registry_image_at(registry, pc - behind);
    return image &&
           trap_frame_of(image, (uint32_t)(pc - (uint64_t)image->code.text), behind, out_frame);
}

static void trap_add_word(const struct trap_scene *scene, struct alka_trap_report *report,
                          uint64_t word) {
    const struct alka_image *image = trap_returns_to(scene->registry, word);
    if (image)
        trap_add_frame(report, image, (uint32_t)(word - (uint64_t)image->code.text), 1);
}

/*
 * Every word between rsp and the innermost gate was pushed by module code or by a routine of the
 * linker: a return address, or a register. Gates into other instances are walked over.
 */
static void trap_backtrace(const struct trap_scene *scene, struct alka_trap_report *report) {
    uint64_t at = scene->state->rsp;
    if (at < scene->thread->control_limit)
        at = scene->thread->control_limit;
    const struct alka_gate *gate = scene->thread->gate;
    while (gate && !report->frames_cut) {
        for (; at + 8 <= (uint64_t)gate && !report->frames_cut; at += 8)
            trap_add_word(scene, report, *(const uint64_t *)at);
        if (alka_gate_resume(gate) == trap_address(alka_resume_enter))
            return;
        at = (uint64_t)(gate + 1);
        gate = gate->outer;
    }
}

static void trap_report(const struct trap_scene *scene, enum alka_trap kind) {
    struct alka_trap_report *report = scene->thread->report;
    const struct alka_context *context =
        (const struct alka_context *)(scene->state->r15 - ALKA_CONTEXT_BYTES);
    report->kind = kind;
    report->instance_id = scene->image ? context->instance->id : 0;
    report->wasm_off = ALKA_DIAG_NONE;
    report->pc = scene->state->pc;
    report->address = scene->state->fault == ALKA_FAULT_MEMORY ? scene->state->address : 0;
    report->frame_count = 0;
    report->frames_cut = false;
    if (scene->image) {
        uint32_t code_off = (uint32_t)(scene->state->pc - (uint64_t)scene->image->code.text);
        const struct alka_trap_site *site = trap_site(scene);
        if (site)
            report->wasm_off = alka_trap_site_wasm_off(*site);
        trap_add_frame(report, scene->image, code_off, 0);
    }
    trap_backtrace(scene, report);
}

static struct trap_scene trap_look(const struct alka_registry *registry,
                                   const struct alka_thread *thread,
                                   const struct alka_fault_state *state) {
    return (struct trap_scene){
        .registry = registry,
        .thread = thread,
        .state = state,
        .image = alka_registry_image_at(registry, state->pc),
    };
}

/* Leaves everything up to the innermost gate. */
static void trap_take(const struct trap_scene *scene, enum alka_trap kind,
                      struct alka_resume *out_resume) {
    if (scene->thread->report)
        trap_report(scene, kind);
    *out_resume = (struct alka_resume){
        .kind = kind,
        .rip = alka_gate_resume(scene->thread->gate),
        .rsp = (uint64_t)scene->thread->gate,
    };
}

bool alka_trap_decide(const struct alka_registry *registry, struct alka_thread *thread,
                      const struct alka_fault_state *state, struct alka_resume *out_resume) {
    struct trap_scene scene = trap_look(registry, thread, state);
    if ((!scene.image && !trap_in_routines(state->pc)) || !thread->gate)
        return false;
    enum alka_trap kind = trap_kind(&scene);
    if (kind == ALKA_TRAP_NONE)
        return false;
    trap_take(&scene, kind, out_resume);
    if (state->pc == trap_address(alka_routine_pending))
        thread->pending = ALKA_TRAP_NONE;
    return true;
}

enum alka_interruption alka_trap_interrupt(const struct alka_registry *registry,
                                           struct alka_thread *thread,
                                           const struct alka_fault_state *state,
                                           enum alka_trap kind, struct alka_resume *out_resume) {
    struct trap_scene scene = trap_look(registry, thread, state);
    if (!thread->gate || trap_in_routines(state->pc) || alka_thread_of(state->rsp) != thread)
        return ALKA_NOT_INTERRUPTED;
    if (scene.image) {
        trap_take(&scene, kind, out_resume);
        return ALKA_INTERRUPTED_NOW;
    }
    (void)alka_trap_pend(thread, kind);
    return ALKA_INTERRUPTED_LATER;
}

bool alka_trap_make_zombie(struct alka_gate *gate) {
    if (alka_gate_resume(gate) == trap_address(alka_resume_enter))
        return false;
    *alka_gate_return(gate) = trap_address(alka_routine_zombie);
    return true;
}

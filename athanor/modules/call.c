/*
 * Calls into modules. In: the name of an export. Out: how the call ended, and
 * its story in the log. The call runs on this thread's own stacks; it can
 * always be ended from outside: by the clock, or by ^C on the console.
 */
#include "modules/call.h"
#include "console/clean.h"
#include "console/format.h"
#include "console/input.h"
#include "console/log.h"
#include "cpu/cpu.h"
#include "cpu/x86.h"
#include "modules/loader.h"
#include "modules/news.h"
#include "modules/postmortem.h"
#include "modules/supervision.h"
#include "modules/swap.h"
#include "sched/machine.h"
#include "time/clock.h"
#include "time/rate.h"
#include "time/timer.h"
#include "trace/trace.h"
#include <alkahest/render.h>

#define CALL_NAME_BYTES 128u
#define CALL_FRAMES_SHOWN 8u
#define CALL_POLL_NS UINT64_C(20000)
#define CALL_ANSWERED_PER_SECOND 4u

void call_set_exit_code(uint32_t code) {
    struct call *call = thread_this()->user;
    if (call != NULL) {
        call->exit_code = code;
    }
}

static inline bool call_has_ended(const struct call *call) {
    return call->must_end || (call->is_foreground && input_interrupted()) ||
           (call->deadline_ns != SCHED_NEVER && clock_ns() >= call->deadline_ns);
}

bool call_is_over(const struct thread *thread) {
    const struct call *call = thread->user;
    return call != NULL && call_has_ended(call);
}

alka_status call_block(uint64_t deadline_ns) {
    const struct thread *self = thread_this();
    const struct call *call = self->user;
    if (call == NULL) {
        return thread_block(deadline_ns);
    }
    if (!call_has_ended(call)) {
        uint64_t end_ns = call->deadline_ns;
        alka_status status = thread_block(deadline_ns < end_ns ? deadline_ns : end_ns);
        if (!call_has_ended(call)) {
            return status;
        }
    }
    (void)alka_trap_pend(self->stacks, ALKA_TRAP_KILLED);
    return ALKA_E_INTERRUPTED;
}

void call_end_soon(struct thread *thread) {
    struct call *call = thread->user;
    if (call != NULL) {
        call->must_end = true;
        sched_excuse(&threads_sched, &thread->sched, true, clock_ns());
    }
}

/* The function an export names, if the kernel can call it. */
static enum call_outcome call_find(const struct module *module, struct bundle_text function,
                                   const struct alka_func **out_func) {
    struct alka_extern found;
    if (module->instance == NULL || module->state == MODULE_DOWN ||
        module->state == MODULE_LOADING) {
        return CALL_NOT_READY;
    }
    const struct alka_span name = {(const uint8_t *)function.data, function.size};
    if (!alka_instance_export(module->instance, name, &found) || found.kind != ALKA_EXTERN_FUNC ||
        found.func == NULL) {
        return CALL_NO_EXPORT;
    }
    const struct alka_functype *type = alka_func_type(found.func);
    if (type->param_count > 0 || type->result_count > 1 ||
        (type->result_count == 1 && type->results[0] != ALKA_I32)) {
        return CALL_WRONG_TYPE;
    }
    *out_func = found.func;
    return CALL_RETURNED;
}

enum call_outcome call_prospect(const struct module *module, struct bundle_text function) {
    const struct alka_func *func;
    return call_find(module, function, &func);
}

static uint64_t call_first;

uint64_t call_first_ns(void) { return call_first; }

void call_note_first(void) {
    if (call_first == 0) {
        call_first = clock_ns();
    }
}

/* What the call before has left behind is cleared up. */
static void call_end_excuse(struct thread *thread) {
    uint64_t flags = threads_lock();
    sched_excuse(&threads_sched, &thread->sched, false, clock_ns());
    threads_unlock(flags);
}

void call_begin(struct call *call, uint64_t limit_ns, struct alka_trap_report *report) {
    struct thread *thread = thread_this();
    if (thread->sched.is_excused) {
        call_end_excuse(thread);
    }
    *call = (struct call){
        .outer = thread->user,
        .deadline_ns = limit_ns == 0 ? SCHED_NEVER : clock_ns() + limit_ns,
        .is_foreground = thread->stacks == cpu_main_thread(),
    };
    thread->stacks->report = report;
    __atomic_store_n(&thread->user, call, __ATOMIC_RELEASE);
    if (limit_ns != 0) {
        timer_fire_by(call->deadline_ns); /* a limit may be shorter than a tick */
    }
}

void call_end(struct call *call) {
    struct thread *thread = thread_this();
    thread->stacks->report = NULL;
    __atomic_store_n(&thread->user, call->outer, __ATOMIC_RELEASE);
    if (call->is_foreground && input_interrupted()) {
        input_drop(); /* the ^C, and what was typed in vain before it */
        input_forget_interrupt();
    }
}

static void call_make_new(struct module *module, uint64_t since) {
    if (module->node != SUPERVISION_NONE) {
        supervision_trapped(module, since);
        return;
    }
    if (swap_after_trap(module)) {
        return;
    }
    if (module->entry.stops_after_trap) {
        module_stop(module);
        module->state = MODULE_TRAPPED;
        return;
    }
    (void)module_reset(module, since); /* a failure is in the log */
}

/*
 * Whoever is at it already does it for all who have been struck with it. Without an instance: its
 * start section trapped. Of another life: it has been made new since.
 */
static void call_recover_one(struct module *module, uint64_t since) {
    if (module->instance == NULL || module->is_recovering || module->is_exporting ||
        module->life != module->struck_life) {
        return;
    }
    module->is_recovering = true;
    call_make_new(module, since);
    module->is_recovering = false;
}

/*
 * A reset runs a start section, which may trap and strike others: those are next. A module whose
 * start section traps is stopped, so this ends.
 */
void call_recover(struct bundle_text called, const struct alka_trap_report *report,
                  const struct modules_fault *fault) {
    struct thread *self = thread_this();
    struct module *module;
    if (self->recovers_struck) {
        return;
    }
    self->recovers_struck = true;
    while ((module = modules_take_struck(self)) != NULL) {
        for (struct module *next; module != NULL; module = next) {
            next = module->next_struck != module ? module->next_struck : NULL;
            module->next_struck = NULL;
            module->traps++;
            news_tell(module, NEWS_TRAPPED, call_trap_code(report->kind));
            call_recover_one(module, fault->ticks);
            postmortem_take(module, called, report, &fault->frame);
        }
    }
    self->recovers_struck = false;
}

void call_keep(struct call *call, const struct alka_trap_report *report) {
    if (call->is_kept) {
        return;
    }
    call->is_kept = true;
    for (uint32_t i = 0; i < report->frame_count; i++) {
        alka_image_hold((struct alka_image *)report->frames[i].image);
    }
}

void call_release_images(const struct alka_trap_report *report) {
    for (uint32_t i = 0; i < report->frame_count; i++) {
        alka_image_release((struct alka_image *)report->frames[i].image);
    }
}

void call_drop(const struct call_result *result) {
    if (result->outcome == CALL_TRAPPED) {
        call_release_images(&result->report);
    }
}

void call_release(struct call *call, const struct alka_trap_report *report) {
    if (call->is_kept) {
        call->is_kept = false;
        call_release_images(report);
    }
}

/* By then the function may be gone: its module can have been stopped. */
static void call_trace_end(const struct module *module, uint32_t func_idx, enum alka_trap trap,
                           uint64_t value) {
    if (trap == ALKA_TRAP_NONE) {
        trace(TRACE_RETURN, module, func_idx, value);
    } else {
        trace(TRACE_FAILED, module, func_idx, call_trap_code(trap));
    }
}

/* Asleep: whoever is at it may be less urgent than the caller. */
void call_wait(const struct module *module) {
    while (module->is_held || module->is_recovering || module->next_struck != NULL) {
        if (thread_sleep_until(clock_ns() + CALL_POLL_NS) != ALKA_OK) {
            thread_yield(); /* it shall end, and cannot sleep any more */
        }
    }
}

void call_export(struct module *module, struct bundle_text function, uint64_t limit_ns,
                 struct call_result *out) {
    const struct alka_func *func = NULL;
    struct sched_account *payer = thread_charge(&module->account);
    call_wait(module); /* from here on nobody else runs before the module does */
    *out = (struct call_result){.outcome = call_find(module, function, &func)};
    if (func == NULL) {
        (void)thread_charge(payer);
        return;
    }
    module->calls++;
    module->state = MODULE_RUNNING;
    uint64_t start_ns = clock_ns(), start_ticks = x86_time_stamp(), value = 0;
    uint32_t func_idx = func->func_idx;
    struct call call;
    module->running++;
    trace(TRACE_CALL, module, func_idx, 0);
    call_begin(&call, limit_ns, &out->report);
    call_note_first();
    out->trap = alka_call(alka_thread_here(), func, alka_func_type(func), &value);
    call_end(&call);
    uint64_t end_ticks = x86_time_stamp();
    (void)thread_charge(payer);
    module->running--;
    call_trace_end(module, func_idx, out->trap, value);
    if (out->trap != ALKA_TRAP_NONE && out->trap != ALKA_TRAP_EXIT) {
        out->outcome = CALL_TRAPPED;
        call_keep(&call, &out->report);
    }
    if (module->state == MODULE_RUNNING && module->running == 0) {
        module->state = out->outcome == CALL_TRAPPED ? MODULE_TRAPPED : MODULE_READY;
    }
    call_recover(function, &out->report, &call.fault);
    module->ticks += end_ticks - start_ticks;
    loader_released(module);
    out->ns = clock_ns() - start_ns;
    out->code = out->trap == ALKA_TRAP_EXIT ? call.exit_code : (uint32_t)value;
}

/* By the name section, else by an export. */
static struct alka_span call_function_span(const struct alka_image *image, uint32_t func_idx) {
    struct alka_span name = alka_image_function_name(image, func_idx);
    const struct alka_module *tables = &image->module;
    for (uint32_t i = 0; name.size == 0 && i < tables->export_count; i++) {
        if (tables->exports[i].kind == ALKA_EXTERN_FUNC && tables->exports[i].index == func_idx) {
            name = tables->exports[i].name;
        }
    }
    return name;
}

void call_function_name(const struct alka_frame *frame, char *out, size_t size) {
    struct alka_span text = call_function_span(frame->image, frame->func_idx);
    if (text.size > 0) {
        clean_text(out, size, text.data, text.size);
    } else {
        format_text(out, size, "function %u", frame->func_idx);
    }
}

static void call_log_frame(const struct alka_frame *frame) {
    char name[CALL_NAME_BYTES];
    call_function_name(frame, name, sizeof name);
    log_info("    %s + 0x%x", name, frame->code_off);
}

uint32_t call_trap_code(enum alka_trap trap) {
    static const uint32_t codes[] = {
#define CALL_TRAP_CODE(id, code, message) code,
        ALKA_TRAPS(CALL_TRAP_CODE)
#undef CALL_TRAP_CODE
    };
    return codes[trap];
}

static void call_log_trap(const struct module *module, const char *function,
                          const struct call_result *result, bool as_expected) {
    const struct alka_trap_report *report = &result->report;
    uint32_t code = call_trap_code(result->trap);
    char place[48] = "";
    if (report->wasm_off != ALKA_DIAG_NONE) {
        format_text(place, sizeof place, ", at byte 0x%x of the module", report->wasm_off);
    }
    log_line(as_expected ? ALKA_LOG_INFO : ALKA_LOG_ERROR, "%s: %s trapped%s: ALKA_%u %s%s",
             module->name, function, as_expected ? ", as it should" : "", code,
             alka_code_text(code), place);
    for (uint32_t i = 0; i < report->frame_count && i < CALL_FRAMES_SHOWN; i++) {
        call_log_frame(&report->frames[i]);
    }
    if (report->frame_count > CALL_FRAMES_SHOWN) {
        log_info("    and %s%u more", report->frames_cut ? "at least " : "",
                 report->frame_count - CALL_FRAMES_SHOWN);
    }
}

void call_log_answered(const struct alka_trap_report *report) {
    static struct rate rate;
    uint64_t untold;
    if (report->kind == ALKA_TRAP_NONE ||
        !rate_take(&rate, CALL_ANSWERED_PER_SECOND, clock_ns(), &untold)) {
        return;
    }
    uint32_t code = call_trap_code(report->kind);
    log_error("%s: trapped: ALKA_%u %s; its caller goes on with an error%s",
              report->frame_count > 0 ? modules_name_of(report->frames[0].image) : "a module", code,
              alka_code_text(code), untold > 0 ? ", as others did before" : "");
    for (uint32_t i = 0; i < report->frame_count && i < CALL_FRAMES_SHOWN; i++) {
        call_log_frame(&report->frames[i]);
    }
}

void call_log(const struct module *module, struct bundle_text function,
              const struct call_result *result, bool as_expected) {
    enum alka_log_level level = as_expected ? ALKA_LOG_INFO : ALKA_LOG_ERROR;
    char name[CALL_NAME_BYTES];
    clean_text(name, sizeof name, function.data, function.size);
    switch (result->outcome) {
    case CALL_RETURNED:
        log_line(level, "%s: %s returned %u in %lu.%03lu ms", module->name, name, result->code,
                 result->ns / 1000000, result->ns / 1000 % 1000);
        return;
    case CALL_TRAPPED:
        call_log_trap(module, name, result, as_expected);
        call_drop(result);
        return;
    case CALL_NO_EXPORT:
        log_line(level, "%s: exports no function %s", module->name, name);
        return;
    case CALL_WRONG_TYPE:
        log_line(level, "%s: %s takes parameters, or results in more than an i32", module->name,
                 name);
        return;
    case CALL_NOT_READY:
        log_line(level, "%s: is %s", module->name, module_state_name(module->state));
        return;
    }
}

/*
 * The processor and its threads: who runs is asked of the scheduler, and made so. In: the end of
 * interrupts, and threads that leave. Out: another thread running. Must never: trust a register of
 * what was interrupted; stop kernel code that did not ask for it.
 */
#include "sched/machine.h"
#include "cpu/cpu.h"
#include "cpu/features.h"
#include "cpu/lock.h"
#include "cpu/x86.h"
#include "mm/frames.h"
#include "mm/memory.h"
#include "modules/modules.h"
#include "sched/policy.h"
#include "time/clock.h"
#include "time/timer.h"
#include "trace/trace.h"
#include <alkahest/routines.h>
#include <stddef.h>

#define IDLE_STACK_BYTES 8192u
#define VECTORS_ALIGN 64u
#define VECTORS_FXSAVE_CONTROL_OFF 0u
#define VECTORS_FXSAVE_MXCSR_OFF 24u
#define X87_CONTROL_DEFAULT 0x037Fu
#define MXCSR_DEFAULT 0x1F80u

void thread_switch(struct thread_context *from, const struct thread_context *to, bool *lock);
void thread_go(const struct thread_context *to, bool *lock) __attribute__((noreturn));

_Static_assert(offsetof(struct thread_context, rsp) == 0 &&
                   offsetof(struct thread_context, is_stopped) == 8 &&
                   offsetof(struct thread_context, frame) == 16,
               "switch.asm knows them");

struct sched threads_sched;

struct lock machine_the_lock;
bool machine_kicked, machine_started;
static threads_ender *machine_ender;
static struct {
    struct thread_context context;
    uint64_t stack_top;
} machine_idle; /* what runs when no thread does */
static struct { uint64_t switches, stops, retries; } machine_counts;

static void machine_kick(void *self, uint32_t cpu) {
    (void)self;
    (void)cpu;
    machine_kicked = true;
}

/* --- Vector registers. --- */

uint8_t *machine_take_vectors(void **out_block) {
    uint8_t *block = memory_take(cpu_features.xsave_area_bytes + VECTORS_ALIGN);
    if (block == NULL) {
        return NULL;
    }
    *out_block = block;
    uint8_t *area = block + (-(uint64_t)block & (VECTORS_ALIGN - 1));
    const uint16_t control = X87_CONTROL_DEFAULT;
    const uint32_t mxcsr = MXCSR_DEFAULT;
    __builtin_memcpy(area + VECTORS_FXSAVE_CONTROL_OFF, &control, sizeof control);
    __builtin_memcpy(area + VECTORS_FXSAVE_MXCSR_OFF, &mxcsr, sizeof mxcsr);
    return area;
}

void machine_give_vectors(void *block) {
    memory_give(block, cpu_features.xsave_area_bytes + VECTORS_ALIGN);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the instruction writes there */
static void machine_save_vectors(uint8_t *area) {
    if (cpu_features.xsave_mask == 0) {
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
        return;
    }
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)cpu_features.xsave_mask),
                       "d"((uint32_t)(cpu_features.xsave_mask >> 32))
                     : "memory");
}

static void machine_load_vectors(const uint8_t *area) {
    if (cpu_features.xsave_mask == 0) {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
        return;
    }
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)cpu_features.xsave_mask),
                       "d"((uint32_t)(cpu_features.xsave_mask >> 32))
                     : "memory");
}

/* --- Contexts. --- */

void machine_prepare(struct thread_context *context, uint64_t top, void (*entry)(void)) {
    /* Six registers that thread_switch pops, then the address it returns to: entry() finds the
     * stack as after a call. */
    uint64_t *at = (uint64_t *)(top - 8);
    *--at = (uint64_t)entry;
    for (uint32_t i = 0; i < 6; i++) {
        *--at = 0;
    }
    context->rsp = (uint64_t)at;
    context->is_stopped = false;
}

static void machine_idle_loop(void) {
    for (;;) {
        while (frames_prepare()) {
            x86_interrupts_on();
            x86_pause(); /* the instruction behind sti is not interrupted */
            x86_interrupts_off();
        }
        x86_interrupts_on_and_halt();
        x86_interrupts_off();
    }
}

static struct thread *machine_thread(struct sched_thread *sched) { return (struct thread *)sched; }

static struct thread *machine_running(void) {
    return machine_thread(threads_sched.cpus[MACHINE_CPU].running);
}

/* `next` is who runs now; NULL: nobody does. */
static struct thread_context *machine_context_of(struct thread *next) {
    if (next == NULL) { /* always from its beginning: nothing in it is worth keeping */
        machine_prepare(&machine_idle.context, machine_idle.stack_top, machine_idle_loop);
        cpu_this()->recovery = NULL;
        return &machine_idle.context;
    }
    struct thread_context *context = &next->context;
    if (context->is_stopped) {
        if (next->sched.kill_pending && machine_ender != NULL) {
            machine_ender(next->stacks, &context->frame);
        }
        machine_load_vectors(context->vectors);
    }
    cpu_this()->recovery = context->recovery;
    return context;
}

/* --- Switching. --- */

static struct thread *machine_next(uint64_t now) {
    machine_kicked = false;
    return machine_thread(sched_next(&threads_sched, MACHINE_CPU, now));
}

/* Until when the timer can sleep, later than `now`; SCHED_NEVER: until something else happens. */
static uint64_t machine_alarm(uint64_t now) {
    uint64_t alarm = machine_kicked ? 0 : sched_alarm(&threads_sched, MACHINE_CPU);
    return alarm > now ? alarm : now + THREAD_RETRY_NS;
}

void machine_reschedule(uint64_t now) {
    struct thread *from = machine_running(), *next = machine_next(now);
    timer_rearm(now, machine_alarm(now));
    if (next == from) {
        machine_unlock();
        return;
    }
    machine_counts.switches++;
    trace_switch(from, next);
    from->context.recovery = cpu_this()->recovery;
    thread_switch(&from->context, machine_context_of(next), &machine_the_lock.taken);
}

alka_status machine_start(void) {
    void *stack;
    ALKA_TRY(memory_map_pages(IDLE_STACK_BYTES, &stack));
    machine_idle.stack_top = (uint64_t)stack + IDLE_STACK_BYTES;
    const struct sched_host host = {machine_kick, NULL};
    sched_init(&threads_sched, threads_policy, 1, &host, clock_ns());
    return ALKA_OK;
}

void machine_adopt(struct thread *first) {
    uint64_t now = clock_ns();
    machine_lock();
    sched_start(&threads_sched, &first->sched, now);
    (void)machine_next(now); /* it is the only one */
    machine_started = true;
    machine_unlock();
}

bool threads_are_started(void) { return machine_started; }

void threads_set_ender(threads_ender *ender) { machine_ender = ender; }

/* Can what was interrupted be left where it is? */
static bool machine_can_stop(const struct thread *running, const struct trap_frame *frame) {
    /* Not between two modules, nor between a module and the kernel: there a call has begun that its
     * gate record does not show yet. */
    return running->is_preemptible || frame->rip == (uint64_t)alka_routine_gone ||
           alka_registry_image_at(&modules_registry, frame->rip) != NULL;
}

static void machine_stop(struct thread *running, const struct trap_frame *frame) {
    machine_counts.stops++;
    running->context.frame = *frame;
    running->context.is_stopped = true;
    running->context.recovery = cpu_this()->recovery;
    machine_save_vectors(running->context.vectors);
}

void threads_leave_interrupt(struct trap_frame *frame) {
    if (!machine_started) {
        return;
    }
    machine_lock();
    struct thread *running = machine_running();
    if (running != NULL && running->sched.kill_pending && machine_ender != NULL) {
        machine_ender(running->stacks, frame);
    }
    if (running != NULL && !machine_can_stop(running, frame)) {
        machine_counts.retries += machine_kicked ? 1 : 0;
        uint64_t now = clock_ns();
        timer_rearm(now, machine_alarm(now));
        machine_unlock();
        return;
    }
    uint64_t now = clock_ns();
    struct thread *next = machine_next(now);
    timer_rearm(now, machine_alarm(now));
    if (next == running) {
        machine_unlock();
        return;
    }
    machine_counts.switches++;
    trace_switch(running, next);
    if (running != NULL) {
        machine_stop(running, frame);
    }
    thread_go(machine_context_of(next), &machine_the_lock.taken);
}

void threads_give_way(struct trap_frame *frame) {
    machine_lock();
    sched_give_way(&threads_sched, MACHINE_CPU);
    machine_unlock();
    threads_leave_interrupt(frame);
}

/* --- The timer. --- */

void threads_timer(void) {
    if (!machine_started) {
        return;
    }
    machine_lock();
    sched_expire(&threads_sched, clock_ns());
    /* A slice or a budget may have ended as well: threads_leave_interrupt looks. */
    machine_kicked = true;
    machine_unlock();
}

bool threads_are_idle(void) { return machine_started && machine_running() == NULL; }

void threads_stats(struct threads_stats *out) {
    uint64_t flags = threads_lock();
    *out = (struct threads_stats){
        .switches = machine_counts.switches,
        .stops = machine_counts.stops,
        .retries = machine_counts.retries,
        .idle_ns = threads_sched.cpus[MACHINE_CPU].idle_ns,
        .policy = threads_policy->class->name,
    };
    for (const struct thread *thread = thread_next(NULL); thread != NULL;
         thread = thread_next(thread)) {
        out->count++;
    }
    threads_unlock(flags);
}

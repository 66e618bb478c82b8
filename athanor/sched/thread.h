/*
 * Threads on this machine: stacks, switching, the timer. sched.h says who runs; this makes them
 * run.
 *
 * Every thread has stacks on which module code can run (mm/stacks.h). What it was doing when it
 * last ran is in its context, in one of two forms: it switched     it called in here and waits
 * inside of thread_switch; callee-saved registers are on its stack, vector registers hold nothing
 * (module code keeps nothing in them across a call) it was stopped  by an interrupt, in module
 * code; all its registers are in the context, the vector ones too. Nothing was pushed on its stack,
 * which may be full
 *
 * Module code can be stopped at any instruction. Kernel code is not: an interrupt that finds it
 * running comes again shortly (THREAD_RETRY_NS). It gives the processor away only where it says so,
 * by thread_block, thread_yield and what is made of these: what it has looked at, be it a module's
 * memory or a list of modules, stays as it is until then.
 *
 *   The lock.  threads_lock keeps interrupts and other processors out of everything that is
 *   serialized by the kernel as a whole: the scheduler, wait queues, and the rooms that build on
 *   them (ipc, cap). Short stretches only. Leaving it sees to it that whoever was woken meanwhile
 *   and is more urgent runs soon. Locks of mm/ may be taken inside of it; nothing may be inside of
 * those.
 *
 * One processor for now: the books (struct sched) know many, but per-processor state here is one,
 * and nobody sends interrupts to others.
 */
#ifndef ATHANOR_THREAD_H
#define ATHANOR_THREAD_H

#include "sched/lock.h"
#include "sched/sched.h"
#include "sched/wait.h"
#include "trap/trap.h"
#include <alkahest/abi.h>

#define THREAD_NAME_BYTES 32u
#define THREAD_RETRY_NS UINT64_C(100000)
#define THREAD_SOON_NS UINT64_C(5000) /* most of what the kernel does is done by then */

/* switch.asm knows the offsets of the first three. */
struct thread_context {
    uint64_t rsp; /* it switched: callee-saved registers and the return address are there */
    uint64_t is_stopped;
    struct trap_frame frame; /* it was stopped */
    uint8_t *vectors;        /* XSAVE area, 64-byte aligned */
    struct trap_recovery *recovery;
};

struct module;
struct thread {
    struct sched_thread sched; /* the first member */
    struct thread_context context;
    struct wait_entry wait;  /* in the queue of what it waits for */
    struct wait_queue ended; /* who waits for its end */
    struct alka_thread *stacks;
    void (*run)(void *arg);
    void *arg;
    void *vectors_block;
    void *user;                     /* whoever made it may keep something here */
    struct module *struck;          /* that traps in its calls have ended: modules/fault.c */
    struct thread *next, *previous; /* all threads */
    uint32_t id;
    bool recovers_struck; /* modules/call.c */
    bool settles_objects; /* objects/objects.c */
    bool is_preemptible;  /* in kernel code, too: for threads that take no locks */
    char name[THREAD_NAME_BYTES];
};

/*
 * The code that runs becomes the first thread, on whose control stack it already is; the policy is
 * the one of that name, or round robin. ALKA_E_OUT_OF_MEMORY.
 */
ALKA_MUST_CHECK alka_status threads_start(struct alka_thread *first, const char *policy);
/* The policy of that name, unless threads_start was told one. */
void threads_suggest_policy(const char *name);
bool threads_are_started(void);

/* A thread that will run run(arg) once it is started. It is the maker's: thread_join gives it back.
 */
ALKA_MUST_CHECK alka_status thread_make(const char *name, struct sched_account *account,
                                        uint8_t priority, void (*run)(void *arg), void *arg,
                                        struct thread **out_thread);
void thread_start(struct thread *thread);
/* Waits for its end, and gives it back. ALKA_E_INTERRUPTED, ALKA_E_TIMED_OUT: it still is. */
ALKA_MUST_CHECK alka_status thread_join(struct thread *thread, uint64_t deadline_ns);

#define MACHINE_CPU 0u /* the one */
extern struct sched threads_sched;

/* The calling thread; not in interrupt handlers. */
static inline struct thread *thread_this(void) {
    return (struct thread *)threads_sched.cpus[MACHINE_CPU].running;
}
/* All threads, in the order of their making: start with NULL. Under the lock. */
struct thread *thread_next(const struct thread *after);

/* Another account pays for the calling thread from now on. Returns who paid before. */
struct sched_account *thread_charge(struct sched_account *account);

void thread_yield(void);
/* ALKA_OK when the time has come (clock_ns), ALKA_E_INTERRUPTED: it shall end. */
ALKA_MUST_CHECK alka_status thread_sleep_until(uint64_t deadline_ns);
/* It is marked, and will not wait any more; its module code ends (threads_set_ender). */
void thread_kill(struct thread *thread);

/* Under the lock: the first thread, if it waits for anything or for its turn to spend, looks again.
 */
void thread_wake_first(void);

/*
 * Under the lock: waits for a wake-up of thread_this()->wait, with the lock released meanwhile.
 * ALKA_OK: woken, look again; ALKA_E_TIMED_OUT, ALKA_E_INTERRUPTED: leave the queue (wait_leave).
 * INTERRUPTED: the thread shall end, or the module call that it is in has ended.
 */
ALKA_MUST_CHECK alka_status thread_block(uint64_t deadline_ns);

/* Under the lock: as thread_block, for those who have to get what they wait for, even if they shall
 * end. Look again. */
void thread_insist(void);

/* A lock that is waited for asleep; not in interrupt handlers. {0} is free. */
struct thread_mutex {
    struct thread *holder;
    struct wait_queue waiting;
};
/* Waits even if the thread shall end: what is under a mutex has to be finished. */
void thread_mutex_take(struct thread_mutex *mutex);
void thread_mutex_give(struct thread_mutex *mutex);

/*
 * Who can end module code from outside. Given the interrupted state of a thread that shall be
 * killed, it changes the state so that the module's call ends, or notes that it shall end when
 * kernel code returns to it (alka_trap_interrupt). Called with interrupts off; takes no lock.
 */
typedef void threads_ender(struct alka_thread *stacks, struct trap_frame *frame);
void threads_set_ender(threads_ender *ender);

/* --- For the machine. --- */

/* At the end of each interrupt handler, after the end of the interrupt was told: may not return. */
void threads_leave_interrupt(struct trap_frame *frame);
/* In an exception handler, of module code that tries again at the same instruction: others first.
 * May not return. */
void threads_give_way(struct trap_frame *frame);
/* The timer has fired: wakes whose time has come. Before threads_leave_interrupt. */
void threads_timer(void);
bool threads_are_idle(void);

struct threads_stats {
    uint64_t switches, stops, retries, idle_ns;
    uint32_t count;
    const char *policy;
};
void threads_stats(struct threads_stats *out);

#endif

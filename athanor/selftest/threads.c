/*
 * Threads on the real machine: that switching, stopping, sleeping, waking and killing do what
 * sched/thread.h says, and leave nothing behind. In: nothing. Out: NULL, or what did not hold.
 */
#include "cpu/features.h"
#include "crucible/crucible.h"
#include "mm/frames.h"
#include "mm/memory.h"
#include "sched/thread.h"
#include "selftest/selftest.h"
#include "time/clock.h"
#include <stddef.h>
#include <string.h>

#define THREADS_SHORT_NS UINT64_C(200000)
#define THREADS_PATIENCE_NS UINT64_C(2000000000)
#define THREADS_MAX 4u

static uint64_t threads_deadline(void) { return clock_ns() + THREADS_PATIENCE_NS; }

/* Starts one thread per argument, all of which run when the caller waits for them. False if one
 * cannot be made or does not end. */
static bool threads_run(void (*run)(void *arg), void *const *args, uint32_t count,
                        bool is_preemptible) {
    struct thread *threads[THREADS_MAX];
    uint32_t made = 0;
    while (made < count && thread_make("self-test", NULL, SCHED_PRIORITY_NORMAL - 1, run,
                                       args[made], &threads[made]) == ALKA_OK) {
        threads[made]->is_preemptible = is_preemptible;
        thread_start(threads[made++]);
    }
    bool ended = made == count;
    for (uint32_t i = 0; i < made; i++) {
        ended = thread_join(threads[i], threads_deadline()) == ALKA_OK && ended;
    }
    return ended;
}

/* --- Switching. --- */

struct threads_turns {
    volatile uint32_t *shared; /* whose turn it is */
    uint32_t own, others, rounds, patience;
};

static void threads_take_turns(void *arg) {
    struct threads_turns *turns = arg;
    while (turns->rounds > 0 && turns->patience > 0) {
        if (*turns->shared == turns->own) {
            *turns->shared = turns->others;
            turns->rounds--;
        } else {
            turns->patience--;
        }
        thread_yield();
    }
}

static const char *threads_switching(void) {
    volatile uint32_t shared = 0;
    struct threads_turns turns[2] = {{&shared, 0, 1, 100, 500}, {&shared, 1, 0, 100, 500}};
    void *const args[2] = {&turns[0], &turns[1]};
    if (!threads_run(threads_take_turns, args, 2, false)) {
        return "a thread could not be made, or did not end";
    }
    return turns[0].rounds + turns[1].rounds == 0 ? NULL : "threads that yield do not take turns";
}

/* --- Time. --- */

static const char *threads_sleeping(void) {
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t wanted = clock_ns() + THREADS_SHORT_NS;
        if (thread_sleep_until(wanted) != ALKA_OK) {
            return "a sleep was interrupted";
        }
        uint64_t now = clock_ns();
        if (now < wanted) {
            return "a sleep was too short";
        }
        if (now > wanted + THREADS_PATIENCE_NS) {
            return "a sleep was far too long";
        }
    }
    return NULL;
}

/* --- Waking. --- */

struct threads_handover {
    struct wait_queue queue;
    uint32_t given, taken;
    alka_status status;
};

static void threads_taker(void *arg) {
    struct threads_handover *handover = arg;
    uint64_t flags = threads_lock();
    struct wait_entry *wait = &thread_this()->wait;
    while (handover->taken < 100 && handover->status == ALKA_OK) {
        if (handover->given > handover->taken) {
            handover->taken++;
            continue;
        }
        wait_join(&handover->queue, wait);
        handover->status = thread_block(threads_deadline());
    }
    wait_leave(wait);
    threads_unlock(flags);
}

static const char *threads_waking(void) {
    struct threads_handover handover = {0};
    struct thread *taker;
    /* More urgent than the giver, which keeps the processor until it gives way. */
    if (thread_make("self-test", NULL, SCHED_PRIORITY_NORMAL + 1, threads_taker, &handover,
                    &taker) != ALKA_OK) {
        return "out of memory";
    }
    thread_start(taker);
    uint32_t early = 0, late = 0;
    for (uint32_t i = 1; i <= 100; i++) {
        uint64_t flags = threads_lock();
        handover.given = i;
        wait_wake(&handover.queue);
        threads_unlock(flags);
        early += handover.taken == i;
        thread_yield();
        late += handover.taken != i;
    }
    if (thread_join(taker, threads_deadline()) != ALKA_OK) {
        return "a thread was not woken";
    }
    struct threads_stats stats;
    threads_stats(&stats);
    if (late != 0 && strcmp(stats.policy, "round_robin") == 0) {
        return "an urgent thread did not run at once";
    }
    if (early != 0) {
        return "kernel code was interrupted";
    }
    return handover.status == ALKA_OK && handover.taken == 100 ? NULL : "a wake-up was lost";
}

static void threads_wait_forever(void *arg) {
    struct threads_handover *handover = arg;
    uint64_t flags = threads_lock();
    wait_join(&handover->queue, &thread_this()->wait);
    handover->status = thread_block(SCHED_NEVER);
    wait_leave(&thread_this()->wait);
    threads_unlock(flags);
}

static const char *threads_killing(void) {
    struct threads_handover handover = {0};
    struct thread *victim;
    if (thread_make("self-test", NULL, SCHED_PRIORITY_NORMAL, threads_wait_forever, &handover,
                    &victim) != ALKA_OK) {
        return "out of memory";
    }
    thread_start(victim);
    thread_yield();
    thread_kill(victim);
    if (thread_join(victim, threads_deadline()) != ALKA_OK) {
        return "a killed thread went on waiting";
    }
    return handover.status == ALKA_E_INTERRUPTED ? NULL : "a killed thread was not told";
}

/* --- Waiting at addresses. --- */

struct threads_meeting {
    uint64_t word;
    enum alka_wake woken_by;
    bool has_come;
};

static void threads_wait_at_address(void *arg) {
    struct threads_meeting *meeting = arg;
    meeting->has_come = true;
    meeting->woken_by = crucible.wait(crucible.self, &meeting->word, 8, 5, -1);
}

static const char *threads_meeting(void) {
    struct threads_meeting meetings[2] = {{.word = 5, .woken_by = ALKA_WAKE_TIMED_OUT},
                                          {.word = 6, .woken_by = ALKA_WAKE_TIMED_OUT}};
    const void *word = &meetings[0].word;
    if (crucible.wait(crucible.self, word, 4, 6, -1) != ALKA_WAKE_NOT_EQUAL) {
        return "a thread waited for what was not there";
    }
    if (crucible.wait(crucible.self, word, 4, 5, (int64_t)THREADS_SHORT_NS) !=
            ALKA_WAKE_TIMED_OUT ||
        crucible.notify(crucible.self, word, UINT32_MAX) != 0) {
        return "a wait did not time out";
    }
    struct thread *waiter;
    if (thread_make("self-test", NULL, SCHED_PRIORITY_NORMAL, threads_wait_at_address, &meetings[0],
                    &waiter) != ALKA_OK) {
        return "out of memory";
    }
    thread_start(waiter);
    while (!__atomic_load_n(&meetings[0].has_come, __ATOMIC_RELAXED)) {
        thread_yield();
    }
    if (crucible.notify(crucible.self, &meetings[1].word, 1) != 0 ||
        crucible.notify(crucible.self, word, 2) != 1 ||
        thread_join(waiter, threads_deadline()) != ALKA_OK) {
        return "not the one that waited was notified";
    }
    return meetings[0].woken_by == ALKA_WAKE_NOTIFIED ? NULL : "a notification was lost";
}

/* --- Stopping: endless loops with a pattern in every register. --- */

struct threads_spin {
    uint64_t pattern;
    volatile uint64_t rounds;
    uint64_t damaged;
    struct threads_spin *other;
};

/* Loads the pattern into all vector registers, spins, and counts registers that differ after it. */
static uint64_t threads_spin_sse(uint64_t pattern) {
    uint64_t differ = 0;
    uint64_t spins = 20000;
    __asm__ volatile("movq %[pattern], %%xmm0\n\t"
                     "punpcklqdq %%xmm0, %%xmm0\n\t"
                     "movdqa %%xmm0, %%xmm7\n\t"
                     "movdqa %%xmm0, %%xmm15\n\t"
                     "1: subq $1, %[spins]\n\t"
                     "jnz 1b\n\t"
                     "pcmpeqb %%xmm0, %%xmm7\n\t"
                     "pcmpeqb %%xmm0, %%xmm15\n\t"
                     "pand %%xmm7, %%xmm15\n\t"
                     "pmovmskb %%xmm15, %k[differ]\n\t"
                     "movq %%xmm0, %[spins]"
                     : [differ] "+r"(differ), [spins] "+r"(spins)
                     : [pattern] "r"(pattern)
                     : "cc");
    return (differ == 0xFFFF && spins == pattern) ? 0 : 1;
}

static uint64_t threads_spin_avx(uint64_t pattern) {
    uint64_t high = 0, spins = 20000;
    __asm__ volatile("movq %[pattern], %%xmm3\n\t"
                     "vinserti128 $1, %%xmm3, %%ymm3, %%ymm3\n\t"
                     "1: subq $1, %[spins]\n\t"
                     "jnz 1b\n\t"
                     "vextracti128 $1, %%ymm3, %%xmm3\n\t"
                     "movq %%xmm3, %[high]\n\t"
                     "vzeroupper"
                     : [high] "+r"(high), [spins] "+r"(spins)
                     : [pattern] "r"(pattern)
                     : "cc");
    return high == pattern ? 0 : 1;
}

/* Never gives way by itself; ends when the other one has come some way, too. */
static void threads_spinner(void *arg) {
    struct threads_spin *spin = arg;
    while (spin->rounds < 12 || spin->other->rounds < 12) {
        spin->damaged += threads_spin_sse(spin->pattern);
        if (cpu_features.has[CPU_AVX2]) {
            spin->damaged += threads_spin_avx(~spin->pattern);
        }
        spin->rounds++;
    }
}

static const char *threads_stopping(void) {
    struct threads_spin spins[2] = {{.pattern = UINT64_C(0x0123456789ABCDEF)},
                                    {.pattern = UINT64_C(0xF0E1D2C3B4A59687)}};
    spins[0].other = &spins[1];
    spins[1].other = &spins[0];
    void *const args[2] = {&spins[0], &spins[1]};
    struct threads_stats before, after;
    threads_stats(&before);
    if (!threads_run(threads_spinner, args, 2, true)) {
        return "an endless loop kept the processor";
    }
    threads_stats(&after);
    if (spins[0].damaged + spins[1].damaged != 0) {
        return "a thread that was stopped lost its vector registers";
    }
    return after.stops > before.stops ? NULL : "nobody was stopped";
}

static void threads_nothing(void *arg) { (void)arg; }

static const char *threads_leaving_nothing(void) {
    struct buddy_stats frames_before, frames_after;
    struct heap_stats heap_before, heap_after;
    void *const args[1] = {NULL};
    if (!threads_run(threads_nothing, args, 1, false)) { /* what stays is there after the first */
        return "out of memory";
    }
    frames_stats(&frames_before);
    memory_stats(&heap_before);
    for (uint32_t i = 0; i < 3; i++) {
        if (!threads_run(threads_nothing, args, 1, false)) {
            return "out of memory";
        }
    }
    frames_stats(&frames_after);
    memory_stats(&heap_after);
    bool same = frames_before.free_frames == frames_after.free_frames &&
                heap_before.used_bytes == heap_after.used_bytes;
    return same ? NULL : "threads that ended have left memory behind";
}

const struct selftest selftest_threads[] = {
    {"thread-switch", threads_switching},      {"thread-sleep", threads_sleeping},
    {"thread-wake", threads_waking},           {"thread-kill", threads_killing},
    {"thread-address", threads_meeting},       {"thread-stop", threads_stopping},
    {"thread-leaks", threads_leaving_nothing}, {NULL, NULL},
};

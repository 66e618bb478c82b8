/*
 * Threads that wait at addresses of shared memories (memory.atomic.wait and notify), on the
 * scheduler. In: addresses in memories of modules, which are mapped. Out: threads that sleep, told
 * in the order in which they came. The lock of the threads makes the comparison and the entry into
 * the queue one step. Must never: leave a sleeper in the queue whose stack frame is gone.
 */
#include "crucible/crucible.h"
#include "sched/thread.h"
#include "time/clock.h"

struct address_sleeper {
    struct address_sleeper *next;
    const void *address;
    struct wait_entry *wait;
    bool is_notified; /* and out of the queue */
};

/* All of them; whoever came first is first. */
static struct address_sleeper *address_sleepers;

static void address_join(struct address_sleeper *sleeper) {
    struct address_sleeper **at = &address_sleepers;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = sleeper;
}

static void address_leave(const struct address_sleeper *sleeper) {
    struct address_sleeper **at = &address_sleepers;
    while (*at != sleeper) {
        at = &(*at)->next;
    }
    *at = sleeper->next;
}

static uint64_t address_read(const void *address, uint32_t bytes) {
    if (bytes == sizeof(uint32_t)) {
        return __atomic_load_n((const uint32_t *)address, __ATOMIC_SEQ_CST);
    }
    return __atomic_load_n((const uint64_t *)address, __ATOMIC_SEQ_CST);
}

static uint64_t address_deadline(int64_t timeout_ns) {
    uint64_t deadline;
    if (timeout_ns < 0 || __builtin_add_overflow(clock_ns(), (uint64_t)timeout_ns, &deadline)) {
        return SCHED_NEVER;
    }
    return deadline;
}

enum alka_wake crucible_wait(void *self, const void *address, uint32_t bytes, uint64_t expected,
                             int64_t timeout_ns) {
    (void)self;
    uint64_t deadline = address_deadline(timeout_ns);
    uint64_t flags = threads_lock();
    if (address_read(address, bytes) != expected) {
        threads_unlock(flags);
        return ALKA_WAKE_NOT_EQUAL;
    }
    struct address_sleeper sleeper = {.address = address, .wait = &thread_this()->wait};
    address_join(&sleeper);
    alka_status status = ALKA_OK;
    while (!sleeper.is_notified && status == ALKA_OK) {
        status = thread_block(deadline);
    }
    if (!sleeper.is_notified) {
        address_leave(&sleeper);
    }
    threads_unlock(flags);
    return sleeper.is_notified ? ALKA_WAKE_NOTIFIED : ALKA_WAKE_TIMED_OUT;
}

uint32_t crucible_notify(void *self, const void *address, uint32_t count) {
    (void)self;
    uint32_t woken = 0;
    uint64_t flags = threads_lock();
    struct address_sleeper **at = &address_sleepers;
    while (*at != NULL && woken < count) {
        struct address_sleeper *sleeper = *at;
        if (sleeper->address != address) {
            at = &sleeper->next;
            continue;
        }
        *at = sleeper->next;
        sleeper->is_notified = true;
        sleeper->wait->wake(sleeper->wait);
        woken++;
    }
    threads_unlock(flags);
    return woken;
}

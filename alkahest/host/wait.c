/*
 * Room: host. Threads that wait at an address (memory.atomic.wait, locks of shared memories). Comes
 * in: addresses in memories that several threads, and several engines, may share. Goes out: threads
 * that sleep, in order, until they are told. A bucket's lock makes the comparison and the entry
 * into its queue one step; each sleeper has a futex of its own, so that it does not matter how wide
 * the compared value is. Must never touch a sleeper after its word said that it may go.
 */
#include "host.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_BUCKETS = 16,
    WAIT_NS_PER_S = 1000000000,
    /* A signal that tells the thread to stop may come right before it falls asleep: so long it may
     * sleep on then. */
    WAIT_LOOK_NS = 100000000,
};

struct wait_sleeper {
    struct wait_sleeper *next;
    const void *address;
    uint32_t may_go; /* futex */
};

struct wait_bucket {
    pthread_mutex_t lock;
    struct wait_sleeper *first; /* who came first */
};

#define WAIT_FOUR(bucket) bucket, bucket, bucket, bucket
#define WAIT_BUCKET \
    { .lock = PTHREAD_MUTEX_INITIALIZER }
#define WAIT_SIXTEEN \
    WAIT_FOUR(WAIT_BUCKET), WAIT_FOUR(WAIT_BUCKET), WAIT_FOUR(WAIT_BUCKET), WAIT_FOUR(WAIT_BUCKET)

static struct wait_bucket wait_buckets[WAIT_BUCKETS] = {WAIT_SIXTEEN};

static struct wait_bucket *wait_bucket(const void *address) {
    uint64_t hash = (uint64_t)address * UINT64_C(0x9E3779B97F4A7C15);
    return &wait_buckets[hash >> 32 & (WAIT_BUCKETS - 1)];
}

static void wait_join(struct wait_bucket *bucket, struct wait_sleeper *sleeper) {
    struct wait_sleeper **at = &bucket->first;
    while (*at)
        at = &(*at)->next;
    *at = sleeper;
}

static void wait_leave(struct wait_bucket *bucket, const struct wait_sleeper *sleeper) {
    struct wait_sleeper **at = &bucket->first;
    while (*at != sleeper)
        at = &(*at)->next;
    *at = sleeper->next;
}

static uint64_t wait_read(const void *address, uint32_t bytes) {
    if (bytes == sizeof(uint32_t))
        return __atomic_load_n((const uint32_t *)address, __ATOMIC_SEQ_CST);
    return __atomic_load_n((const uint64_t *)address, __ATOMIC_SEQ_CST);
}

/* In nanoseconds of the monotonic clock. */
static uint64_t wait_now(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WAIT_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* When the wait is over; UINT64_MAX: never. */
static uint64_t wait_deadline(int64_t timeout_ns) {
    uint64_t deadline;
    if (timeout_ns < 0 || __builtin_add_overflow(wait_now(), (uint64_t)timeout_ns, &deadline))
        return UINT64_MAX;
    return deadline;
}

/* Was the thread, which runs on a control stack or not, told to stop? */
static bool wait_has_to_stop(void) {
    const struct host_thread *thread = host_thread_at((uint64_t)__builtin_frame_address(0));
    return thread && thread->thread->pending != ALKA_TRAP_NONE;
}

/* Until the sleeper may go, the deadline passes, or the thread has to stop. */
static void wait_sleep(struct wait_sleeper *sleeper, uint64_t deadline) {
    while (!__atomic_load_n(&sleeper->may_go, __ATOMIC_ACQUIRE) && !wait_has_to_stop()) {
        uint64_t now = wait_now();
        if (now >= deadline)
            return;
        uint64_t until = deadline - now > WAIT_LOOK_NS ? now + WAIT_LOOK_NS : deadline;
        struct timespec at = {(time_t)(until / WAIT_NS_PER_S), (long)(until % WAIT_NS_PER_S)};
        (void)syscall(SYS_futex, &sleeper->may_go, FUTEX_WAIT_BITSET_PRIVATE, 0, &at, NULL,
                      FUTEX_BITSET_MATCH_ANY);
    }
}

enum alka_wake host_wait(void *self, const void *address, uint32_t bytes, uint64_t expected,
                         int64_t timeout_ns) {
    (void)self;
    struct wait_bucket *bucket = wait_bucket(address);
    struct wait_sleeper sleeper = {.address = address};
    uint64_t deadline = wait_deadline(timeout_ns);
    pthread_mutex_lock(&bucket->lock);
    if (wait_read(address, bytes) != expected) {
        pthread_mutex_unlock(&bucket->lock);
        return ALKA_WAKE_NOT_EQUAL;
    }
    wait_join(bucket, &sleeper);
    pthread_mutex_unlock(&bucket->lock);
    wait_sleep(&sleeper, deadline);

    pthread_mutex_lock(&bucket->lock);
    bool was_notified = sleeper.may_go != 0;
    if (!was_notified)
        wait_leave(bucket, &sleeper);
    pthread_mutex_unlock(&bucket->lock);
    return was_notified ? ALKA_WAKE_NOTIFIED : ALKA_WAKE_TIMED_OUT;
}

uint32_t host_notify(void *self, const void *address, uint32_t count) {
    (void)self;
    struct wait_bucket *bucket = wait_bucket(address);
    uint32_t woken = 0;
    pthread_mutex_lock(&bucket->lock);
    struct wait_sleeper **at = &bucket->first;
    while (*at && woken < count) {
        struct wait_sleeper *sleeper = *at;
        if (sleeper->address != address) {
            at = &sleeper->next;
            continue;
        }
        *at = sleeper->next;
        __atomic_store_n(&sleeper->may_go, 1, __ATOMIC_RELEASE);
        (void)syscall(SYS_futex, &sleeper->may_go, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        woken++;
    }
    pthread_mutex_unlock(&bucket->lock);
    return woken;
}

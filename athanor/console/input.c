/*
 * The input queue: one writer (interrupt handlers, which do not interrupt each
 * other), one reader (the shell).
 */
#include "console/input.h"
#include "cpu/x86.h"
#include "sched/thread.h"
#include <stddef.h>

#define INPUT_BYTES 1024u /* a power of two */

static uint8_t input_queue[INPUT_BYTES];
static uint32_t input_head, input_tail; /* ever written, ever read */
static void (*input_poller)(void);
static bool input_break;
static struct wait_queue input_waiting;

#define INPUT_CONTROL_C 3u

void input_put(uint8_t byte) {
    uint32_t head = input_head;
    if (byte == INPUT_CONTROL_C) {
        __atomic_store_n(&input_break, true, __ATOMIC_RELAXED);
    }
    if (head - __atomic_load_n(&input_tail, __ATOMIC_ACQUIRE) == INPUT_BYTES) {
        return;
    }
    input_queue[head % INPUT_BYTES] = byte;
    __atomic_store_n(&input_head, head + 1, __ATOMIC_RELEASE);
    uint64_t flags = threads_lock();
    wait_wake(&input_waiting);
    if (byte == INPUT_CONTROL_C) {
        thread_wake_first();
    }
    threads_unlock(flags);
}

bool input_take(uint8_t *out_byte) {
    uint32_t tail = input_tail;
    if (__atomic_load_n(&input_head, __ATOMIC_ACQUIRE) == tail) {
        return false;
    }
    *out_byte = input_queue[tail % INPUT_BYTES];
    __atomic_store_n(&input_tail, tail + 1, __ATOMIC_RELEASE);
    return true;
}

/* Before there are threads. */
static uint8_t input_wait_halted(void) {
    uint8_t byte;
    for (;;) {
        x86_interrupts_off();
        if (input_take(&byte)) {
            x86_interrupts_on();
            return byte;
        }
        x86_interrupts_on_and_halt();
    }
}

uint8_t input_wait(void) {
    if (!threads_are_started()) {
        return input_wait_halted();
    }
    uint8_t byte;
    uint64_t flags = threads_lock();
    struct wait_entry *wait = &thread_this()->wait;
    while (!input_take(&byte)) {
        wait_join(&input_waiting, wait);
        thread_insist();
    }
    wait_served(wait);
    threads_unlock(flags);
    return byte;
}

bool input_wait_until(uint64_t deadline_ns, uint8_t *out_byte) {
    bool found;
    alka_status status = ALKA_OK;
    uint64_t flags = threads_lock();
    struct wait_entry *wait = &thread_this()->wait;
    while (!(found = input_take(out_byte)) && status == ALKA_OK) {
        wait_join(&input_waiting, wait);
        status = thread_block(deadline_ns);
    }
    wait_leave(wait);
    threads_unlock(flags);
    return found;
}

void input_set_poll(void (*poll)(void)) { input_poller = poll; }

void input_poll(void) {
    if (input_poller != NULL) {
        input_poller();
    }
}

bool input_is_polled(void) { return input_poller != NULL; }

bool input_interrupted(void) { return __atomic_load_n(&input_break, __ATOMIC_RELAXED); }

void input_forget_interrupt(void) { __atomic_store_n(&input_break, false, __ATOMIC_RELAXED); }

void input_drop(void) {
    uint8_t byte;
    while (input_take(&byte)) {
    }
}

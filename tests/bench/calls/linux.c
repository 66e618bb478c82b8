/*
 * What the hardware's own switches cost: a system call, and to another process and back, by a pipe
 * and by a futex, both processes on one processor.
 */
#include "meter.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SYSTEM_CALLS = 5000, ROUND_TRIPS = 300, ENDS = 2 };

static void run_system_calls(void *self, uint32_t count) {
    (void)self;
    for (uint32_t i = 0; i < count; i++)
        (void)syscall(SYS_getppid);
}

/* --- Pipes. --- */

struct pipes {
    int there[ENDS], back[ENDS];
};

static void pass(int from, int to) {
    char byte;
    meter_require(read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1, "pipe");
}

static void run_pipe(void *self, uint32_t count) {
    const struct pipes *pipes = self;
    for (uint32_t i = 0; i < count; i++) {
        char byte = 0;
        meter_require(write(pipes->there[1], &byte, 1) == 1, "pipe");
        meter_require(read(pipes->back[0], &byte, 1) == 1, "pipe");
    }
}

static _Noreturn void serve_pipe(const struct pipes *pipes) {
    for (;;)
        pass(pipes->there[0], pipes->back[1]);
}

/* --- Futexes: whose turn it is. --- */

enum { TURN_OURS, TURN_THEIRS };

static void turn_give(_Atomic uint32_t *turn, uint32_t to) {
    atomic_store(turn, to);
    (void)syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void turn_await(_Atomic uint32_t *turn, uint32_t whose) {
    while (atomic_load(turn) != whose)
        (void)syscall(SYS_futex, turn, FUTEX_WAIT, 1 - whose, NULL, NULL, 0);
}

static void run_futex(void *self, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        turn_give(self, TURN_THEIRS);
        turn_await(self, TURN_OURS);
    }
}

static _Noreturn void serve_futex(_Atomic uint32_t *turn) {
    for (;;) {
        turn_await(turn, TURN_THEIRS);
        turn_give(turn, TURN_OURS);
    }
}

/* --- All. --- */

static void stay_on_this_processor(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    meter_require(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

/* The other process, which dies with us. 0: we are it. */
static pid_t other_process(void) {
    pid_t parent = getpid(), child = fork();
    meter_require(child >= 0, "fork");
    if (child == 0) {
        meter_require(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
        meter_require(getppid() == parent, "parent");
    }
    return child;
}

void measure_linux(struct meter_plan plan) {
    struct pipes pipes;
    meter_require(pipe(pipes.there) == 0 && pipe(pipes.back) == 0, "pipe");
    _Atomic uint32_t *turn =
        mmap(NULL, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    meter_require(turn != MAP_FAILED, "mmap");
    stay_on_this_processor();
    pid_t piped = other_process();
    if (piped == 0)
        serve_pipe(&pipes);
    pid_t waked = other_process();
    if (waked == 0)
        serve_futex(turn);
    const struct meter_case cases[] = {
        {"getppid", run_system_calls, NULL, SYSTEM_CALLS, false},
        {"pipe", run_pipe, &pipes, ROUND_TRIPS, false},
        {"futex", run_futex, (void *)turn, ROUND_TRIPS, false},
    };
    meter_run(cases, sizeof cases / sizeof cases[0], plan);
    (void)kill(piped, SIGKILL);
    (void)kill(waked, SIGKILL);
    (void)waitpid(piped, NULL, 0);
    (void)waitpid(waked, NULL, 0);
}

/*
 * Room: host. Faults: the four signals that module code can raise. Comes in: the machine state that
 * the kernel saved. Goes out: the same, changed to resume at the gate, when alka_trap_decide says
 * that it was a module's trap; else the fault goes to whoever handled it before. Must never call
 * anything that is not async-signal-safe, and never take a fault that is not a module's.
 */
#include "host.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum {
    SIGNALS_STACK_BYTES = 256 << 10, /* instrumented handlers take much */
    SIGNALS_STACK_LEAST = 64 << 10,
    SIGNALS_DIRECTION_FLAG = 1 << 10,
};

static const int signals_handled[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
enum { SIGNALS_COUNT = sizeof signals_handled / sizeof *signals_handled };

static struct sigaction signals_previous[SIGNALS_COUNT];
static pthread_mutex_t signals_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t signals_once = PTHREAD_ONCE_INIT;
static pthread_key_t signals_key;
static bool signals_have_key;
/* The frame from which a fault was handed on; 0: none was. Whoever was there before may hand it
 * back to us, deeper in the stack; or leave by a jump, and then the next signal starts no deeper.
 */
static _Thread_local uintptr_t signals_chained_at;

static enum alka_fault signals_fault(int number, const siginfo_t *info) {
    if (info->si_code <= 0) /* sent by a process */
        return ALKA_FAULT_OTHER;
    switch (number) {
    case SIGSEGV:
    case SIGBUS:
        return ALKA_FAULT_MEMORY;
    case SIGFPE:
        return ALKA_FAULT_DIVIDE;
    case SIGILL:
        return ALKA_FAULT_INSTRUCTION;
    default:
        return ALKA_FAULT_OTHER;
    }
}

static bool signals_decide(int number, const siginfo_t *info, ucontext_t *context) {
    greg_t *registers = context->uc_mcontext.gregs;
    struct host_thread *thread = host_thread_at((uint64_t)registers[REG_RSP]);
    if (!thread)
        return false;
    struct alka_fault_state state = {
        .fault = signals_fault(number, info),
        .pc = (uint64_t)registers[REG_RIP],
        .address = (uint64_t)info->si_addr,
        .rsp = (uint64_t)registers[REG_RSP],
        .r15 = (uint64_t)registers[REG_R15],
    };
    struct alka_engine *engine = thread->engine;
    struct alka_resume resume;
    if (!alka_trap_decide(&engine->registry, thread->thread, &state, &resume))
        return false;
    registers[REG_RIP] = (greg_t)resume.rip;
    registers[REG_RSP] = (greg_t)resume.rsp;
    registers[REG_RAX] = resume.kind;
    registers[REG_EFL] &= ~(greg_t)SIGNALS_DIRECTION_FLAG;
    return true;
}

/* The default action: put it back and let the instruction fault again. */
static void signals_die(int number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, NULL);
}

static void signals_chain(int number, siginfo_t *info, void *context) {
    size_t i = 0;
    while (signals_handled[i] != number)
        i++;
    const struct sigaction *previous = &signals_previous[i];
    bool is_default = !(previous->sa_flags & SA_SIGINFO) &&
                      (previous->sa_handler == SIG_DFL || previous->sa_handler == SIG_IGN);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (is_default || here < signals_chained_at) {
        signals_die(number);
        if (info->si_code <= 0)
            (void)raise(number);
        return;
    }
    signals_chained_at = here;
    if (previous->sa_flags & SA_SIGINFO)
        previous->sa_sigaction(number, info, context);
    else
        previous->sa_handler(number);
    signals_chained_at = 0;
}

static void signals_handle(int number, siginfo_t *info, void *context) {
    if (!signals_decide(number, info, context))
        signals_chain(number, info, context);
}

static void signals_free_stack(void *stack) {
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    munmap(stack, SIGNALS_STACK_BYTES);
}

static void signals_make_key(void) {
    signals_have_key = pthread_key_create(&signals_key, signals_free_stack) == 0;
}

/* In front of whoever handles the signal now, unless that is us. */
static bool signals_install_one(size_t i) {
    struct sigaction now, action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = signals_handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    if (sigaction(signals_handled[i], NULL, &now) != 0)
        return false;
    if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == signals_handle)
        return true;
    signals_previous[i] = now;
    return sigaction(signals_handled[i], &action, NULL) == 0;
}

alka_status host_signals_install(void) {
    pthread_once(&signals_once, signals_make_key);
    bool ok = signals_have_key;
    pthread_mutex_lock(&signals_lock);
    for (size_t i = 0; i < SIGNALS_COUNT && ok; i++)
        ok = signals_install_one(i);
    pthread_mutex_unlock(&signals_lock);
    return ok ? ALKA_OK : ALKA_E_OUT_OF_MEMORY;
}

alka_status host_signals_stack(void) {
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) &&
        now.ss_size >= SIGNALS_STACK_LEAST)
        return ALKA_OK;
    void *pages = mmap(NULL, SIGNALS_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED)
        return ALKA_E_OUT_OF_MEMORY;
    stack_t stack = {.ss_sp = pages, .ss_size = SIGNALS_STACK_BYTES};
    if (pthread_setspecific(signals_key, pages) != 0 || sigaltstack(&stack, NULL) != 0) {
        munmap(pages, SIGNALS_STACK_BYTES);
        return ALKA_E_OUT_OF_MEMORY;
    }
    return ALKA_OK;
}

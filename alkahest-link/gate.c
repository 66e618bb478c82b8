/*
 * Room: link. What kind a gate record is of. Comes in: a record on a control stack. Goes out: where
 * a trap goes on there. Must know the return address of every routine that pushes a record.
 */
#include <alkahest/call.h>
#include <alkahest/gate.h>
#include <alkahest/routines.h>
#include <alkahest/unwind.h>

uint64_t *alka_gate_return(const struct alka_gate *gate) {
    uint64_t *back = (uint64_t *)(uintptr_t)gate - 1;
    return *back == (uint64_t)alka_return_pending ? &alka_thread_of((uint64_t)gate)->pending_back
                                                  : back;
}

uint64_t alka_gate_resume(const struct alka_gate *gate) {
    uint64_t back = *alka_gate_return(gate);
    if (back == (uint64_t)alka_return_enter)
        return (uint64_t)alka_resume_enter;
    if (back == (uint64_t)alka_return_gate_returns)
        return (uint64_t)alka_resume_gate_returns;
    return (uint64_t)alka_resume_gate_traps; /* zombies, too */
}

/*
 * Faults in modules that use what the kernel has: channels, topics, buffers, handles, threads. In:
 * the hostage, the ghost, whose threads are killed from other threads, and random numbers. Out:
 * both as new. Moments are those of a clock in nanoseconds, made from the timer's interrupt.
 */
#include "mm/memory.h"
#include "modules/swap.h"
#include "testkernel/campaign_faults.h"
#include "time/clock.h"
#include <string.h>

#define HOSTAGE_KILL_MOST_NS (UINT64_C(300) * 1000)
#define HOSTAGE_LIMIT_NS (UINT64_C(1) * 1000 * 1000)
#define HOSTAGE_LATE_NS (UINT64_C(20) * 1000 * 1000)
#define HOSTAGE_JOIN_NS (UINT64_C(1) * 1000 * 1000 * 1000)
#define HOSTAGE_WORDS 5u

struct hostage_mailbox { /* as in hostage.c of tests/faults/modules */
    uint32_t service, words[HOSTAGE_WORDS];
    uint64_t handle;
};

/* --- Threads. --- */

static void campaign_thread_main(void *arg) {
    struct campaign_thread *thread = arg;
    campaign_call(thread->module, thread->function, 0, &thread->result);
    thread->has_ended = true;
}

bool campaign_thread_start(struct campaign_thread *thread) {
    thread->has_ended = false;
    if (thread_make(thread->module->name, &thread->module->account, SCHED_PRIORITY_NORMAL,
                    campaign_thread_main, thread, &thread->thread) != ALKA_OK) {
        thread->thread = NULL;
        return false;
    }
    thread_start(thread->thread);
    return true;
}

/* Its module's end has ended its call, unless that began later. */
bool campaign_thread_join(struct campaign_thread *thread) {
    if (thread->thread == NULL) {
        return true;
    }
    bool has_ended = thread_join(thread->thread, clock_ns() + HOSTAGE_LATE_NS) == ALKA_OK;
    if (!has_ended) {
        thread_kill(thread->thread);
        has_ended = thread_join(thread->thread, clock_ns() + HOSTAGE_JOIN_NS) == ALKA_OK;
    }
    thread->thread = has_ended ? NULL : thread->thread;
    return has_ended;
}

static void hostage_pause(struct campaign *campaign, uint64_t most_ns) {
    uint64_t at = clock_ns() + campaign_random(campaign, most_ns);
    alka_status status = thread_sleep_until(at);
    (void)status; /* nobody kills this thread */
}

/* --- Calls that this thread makes. --- */

static struct hostage_mailbox *hostage_mailbox(struct module *module) {
    struct call_result result;
    campaign_call(module, "mailbox", 0, &result);
    return (struct hostage_mailbox *)(module->instance->base.value + result.code);
}

enum campaign_outcome hostage_kill(struct campaign *campaign, const struct campaign_fault *fault) {
    struct call_result result;
    campaign->struck = campaign->hostage;
    campaign_call(campaign->hostage, fault->function,
                  1 + campaign_random(campaign, HOSTAGE_KILL_MOST_NS), &result);
    return campaign_judge(&result, fault->trap);
}

/* Either they are good, or the caller traps, or it waits as long as it is allowed to. */
enum campaign_outcome hostage_any(struct campaign *campaign, const struct campaign_fault *fault) {
    struct call_result result;
    campaign->struck = campaign->hostage;
    struct hostage_mailbox *mailbox = hostage_mailbox(campaign->hostage);
    mailbox->service = campaign_edge(campaign) + (uint32_t)campaign_random(campaign, 64);
    for (uint32_t i = 0; i < HOSTAGE_WORDS; i++) {
        mailbox->words[i] = i < 3 ? campaign_edge(campaign)
                                  : (uint32_t)campaign_random(campaign, UINT64_C(1) << 32);
    }
    campaign_call(campaign->hostage, fault->function, HOSTAGE_LIMIT_NS, &result);
    if (result.outcome == CALL_RETURNED) {
        return CAMPAIGN_HARMLESS;
    }
    enum campaign_outcome killed = campaign_judge(&result, ALKA_TRAP_KILLED);
    return killed == CAMPAIGN_TRAPPED ? killed : campaign_judge(&result, ALKA_TRAP_MEMORY_BOUNDS);
}

enum campaign_outcome hostage_fill(struct campaign *campaign, const struct campaign_fault *fault) {
    struct call_result result;
    campaign->struck = campaign->hostage;
    campaign_call(campaign->hostage, fault->function, 0, &result);
    return campaign_judge(&result, fault->trap);
}

enum campaign_outcome hostage_stale(struct campaign *campaign, const struct campaign_fault *fault) {
    struct call_result result;
    campaign->struck = campaign->hostage;
    campaign_call(campaign->hostage, fault->function, 0, &result);
    (void)campaign_judge(&result, fault->trap);
    return result.outcome == CALL_RETURNED && result.code == 0 ? CAMPAIGN_HARMLESS
                                                               : CAMPAIGN_FAILED;
}

/* A handle of the life before, or next to one. */
enum campaign_outcome hostage_old(struct campaign *campaign, const struct campaign_fault *fault) {
    struct call_result result;
    campaign->struck = campaign->hostage;
    campaign_call(campaign->hostage, "grab", 0, &result);
    uint64_t handle = hostage_mailbox(campaign->hostage)->handle;
    if (result.code != 0 || !module_reset(campaign->hostage, 0)) {
        return CAMPAIGN_FAILED;
    }
    handle ^=
        campaign_random(campaign, 2) == 0 ? 0 : UINT64_C(1) << (32 + campaign_random(campaign, 32));
    hostage_mailbox(campaign->hostage)->handle = handle;
    return hostage_stale(campaign, fault);
}

enum campaign_outcome hostage_flip(struct campaign *campaign, const struct campaign_fault *fault) {
    struct call_result result;
    campaign->struck = campaign->hostage;
    campaign_flip(campaign, campaign->hostage);
    campaign_call(campaign->hostage, fault->function, HOSTAGE_LIMIT_NS, &result);
    return result.outcome == CALL_TRAPPED ? CAMPAIGN_TRAPPED : CAMPAIGN_HARMLESS;
}

/* --- Threads that are killed by this one. --- */

/* Made new, stopped and started, or struck by a trap on this thread. */
static bool hostage_end_ghost(struct campaign *campaign, const struct campaign_fault *fault) {
    struct call_result result;
    switch (campaign_random(campaign, 3)) {
    case 0:
        return module_reset(campaign->ghost, 0);
    case 1:
        module_stop(campaign->ghost);
        return module_revive(campaign->ghost);
    default:
        campaign_call(campaign->ghost, "trap", 0, &result);
        return campaign_judge(&result, fault->trap) == CAMPAIGN_TRAPPED;
    }
}

enum campaign_outcome hostage_ghost(struct campaign *campaign, const struct campaign_fault *fault) {
    struct campaign_thread thread = {campaign->ghost, fault->function, NULL, {0}, false};
    bool good = campaign_thread_start(&thread);
    hostage_pause(campaign, HOSTAGE_LIMIT_NS);
    good = hostage_end_ghost(campaign, fault) && good;
    good = campaign_thread_join(&thread) && good;
    return good && campaign->ghost->state == MODULE_READY ? CAMPAIGN_HARMLESS : CAMPAIGN_FAILED;
}

/* Whoever it is in a chain of calls that dies, and wherever the call is: the chain's thread ends.
 */
enum campaign_outcome hostage_chain(struct campaign *campaign, const struct campaign_fault *fault) {
    struct campaign_thread thread = {campaign->client, fault->function, NULL, {0}, false};
    struct module *const chain[] = {campaign->victim, campaign->middle, campaign->client};
    bool good = campaign_thread_start(&thread);
    hostage_pause(campaign, HOSTAGE_KILL_MOST_NS);
    good = module_reset(chain[campaign_random(campaign, 3)], 0) && good;
    hostage_pause(campaign, HOSTAGE_KILL_MOST_NS);
    good =
        module_reset(campaign->client, 0) && good; /* it may not have been in the one that died */
    good = campaign_thread_join(&thread) && good;
    return good ? CAMPAIGN_HARMLESS : CAMPAIGN_FAILED;
}

/* The counter changes its version while all others work. */
static const char *hostage_turn(struct campaign *campaign) {
    struct swap_report report;
    const char *error = campaign->is_swapped
                            ? swap_back(campaign->counter, &report)
                            : swap(campaign->counter, campaign->counter_next, &report);
    campaign->is_swapped ^= error == NULL;
    return error;
}

enum campaign_outcome hostage_swap(struct campaign *campaign, const struct campaign_fault *fault) {
    struct campaign_thread thread = {campaign->ghost, fault->function, NULL, {0}, false};
    bool good = campaign_thread_start(&thread);
    hostage_pause(campaign, HOSTAGE_KILL_MOST_NS);
    good = hostage_turn(campaign) == NULL && good;
    good = module_reset(campaign->ghost, 0) && good;
    good = campaign_thread_join(&thread) && good;
    return good ? CAMPAIGN_HARMLESS : CAMPAIGN_FAILED;
}

/* Private to the campaign: the table of faults, and what they do to the victim. */
#ifndef ATHANOR_CAMPAIGN_FAULTS_H
#define ATHANOR_CAMPAIGN_FAULTS_H

#include "modules/call.h"
#include "modules/modules.h"

struct campaign {
    uint64_t random;
    struct module *victim, *middle, *client, *store, *witness; /* wat files */
    struct module *hostage, *ghost, *counter, *counter_next;
    struct module *struck; /* by the last fault: the victim, or the hostage */
    bool is_swapped;       /* the counter's next version serves */
};

/* What a fault may do, beside being contained. */
enum campaign_outcome {
    CAMPAIGN_FAILED,   /* something that must not happen */
    CAMPAIGN_TRAPPED,  /* as it should; whoever was struck has been reset */
    CAMPAIGN_HARMLESS, /* nothing came of it, as may be */
};

struct campaign_fault {
    const char *name;
    enum campaign_outcome (*inject)(struct campaign *campaign, const struct campaign_fault *fault);
    const char *function; /* that is called */
    uint32_t trap;        /* enum alka_trap that follows */
    uint32_t weight;      /* how often, among all weights */
};

extern const struct campaign_fault campaign_faults[];
extern const uint32_t campaign_fault_count;

uint64_t campaign_random(struct campaign *campaign, uint64_t below);
/* An offset or a length where mistakes are made, or any. */
uint32_t campaign_edge(struct campaign *campaign);
/* Random bits of its memory and its globals are other ones. */
void campaign_flip(struct campaign *campaign, struct module *module);
/* TRAPPED if the call trapped in this way. */
enum campaign_outcome campaign_judge(const struct call_result *result, uint32_t trap);
/* How the last call that was judged ended, for people. */
struct campaign_verdict {
    enum call_outcome outcome;
    uint32_t trap, code;
};
extern struct campaign_verdict campaign_verdict;

/* A thread of the campaign's that calls an export which takes nothing. */
struct campaign_thread {
    struct module *module;
    const char *function;
    struct thread *thread; /* NULL: none */
    struct call_result result;
    bool has_ended;
};
ALKA_MUST_CHECK bool campaign_thread_start(struct campaign_thread *thread);
/* False: it has not ended within a second. */
ALKA_MUST_CHECK bool campaign_thread_join(struct campaign_thread *thread);

/* --- campaign_hostage.c: faults in modules that use channels, buffers and all that. --- */

typedef enum campaign_outcome campaign_inject(struct campaign *campaign,
                                              const struct campaign_fault *fault);
campaign_inject hostage_kill, hostage_any, hostage_fill, hostage_stale, hostage_old, hostage_flip,
    hostage_ghost, hostage_chain, hostage_swap;
/* Calls an export that takes nothing; 0: no limit. */
void campaign_call(struct module *module, const char *function, uint64_t limit_ns,
                   struct call_result *out);

#endif

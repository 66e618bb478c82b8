/* Private to the campaign: the table of faults, and what they do to the victim. */
#ifndef ATHANOR_CAMPAIGN_FAULTS_H
#define ATHANOR_CAMPAIGN_FAULTS_H

#include "modules/call.h"
#include "modules/modules.h"

struct campaign {
    uint64_t random;
    struct module *victim, *middle, *client, *store, *witness;
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
/* Calls an export that takes nothing; 0: no limit. */
void campaign_call(struct module *module, const char *function, uint64_t limit_ns,
                   struct call_result *out);

#endif

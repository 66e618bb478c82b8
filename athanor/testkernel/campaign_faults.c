/*
 * The faults of the campaign. In: the victim, and random numbers. Out: the victim having failed, or
 * not. What a fault does it does through the module's own code or on its own memory, as a broken
 * module would, but for the machine's memory being taken away.
 */
#include "testkernel/campaign_faults.h"
#include "mm/frames.h"
#include "mm/layout.h"
#include "mm/memory.h"
#include <string.h>

#define FAULT_MAILBOX 16u
#define FAULT_WORK_LIMIT_NS (UINT64_C(2) * 1000 * 1000)
#define FAULT_KILL_MAX_NS (UINT64_C(12) * 1000 * 1000)
#define FAULT_FLIPS_MAX 16u
#define FAULT_FRAMES_LEFT_MAX 64u

/* Xorshift with a multiplier (Vigna 2016). */
uint64_t campaign_random(struct campaign *campaign, uint64_t below) {
    campaign->random ^= campaign->random >> 12;
    campaign->random ^= campaign->random << 25;
    campaign->random ^= campaign->random >> 27;
    return (campaign->random * UINT64_C(2685821657736338717) >> 11) % below;
}

void campaign_call(struct module *module, const char *function, uint64_t limit_ns,
                   struct call_result *out) {
    const struct bundle_text name = {function, (uint32_t)strlen(function)};
    call_export(module, name, limit_ns, out);
    call_drop(out); /* nobody reads the names in its report */
}

uint32_t campaign_edge(struct campaign *campaign) {
    static const uint32_t edges[] = {0,          1,          65535,      65536,      131071,
                                     131072,     131073,     0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
                                     0xFFFFFFF0, 0xFFFF0000, 4096,       0xFFFDFFFF, 0xFFFE0000};
    uint64_t which = campaign_random(campaign, sizeof edges / sizeof edges[0] + 4);
    if (which < sizeof edges / sizeof edges[0]) {
        return edges[which] + (uint32_t)campaign_random(campaign, 3) - 1;
    }
    return (uint32_t)campaign_random(campaign, UINT64_C(1) << 32);
}

static void fault_write_mailbox(struct campaign *campaign, uint32_t a, uint32_t b) {
    uint32_t *mailbox = (uint32_t *)(campaign->victim->instance->base.value + FAULT_MAILBOX);
    mailbox[0] = a;
    mailbox[1] = b;
}

struct campaign_verdict campaign_verdict;

enum campaign_outcome campaign_judge(const struct call_result *result, uint32_t trap) {
    campaign_verdict =
        (struct campaign_verdict){result->outcome, (uint32_t)result->trap, result->code};
    return result->outcome == CALL_TRAPPED && (uint32_t)result->trap == trap ? CAMPAIGN_TRAPPED
                                                                             : CAMPAIGN_FAILED;
}

/* The function traps, whatever its arguments are. */
static enum campaign_outcome fault_trap(struct campaign *campaign,
                                        const struct campaign_fault *fault) {
    struct call_result result;
    fault_write_mailbox(campaign, campaign_edge(campaign), campaign_edge(campaign));
    campaign_call(campaign->victim, fault->function, 0, &result);
    return campaign_judge(&result, fault->trap);
}

static enum campaign_outcome fault_chain(struct campaign *campaign,
                                         const struct campaign_fault *fault) {
    struct call_result result;
    campaign_call(campaign->client, fault->function, 0, &result);
    return campaign_judge(&result, fault->trap);
}

/* Any arguments: either they are good, or the caller traps. */
static enum campaign_outcome fault_arguments(struct campaign *campaign,
                                             const struct campaign_fault *fault) {
    struct call_result result;
    uint32_t at = campaign_edge(campaign), bytes = campaign_edge(campaign);
    uint64_t memory_bytes = campaign->victim->instance->context->memory_bytes;
    fault_write_mailbox(campaign, at, bytes);
    campaign_call(campaign->victim, fault->function, 0, &result);
    if ((uint64_t)at + bytes <= memory_bytes) {
        return result.outcome == CALL_RETURNED ? CAMPAIGN_HARMLESS : CAMPAIGN_FAILED;
    }
    return campaign_judge(&result, fault->trap);
}

/* Any number as a handle, or (0) a good one or its neighbour: the services refuse, or they obey. */
static enum campaign_outcome fault_handle(struct campaign *campaign,
                                          const struct campaign_fault *fault) {
    struct call_result result;
    uint32_t high = campaign_random(campaign, 2) == 0 ? 0 : campaign_edge(campaign);
    uint32_t low = high == 0 ? (uint32_t)campaign_random(campaign, UINT64_C(1) << 32)
                             : campaign_edge(campaign);
    fault_write_mailbox(campaign, low, high);
    campaign_call(campaign->victim, fault->function, 0, &result);
    return result.outcome == CALL_RETURNED ? CAMPAIGN_HARMLESS : CAMPAIGN_FAILED;
}

static enum campaign_outcome fault_kill(struct campaign *campaign,
                                        const struct campaign_fault *fault) {
    struct call_result result;
    uint64_t limit_ns = 1 + campaign_random(campaign, FAULT_KILL_MAX_NS);
    bool through_others = campaign_random(campaign, 2) == 0 && strcmp(fault->function, "spin") == 0;
    campaign_call(through_others ? campaign->client : campaign->victim, fault->function, limit_ns,
                  &result);
    return campaign_judge(&result, fault->trap);
}

/* --- Flipped bits. --- */

static void fault_flip_global(struct campaign *campaign, const struct alka_instance *instance) {
    const struct alka_module *module = &instance->image->module;
    uint32_t own = module->global_count - module->imported_globals;
    uint32_t global_idx = module->imported_globals + (uint32_t)campaign_random(campaign, own);
    uint64_t bits = module->globals[global_idx].type == ALKA_I64 ? 64 : 32;
    uint64_t *cell =
        (uint64_t *)(instance->base.value +
                     (uint64_t)(int64_t)instance->image->layout.global_disp[global_idx]);
    *cell ^= UINT64_C(1) << campaign_random(campaign, bits);
}

void campaign_flip(struct campaign *campaign, struct module *module) {
    struct alka_instance *instance = module->instance;
    uint64_t flips = 1 + campaign_random(campaign, FAULT_FLIPS_MAX);
    for (uint64_t i = 0; i < flips; i++) {
        /* Half of them in what the victim works with. */
        uint64_t at = campaign_random(campaign, 2) == 0
                          ? 4096 + campaign_random(campaign, 16)
                          : campaign_random(campaign, instance->context->memory_bytes);
        *(uint8_t *)(instance->base.value + at) ^= (uint8_t)(1u << campaign_random(campaign, 8));
        fault_flip_global(campaign, instance);
    }
}

static enum campaign_outcome fault_flip(struct campaign *campaign,
                                        const struct campaign_fault *fault) {
    struct call_result result;
    campaign_flip(campaign, campaign->victim);
    campaign_call(campaign->victim, fault->function, FAULT_WORK_LIMIT_NS, &result);
    return result.outcome == CALL_TRAPPED ? CAMPAIGN_TRAPPED : CAMPAIGN_HARMLESS;
}

/* --- Lifecycle. --- */

/* Callers of what is gone trap, until they are made new. */
static enum campaign_outcome fault_stale(struct campaign *campaign,
                                         const struct campaign_fault *fault) {
    struct call_result result;
    module_stop(campaign->victim);
    campaign_call(campaign->client, fault->function, 0, &result);
    enum campaign_outcome outcome = campaign_judge(&result, fault->trap);
    module_stop(campaign->client);
    module_stop(campaign->middle);
    bool good = module_revive(campaign->victim) && module_revive(campaign->middle) &&
                module_revive(campaign->client);
    return good ? outcome : CAMPAIGN_FAILED;
}

/* What is left of the machine's memory, but for some frames. A list in the frames themselves. */
struct fault_hog {
    struct fault_hog *next;
    uint32_t order;
};

static struct fault_hog *fault_take_memory(uint64_t frames_left) {
    struct fault_hog *hogs = NULL;
    for (uint32_t order = BUDDY_ORDERS; order-- > 0;) {
        uint64_t phys;
        struct buddy_stats stats;
        for (frames_stats(&stats);
             stats.free_frames >= frames_left + (UINT64_C(1) << order) && frames_take(order, &phys);
             frames_stats(&stats)) {
            struct fault_hog *hog = layout_direct(phys);
            *hog = (struct fault_hog){hogs, order};
            hogs = hog;
        }
    }
    return hogs;
}

static void fault_give_memory(struct fault_hog *hogs) {
    while (hogs != NULL) {
        struct fault_hog *next = hogs->next;
        frames_give((uint64_t)hogs - LAYOUT_DIRECT, hogs->order);
        hogs = next;
    }
}

/* The machine's memory is out while the victim grows, is made, or is compiled. */
static enum campaign_outcome fault_no_memory(struct campaign *campaign,
                                             const struct campaign_fault *fault) {
    struct call_result result = {.outcome = CALL_TRAPPED};
    uint64_t what = campaign_random(campaign, 3);
    bool made = campaign->victim->instance != NULL;
    struct fault_hog *hogs = fault_take_memory(campaign_random(campaign, FAULT_FRAMES_LEFT_MAX));
    if (what == 0) {
        campaign_call(campaign->victim, fault->function, 0, &result);
    } else {
        module_stop(campaign->client);
        module_stop(campaign->middle);
        if (what == 1) {
            module_stop(campaign->victim);
        } else {
            module_unload(campaign->victim);
        }
        made = module_revive(campaign->victim); /* or not; there must be no panic */
    }
    fault_give_memory(hogs);
    bool good = (made || module_revive(campaign->victim)) &&
                (campaign->middle->instance != NULL || module_revive(campaign->middle)) &&
                (campaign->client->instance != NULL || module_revive(campaign->client));
    return good && result.outcome == CALL_TRAPPED ? CAMPAIGN_TRAPPED : CAMPAIGN_FAILED;
}

/* clang-format off */
const struct campaign_fault campaign_faults[] = {
    {"unreachable",    fault_trap,      "unreachable",    ALKA_TRAP_UNREACHABLE,            40},
    {"divide",         fault_trap,      "divide",         ALKA_TRAP_INTEGER_DIVIDE_BY_ZERO, 40},
    {"overflow",       fault_trap,      "overflow",       ALKA_TRAP_INTEGER_OVERFLOW,       40},
    {"convert",        fault_trap,      "convert",        ALKA_TRAP_INVALID_CONVERSION,     40},
    {"read",           fault_trap,      "read",           ALKA_TRAP_MEMORY_BOUNDS,          40},
    {"write",          fault_trap,      "write",          ALKA_TRAP_MEMORY_BOUNDS,          40},
    {"fill",           fault_trap,      "fill",           ALKA_TRAP_MEMORY_BOUNDS,          40},
    {"copy",           fault_trap,      "copy",           ALKA_TRAP_MEMORY_BOUNDS,          40},
    {"init",           fault_trap,      "init",           ALKA_TRAP_MEMORY_BOUNDS,          40},
    {"table_get",      fault_trap,      "table_get",      ALKA_TRAP_TABLE_BOUNDS,           40},
    {"table_set",      fault_trap,      "table_set",      ALKA_TRAP_TABLE_BOUNDS,           40},
    {"undefined",      fault_trap,      "undefined",      ALKA_TRAP_UNDEFINED_ELEMENT,      40},
    {"null_element",   fault_trap,      "null_element",   ALKA_TRAP_UNINITIALIZED_ELEMENT,  40},
    {"wrong_type",     fault_trap,      "wrong_type",     ALKA_TRAP_INDIRECT_TYPE_MISMATCH, 40},
    {"recurse",        fault_trap,      "recurse",        ALKA_TRAP_STACK_EXHAUSTED,        20},
    {"recurse_wide",   fault_trap,      "recurse_wide",   ALKA_TRAP_STACK_EXHAUSTED,        20},
    {"exhaust",        fault_trap,      "exhaust",        ALKA_TRAP_MEMORY_BOUNDS,          20},
    {"log",            fault_arguments, "log_any",        ALKA_TRAP_MEMORY_BOUNDS,          40},
    {"random",         fault_arguments, "random_any",     ALKA_TRAP_MEMORY_BOUNDS,          40},
    {"open",           fault_arguments, "open_any",       ALKA_TRAP_MEMORY_BOUNDS,          40},
    {"handle",         fault_handle,    "handle_any",     ALKA_TRAP_NONE,                   40},
    {"handles_full",   fault_trap,      "handles_full",   ALKA_TRAP_UNREACHABLE,            20},
    {"flip",           fault_flip,      "work",           ALKA_TRAP_NONE,                   200},
    {"chain",          fault_chain,     "unreachable",    ALKA_TRAP_UNREACHABLE,            40},
    {"chain_recurse",  fault_chain,     "recurse",        ALKA_TRAP_STACK_EXHAUSTED,        20},
    {"chain_middle",   fault_chain,     "own",            ALKA_TRAP_UNREACHABLE,            40},
    {"kill",           fault_kill,      "spin",           ALKA_TRAP_KILLED,                 30},
    {"kill_writing",   fault_kill,      "soil",           ALKA_TRAP_KILLED,                 15},
    {"kill_in_kernel", fault_kill,      "spin_in_kernel", ALKA_TRAP_KILLED,                 15},
    {"kill_deep",      fault_kill,      "spin_deep",      ALKA_TRAP_KILLED,                 15},
    {"stale",          fault_stale,     "work",           ALKA_TRAP_CALLEE_GONE,            15},
    {"no_memory",      fault_no_memory, "exhaust",        ALKA_TRAP_MEMORY_BOUNDS,          5},
    {"kill_sending",     hostage_kill,  "send_on",        ALKA_TRAP_KILLED,                 40},
    {"kill_receiving",   hostage_kill,  "receive_on",     ALKA_TRAP_KILLED,                 40},
    {"kill_lending",     hostage_kill,  "lend_on",        ALKA_TRAP_KILLED,                 40},
    {"kill_publishing",  hostage_kill,  "publish_on",     ALKA_TRAP_KILLED,                 40},
    {"kill_subscribing", hostage_kill,  "subscribe_on",   ALKA_TRAP_KILLED,                 40},
    {"kill_posting",     hostage_kill,  "post_on",        ALKA_TRAP_KILLED,                 40},
    {"kill_delegating",  hostage_kill,  "delegate_on",    ALKA_TRAP_KILLED,                 40},
    {"kill_allocating",  hostage_kill,  "allocate_on",    ALKA_TRAP_KILLED,                 40},
    {"kill_mixing",      hostage_kill,  "mix_on",         ALKA_TRAP_KILLED,                 40},
    {"any_arguments",    hostage_any,   "any",            ALKA_TRAP_NONE,                   400},
    {"fill_events",      hostage_fill,  "fill_events",    ALKA_TRAP_UNREACHABLE,            10},
    {"fill_channels",    hostage_fill,  "fill_channels",  ALKA_TRAP_UNREACHABLE,            10},
    {"fill_topics",      hostage_fill,  "fill_topics",    ALKA_TRAP_UNREACHABLE,            10},
    {"fill_buffers",     hostage_fill,  "fill_buffers",   ALKA_TRAP_UNREACHABLE,            10},
    {"fill_parcels",     hostage_fill,  "fill_parcels",   ALKA_TRAP_UNREACHABLE,            10},
    {"stale_handle",     hostage_stale, "stale",          ALKA_TRAP_NONE,                   20},
    {"old_handle",       hostage_old,   "old",            ALKA_TRAP_NONE,                   20},
    {"flip_all",         hostage_flip,  "alone",          ALKA_TRAP_NONE,                   80},
    {"kill_thread",      hostage_ghost, "mix_on",         ALKA_TRAP_UNREACHABLE,            80},
    {"kill_in_chain",    hostage_chain, "work_on",        ALKA_TRAP_KILLED,                 40},
    {"kill_at_swap",     hostage_swap,  "mix_on",         ALKA_TRAP_KILLED,                 10},
};
/* clang-format on */
const uint32_t campaign_fault_count = sizeof campaign_faults / sizeof campaign_faults[0];

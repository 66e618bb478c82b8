/*
 * The bystanders of the fault campaign. In: the modules of tests/faults/modules. Out: what they
 * have found wrong, which is in a tally in their memory.
 */
#include "testkernel/campaign_others.h"
#include "console/log.h"
#include "testkernel/campaign_faults.h"
#include "time/clock.h"

#define OTHERS_ROLES 8u
#define OTHERS_COUNT 10u
#define OTHERS_STALL_NS (UINT64_C(5) * 1000 * 1000 * 1000)
#define OTHERS_POLL_NS (UINT64_C(100) * 1000)

struct others_tally { /* as in common.h of tests/faults/modules */
    uint32_t rounds[OTHERS_ROLES], wrong[OTHERS_ROLES], line;
};

static const struct {
    const char *module, *function;
    uint32_t role;
} others_table[OTHERS_COUNT] = {
    {"sender", "send", 0},     {"receiver", "receive", 1},       {"publisher", "publish", 2},
    {"listener", "listen", 3}, {"gossip-listener", "gossip", 6}, {"catcher", "catch", 4},
    {"feeder", "feed", 5},     {"allocator", "allocate", 7},     {"patron", "count", 0},
    {"lender", "lend", 1},
};

static struct other {
    struct campaign_thread thread;
    const volatile struct others_tally *tally;
    uint32_t rounds, wrong; /* as far as is known */
    bool was_running;
} others[OTHERS_COUNT];
static uint64_t others_total;

bool others_start(void) {
    bool good = true;
    for (uint32_t i = 0; i < OTHERS_COUNT; i++) {
        struct other *other = &others[i];
        struct module *module = modules_find(others_table[i].module);
        struct call_result result;
        if (module == NULL || module->instance == NULL) {
            return false;
        }
        campaign_call(module, "tally", 0, &result);
        *other = (struct other){
            .thread = {.module = module, .function = others_table[i].function},
            .tally =
                (const volatile struct others_tally *)(module->instance->base.value + result.code),
            .was_running = true,
        };
        good = campaign_thread_start(&other->thread) && good;
    }
    return good;
}

bool others_join(void) {
    bool good = true;
    for (uint32_t i = 0; i < OTHERS_COUNT; i++) {
        good = campaign_thread_join(&others[i].thread) && good;
    }
    return good;
}

uint64_t others_wrong(void) {
    for (uint32_t i = 0; i < OTHERS_COUNT; i++) {
        struct other *other = &others[i];
        if (other->was_running && other->thread.has_ended) {
            other->was_running = false;
            others_total++;
            print("other=%s function=%s has_ended=1 trap=%u\n", other->thread.module->name,
                  other->thread.function, other->thread.result.trap);
        }
        uint32_t wrong = other->was_running ? other->tally->wrong[others_table[i].role] : 0;
        if (wrong > other->wrong) {
            print("other=%s function=%s wrong=%u line=%u\n", other->thread.module->name,
                  other->thread.function, wrong - other->wrong, other->tally->line);
            others_total += wrong - other->wrong;
            other->wrong = wrong;
        }
    }
    return others_total;
}

static bool others_goes_on(struct other *other, uint32_t role, uint64_t deadline_ns) {
    while (other->was_running && other->tally->rounds[role] == other->rounds &&
           clock_ns() < deadline_ns) {
        if (thread_sleep_until(clock_ns() + OTHERS_POLL_NS) != ALKA_OK) {
            return false;
        }
    }
    bool goes_on = other->was_running && other->tally->rounds[role] != other->rounds;
    other->rounds = other->was_running ? other->tally->rounds[role] : 0;
    return goes_on;
}

bool others_go_on(void) {
    bool all = true;
    uint64_t deadline_ns = clock_ns() + OTHERS_STALL_NS;
    for (uint32_t i = 0; i < OTHERS_COUNT; i++) {
        bool goes_on = others_goes_on(&others[i], others_table[i].role, deadline_ns);
        if (!goes_on) {
            print("other=%s function=%s stands_still=1\n", others[i].thread.module->name,
                  others[i].thread.function);
        }
        all = goes_on && all;
    }
    return all;
}

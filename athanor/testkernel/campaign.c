/*
 * Runs the campaign. In: a seed and a count. Out: what was injected, and what came of it: in the
 * victim, in those that called it, in those that have nothing to do with it, and in the kernel's
 * books of memory. It counts what is wrong, and goes on.
 */
#include "testkernel/campaign.h"
#include "console/log.h"
#include "cpu/x86.h"
#include "crucible/crucible.h"
#include "mm/code_frames.h"
#include "mm/frames.h"
#include "mm/memory.h"
#include "objects/objects.h"
#include "testkernel/campaign_faults.h"
#include "time/clock.h"
#include <string.h>

#define CAMPAIGN_LATENCIES 256u /* classes: the leading bit and three more */
#define CAMPAIGN_SMALL_PAGES 8u
#define CAMPAIGN_SETTLE 64u /* faults before memory is counted: books grow once */
#define CAMPAIGN_FAULTS_MAX 64u
#define CAMPAIGN_WITNESS_WORDS 65536u
#define LOAD_SEGMENT_NS (UINT64_C(200) * 1000 * 1000)
#define LOAD_CRASH_NS (UINT64_C(10) * 1000 * 1000)

/* What the witness does, done by the kernel. */
struct campaign_model {
    uint32_t store, steps;
    uint32_t memory[CAMPAIGN_WITNESS_WORDS];
};

struct campaign_memory {
    uint64_t frames, heap_bytes, slot_bytes, code_bytes, page_bytes;
    struct objects_stats objects;
};

struct campaign_latencies {
    uint64_t classes[CAMPAIGN_LATENCIES], count, max;
};

static struct {
    uint64_t injected, contained, recovered, wrong;
    uint64_t by_fault[CAMPAIGN_FAULTS_MAX];
    struct campaign_latencies small, all;
    struct campaign_model model;
    uint32_t fresh; /* what the victim's work gives after a reset */
} campaign_state;

/* --- Latencies. --- */

static uint32_t campaign_class(uint64_t ticks) {
    if (ticks < 8) {
        return (uint32_t)ticks;
    }
    uint32_t bit = 63 - (uint32_t)__builtin_clzll(ticks);
    return bit * 4 + (uint32_t)(ticks >> (bit - 2) & 3);
}

/* The upper end of a class. */
static uint64_t campaign_class_ticks(uint32_t class) {
    return class < 8 ? class : ((UINT64_C(4) + (class & 3) + 1) << (class / 4 - 2)) - 1;
}

static void campaign_add_latency(struct campaign_latencies *latencies, uint64_t ticks) {
    latencies->classes[campaign_class(ticks)]++;
    latencies->count++;
    latencies->max = ticks > latencies->max ? ticks : latencies->max;
}

static void campaign_note_latency(const struct module *module, uint64_t before) {
    const struct module_recoveries *recoveries = &module->recoveries;
    if (recoveries->count == before) {
        return;
    }
    uint64_t ticks = recoveries->ticks[(recoveries->count - 1) % MODULE_RECOVERIES_KEPT];
    campaign_add_latency(&campaign_state.all, ticks);
    if (recoveries->pages_last <= CAMPAIGN_SMALL_PAGES) {
        campaign_add_latency(&campaign_state.small, ticks);
    }
}

static uint64_t campaign_ns(uint64_t ticks) { return clock_scaled(ticks, clock_scale(clock_hz())); }

static uint64_t campaign_percentile_ns(const struct campaign_latencies *latencies,
                                       uint32_t percent) {
    uint64_t below = 0, wanted = (latencies->count * percent + 99) / 100;
    for (uint32_t i = 0; i < CAMPAIGN_LATENCIES; i++) {
        below += latencies->classes[i];
        if (below >= wanted) {
            return campaign_ns(campaign_class_ticks(i));
        }
    }
    return 0;
}

static void campaign_print_latencies(const char *what, const struct campaign_latencies *latencies) {
    print("recoveries=%s count=%lu p50_ns=%lu p99_ns=%lu max_ns=%lu\n", what, latencies->count,
          campaign_percentile_ns(latencies, 50), campaign_percentile_ns(latencies, 99),
          campaign_ns(latencies->max));
}

/* --- Looking. --- */

static uint32_t campaign_model_step(struct campaign_model *model) {
    model->store = model->store * 1664525u + ++model->steps + 1013904223u;
    uint32_t value = model->store;
    for (uint32_t i = 0; i < 32; i++) {
        value ^= value << 13;
        value ^= value >> 17;
        value ^= value << 5;
        uint32_t *word = &model->memory[(value & 0x3FFFC) / 4];
        *word += value;
        value += *word;
    }
    return value;
}

static bool campaign_witness_is_right(struct campaign *campaign) {
    struct call_result result;
    campaign_call(campaign->witness, "step", 0, &result);
    return result.outcome == CALL_RETURNED &&
           result.code == campaign_model_step(&campaign_state.model);
}

static bool campaign_works(struct module *module, uint32_t expected) {
    struct call_result result;
    campaign_call(module, "work", 0, &result);
    return result.outcome == CALL_RETURNED && result.code == expected;
}

/* As new, each of them; a module that did not trap is made so first. */
static bool campaign_is_recovered(struct campaign *campaign, enum campaign_outcome outcome) {
    bool good = outcome == CAMPAIGN_TRAPPED || module_reset(campaign->victim, 0);
    good = good && campaign->victim->state == MODULE_READY &&
           campaign->middle->state == MODULE_READY && campaign->client->state == MODULE_READY;
    good = good && campaign_works(campaign->victim, campaign_state.fresh);
    /* The callers have states of their own, which a fault in the victim alone leaves alone. */
    good = good && module_reset(campaign->victim, 0) && module_reset(campaign->middle, 0) &&
           module_reset(campaign->client, 0);
    good = good && campaign_works(campaign->client, campaign_state.fresh + 2);
    return good && module_reset(campaign->victim, 0) && module_reset(campaign->middle, 0) &&
           module_reset(campaign->client, 0);
}

/* With no module loaded, so that nothing depends on where code and memories lie. Afterwards all are
 * new. */
static bool campaign_memory(struct campaign *campaign, struct campaign_memory *out) {
    struct module *const all[] = {campaign->store, campaign->witness, campaign->victim,
                                  campaign->middle, campaign->client};
    const uint32_t count = sizeof all / sizeof all[0];
    struct buddy_stats frames;
    struct heap_stats heap;
    struct crucible_stats modules;
    for (uint32_t i = count; i-- > 0;) {
        module_unload(all[i]);
    }
    frames_stats(&frames);
    memory_stats(&heap);
    crucible_stats(&modules);
    /* What the heap holds it can give out again. */
    *out = (struct campaign_memory){frames.free_frames + heap.pages + code_frames_free(),
                                    heap.used_bytes,
                                    modules.slot_bytes,
                                    modules.code_bytes,
                                    modules.page_bytes,
                                    {0}};
    objects_stats(&out->objects);
    memset(&campaign_state.model, 0, sizeof campaign_state.model);
    bool good = true;
    for (uint32_t i = 0; i < count; i++) {
        good = module_revive(all[i]) && good;
    }
    return good;
}

/* --- Running. --- */

static const struct campaign_fault *campaign_choose(struct campaign *campaign) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < campaign_fault_count; i++) {
        total += campaign_faults[i].weight;
    }
    uint64_t at = campaign_random(campaign, total);
    uint32_t which = 0;
    for (; at >= campaign_faults[which].weight; which++) {
        at -= campaign_faults[which].weight;
    }
    return &campaign_faults[which];
}

static void campaign_one(struct campaign *campaign, const struct campaign_fault *fault) {
    uint64_t before = campaign->victim->recoveries.count;
    enum campaign_outcome outcome = fault->inject(campaign, fault);
    campaign_note_latency(campaign->victim, before);
    bool contained = outcome != CAMPAIGN_FAILED;
    bool recovered = campaign_is_recovered(campaign, outcome);
    bool right = campaign_witness_is_right(campaign);
    campaign_state.injected++;
    campaign_state.by_fault[fault - campaign_faults]++;
    campaign_state.contained += contained ? 1 : 0;
    campaign_state.recovered += recovered ? 1 : 0;
    campaign_state.wrong += right ? 0 : 1;
    if (!contained || !recovered || !right) {
        print("fault=%lu kind=%s contained=%u recovered=%u right=%u\n", campaign_state.injected,
              fault->name, contained, recovered, right);
    }
}

static bool campaign_begin(struct campaign *campaign, uint64_t seed) {
    struct call_result result;
    *campaign = (struct campaign){.random = seed * 2 + 1,
                                  .victim = modules_find("victim"),
                                  .middle = modules_find("middle"),
                                  .client = modules_find("client"),
                                  .store = modules_find("store"),
                                  .witness = modules_find("witness")};
    struct module *const all[] = {campaign->victim, campaign->middle, campaign->client,
                                  campaign->store, campaign->witness};
    memset(&campaign_state, 0, sizeof campaign_state);
    for (uint32_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] == NULL || all[i]->instance == NULL || !module_reset(all[i], 0)) {
            print("campaign: needs the system of tests/faults\n");
            return false;
        }
    }
    campaign_call(campaign->victim, "work", 0, &result);
    campaign_state.fresh = result.code;
    return result.outcome == CALL_RETURNED && module_reset(campaign->victim, 0);
}

static void campaign_report(uint64_t seed, const struct campaign_memory *before,
                            const struct campaign_memory *after, uint64_t start_ns) {
    for (uint32_t i = 0; i < campaign_fault_count; i++) {
        print("kind=%s injected=%lu\n", campaign_faults[i].name, campaign_state.by_fault[i]);
    }
    print("leaked_frames=%ld leaked_heap_bytes=%ld leaked_slot_bytes=%ld leaked_code_bytes=%ld "
          "leaked_page_bytes=%ld leaked_capabilities=%ld leaked_objects=%ld leaked_parcels=%ld\n",
          (long)(before->frames - after->frames), (long)(after->heap_bytes - before->heap_bytes),
          (long)(after->slot_bytes - before->slot_bytes),
          (long)(after->code_bytes - before->code_bytes),
          (long)(after->page_bytes - before->page_bytes),
          (long)after->objects.nodes_used - (long)before->objects.nodes_used,
          (long)after->objects.objects - (long)before->objects.objects,
          (long)after->objects.parcels - (long)before->objects.parcels);
    campaign_print_latencies("small", &campaign_state.small);
    campaign_print_latencies("all", &campaign_state.all);
    print("campaign seed=%lu injected=%lu contained=%lu recovered=%lu wrong=%lu ms=%lu\n", seed,
          campaign_state.injected, campaign_state.contained, campaign_state.recovered,
          campaign_state.wrong, (clock_ns() - start_ns) / 1000000);
}

void campaign_run(uint64_t seed, uint64_t count) {
    struct campaign campaign;
    struct campaign_memory before, after;
    uint64_t start_ns = clock_ns();
    if (!campaign_begin(&campaign, seed)) {
        return;
    }
    for (uint32_t i = 0; i < campaign_fault_count; i++) { /* each once, before memory is counted */
        campaign_one(&campaign, &campaign_faults[i]);
    }
    for (uint64_t i = 0; i < CAMPAIGN_SETTLE; i++) {
        campaign_one(&campaign, campaign_choose(&campaign));
    }
    bool good = campaign_memory(&campaign, &before);
    while (good && campaign_state.injected < count) {
        campaign_one(&campaign, campaign_choose(&campaign));
    }
    if (!good || !campaign_memory(&campaign, &after)) {
        print("campaign: the modules cannot be loaded again\n");
        return;
    }
    campaign_report(seed, &before, &after, start_ns);
}

/* --- Under load. --- */

/* The witness's steps in one segment, and how many were wrong. */
static uint64_t campaign_segment(struct campaign *campaign, bool crashes, uint64_t *crash_count) {
    static const char *const crash[] = {"unreachable", "read", "divide", "wrong_type"};
    uint64_t start_ns = clock_ns(), next_ns = start_ns, steps = 0;
    while (clock_ns() - start_ns < LOAD_SEGMENT_NS) {
        if (crashes && clock_ns() >= next_ns) {
            struct call_result result;
            campaign_call(campaign->victim, crash[campaign_random(campaign, 4)], 0, &result);
            *crash_count += result.outcome == CALL_TRAPPED ? 1 : 0;
            next_ns += LOAD_CRASH_NS;
        }
        campaign_state.wrong += campaign_witness_is_right(campaign) ? 0 : 1;
        steps++;
    }
    return steps;
}

void campaign_load(uint64_t seed, uint64_t rounds) {
    struct campaign campaign;
    uint64_t calm = 0, stormy = 0, crashes = 0;
    if (!campaign_begin(&campaign, seed)) {
        return;
    }
    for (uint64_t i = 0; i < rounds; i++) {
        calm += campaign_segment(&campaign, false, &crashes);
        stormy += campaign_segment(&campaign, true, &crashes);
    }
    uint64_t lost = calm > stormy ? calm - stormy : 0;
    print("campaign-load seed=%lu crashes=%lu calm_steps=%lu stormy_steps=%lu wrong=%lu "
          "loss_permille=%lu\n",
          seed, crashes, calm, stormy, campaign_state.wrong, lost * 1000 / (calm > 0 ? calm : 1));
}

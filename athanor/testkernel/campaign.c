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
#include "modules/inject.h"
#include "modules/swap.h"
#include "objects/channels.h"
#include "objects/objects.h"
#include "testkernel/campaign_faults.h"
#include "testkernel/campaign_latencies.h"
#include "testkernel/campaign_others.h"
#include "time/clock.h"
#include <string.h>

#define CAMPAIGN_SMALL_PAGES 8u
#define CAMPAIGN_SETTLE 64u         /* faults before memory is counted: books grow once */
#define CAMPAIGN_MESSAGE_BYTES 512u /* more than any named channel takes */
#define CAMPAIGN_STALL_CHECK 256u
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
    uint64_t frames, heap_bytes, slot_bytes, code_bytes, page_bytes, messages_lost;
    struct objects_stats objects;
};

static struct {
    uint64_t injected, contained, recovered, wrong, stalled;
    bool with_others;
    uint64_t by_fault[CAMPAIGN_FAULTS_MAX];
    struct latencies small, all;
    struct campaign_model model;
    uint32_t fresh, fresh_hostage; /* what their work gives after a reset */
} campaign_state;

static void campaign_note_latency(const struct module *module, uint64_t before) {
    const struct module_recoveries *recoveries = &module->recoveries;
    if (recoveries->count == before) {
        return;
    }
    uint64_t ticks = recoveries->ticks[(recoveries->count - 1) % MODULE_RECOVERIES_KEPT];
    latencies_add(&campaign_state.all, ticks);
    if (recoveries->pages_last <= CAMPAIGN_SMALL_PAGES) {
        latencies_add(&campaign_state.small, ticks);
    }
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

static bool campaign_is_hostage_new(struct campaign *campaign, enum campaign_outcome outcome) {
    bool good = outcome == CAMPAIGN_TRAPPED || module_reset(campaign->hostage, 0);
    good = good && campaign->hostage->state == MODULE_READY;
    return good && campaign_works(campaign->hostage, campaign_state.fresh_hostage) &&
           module_reset(campaign->hostage, 0);
}

/* As new, each of them; a module that did not trap is made so first. */
static bool campaign_is_recovered(struct campaign *campaign, enum campaign_outcome outcome) {
    if (campaign->struck == campaign->hostage) {
        return campaign_is_hostage_new(campaign, outcome);
    }
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

/* All modules that are no versions of others. The others' threads end with their modules. */
static bool campaign_unload(struct campaign *campaign) {
    struct swap_report report;
    uint32_t count = 0;
    bool good = !campaign->is_swapped || swap_back(campaign->counter, &report) == NULL;
    campaign->is_swapped = false;
    while (modules_at(count) != NULL) {
        count++;
    }
    while (count-- > 0) {
        module_unload(modules_at(count));
    }
    return (!campaign_state.with_others || others_join()) && good;
}

static bool campaign_load_again(void) {
    bool good = true;
    memset(&campaign_state.model, 0, sizeof campaign_state.model);
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        good = (modules_at(i)->of != NULL || module_revive(modules_at(i))) && good;
    }
    return (!campaign_state.with_others || others_start()) && good;
}

/* What lies in channels that the manifest names holds handles: it is taken out. Returns how many
 * messages went in and did not come out. */
static uint64_t campaign_drain(void) {
    struct object *object;
    uint64_t lost = 0;
    for (uint32_t i = 0; objects_at(i, &object); i++) {
        if (object == NULL || object->kind != CAP_CHANNEL) {
            continue;
        }
        struct channel_object *from = (struct channel_object *)object;
        struct channel_received received;
        uint8_t message[CAMPAIGN_MESSAGE_BYTES];
        while (from->channel.count > 0 &&
               channel_object_take(from, message, sizeof message, &received) == ALKA_OK) {
        }
        lost += from->channel.sent - from->channel.received - from->channel.dropped;
    }
    return lost;
}

/* With no module loaded, so that nothing depends on where code and memories lie. Afterwards all are
 * new. */
static bool campaign_memory(struct campaign *campaign, struct campaign_memory *out) {
    struct buddy_stats frames;
    struct heap_stats heap;
    struct crucible_stats modules;
    bool good = campaign_unload(campaign);
    uint64_t lost = campaign_drain();
    frames_stats(&frames);
    memory_stats(&heap);
    crucible_stats(&modules);
    /* What the heap holds it can give out again. */
    *out = (struct campaign_memory){frames.free_frames + heap.pages + code_frames_free(),
                                    heap.used_bytes,
                                    modules.slot_bytes,
                                    modules.code_bytes,
                                    modules.page_bytes,
                                    lost,
                                    {0}};
    objects_stats(&out->objects);
    return campaign_load_again() && good;
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

/* Whether the bystanders have seen nothing wrong; now and then, whether they do anything at all. */
static bool campaign_others_are_right(void) {
    static uint64_t wrong_before;
    if (!campaign_state.with_others) {
        return true;
    }
    uint64_t wrong = others_wrong();
    bool right = wrong == wrong_before;
    wrong_before = wrong;
    if (campaign_state.injected % CAMPAIGN_STALL_CHECK == 0 && !others_go_on()) {
        campaign_state.stalled++;
    }
    return right;
}

static void campaign_one(struct campaign *campaign, const struct campaign_fault *fault) {
    campaign->struck = campaign->victim;
    uint64_t victim_before = campaign->victim->recoveries.count;
    uint64_t hostage_before = campaign->hostage->recoveries.count;
    enum campaign_outcome outcome = fault->inject(campaign, fault);
    campaign_note_latency(campaign->victim, victim_before);
    campaign_note_latency(campaign->hostage, hostage_before);
    bool contained = outcome != CAMPAIGN_FAILED;
    bool recovered = campaign_is_recovered(campaign, outcome);
    bool right = campaign_witness_is_right(campaign);
    campaign_state.injected++;
    right = campaign_others_are_right() && right;
    campaign_state.by_fault[fault - campaign_faults]++;
    campaign_state.contained += contained ? 1 : 0;
    campaign_state.recovered += recovered ? 1 : 0;
    campaign_state.wrong += right ? 0 : 1;
    if (!contained || !recovered || !right) {
        print("fault=%lu kind=%s contained=%u recovered=%u right=%u outcome=%u trap=%u code=%u\n",
              campaign_state.injected, fault->name, contained, recovered, right,
              campaign_verdict.outcome, campaign_verdict.trap, campaign_verdict.code);
    }
}

/* What `work` gives in the first call of a life. */
static bool campaign_learn(struct module *module, uint32_t *out) {
    struct call_result result;
    campaign_call(module, "work", 0, &result);
    *out = result.code;
    return result.outcome == CALL_RETURNED && module_reset(module, 0);
}

/* The record of a module's last crash stays for good: all have one, before memory is counted. */
static void campaign_crash_all(void) {
    for (uint32_t i = 0; modules_at(i) != NULL; i++) {
        struct call_result result;
        if (modules_at(i)->of == NULL && inject(modules_at(i), "trap", &result) != NULL) {
            print("campaign: no fault in %s\n", modules_at(i)->name);
        }
    }
}

static bool campaign_begin(struct campaign *campaign, uint64_t seed) {
    *campaign = (struct campaign){.random = seed * 2 + 1,
                                  .victim = modules_find("victim"),
                                  .middle = modules_find("middle"),
                                  .client = modules_find("client"),
                                  .store = modules_find("store"),
                                  .witness = modules_find("witness"),
                                  .hostage = modules_find("hostage"),
                                  .ghost = modules_find("ghost"),
                                  .counter = modules_find("counter"),
                                  .counter_next = modules_find("counter-next")};
    struct module *const all[] = {campaign->victim, campaign->middle,  campaign->client,
                                  campaign->store,  campaign->witness, campaign->hostage,
                                  campaign->ghost,  campaign->counter};
    memset(&campaign_state, 0, sizeof campaign_state);
    for (uint32_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] == NULL || all[i]->instance == NULL || !module_reset(all[i], 0)) {
            print("campaign: needs the system of tests/faults\n");
            return false;
        }
    }
    return campaign_learn(campaign->victim, &campaign_state.fresh) &&
           campaign_learn(campaign->hostage, &campaign_state.fresh_hostage);
}

static void campaign_report(uint64_t seed, const struct campaign_memory *before,
                            const struct campaign_memory *after, uint64_t start_ns) {
    for (uint32_t i = 0; i < campaign_fault_count; i++) {
        print("kind=%s injected=%lu\n", campaign_faults[i].name, campaign_state.by_fault[i]);
    }
    print("leaked_frames=%ld leaked_heap_bytes=%ld leaked_slot_bytes=%ld leaked_code_bytes=%ld "
          "leaked_page_bytes=%ld leaked_capabilities=%ld leaked_objects=%ld leaked_parcels=%ld "
          "leaked_messages=%ld\n",
          (long)(before->frames - after->frames), (long)(after->heap_bytes - before->heap_bytes),
          (long)(after->slot_bytes - before->slot_bytes),
          (long)(after->code_bytes - before->code_bytes),
          (long)(after->page_bytes - before->page_bytes),
          (long)after->objects.nodes_used - (long)before->objects.nodes_used,
          (long)after->objects.objects - (long)before->objects.objects,
          (long)after->objects.parcels - (long)before->objects.parcels,
          (long)(after->messages_lost - before->messages_lost));
    latencies_print("small", &campaign_state.small);
    latencies_print("all", &campaign_state.all);
    print("campaign seed=%lu injected=%lu contained=%lu recovered=%lu wrong=%lu stalled=%lu "
          "ms=%lu\n",
          seed, campaign_state.injected, campaign_state.contained, campaign_state.recovered,
          campaign_state.wrong, campaign_state.stalled, (clock_ns() - start_ns) / 1000000);
}

void campaign_run(uint64_t seed, uint64_t count) {
    struct campaign campaign;
    struct campaign_memory before, after;
    uint64_t start_ns = clock_ns();
    if (!campaign_begin(&campaign, seed)) {
        return;
    }
    campaign_state.with_others = true;
    campaign_crash_all();
    if (!others_start()) {
        print("campaign: the bystanders cannot be started\n");
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

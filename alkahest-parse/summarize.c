/*
 * Room: parse. Finds webs (summary.h) while the validator steps. Comes in: one hook per local
 * access, block, branch and call. Goes out: webs with their weights and intervals, and facts about
 * blocks. Must stay linear: each link of a chain is joined once, block ends touch at most the
 * locals of a set of SUM_SET_WORDS words, a branch looks at no more than SUM_LEVELS blocks.
 *
 * How webs are found, without a graph. A read sees the latest definition in the order of the bytes
 * if that one *dominates* it: it stands in a block that is still open. If its block is closed,
 * another definition may reach the read around it, so it is joined with the one before, and so on
 * back to one that dominates. At the end of a block, locals that every way to this end has assigned
 * are known (a set intersected at each branch), so that their latest definition, standing for all
 * of them in the block, dominates what follows. A read inside a loop of a definition outside of it
 * marks the local as carried: further definitions in that loop join, and the web lives to its end.
 */
#include "summarize.h"

enum {
    SUM_SET_WORDS = 4, /* of locals beyond 64 of these, merges are assumed, not proved */
    SUM_LEVELS = 16,
    SUM_DEPTH_MOST = 6, /* loops deeper than this weigh no more */
    /* What most code stays below; the others grow their arrays. */
    SUM_BYTES_PER_DEF = 16,
    SUM_BYTES_PER_BLOCK = 24,
};

enum sum_frame_kind { SUM_BLOCK, SUM_LOOP, SUM_IF, SUM_ELSE };

/* An open block. Its sets lie in summarize.sets. */
struct sum_frame {
    enum sum_frame_kind kind;
    uint32_t block, then_block;
    uint32_t first_def; /* definitions from here on are inside */
    uint32_t marks;     /* loop: first of its marks */
    bool is_reached;    /* a branch or an arm goes to its end */
    bool has_inner_loop;
};

/* 64 locals of an open block, as sets. */
struct sum_sets {
    uint64_t assigned; /* on the way from the block's start to here */
    uint64_t met;      /* assigned on all ways to its end that were seen so far */
    uint64_t modified; /* assigned anywhere in it */
};

struct sum_mark {
    uint32_t next;
    uint32_t def;
};

void *memcpy(void *restrict, const void *restrict, size_t);

static void sum_fail(struct summarize *sum, alka_status status) {
    sum->status = status;
    sum->is_live = false;
}

/* Doubles an array of scratch memory; *capacity grows only on success. */
static alka_status sum_grow(struct summarize *sum, uint32_t *capacity, size_t element_bytes,
                            void *array /* T ** */) {
    void **slot = array;
    void *bigger;
    uint32_t wish = *capacity ? *capacity * 2 : 16;
    ALKA_TRY(alka_arena_take(sum->scratch, wish, element_bytes, &bigger));
    if (*capacity)
        memcpy(bigger, *slot, *capacity * element_bytes);
    *slot = bigger;
    *capacity = wish;
    return ALKA_OK;
}

/* word_count of them; those of the block around it are right in front. */
static struct sum_sets *sum_sets_of(const struct summarize *sum, uint32_t frame) {
    return sum->sets + (size_t)frame * sum->word_count;
}

static alka_status sum_reserve_frame(struct summarize *sum) {
    if (sum->frame_count < sum->frame_capacity)
        return ALKA_OK;
    uint32_t sets = sum->frame_capacity;
    size_t bytes_per_frame = sum->word_count * sizeof *sum->sets;
    ALKA_TRY(sum_grow(sum, &sets, bytes_per_frame, &sum->sets));
    return sum_grow(sum, &sum->frame_capacity, sizeof *sum->frames, &sum->frames);
}

static alka_status sum_reserve_block(struct summarize *sum) {
    if (sum->block_count < sum->block_capacity)
        return ALKA_OK;
    uint32_t states = sum->block_capacity;
    ALKA_TRY(sum_grow(sum, &states, sizeof *sum->block_states, &sum->block_states));
    return sum_grow(sum, &sum->block_capacity, sizeof *sum->blocks, &sum->blocks);
}

static uint32_t sum_new_block(struct summarize *sum, bool is_loop) {
    uint32_t block = sum->block_count++;
    sum->blocks[block] = (struct alka_block_facts){.is_loop = is_loop};
    sum->block_states[block] = (struct sum_block){block, sum->open_loops};
    sum->block = block;
    return block;
}

static void sum_open(struct summarize *sum, enum sum_frame_kind kind) {
    if (sum->status)
        return;
    if (!sum->is_live) {
        sum->dead_depth++;
        return;
    }
    sum->pending = 0; /* a block starts with everything in its place */
    alka_status status = sum_reserve_frame(sum);
    if (!status)
        status = sum_reserve_block(sum);
    if (status) {
        sum_fail(sum, status);
        return;
    }
    uint32_t frame = sum->frame_count++;
    uint32_t block = sum_new_block(sum, kind == SUM_LOOP);
    sum->frames[frame] = (struct sum_frame){
        .kind = kind,
        .block = block,
        .then_block = block,
        .first_def = sum->def_count,
        .marks = SUM_NONE,
    };
    struct sum_sets *sets = sum_sets_of(sum, frame);
    for (uint32_t word = 0; word < sum->word_count; word++)
        sets[word] = (struct sum_sets){.met = ~UINT64_C(0)};
}

static void sum_set_loop_weight(struct summarize *sum) {
    uint32_t depth = sum->open_loops < SUM_DEPTH_MOST ? sum->open_loops : SUM_DEPTH_MOST;
    sum->loop_weight = UINT32_C(1) << 3 * depth;
}

alka_status summarize_begin(struct summarize *sum, struct alka_arena *scratch,
                            const alka_valtype *local_types, uint32_t local_count,
                            uint32_t param_count, size_t code_bytes) {
    uint32_t words = (local_count + 63) / 64;
    *sum = (struct summarize){
        .scratch = scratch,
        .local_count = local_count,
        .param_count = param_count,
        .local_types = local_types,
        .loop_weight = 1,
        .is_live = true,
        .word_count = words < SUM_SET_WORDS ? words : SUM_SET_WORDS,
    };
    ALKA_TRY(alka_arena_take(scratch, local_count, sizeof *sum->current, &sum->current));
    ALKA_TRY(alka_arena_take(scratch, local_count, sizeof *sum->carried_loop, &sum->carried_loop));
    sum->def_capacity = local_count + 16 + (uint32_t)(code_bytes / SUM_BYTES_PER_DEF);
    ALKA_TRY(alka_arena_take(scratch, sum->def_capacity, sizeof *sum->defs, &sum->defs));
    sum->block_capacity = 8 + (uint32_t)(code_bytes / SUM_BYTES_PER_BLOCK);
    ALKA_TRY(alka_arena_take(scratch, sum->block_capacity, sizeof *sum->blocks, &sum->blocks));
    ALKA_TRY(alka_arena_take(scratch, sum->block_capacity, sizeof *sum->block_states,
                             &sum->block_states));
    sum->def_count = local_count;
    sum->now.def = local_count - 1; /* if there is any */
    for (uint32_t i = 0; i < local_count; i++) {
        sum->current[i] = i;
        sum->carried_loop[i] = SUM_NONE;
        sum->defs[i] = (struct sum_def){
            .previous = SUM_NONE, .local = i, .floor = i, .stop = SUM_NONE, .last.def = i};
    }
    sum_open(sum, SUM_BLOCK);
    return sum->status;
}

void summarize_block(struct summarize *sum) { sum_open(sum, SUM_BLOCK); }

void summarize_if(struct summarize *sum) { sum_open(sum, SUM_IF); }

void summarize_loop(struct summarize *sum) {
    if (sum->is_live && sum->open_loops == sum->loop_capacity) {
        alka_status status = sum_grow(sum, &sum->loop_capacity, sizeof *sum->loops, &sum->loops);
        if (status) {
            sum_fail(sum, status);
            return;
        }
    }
    bool is_live = sum->is_live;
    if (is_live) {
        if (sum->open_loops)
            sum->blocks[sum->frames[sum->loops[sum->open_loops - 1]].block].is_innermost = false;
        sum->open_loops++;
        sum->era++;
    }
    sum_open(sum, SUM_LOOP);
    if (!is_live || sum->status)
        return;
    sum->loops[sum->open_loops - 1] = sum->frame_count - 1;
    sum->blocks[sum->block].is_innermost = true;
    sum->loop_count++;
    sum_set_loop_weight(sum);
}

void summarize_branch(struct summarize *sum, uint32_t depth) {
    if (!sum->is_live)
        return;
    uint32_t top = sum->frame_count - 1, target = top - depth;
    struct sum_frame *frame = &sum->frames[target];
    if (frame->kind == SUM_LOOP)
        return;
    frame->is_reached = true;
    uint32_t lowest = depth < SUM_LEVELS ? target : top - (SUM_LEVELS - 1);
    const struct sum_sets *first = sum_sets_of(sum, lowest), *end = sum_sets_of(sum, top + 1);
    struct sum_sets *met = sum_sets_of(sum, target);
    for (uint32_t word = 0; word < sum->word_count; word++) {
        uint64_t assigned = 0;
        for (const struct sum_sets *sets = first + word; sets < end; sets += sum->word_count)
            assigned |= sets->assigned;
        met[word].met &= assigned;
    }
}

void summarize_no_fallthrough(struct summarize *sum) { sum->is_live = false; }

/* One arm of an `if`, or the body of a block, reaches its end. */
static void sum_fall_to_end(struct summarize *sum, uint32_t top) {
    if (!sum->is_live)
        return;
    sum->frames[top].is_reached = true;
    struct sum_sets *sets = sum_sets_of(sum, top);
    for (uint32_t word = 0; word < sum->word_count; word++)
        sets[word].met &= sets[word].assigned;
}

void summarize_else(struct summarize *sum) {
    if (sum->status || sum->dead_depth)
        return;
    uint32_t top = sum->frame_count - 1;
    sum->pending = 0;
    sum_fall_to_end(sum, top);
    alka_status status = sum_reserve_block(sum);
    if (status) {
        sum_fail(sum, status);
        return;
    }
    struct sum_frame *frame = &sum->frames[top];
    sum->era++;
    sum->block_states[frame->block].parent = SUM_NONE;
    frame->kind = SUM_ELSE;
    frame->block = sum_new_block(sum, false);
    struct sum_sets *sets = sum_sets_of(sum, top);
    for (uint32_t word = 0; word < sum->word_count; word++)
        sets[word].assigned = 0;
    sum->is_live = true;
}

void summarize_catch(struct summarize *sum) { summarize_else(sum); }

void summarize_rethrow(struct summarize *sum, uint32_t depth) {
    if (sum->is_live)
        sum->blocks[sum->frames[sum->frame_count - 1 - depth].block].is_rethrown = true;
}

void summarize_caught(struct summarize *sum, uint32_t count) {
    if (count > sum->max_call_results)
        sum->max_call_results = count;
}

/* Locals that every way has assigned: their latest definition stands for all those in the block. */
static void sum_promote(struct summarize *sum, const struct sum_frame *frame, uint32_t index,
                        uint32_t parent_block) {
    const struct sum_sets *sets = sum_sets_of(sum, index);
    for (uint32_t word = 0; word < sum->word_count; word++) {
        uint64_t locals = sets[word].met & sets[word].modified;
        for (; locals; locals &= locals - 1) {
            uint32_t local = word * 64 + (uint32_t)__builtin_ctzll(locals);
            struct sum_def *def = &sum->defs[sum->current[local]];
            def->block = parent_block;
            if (def->floor > frame->first_def)
                def->floor = frame->first_def;
        }
    }
}

/* Hands what is known about the innermost block to the one around it. `is_label`: what follows is
 * reached in all the ways that have met. */
static void sum_merge_sets(struct summarize *sum, uint32_t index, bool is_label) {
    const struct sum_sets *sets = sum_sets_of(sum, index);
    struct sum_sets *around = sum_sets_of(sum, index - 1);
    for (uint32_t word = 0; word < sum->word_count; word++) {
        uint64_t assigned = is_label ? sets[word].met : sets[word].assigned;
        around[word].assigned |= sum->is_live ? assigned : ~UINT64_C(0);
        around[word].modified |= sets[word].modified;
    }
}

/* What is carried around a loop lives until its end. */
static void sum_close_loop(struct summarize *sum, const struct sum_frame *frame, uint32_t off) {
    for (uint32_t i = frame->marks; i != SUM_NONE; i = sum->marks[i].next) {
        struct sum_def *def = &sum->defs[sum->marks[i].def];
        def->last_off = off;
        def->last = sum->now;
    }
    sum->open_loops--;
    sum_set_loop_weight(sum);
}

void summarize_end(struct summarize *sum, uint32_t off) {
    if (sum->status)
        return;
    if (sum->dead_depth) {
        sum->dead_depth--;
        return;
    }
    uint32_t top = sum->frame_count - 1;
    struct sum_frame *frame = &sum->frames[top];
    sum->blocks[frame->block].end_off = sum->blocks[frame->then_block].end_off = off;
    sum->pending = 0;
    sum->era++;
    sum->frame_count--;
    if (top == 0)
        return;
    uint32_t parent = sum->frames[top - 1].block;
    sum->block = parent;

    if (frame->kind == SUM_LOOP) {
        sum_close_loop(sum, frame, off);
        sum->block_states[frame->block].parent = parent;
        sum_merge_sets(sum, top, false);
        return;
    }
    if (frame->kind == SUM_BLOCK && !frame->is_reached) { /* no label: straight-line code */
        sum->block_states[frame->block].parent = parent;
        sum_merge_sets(sum, top, false);
        return;
    }
    sum_fall_to_end(sum, top);
    if (frame->kind == SUM_IF) { /* no else: the condition itself goes to the end */
        frame->is_reached = true;
        struct sum_sets *sets = sum_sets_of(sum, top);
        for (uint32_t word = 0; word < sum->word_count; word++)
            sets[word].met = 0;
    }
    sum->block_states[frame->block].parent = SUM_NONE;
    sum->is_live = frame->is_reached;
    if (sum->is_live)
        sum_promote(sum, frame, top, parent);
    sum_merge_sets(sum, top, true);
}

void summarize_call(struct summarize *sum, uint32_t param_count, uint32_t result_count) {
    if (!sum->is_live)
        return;
    sum->now.calls = summarize_add(sum->now.calls, sum->loop_weight);
    sum->call_count++;
    sum->pending = 0;
    if (param_count > sum->max_call_params)
        sum->max_call_params = param_count;
    if (result_count > sum->max_call_results)
        sum->max_call_results = result_count;
}

void summarize_tail_call(struct summarize *sum, uint32_t param_count) {
    if (sum->is_live && param_count > sum->max_call_params)
        sum->max_call_params = param_count;
}

static bool sum_is_open(const struct summarize *sum, uint32_t block) {
    return block != SUM_NONE && sum->block_states[block].parent == block;
}

/* What is read but still pending lives until this definition, at least. */
static void sum_outlive(struct summarize *sum, uint32_t id) {
    uint64_t left = sum->pending;
    for (uint32_t i = 0; left && i < SUM_PENDING; i++, left &= left - 1)
        sum->defs[sum->pending_defs[__builtin_ctzll(left)]].last.def = id;
}

void summarize_set(struct summarize *sum, uint32_t local, uint32_t off, uint32_t height) {
    if (!sum->is_live)
        return;
    summarize_drop_reads(sum, height);
    if (sum->def_count == sum->def_capacity) {
        alka_status status = sum_grow(sum, &sum->def_capacity, sizeof *sum->defs, &sum->defs);
        if (status) {
            sum_fail(sum, status);
            return;
        }
    }
    uint32_t id = sum->def_count++, previous = sum->current[local];
    sum->now.def = id;
    bool is_joined = sum_is_open(sum, sum->carried_loop[local]);
    sum->defs[id] = (struct sum_def){
        .previous = previous,
        .local = local,
        .block = sum->block,
        .floor = id,
        .stop = is_joined ? previous : SUM_NONE,
        .first_off = off,
        .last_off = off,
        .weight = sum->loop_weight,
        .write_weight = sum->loop_weight,
        .calls_first = sum->now.calls,
        .last = sum->now,
        .known_era = sum->era,
        .is_joined = is_joined,
    };
    sum->current[local] = id;
    sum_outlive(sum, id);
    if (local / 64 < sum->word_count) {
        uint64_t bit = UINT64_C(1) << local % 64;
        struct sum_sets *sets = sum_sets_of(sum, sum->frame_count - 1) + local / 64;
        sets->assigned |= bit;
        sets->modified |= bit;
    }
}

/* The open block that `block` is a part of, or SUM_NONE. Halves paths as it goes. */
static uint32_t sum_find_block(struct summarize *sum, uint32_t block) {
    struct sum_block *states = sum->block_states;
    while (block != SUM_NONE && states[block].parent != block) {
        uint32_t parent = states[block].parent;
        if (parent != SUM_NONE)
            states[block].parent = states[parent].parent;
        block = parent;
    }
    return block;
}

/* One step back along the chain, joining what is passed. */
static uint32_t sum_step_back(struct summarize *sum, uint32_t id) {
    struct sum_def *def = &sum->defs[id];
    if (def->stop == SUM_NONE) {
        def->is_joined = true;
        def->stop = def->previous;
    }
    return def->stop;
}

/* Joins back to a definition that dominates, and returns it; *out_block is where it stands. */
static uint32_t sum_walk(struct summarize *sum, uint32_t id, uint32_t *out_block) {
    for (;;) {
        uint32_t block = sum_find_block(sum, sum->defs[id].block);
        if (block != SUM_NONE) {
            *out_block = block;
            return id;
        }
        uint32_t next = sum_step_back(sum, id);
        uint32_t beyond = sum->defs[next].stop;
        if (beyond != SUM_NONE && sum_find_block(sum, sum->defs[next].block) == SUM_NONE)
            sum->defs[id].stop = beyond;
        id = next;
    }
}

/* Joins a definition with those it stands for. */
static void sum_join_floor(struct summarize *sum, uint32_t id) {
    uint32_t floor = sum->defs[id].floor, last = id;
    for (;;) {
        const struct sum_def *def = &sum->defs[last];
        uint32_t next = def->stop != SUM_NONE ? def->stop : def->previous;
        if (next == SUM_NONE || next < floor)
            break;
        last = sum_step_back(sum, last);
    }
    if (last != id) /* all between are in closed blocks: they are inside the one that ended */
        sum->defs[id].stop = last;
    sum->defs[id].floor = id;
}

static void sum_mark_carried(struct summarize *sum, uint32_t local, struct sum_frame *loop) {
    uint32_t known = sum->carried_loop[local];
    if (sum_is_open(sum, known) && known <= loop->block)
        return;
    if (sum->mark_count == sum->mark_capacity) {
        alka_status status = sum_grow(sum, &sum->mark_capacity, sizeof *sum->marks, &sum->marks);
        if (status) {
            sum_fail(sum, status);
            return;
        }
    }
    sum->carried_loop[local] = loop->block;
    sum->marks[sum->mark_count] = (struct sum_mark){loop->marks, sum->current[local]};
    loop->marks = sum->mark_count++;
}

/* A read that no definition of an open block in the same loop dominates. */
static void sum_get_far(struct summarize *sum, uint32_t local) {
    uint32_t block;
    uint32_t id = sum_walk(sum, sum->current[local], &block);
    sum->defs[id].block = block; /* found at once the next time */
    if (sum->defs[id].floor != id)
        sum_join_floor(sum, id);
    uint32_t loops_around = sum->block_states[block].open_loops;
    if (loops_around < sum->open_loops)
        sum_mark_carried(sum, local, &sum->frames[sum->loops[loops_around]]);
}

void summarize_get_anew(struct summarize *sum, uint32_t local) {
    uint32_t id = sum->current[local];
    struct sum_def *def = &sum->defs[id];
    def->known_era = sum->era;
    const struct sum_block *block = &sum->block_states[def->block];
    if (block->parent != def->block || block->open_loops != sum->open_loops || def->floor != id)
        sum_get_far(sum, local);
}

/* The initial values are all there at step 0. */
static uint32_t sum_step(const struct summarize *sum, uint32_t def) {
    return def < sum->local_count ? 0 : def - sum->local_count + 1;
}

static void sum_add_to_web(const struct summarize *sum, const struct sum_def *def,
                           struct alka_web *web, const uint32_t *calls_first,
                           uint32_t *calls_last) {
    web->weight = summarize_add(web->weight, def->weight);
    web->write_weight = summarize_add(web->write_weight, def->write_weight);
    if (def->last_off > web->last_off) {
        web->last_off = def->last_off;
        web->last_step = sum_step(sum, def->last.def);
        *calls_last = def->last.calls;
    }
    web->call_weight = *calls_last - *calls_first;
}

alka_status summarize_finish(struct summarize *sum, struct alka_body_summary *out_summary) {
    ALKA_TRY(sum->status);
    uint32_t *def_webs;
    struct alka_web *webs;
    struct sum_span {
        uint32_t calls_first, calls_last;
    } * spans;
    ALKA_TRY(alka_arena_take(sum->scratch, sum->def_count, sizeof *def_webs, &def_webs));
    ALKA_TRY(alka_arena_take(sum->scratch, sum->def_count, sizeof *webs, &webs));
    ALKA_TRY(alka_arena_take(sum->scratch, sum->def_count, sizeof *spans, &spans));

    uint32_t count = 0;
    for (uint32_t id = 0; id < sum->def_count; id++) {
        const struct sum_def *def = &sum->defs[id];
        if (def->is_joined) {
            def_webs[id] = def_webs[def->previous];
        } else {
            def_webs[id] = count;
            spans[count] = (struct sum_span){def->calls_first, def->last.calls};
            webs[count++] = (struct alka_web){.type = sum->local_types[def->local],
                                              .local = def->local,
                                              .first_off = def->first_off,
                                              .last_off = def->last_off,
                                              .first_step = sum_step(sum, id),
                                              .last_step = sum_step(sum, def->last.def),
                                              .is_initial = id < sum->local_count};
        }
        uint32_t web = def_webs[id];
        sum_add_to_web(sum, def, &webs[web], &spans[web].calls_first, &spans[web].calls_last);
    }
    for (uint32_t id = 0; id < sum->def_count; id++)
        if (webs[def_webs[id]].weight == webs[def_webs[id]].write_weight)
            def_webs[id] = ALKA_NO_INDEX; /* never read */

    *out_summary = (struct alka_body_summary){
        .param_count = sum->param_count,
        .local_count = sum->local_count,
        .local_types = sum->local_types,
        .def_webs = def_webs,
        .webs = webs,
        .blocks = sum->blocks,
        .def_count = sum->def_count,
        .web_count = count,
        .block_count = sum->block_count,
        .call_count = sum->call_count,
        .max_call_params = sum->max_call_params,
        .max_call_results = sum->max_call_results,
        .loop_count = sum->loop_count,
    };
    return ALKA_OK;
}

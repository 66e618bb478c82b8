/*
 * The validator's second product: what the emitter must know about a body before it starts
 * (summary.h). The validator calls one hook per instruction of these kinds, right when it has
 * checked it, in unreachable code too; everything else it need not tell. `off` is always the module
 * offset of the instruction's first byte.
 *
 * Never looks at module bytes, never fails but for want of memory.
 */
#ifndef ALKAHEST_PARSE_SUMMARIZE_H
#define ALKAHEST_PARSE_SUMMARIZE_H

#include <alkahest/arena.h>
#include <alkahest/summary.h>

#define SUM_NONE UINT32_MAX

/* How far the walk has come: the latest definition of any local, and weighted calls so far. */
struct sum_moment {
    uint32_t def, calls;
};

/* A definition (summary.h). Those of one local form a chain; a web is a run of joined links. */
struct sum_def {
    uint32_t previous; /* of the same local; SUM_NONE for the initial value */
    uint32_t local;
    uint32_t block; /* it dominates what follows in this block, as long as that is open */
    uint32_t floor; /* stands for the definitions of its local down to this one, too */
    uint32_t stop;  /* all down to here are joined, and those in between dominate nothing */
    uint32_t first_off, last_off;
    uint32_t weight, write_weight;
    uint32_t calls_first;   /* value of now.calls at first_off */
    uint32_t known_era;     /* reads in this era have nothing new to find out */
    bool is_joined;         /* with the previous one */
    struct sum_moment last; /* at last_off */
};

struct sum_block {
    uint32_t parent; /* itself while open; SUM_NONE when closed; else the block it merged into */
    uint32_t open_loops; /* loops around what stands in it */
};

struct sum_frame;
struct sum_sets;

/* How many reads that wait on the operand stack count, the deepest ones, and up to which height of
 * it. */
enum { SUM_PENDING = 8, SUM_PENDING_HEIGHTS = 64 };

struct summarize {
    struct alka_arena *scratch;
    struct sum_def *defs;
    uint32_t *current;      /* per local: its latest definition */
    uint32_t *carried_loop; /* per local: a loop around whose back edge its value is carried */
    uint32_t def_count, def_capacity, local_count, param_count;
    uint32_t loop_weight; /* 8^loop depth */
    struct sum_moment now;
    uint32_t block;      /* innermost open block */
    uint32_t era;        /* grows when a block ends or a loop begins */
    uint32_t dead_depth; /* blocks opened in unreachable code */
    bool is_live;
    alka_status status; /* ALKA_OK, or why it stopped listening */

    struct sum_frame *frames;
    struct sum_sets *sets; /* per frame: word_count of them */
    uint32_t frame_count, frame_capacity, word_count;
    struct alka_block_facts *blocks;
    struct sum_block *block_states;
    uint32_t block_count, block_capacity;
    uint32_t *loops; /* frames of the open loops, outermost first */
    uint32_t open_loops, loop_capacity;
    struct sum_mark *marks;
    uint32_t mark_count, mark_capacity;
    uint32_t call_count, loop_count, max_call_params, max_call_results;
    const alka_valtype *local_types;
    /* Reads that may still be on the operand stack: at which heights, and of which definitions.
     * What is set meanwhile must not take their place. */
    uint64_t pending;
    uint32_t pending_defs[SUM_PENDING_HEIGHTS];
};

/* `local_types`: of all locals, parameters first; borrowed by the summary too. `code_bytes`: of the
 * body, to guess how much will have to be remembered. */
ALKA_MUST_CHECK alka_status summarize_begin(struct summarize *sum, struct alka_arena *scratch,
                                            const alka_valtype *local_types, uint32_t local_count,
                                            uint32_t param_count, size_t code_bytes);
/* Whatever it is told, it does not listen. */
static inline void summarize_nothing(struct summarize *sum) {
    sum->is_live = false;
    sum->status = ALKA_E_INTERNAL;
}
void summarize_block(struct summarize *sum);
void summarize_loop(struct summarize *sum);
void summarize_if(struct summarize *sum);
void summarize_else(struct summarize *sum);
void summarize_end(struct summarize *sum, uint32_t off); /* the body's own `end` included */
/* An arm of the older try: reached from any call in its body. For those of try_table, a branch to
 * their label where it begins says as much: all that is assigned in it may be, or not. */
void summarize_catch(struct summarize *sum);
/* The exception of this arm is thrown again. */
void summarize_rethrow(struct summarize *sum, uint32_t depth);
/* An exception brings so many values to a handler. */
void summarize_caught(struct summarize *sum, uint32_t count);
/* br and br_if, and each label of br_table */
void summarize_branch(struct summarize *sum, uint32_t depth);
/* Nothing falls through: after br, br_table, return, unreachable */
void summarize_no_fallthrough(struct summarize *sum);
/* Any call, and memory.grow and other instructions that call the runtime (0, 0). */
void summarize_call(struct summarize *sum, uint32_t param_count, uint32_t result_count);
/* Nothing of the caller outlives it. */
void summarize_tail_call(struct summarize *sum, uint32_t param_count);
/* local.set, local.tee; `height` of the operand stack below the value */
void summarize_set(struct summarize *sum, uint32_t local, uint32_t off, uint32_t height);
/* Fills what it knows: all but func_idx, code, max_operands, max_nesting. */
ALKA_MUST_CHECK alka_status summarize_finish(struct summarize *sum,
                                             struct alka_body_summary *out_summary);

/* A read whose definition was read for the last time, if ever, in another era: which others it has
 * to be joined with, and around which loop it is carried. */
void summarize_get_anew(struct summarize *sum, uint32_t local);

static inline uint32_t summarize_add(uint32_t a, uint32_t b) {
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

/* Reads at this height or above are gone. */
static inline void summarize_drop_reads(struct summarize *sum, uint32_t height) {
    if (__builtin_expect(height < SUM_PENDING_HEIGHTS, 1))
        sum->pending &= (UINT64_C(1) << height) - 1;
}

/* local.get; `height` of the operand stack before it */
static inline void summarize_get(struct summarize *sum, uint32_t local, uint32_t off,
                                 uint32_t height) {
    if (!sum->is_live)
        return;
    uint32_t id = sum->current[local];
    if (__builtin_expect(height < SUM_PENDING_HEIGHTS, 1)) {
        uint64_t bit = UINT64_C(1) << height;
        sum->pending = (sum->pending & (bit - 1)) | bit;
        sum->pending_defs[height] = id;
    }
    struct sum_def *def = &sum->defs[id];
    def->weight = summarize_add(def->weight, sum->loop_weight);
    def->last_off = off;
    def->last = sum->now;
    if (def->known_era != sum->era)
        summarize_get_anew(sum, local);
}

#endif

/*
 * Supervision trees: who is started again when something ends, in which order, and when to give up.
 * The semantics are those of Erlang/OTP's supervisors. This room starts and stops nothing: it is
 * told what happened (events), and says what to do (commands). Time is what it is told.
 *
 * A tree has workers (modules) and supervisors (only here). Children are in the order in which they
 * were added: they are started in it, each when the one before is up, and stopped in reverse.
 *
 *   What ends, restarts or not, as its own type says:
 *     permanent   always
 *     transient   unless it ended normally
 *     temporary   never
 *   and with it, as its supervisor's strategy says:
 *     one for one    nobody
 *     one for all    all its siblings: they are stopped first
 *     rest for one   its younger siblings: they are stopped first
 *   A sibling that had ended normally is started again with the others (it belongs to the group); a
 *   temporary one that is stopped for the others' sake is not.
 *
 *   Giving up. If a supervisor would have to restart more than `intensity` times within `period`,
 * it stops all its children and ends itself, abnormally: the same rules then apply to it, one level
 *   up. When the root gives up, the host is told, and everything is down.
 *
 *   Back-off. The first restart is at once. If the same child fails again before it was up for a
 *   `period`, the next ones wait: backoff_first, twice that, and so on, up to backoff_max. Under
 *   one for one the others are not concerned.
 *
 *   Failing to start is failing, and counts. A module that can never start (its code is refused) is
 *   reported as that: it is left out, and the others go on.
 *
 *   More failures while a group is being restarted: it is restarted from the oldest that failed.
 *
 *   Stopping. STOP asks; if the child is not down within its shutdown time, KILL. Who has no
 *   shutdown time is killed at once.
 *
 *   Heartbeats. A worker with a heartbeat that lets it pass without a beat hangs: it is killed, and
 * that is an abnormal end.
 *
 *   People may hold a child (stop it, and leave it out of all restarts), release it, restart it.
 *
 * Events about nodes that are not in a state to have them are ignored: the host may be late. The
 * host serializes all calls. Nothing allocates; nothing recurses.
 */
#ifndef ATHANOR_SUPERVISE_H
#define ATHANOR_SUPERVISE_H

#include "sched/order.h"
#include <alkahest/status.h>
#include <stdbool.h>
#include <stdint.h>

#define SUPERVISE_ROOT 0u
#define SUPERVISE_NONE UINT32_MAX
#define SUPERVISE_NEVER UINT64_MAX
#define SUPERVISE_INTENSITY_MAX 31u

enum supervise_restart { SUPERVISE_PERMANENT, SUPERVISE_TRANSIENT, SUPERVISE_TEMPORARY };
enum supervise_strategy { SUPERVISE_ONE_FOR_ONE, SUPERVISE_ONE_FOR_ALL, SUPERVISE_REST_FOR_ONE };

struct supervise_spec {
    bool is_supervisor;
    enum supervise_restart restart; /* of the root: ignored */
    /* Workers: */
    uint64_t shutdown_ns;  /* from STOP to KILL; 0: KILL at once, SUPERVISE_NEVER: never */
    uint64_t heartbeat_ns; /* 0: none is expected */
    /* Supervisors: */
    enum supervise_strategy strategy;
    uint32_t intensity; /* 0 to SUPERVISE_INTENSITY_MAX */
    uint64_t period_ns; /* more than 0 */
    uint64_t backoff_first_ns, backoff_max_ns;
};

enum supervise_command {
    SUPERVISE_START,   /* a worker; answer: started, exited or refused */
    SUPERVISE_STOP,    /* a worker that was started; answer: exited */
    SUPERVISE_KILL,    /* the same, without asking it */
    SUPERVISE_GAVE_UP, /* this supervisor: its children will be stopped now. For the log */
    SUPERVISE_DOWN,    /* the root: everything is stopped, because it gave up or was told to */
};

struct supervise_host {
    /* Must not call back into the tree: it takes a note and returns. */
    void (*command)(void *self, enum supervise_command command, uint32_t node);
    void *self;
};

enum supervise_state {
    SUPERVISE_IS_DOWN,
    SUPERVISE_IS_STARTING,
    SUPERVISE_IS_UP,
    SUPERVISE_IS_STOPPING, /* STOP was commanded; a supervisor: its children are being stopped */
    SUPERVISE_IS_KILLED,   /* KILL was commanded */
    SUPERVISE_IS_WAITING,  /* down, and will be started when the back-off is over */
};

/* What a supervisor is doing with its children. */
enum supervise_phase {
    SUPERVISE_AT_REST,
    SUPERVISE_STOPS,  /* from the youngest down to `from` */
    SUPERVISE_DELAYS, /* until its timer */
    SUPERVISE_STARTS, /* from `from` up to the youngest */
};

struct supervise_node {
    struct supervise_spec spec;
    enum supervise_state state;
    bool in_use;
    bool is_refused;   /* can never start: left out */
    bool is_over;      /* was temporary, and has ended: left out */
    bool is_held;      /* by a person: left out */
    bool is_hung;      /* was killed for its heartbeat */
    bool starts_again; /* a person's restart: to be started when it is down */
    bool was_up;       /* since its last failure */
    /* Supervisors: */
    bool shall_end; /* after SUPERVISE_STOPS */
    bool gave_up;
    bool is_queued;
    enum supervise_phase phase;
    uint32_t from, at; /* children: where the phase is from, and where it is */
    uint32_t oldest, youngest, next_queued;
    uint32_t restart_count; /* of restart_times */
    uint64_t restart_times[SUPERVISE_INTENSITY_MAX];
    uint64_t delay_until;
    /* All: */
    uint32_t parent, older, younger;
    uint32_t streak;   /* failures in a row */
    uint64_t position; /* among its siblings: grows from older to younger */
    uint64_t up_since;
    uint64_t restarts;       /* for people: how often it was; a supervisor: those in it */
    struct order_node timer; /* one reason at a time: STOP's end, back-off, delay, heartbeat */
};

struct supervise {
    struct supervise_node *nodes;
    uint32_t node_count; /* capacity */
    struct supervise_host host;
    struct order timers;
    uint32_t queue_first, queue_last; /* supervisors that have something to do */
    uint64_t now;
};

/* A tree of one: the root. `nodes`, at least one, stay with the tree. ALKA_E_SERVICE_ARGUMENT. */
ALKA_MUST_CHECK alka_status supervise_init(struct supervise *tree, struct supervise_node *nodes,
                                           uint32_t node_count, const struct supervise_spec *root,
                                           const struct supervise_host *host);

/*
 * The youngest child of `parent`, down; it is started with the others, or by supervise_release.
 * ALKA_E_SERVICE_ARGUMENT: no such supervisor, or an impossible specification.
 * ALKA_E_SERVICE_LIMIT: no node is free.
 */
ALKA_MUST_CHECK alka_status supervise_add(struct supervise *tree, uint32_t parent,
                                          const struct supervise_spec *spec, uint32_t *out_node);
/*
 * A child that is down, and has no children; else ALKA_E_SERVICE_ARGUMENT. ALKA_E_WOULD_BLOCK: its
 * supervisor is busy with its children.
 */
ALKA_MUST_CHECK alka_status supervise_remove(struct supervise *tree, uint32_t node);

/* --- Events. `now` never goes back. --- */

/* Starts everything. Nothing if it is started. */
void supervise_begin(struct supervise *tree, uint64_t now);
/* Stops everything, in reverse; SUPERVISE_DOWN follows. */
void supervise_end(struct supervise *tree, uint64_t now);

void supervise_started(struct supervise *tree, uint32_t worker, uint64_t now);
void supervise_exited(struct supervise *tree, uint32_t worker, bool normally, uint64_t now);
/* It was to start, and never can. */
void supervise_refused(struct supervise *tree, uint32_t worker, uint64_t now);
void supervise_beat(struct supervise *tree, uint32_t worker, uint64_t now);
/* Time has passed. */
void supervise_tick(struct supervise *tree, uint64_t now);
/* When the next tick is due at the latest; SUPERVISE_NEVER. */
uint64_t supervise_alarm(const struct supervise *tree);

/* --- People; any child but the root. ALKA_E_SERVICE_ARGUMENT: there is none such. --- */

ALKA_MUST_CHECK alka_status supervise_hold(struct supervise *tree, uint32_t node, uint64_t now);
/* Takes it back in (refused ones, too), and starts it if its supervisor is up. */
ALKA_MUST_CHECK alka_status supervise_release(struct supervise *tree, uint32_t node, uint64_t now);
/* Stops and starts it; does not count as a failure. */
ALKA_MUST_CHECK alka_status supervise_restart(struct supervise *tree, uint32_t node, uint64_t now);

/* One word for a table. */
const char *supervise_word(const struct supervise_node *node);

#endif

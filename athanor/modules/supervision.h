/*
 * Supervision: the manifest's tree of supervisors (supervise/supervise.h has its rules), and the
 * modules in it. A module here is what a process is in OTP. It is up when its start functions have
 * ended as they should; it ends
 *
 *     abnormally   when it traps, is killed, lets its heartbeat pass, or a start function fails
 *     by itself    when the last of its threads has ended: normally, if all of them returned 0
 *
 * Whoever is in a call that traps recovers the module on the spot, if the tree says that it is to
 * be started again at once, with nobody else, and it has no start functions: microseconds.
 * Everything else is the supervisor's: a thread of the kernel, more urgent than all others, that
 * waits for nobody; start functions and `terminate` run on threads of their own.
 *
 * A module that is down, and was not stopped for good, keeps its instance: gates into it are dead
 * until it is started again, and then its importers find it again.
 */
#ifndef ATHANOR_SUPERVISION_H
#define ATHANOR_SUPERVISION_H

#include "modules/modules.h"
#include "supervise/supervise.h"

/* Of a module that nobody supervises: it is reset after a trap, or stopped, and that is all. */
#define SUPERVISION_NONE SUPERVISE_NONE
/* The export that a module is asked to end with. */
#define SUPERVISION_TERMINATE "terminate"

/* After all modules are known; makes the tree, nothing is up. ALKA_E_OUT_OF_MEMORY: nobody is
 * supervised. */
ALKA_MUST_CHECK alka_status supervision_start(const struct bundle *bundle);
/*
 * At the boot, for each module and with their number at the end: starts what the manifest lists
 * under the root, up to this module; comes back when that is up, or has failed. ^C ends what it
 * waits for. Returns how many start functions did not end as they should; adds to *calls how many
 * there were.
 */
uint32_t supervision_boot(uint32_t module_idx, uint32_t *calls);

/* --- What happened to a module that is supervised. --- */

/* It has trapped, and is not reset yet (`since`: time stamp). Afterwards it serves again or is
 * down. */
void supervision_trapped(struct module *module, uint64_t since);
/* The last of its threads has ended. */
void supervision_ended(struct module *module, bool normally);
/* It lives. */
void supervision_beat(const struct module *module);

/* --- People. NULL: done, as far as can be seen; or why not. --- */

/* A module or a supervisor; SUPERVISION_NONE: there is none such. */
uint32_t supervision_find(const char *name);
/* It is down, and stays so, until it is started. */
const char *supervision_hold(uint32_t node);
const char *supervision_release(uint32_t node);
const char *supervision_restart(uint32_t node);
/* A module: it ends abnormally, now. */
const char *supervision_kill(uint32_t node);

/* --- For tables. --- */

struct supervision_row {
    const char *name, *parent; /* the root has none: NULL */
    uint32_t depth;
    const struct supervise_node *node;
    uint64_t wait_ns; /* until it is started again; 0: it does not wait for that */
    uint64_t hangs;   /* heartbeats that it missed */
    uint32_t recent;  /* a supervisor's restarts within its period */
};
/* In the order of starting, parents first: SUPERVISE_ROOT is the first. False: that was all. */
bool supervision_next(uint32_t *node, struct supervision_row *out);

#endif

/*
 * Addresses inside of the linker's assembly routines that trap decisions (alkahest-modules) and
 * backtraces must know. Not functions to call.
 */
#ifndef ALKAHEST_ROUTINES_H
#define ALKAHEST_ROUTINES_H

/* All routines that run between two pieces of module code, or between module and host code. */
extern const char alka_routines_start[], alka_routines_end[];

/* Instructions that fault on purpose, so that every trap takes one way. */
extern const char alka_routine_pending[];   /* a host function left a trap pending */
extern const char alka_routine_exhausted[]; /* no room on the control stack for host code */
extern const char alka_routine_gone[];      /* the callee's generation is another one */
extern const char alka_routine_deep[];      /* the call would be inside of too many others */

/* Where a host function returns to that leaves a trap pending. */
extern const char alka_return_pending[];

/* Where a call returns to whose caller died meanwhile. */
extern const char alka_routine_zombie[];

/* Where traps resume at an entry from the host, and at the two kinds of gates: alka_gate_resume. */
extern const char alka_resume_enter[], alka_resume_gate_traps[], alka_resume_gate_returns[];

/* The routine behind direct host functions, by number of parameters and whether the result is an
 * i32: for records of helpers. */
typedef void alka_routine(void);
extern alka_routine alka_host_direct_0, alka_host_direct_1, alka_host_direct_2, alka_host_direct_3,
    alka_host_direct_4, alka_host_direct_5;
/* How module code throws: unwind.h. */
extern alka_routine alka_throw_tag, alka_throw_ref;
extern alka_routine alka_host_direct_0_i32, alka_host_direct_1_i32, alka_host_direct_2_i32,
    alka_host_direct_3_i32, alka_host_direct_4_i32, alka_host_direct_5_i32;

/* Of records of calls into another instance. */
extern alka_routine alka_gate_traps, alka_gate_traps_memory, alka_gate_traps_any, alka_gate_returns;
/* The same with a limit: record.depth_max. */
extern alka_routine alka_gate_limited_traps, alka_gate_limited_returns;

#endif

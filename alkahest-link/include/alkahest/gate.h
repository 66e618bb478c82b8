/*
 * What the records on a control stack mean (struct alka_gate): of entries from the host, and of
 * gates between modules. Safe in trap handlers.
 */
#ifndef ALKAHEST_GATE_H
#define ALKAHEST_GATE_H

#include <alkahest/abi.h>

/* Where the return address of the call that was made behind the record lies: right below it; but in
 * the thread while a host function that returns there has a trap pending. */
uint64_t *alka_gate_return(const struct alka_gate *gate);

/* Where a trap continues that comes to this record, with rsp = the record and eax = enum alka_trap:
 * one of alka_resume_… (alkahest/routines.h). */
uint64_t alka_gate_resume(const struct alka_gate *gate);

#endif

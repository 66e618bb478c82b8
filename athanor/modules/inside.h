/* Which threads are in the middle of an instance's code. */
#ifndef ATHANOR_INSIDE_H
#define ATHANOR_INSIDE_H

#include <alkahest/instance.h>

/*
 * Waits until no thread is in the instance, or just about to enter one. The caller has closed the
 * gates, or this may never come. False: the deadline (clock_ns) came first.
 */
bool inside_wait(const struct alka_instance *instance, uint64_t deadline_ns);

/* Ends the calls that others have in the instance, and waits until they are out. Not while the
 * calling thread is in it. */
void inside_evict(const struct alka_instance *instance);

/* For the time in between, the calling thread goes before all others. */
void inside_hurry(bool hurry);

#endif

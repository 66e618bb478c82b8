/* Those that work beside the campaign's victims, on threads of their own, and check what they see.
 */
#ifndef ATHANOR_CAMPAIGN_OTHERS_H
#define ATHANOR_CAMPAIGN_OTHERS_H

#include <stdbool.h>
#include <stdint.h>

/* All of them; the modules have instances. */
bool others_start(void);
/* Their modules have been stopped: their threads are given back. False: one has not ended. */
bool others_join(void);
/* Wrong things that they have seen since they were started, and threads that have ended; what is
 * new is printed. */
uint64_t others_wrong(void);
/* Has each of them done something since the last time? It may wait for that. */
bool others_go_on(void);

#endif

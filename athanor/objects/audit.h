/*
 * Who was granted, delegated, gave away, closed or revoked what: each act is kept in a ring for
 * `audit`, and told in the log, not on the consoles. The log gets no more than so many such lines
 * per second, so that a module that delegates all day does not drown the rest; how many there were
 * besides is in the next line.
 */
#ifndef ATHANOR_AUDIT_H
#define ATHANOR_AUDIT_H

#include "cap/cap.h"
#include "ipc/names.h"

#define AUDIT_KEPT 256u
#define AUDIT_LINES_PER_SECOND 32u

struct audit_record {
    uint64_t at_ns;
    struct cap_audit act; /* its object is not to be followed */
    char name[NAMES_BYTES_MAX + 1];
};

/* False: no memory. */
bool audit_start(void);
/* For cap_host. */
void audit_note(void *self, const struct cap_audit *act);

/* How many there ever were; the last AUDIT_KEPT of them are kept. */
uint64_t audit_count(void);
/* NULL: not kept (any more). */
const struct audit_record *audit_at(uint64_t number);
/* "r" "w" "c" "d" "m", or "-" for each right it has not. */
#define AUDIT_RIGHTS_BYTES 6u
void audit_rights(char out[AUDIT_RIGHTS_BYTES], uint32_t rights);
/* "kernel", or the module's name; "(unloaded)": it has none any more. */
const char *audit_who(uint32_t table_id);

#endif

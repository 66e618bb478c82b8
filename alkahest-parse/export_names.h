/*
 * The set of names that were exported so far. A crit-bit tree: an insertion costs the length of the
 * name, whatever the names are, so that no choice of names makes the whole quadratic.
 */
#ifndef PARSE_EXPORT_NAMES_H
#define PARSE_EXPORT_NAMES_H

#include <alkahest/module.h>
#include <stdbool.h>

/* children: an inner node's index, or EXPORT_LEAF | export index. */
struct export_node {
    uint32_t children[2];
    uint32_t byte; /* position in the key that decides */
    uint32_t bit;  /* mask within that byte, one bit */
};

struct export_names {
    struct export_node *nodes; /* room for one less than there are exports */
    uint32_t node_count;
    uint32_t root;
    bool is_empty;
};

/* `nodes` holds one element per export that can follow. */
void export_names_init(struct export_names *names, struct export_node *nodes);

/* Adds exports[index].name; false if one of exports[0 .. index) has the same name. */
bool export_names_add(struct export_names *names, const struct alka_export *exports,
                      uint32_t index);

#endif

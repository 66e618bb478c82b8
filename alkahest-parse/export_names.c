/*
 * Room: parse. Unique export names (specification 3.4.14) by a crit-bit tree (D. J. Bernstein's):
 * each inner node names the first bit in which its two subtrees differ. A name's key is its length,
 * four bytes, then its bytes, so that no key is a prefix of another. In: spans; out: yes or no.
 * Must never compare a name with more than one other byte by byte.
 */
#include "export_names.h"

#define EXPORT_LEAF (UINT32_C(1) << 31)
enum { EXPORT_LENGTH_BYTES = 4 };

void export_names_init(struct export_names *names, struct export_node *nodes) {
    *names = (struct export_names){.nodes = nodes, .is_empty = true};
}

static uint32_t export_key_bytes(struct alka_span name) {
    return (uint32_t)name.size + EXPORT_LENGTH_BYTES;
}

/* Byte `at` of the key; 0 behind its end. */
static uint8_t export_key_byte(struct alka_span name, uint32_t at) {
    if (at < EXPORT_LENGTH_BYTES)
        return (uint8_t)(name.size >> 8 * at);
    at -= EXPORT_LENGTH_BYTES;
    return at < name.size ? name.data[at] : 0;
}

static uint32_t export_side(const struct export_node *node, struct alka_span name) {
    return (export_key_byte(name, node->byte) & node->bit) != 0;
}

/* The one name in the tree that can be equal: it agrees in all bits that the tree asks about. */
static uint32_t export_candidate(const struct export_names *names, struct alka_span name) {
    uint32_t at = names->root;
    while (!(at & EXPORT_LEAF))
        at = names->nodes[at].children[export_side(&names->nodes[at], name)];
    return at & ~EXPORT_LEAF;
}

/* Whether bit (byte, bit) is asked about before the node's. */
static bool export_is_before(uint32_t byte, uint32_t bit, const struct export_node *node) {
    return byte < node->byte || (byte == node->byte && bit > node->bit);
}

bool export_names_add(struct export_names *names, const struct alka_export *exports,
                      uint32_t index) {
    struct alka_span name = exports[index].name;
    if (names->is_empty) {
        names->is_empty = false;
        names->root = EXPORT_LEAF | index;
        return true;
    }
    struct alka_span other = exports[export_candidate(names, name)].name;
    uint32_t byte = 0, bytes = export_key_bytes(name);
    while (byte < bytes && export_key_byte(name, byte) == export_key_byte(other, byte))
        byte++;
    if (byte == bytes)
        return false; /* the lengths are part of the keys, so they are equal too */

    uint32_t differing = (uint32_t)(export_key_byte(name, byte) ^ export_key_byte(other, byte));
    uint32_t bit = UINT32_C(1) << (31 - __builtin_clz(differing));
    uint32_t *link = &names->root;
    while (!(*link & EXPORT_LEAF) && !export_is_before(byte, bit, &names->nodes[*link]))
        link = &names->nodes[*link].children[export_side(&names->nodes[*link], name)];

    struct export_node *node = &names->nodes[names->node_count];
    *node = (struct export_node){.byte = byte, .bit = bit};
    uint32_t side = export_side(node, name);
    node->children[side] = EXPORT_LEAF | index;
    node->children[!side] = *link;
    *link = names->node_count++;
    return true;
}

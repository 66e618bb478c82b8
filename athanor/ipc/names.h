/*
 * Names of channels, topics and events: how modules that know nothing of each other find the same
 * one. A name means nothing without a capability; the directory is the kernel's and the manifest's.
 *
 * Four names are always there; what they are for is a table
 * (defaults.def).
 */
#ifndef ATHANOR_IPC_NAMES_H
#define ATHANOR_IPC_NAMES_H

#include <alkahest/span.h>
#include <alkahest/status.h>
#include <stdbool.h>
#include <stdint.h>

#define NAMES_BYTES_MAX 32u

struct names_entry {
    char name[NAMES_BYTES_MAX]; /* not zero-terminated */
    uint32_t size;              /* 0: free */
    uint32_t kind;              /* enum cap_kind, or whatever the host calls things */
    void *object;
};

/* An open-addressing table. */
struct names {
    struct names_entry *entries;
    uint32_t capacity; /* a power of two; half of it can be used */
    uint32_t count;
};

/* `entries`, `capacity` of them (a power of two, at least 2), stay with the directory. */
void names_init(struct names *names, struct names_entry *entries, uint32_t capacity);

/* ALKA_E_NAME_TAKEN; ALKA_E_SERVICE_LIMIT: it is full; ALKA_E_SERVICE_ARGUMENT: an empty or too
 * long name. */
ALKA_MUST_CHECK alka_status names_add(struct names *names, struct alka_span name, uint32_t kind,
                                      void *object);
/* ALKA_E_NO_SUCH_NAME. */
ALKA_MUST_CHECK alka_status names_find(const struct names *names, struct alka_span name,
                                       uint32_t *out_kind, void **out_object);
ALKA_MUST_CHECK alka_status names_remove(struct names *names, struct alka_span name);
/* The next one at or behind *cursor (start with 0), in no particular order; NULL: no more. */
const struct names_entry *names_next(const struct names *names, uint32_t *cursor);

/* --- What is always there. --- */

enum ipc_default_id {
#define DEFAULT(id, name, kind, message_max, places, allowed, rights, purpose) IPC_##id,
#include "ipc/defaults.def"
#undef DEFAULT
    IPC_DEFAULT_COUNT
};

struct ipc_default {
    const char *name, *purpose;
    /* places: of the channel, or of each subscriber's if that does not say */
    uint32_t message_max, places;
    uint32_t allowed; /* topics: bits of enum topic_slow */
    bool is_topic;
    bool modules_write, modules_read; /* if their manifest says so */
};

extern const struct ipc_default ipc_defaults[IPC_DEFAULT_COUNT];

#endif

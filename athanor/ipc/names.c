/*
 * The directory of names, and the names that are always there. In: hostile names. Out: objects.
 * Must never: follow an object.
 */
#include "ipc/names.h"
#include "ipc/topic.h"
#include <alkahest/hash.h>

enum { DROPPABLE = 1 << TOPIC_SLOW_SKIPS | 1 << TOPIC_SLOW_DROPS | 1 << TOPIC_SLOW_LEAVES };
enum { NOTHING };
enum { IS_CHANNEL, IS_TOPIC };
enum { READ = 1, WRITE = 2, BOTH = 3 };

const struct ipc_default ipc_defaults[IPC_DEFAULT_COUNT] = {
#define DEFAULT(id, name, kind, message_max, places, allowed, rights, purpose) \
    {name,    purpose,         message_max,           places,                  \
     allowed, (bool)IS_##kind, ((rights)&WRITE) != 0, ((rights)&READ) != 0},
#include "ipc/defaults.def"
#undef DEFAULT
};

void names_init(struct names *names, struct names_entry *entries, uint32_t capacity) {
    *names = (struct names){.entries = entries, .capacity = capacity};
    for (uint32_t i = 0; i < capacity; i++)
        entries[i].size = 0;
}

static uint32_t names_home(const struct names *names, struct alka_span name) {
    return alka_hash_end(alka_hash_bytes(ALKA_HASH_START, name)) & (names->capacity - 1);
}

/* Where the name is, or would be. */
static uint32_t names_place(const struct names *names, struct alka_span name) {
    uint32_t at = names_home(names, name);
    for (;; at = (at + 1) & (names->capacity - 1)) {
        const struct names_entry *entry = &names->entries[at];
        if (entry->size == 0 ||
            (entry->size == name.size && __builtin_memcmp(entry->name, name.data, name.size) == 0))
            return at;
    }
}

alka_status names_add(struct names *names, struct alka_span name, uint32_t kind, void *object) {
    if (name.size == 0 || name.size > NAMES_BYTES_MAX)
        return ALKA_E_SERVICE_ARGUMENT;
    struct names_entry *entry = &names->entries[names_place(names, name)];
    if (entry->size != 0)
        return ALKA_E_NAME_TAKEN;
    if (names->count == names->capacity / 2)
        return ALKA_E_SERVICE_LIMIT;
    names->count++;
    __builtin_memcpy(entry->name, name.data, name.size);
    entry->size = (uint32_t)name.size;
    entry->kind = kind;
    entry->object = object;
    return ALKA_OK;
}

static alka_status names_look(const struct names *names, struct alka_span name,
                              uint32_t *out_place) {
    if (name.size == 0 || name.size > NAMES_BYTES_MAX)
        return ALKA_E_NO_SUCH_NAME;
    *out_place = names_place(names, name);
    return names->entries[*out_place].size == 0 ? ALKA_E_NO_SUCH_NAME : ALKA_OK;
}

alka_status names_find(const struct names *names, struct alka_span name, uint32_t *out_kind,
                       void **out_object) {
    uint32_t at;
    ALKA_TRY(names_look(names, name, &at));
    *out_kind = names->entries[at].kind;
    *out_object = names->entries[at].object;
    return ALKA_OK;
}

alka_status names_remove(struct names *names, struct alka_span name) {
    uint32_t hole;
    ALKA_TRY(names_look(names, name, &hole));
    uint32_t mask = names->capacity - 1;
    names->entries[hole].size = 0;
    names->count--;
    /* Those behind it that were pushed on by it move up (Knuth, TAOCP 3, 6.4, algorithm R). */
    for (uint32_t at = (hole + 1) & mask; names->entries[at].size != 0; at = (at + 1) & mask) {
        const struct names_entry *entry = &names->entries[at];
        struct alka_span its_name = {(const uint8_t *)entry->name, entry->size};
        uint32_t from_home = (at - names_home(names, its_name)) & mask;
        if (from_home < ((at - hole) & mask))
            continue;
        names->entries[hole] = *entry;
        names->entries[at].size = 0;
        hole = at;
    }
    return ALKA_OK;
}

const struct names_entry *names_next(const struct names *names, uint32_t *cursor) {
    while (*cursor < names->capacity) {
        const struct names_entry *entry = &names->entries[(*cursor)++];
        if (entry->size != 0)
            return entry;
    }
    return NULL;
}

/* The records as they lie in a bundle, for this room's own files. */
#ifndef ATHANOR_BUNDLE_RAW_H
#define ATHANOR_BUNDLE_RAW_H

#include "bundle.h"

#define TRY(expr)                              \
    do {                                       \
        enum bundle_error try_error_ = (expr); \
        if (try_error_ != BUNDLE_OK)           \
            return try_error_;                 \
    } while (0)

/* Little-endian, like the only machine that reads them. */
struct raw_text {
    uint32_t off, bytes;
};

struct raw_header {
    uint8_t magic[8];
    uint32_t version;
    uint32_t total_bytes;
    uint32_t crc32; /* of all that follows this field, up to total_bytes */
    uint32_t module_count;
    uint32_t modules_off;
    struct raw_text name;
    uint32_t object_count, objects_off;
    uint32_t supervisor_count, supervisors_off;
    uint32_t scheduler; /* enum bundle_scheduler */
};

struct raw_module {
    struct raw_text name, file;
    uint32_t image_off, image_bytes;
    uint64_t capabilities;
    uint32_t memory_pages_max;
    uint32_t call_count, calls_off;
    uint32_t start_count, starts_off;
    uint32_t flags;      /* FLAG_… */
    uint32_t version_of; /* a module's index + 1; 0: of none */
    uint32_t reserved;
    uint32_t cpu_budget_us, cpu_period_us;
    uint32_t thread_count, threads_off;
    uint32_t handles_max;
    uint32_t grant_count, grants_off;
    uint32_t clock_resolution_ns;
    uint32_t gate_depth_max, queue_places_max, log_rate_max;
    uint32_t supervisor; /* its index + 1; 0: it has none, and the next three are 0 */
    uint32_t restart;
    uint32_t heartbeat_ms, shutdown_ms;
    uint32_t reserved_more;
    uint64_t loader_capabilities;
    uint32_t loader_modules; /* 0: it may load none, and the rest of these is 0 */
    uint32_t loader_pages, loader_code_bytes, loader_handles, loader_threads;
    uint32_t loader_passes_calls; /* 0 or 1 */
};

#define FLAG_STOP_AFTER_TRAP 1u
#define FLAG_LOAD_LATER 2u /* of no version: that is loaded when it is its turn */
#define FLAGS_KNOWN (FLAG_STOP_AFTER_TRAP | FLAG_LOAD_LATER)

struct raw_call {
    uint32_t peer_idx;
    struct raw_text function;
    uint32_t on_trap; /* 0: the caller traps, 1: it gets an error */
};

struct raw_start {
    struct raw_text function;
    uint32_t expect;
};

struct raw_thread {
    struct raw_text function;
    uint32_t priority;
};

struct raw_object {
    uint32_t kind;
    struct raw_text name;
    uint32_t size, places, subscribers, allowed;
    uint32_t owner; /* a module's index + 1; 0: none */
};

/* The first one is the root, and its own parent. */
struct raw_supervisor {
    struct raw_text name;
    uint32_t parent_idx, before_module;
    uint32_t strategy, restart;
    uint32_t intensity, period_ms;
    uint32_t backoff_ms, backoff_max_ms;
};

struct raw_grant {
    uint32_t target, target_idx, rights;
};

_Static_assert(sizeof(struct raw_header) == 56 && sizeof(struct raw_module) == 160 &&
                   sizeof(struct raw_call) == 16 && sizeof(struct raw_start) == 12 &&
                   sizeof(struct raw_thread) == 12 && sizeof(struct raw_object) == 32 &&
                   sizeof(struct raw_supervisor) == 40 && sizeof(struct raw_grant) == 12,
               "mkbundle.py writes these sizes");
_Static_assert(BUNDLE_CAP_COUNT <= 64, "capabilities are bits of a u64");

#define CHECKED_FROM (offsetof(struct raw_header, crc32) + sizeof(uint32_t))

static inline void copy_out(void *to, struct alka_span bytes, size_t off, size_t size) {
    __builtin_memcpy(to, bytes.data + off, size);
}

static inline bool range_inside(struct alka_span bytes, uint64_t off, uint64_t size) {
    return off <= bytes.size && size <= bytes.size - off;
}

/* A list of count records at off, of which there may be max. */
static inline bool list_inside(const struct bundle *bundle, uint32_t off, uint32_t count,
                               uint32_t max, size_t record_bytes) {
    return count <= max && range_inside(bundle->bytes, off, count * (uint64_t)record_bytes);
}

#define RECORD_READER(record)                                                          \
    static inline struct record record##_at(const struct bundle *bundle, uint32_t off, \
                                            uint32_t idx) {                            \
        struct record raw;                                                             \
        copy_out(&raw, bundle->bytes, off + idx * sizeof raw, sizeof raw);             \
        return raw;                                                                    \
    }
RECORD_READER(raw_module)
RECORD_READER(raw_call)
RECORD_READER(raw_start)
RECORD_READER(raw_thread)
RECORD_READER(raw_object)
RECORD_READER(raw_supervisor)
RECORD_READER(raw_grant)

static inline struct raw_header raw_header(const struct bundle *bundle) {
    struct raw_header raw;
    copy_out(&raw, bundle->bytes, 0, sizeof raw);
    return raw;
}

static inline struct raw_module module_at(const struct bundle *bundle, uint32_t module_idx) {
    return raw_module_at(bundle, bundle->modules_off, module_idx);
}

static inline struct bundle_text text_at(const struct bundle *bundle, struct raw_text text) {
    struct bundle_text result = {(const char *)bundle->bytes.data + text.off, text.bytes};
    return result;
}

/* Of module, object and system names. */
enum bundle_error bundle_check_name(const struct bundle *bundle, struct raw_text text);

static inline bool same_text(struct bundle_text one, struct bundle_text other) {
    return one.size == other.size && __builtin_memcmp(one.data, other.data, one.size) == 0;
}

/* supervisors.c; the first one after the modules */
enum bundle_error bundle_check_supervisors(const struct bundle *bundle);
enum bundle_error bundle_check_supervised(const struct bundle *bundle,
                                          const struct raw_module *raw);

/* loader.c */
enum bundle_error bundle_check_loader(const struct raw_module *raw);
/* No more modules than there can be, with all those that modules may load. */
enum bundle_error bundle_check_loaders(const struct bundle *bundle);
struct bundle_loader bundle_loader(const struct raw_module *raw);

/* objects.c */
enum bundle_error bundle_check_objects(const struct bundle *bundle);
enum bundle_error bundle_check_grants(const struct bundle *bundle, const struct raw_module *raw);

#endif

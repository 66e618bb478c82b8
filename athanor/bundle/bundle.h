/*
 * The system bundle: one boot module that holds every .wasm or .alk file of a system and what its
 * manifest says about them. mkbundle.py writes it, the kernel reads it. The bytes are borrowed and
 * hostile: bundle_open checks all of them once, after that the accessors cannot fail.
 *
 * Layout, little-endian, offsets from the bundle's first byte:
 *   header · module records · call records · start records · thread records · object records, by
 *   name · grant records · supervisor records · texts · images (each 8-byte aligned)
 * A text is {offset u32, bytes u32}: not empty, without control characters, not zero-terminated.
 */
#ifndef ATHANOR_BUNDLE_H
#define ATHANOR_BUNDLE_H

#include "cap/cap.h"
#include <alkahest/span.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_MAGIC \
    "\x89"           \
    "AZB\r\n\x1a\n" /* shows damage by transfers that touch line ends or the eighth bit */
#define BUNDLE_VERSION 4u

#define BUNDLE_MODULES_MAX 1024u
#define BUNDLE_CALLS_MAX 256u  /* per module */
#define BUNDLE_STARTS_MAX 64u  /* per module */
#define BUNDLE_THREADS_MAX 16u /* per module */
#define BUNDLE_PRIORITIES 32u  /* of threads; 31 is the most urgent */
#define BUNDLE_PERIOD_US_MAX 1000000u
#define BUNDLE_SUPERVISORS_MAX 64u /* with the root */
#define BUNDLE_INTENSITY_MAX 31u
#define BUNDLE_MS_MAX 86400000u    /* of what is in milliseconds: a day */
#define BUNDLE_NAME_BYTES_MAX 32u  /* module and system names: [a-z][a-z0-9_-]* */
#define BUNDLE_TEXT_BYTES_MAX 255u /* function and file names */
#define BUNDLE_MEMORY_PAGES_MAX 65536u
#define BUNDLE_NO_INDEX UINT32_MAX

/* What one module may load at run time, at a time and together. */
#define BUNDLE_LOADED_MAX 64u
#define BUNDLE_LOADED_BYTES_MAX (1u << 26)
#define BUNDLE_LOADED_THREADS_MAX 256u

/* Objects that the manifest names, and what modules hold of them. */
#define BUNDLE_OBJECTS_MAX 4096u
#define BUNDLE_HANDLES_MAX 4096u /* of one module, at a time */
#define BUNDLE_MESSAGE_BYTES_MAX (1u << 20)
#define BUNDLE_PLACES_MAX 65536u            /* messages in a channel, or in a subscriber's */
#define BUNDLE_CHANNEL_BYTES_MAX (1u << 24) /* places of the largest message, together */
#define BUNDLE_MESSAGE_EXTRA_BYTES 64u      /* what each of them is reckoned with besides */
#define BUNDLE_TOPIC_SLOW_ALL 15u           /* bits: 1 << enum topic_slow */
#define BUNDLE_BUFFER_PAGES_MAX 4096u       /* of 4096 bytes */
#define BUNDLE_CLOCK_NS_MAX 1000000000u     /* the coarsest clock */
#define BUNDLE_GATE_DEPTH_MAX 4096u
#define BUNDLE_QUEUE_PLACES_MAX (1u << 20)
#define BUNDLE_LOG_RATE_MAX 1000000u

/*
 * What a start function is expected to do; any other value is the number of a trap code, 600 to
 * 699.
 */
#define BUNDLE_EXPECT_RETURN 0u
#define BUNDLE_EXPECT_ANY_TRAP 1u

/* Which thread runs, if several could: the kernel's choice, or the manifest's. */
enum bundle_scheduler {
    BUNDLE_SCHEDULER_ANY,
    BUNDLE_SCHEDULER_ROUND_ROBIN,
    BUNDLE_SCHEDULER_FAIR,
    BUNDLE_SCHEDULERS,
};

enum bundle_error {
    BUNDLE_OK,
    BUNDLE_TRUNCATED, /* shorter than its header or than the header says */
    BUNDLE_NOT_ONE,   /* wrong magic */
    BUNDLE_VERSION_UNKNOWN,
    BUNDLE_CHECKSUM,
    BUNDLE_RANGE,      /* an offset, a length or a count reaches outside */
    BUNDLE_NAME,       /* a text that is not a name, or is too long */
    BUNDLE_DUPLICATE,  /* two modules of one name */
    BUNDLE_PEER,       /* a call to a module that does not come before its caller */
    BUNDLE_CAPABILITY, /* a capability this kernel does not know */
    BUNDLE_VERSION_OF, /* a version of a module that does not come before it */
    BUNDLE_SUPERVISOR, /* a supervisor that is impossible, or does not come behind its own */
    BUNDLE_LIMIT,      /* a limit or an expectation no module can have */
    BUNDLE_OBJECT,     /* an object that cannot be, or is not in order */
    BUNDLE_GRANT,      /* a grant of nothing, of no right, or not in order */
    BUNDLE_SCHEDULER,  /* a scheduler this kernel does not know */
    BUNDLE_LOADER,     /* what no module may load, or more modules than there can be */
};

/* Capability bits, in the order of services.def. */
enum bundle_capability {
#define SERVICE(name, params, results, meaning) BUNDLE_CAP_##name,
#include "../services.def"
#undef SERVICE
    BUNDLE_CAP_COUNT
};

/* An opened bundle. Copyable; borrows the bytes. */
struct bundle {
    struct alka_span bytes;
    uint32_t module_count;
    uint32_t modules_off;
    uint32_t object_count, objects_off;
    uint32_t supervisor_count, supervisors_off; /* 0: nobody is supervised */
};

struct bundle_text {
    const char *data; /* not zero-terminated */
    uint32_t size;    /* bytes */
};

/* What a module may load, all of it together. */
struct bundle_loader {
    uint64_t capabilities; /* that it may pass on; it has them itself */
    uint32_t modules;      /* 0: it may load none, and the rest is 0 */
    uint32_t memory_pages; /* of 64 KiB */
    uint32_t code_bytes;   /* of files, and of the machine code made of them */
    uint32_t handles;
    uint32_t threads;
    bool passes_calls; /* they may call what it may call */
};

/* When a child is started again: always, unless it ended normally, never. */
enum bundle_restart { BUNDLE_PERMANENT, BUNDLE_TRANSIENT, BUNDLE_TEMPORARY };
/* And who with it: nobody, all its siblings, its younger siblings. */
enum bundle_strategy { BUNDLE_ONE_FOR_ONE, BUNDLE_ONE_FOR_ALL, BUNDLE_REST_FOR_ONE };

struct bundle_module {
    struct bundle_text name;
    struct bundle_text file;   /* as the manifest wrote it, for messages */
    struct alka_span image;    /* the module's bytes, not looked at: the compiler's business */
    uint64_t capabilities;     /* bit n: row n of services.def */
    uint32_t memory_pages_max; /* of 64 KiB, 0 to BUNDLE_MEMORY_PAGES_MAX */
    bool stops_after_trap;     /* else it is reset and serves again */
    bool loads_later;          /* it is there, but somebody has to ask for it; it is no version */
    uint32_t version_of_idx;   /* it waits to replace this module; BUNDLE_NO_INDEX: it is its own */
    /* Its threads run at most so long per period, together; 0: as long as there is time. */
    uint32_t cpu_budget_us, cpu_period_us;
    uint32_t handles_max;         /* 0: it can hold none */
    uint32_t clock_resolution_ns; /* at least 1 */
    uint32_t gate_depth_max;      /* of a chain whose last call it makes; 0: no limit of its own */
    uint32_t queue_places_max;    /* of the channels that it makes, together */
    uint32_t log_rate_max;        /* lines per second; 0: no limit */
    uint32_t call_count, start_count, thread_count, grant_count;
    uint32_t calls_off, starts_off, threads_off, grants_off; /* for the accessors below */
    uint32_t supervisor_idx; /* BUNDLE_NO_INDEX: it has none, and the next three are 0 */
    enum bundle_restart restart;
    uint32_t heartbeat_ms; /* 0: none is expected */
    uint32_t shutdown_ms;  /* for its export `terminate`; 0: that is not called */
    struct bundle_loader loader;
};

/* Those that it supervises, modules and supervisors, are in the order of the manifest. */
struct bundle_supervisor {
    struct bundle_text name;
    uint32_t parent_idx;    /* smaller than its own; the root is 0, and its own parent */
    uint32_t before_module; /* it stands before the module of this index: at most module_count */
    enum bundle_strategy strategy;
    enum bundle_restart restart;
    uint32_t intensity, period_ms;       /* period_ms > 0 */
    uint32_t backoff_ms, backoff_max_ms; /* the second is not smaller */
};

/*
 * The module may import `function` from import module `peer`'s name; the peer's index is smaller
 * than the caller's.
 */
struct bundle_call {
    uint32_t peer_idx;
    struct bundle_text function;
    bool returns_errors; /* if it traps, the caller goes on with an error; else it traps, too */
};

/*
 * An export to call at boot, in order. It takes no parameters and results in nothing, or in one
 * i32: 0 is success.
 */
struct bundle_start {
    struct bundle_text function;
    uint32_t expect; /* BUNDLE_EXPECT_… or a trap code */
};

/* An export to run on a thread of its own, from boot on. As a start function, but it may stay. */
struct bundle_thread {
    struct bundle_text function;
    uint32_t priority; /* below BUNDLE_PRIORITIES */
};

/* What there is from boot on, under a name that no module and no default (ipc/defaults.def) has. */
struct bundle_object {
    enum cap_kind kind;      /* CHANNEL, TOPIC, EVENT or BUFFER */
    struct bundle_text name; /* as a module's */
    uint32_t size;           /* bytes of a message at most; pages of a buffer */
    uint32_t places;         /* messages in a channel; in each subscriber's if that does not say */
    uint32_t subscribers;    /* to a topic, at most */
    uint32_t allowed;        /* topics: bits of enum topic_slow */
    uint32_t owner_idx;      /* a buffer's first owner; BUNDLE_NO_INDEX: who opens it first */
};

enum bundle_target {
    BUNDLE_TARGET_OBJECT,  /* index of an object */
    BUNDLE_TARGET_DEFAULT, /* enum ipc_default_id */
    BUNDLE_TARGET_MODULE,  /* index of a module that is no version: a handle of that instance */
};

/* A module of this name gets a handle with these rights, each time it is new. */
struct bundle_grant {
    enum bundle_target target;
    uint32_t target_idx;
    uint32_t rights; /* of enum cap_right, at least one */
};

/* Checks everything. Linear in bytes, but for the modules' names: those are compared pairwise. */
__attribute__((warn_unused_result)) enum bundle_error bundle_open(struct alka_span bytes,
                                                                  struct bundle *out_bundle);

/* One line about an error, in words. */
const char *bundle_error_text(enum bundle_error error);

/* May a module, a system or an object be called so? */
bool bundle_is_name(struct bundle_text text);

/* The system's name, as the manifest gives it. */
struct bundle_text bundle_name(const struct bundle *bundle);

enum bundle_scheduler bundle_scheduler(const struct bundle *bundle);
/* As the manifest writes it; NULL for BUNDLE_SCHEDULER_ANY. */
const char *bundle_scheduler_name(enum bundle_scheduler scheduler);

/* Require module_idx < module_count, call_idx < call_count, start_idx < start_count. */
struct bundle_module bundle_module(const struct bundle *bundle, uint32_t module_idx);
struct bundle_call bundle_call(const struct bundle *bundle, const struct bundle_module *module,
                               uint32_t call_idx);
struct bundle_start bundle_start(const struct bundle *bundle, const struct bundle_module *module,
                                 uint32_t start_idx);

/* Requires thread_idx < thread_count. */
struct bundle_thread bundle_thread(const struct bundle *bundle, const struct bundle_module *module,
                                   uint32_t thread_idx);

/* Requires object_idx < object_count, grant_idx < grant_count. */
struct bundle_object bundle_object(const struct bundle *bundle, uint32_t object_idx);
struct bundle_grant bundle_grant(const struct bundle *bundle, const struct bundle_module *module,
                                 uint32_t grant_idx);

/* Requires supervisor_idx < supervisor_count. */
struct bundle_supervisor bundle_supervisor(const struct bundle *bundle, uint32_t supervisor_idx);

/* The name of a capability bit; NULL from BUNDLE_CAP_COUNT on. */
const char *bundle_capability_name(uint32_t bit);

/* CRC-32 (IEEE 802.3, as zlib's). */
uint32_t bundle_crc32(struct alka_span bytes);

#endif

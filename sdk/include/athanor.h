/*
 * What a module for Athanor is written against. Freestanding C; any compiler for wasm32 will do.
 *
 *     #include <athanor.h>
 *
 *     ATHANOR_APP(hello) {
 *         athanor_print("hello, world");
 *         return 0;
 *     }
 *
 * A function below can be called only if the system's manifest gives the module the capability of
 * the same name (without `athanor_`); otherwise the kernel refuses to load it. A function that is
 * not used is not imported.
 */
#ifndef ATHANOR_H
#define ATHANOR_H

#include <stddef.h>
#include <stdint.h>

#define ATHANOR_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define ATHANOR_EXPORT(name) __attribute__((export_name(name), used, visibility("default")))

/*
 * The entry of an application: exported as "main", which the manifest names in `start`. Returns 0
 * for success. In traces it goes by the application's name.
 */
#define ATHANOR_APP(name) \
    int32_t name(void);   \
    ATHANOR_EXPORT("main") int32_t name(void)

/*
 * One line for the module's log: UTF-8, no line feed. Lines longer than the kernel's limit are cut.
 */
ATHANOR_IMPORT("athanor", "log") void athanor_log(const char *text, size_t bytes);

/* Nanoseconds since boot; never decreases. As fine as `clock_resolution_ns` in the manifest says,
 * or in steps of a millisecond. */
ATHANOR_IMPORT("athanor", "clock_ns") uint64_t athanor_clock_ns(void);

/* Lets other modules run. */
ATHANOR_IMPORT("athanor", "yield") void athanor_yield(void);

/* Ends the call that the kernel made into this module; 0 is success. */
ATHANOR_IMPORT("athanor", "exit") _Noreturn void athanor_exit(int32_t code);

/* Fills memory with unpredictable bytes. */
ATHANOR_IMPORT("athanor", "random") void athanor_random(void *out, size_t bytes);

/*
 * Hot swap. A module that is replaced by a new version hands over its state in the export
 * "export_state", which calls athanor_state_save as often as it likes; the new one takes it in its
 * export "import_state", which reads the same bytes in order with athanor_state_load (it returns
 * how many there were, at most `bytes`). Both return 0 for success, as does the export "health", if
 * there is one, which is asked last. Outside of these two functions both trap.
 */
ATHANOR_IMPORT("athanor", "state_save") void athanor_state_save(const void *state, size_t bytes);
ATHANOR_IMPORT("athanor", "state_load") size_t athanor_state_load(void *out, size_t bytes);

/* Sleeps until the clock says so, in the steps that clock_ns has. 0, or the number of a diagnostic
 * code that says why not so long.
 */
ATHANOR_IMPORT("athanor", "sleep_until") int32_t athanor_sleep_until(uint64_t deadline_ns);

/*
 * Tells the module's supervisor that it is well. One whose manifest gives a `heartbeat_ms` and that
 * lets so much time pass without this has failed: it is killed, and started again by its rules. Any
 * of its threads may say it.
 */
ATHANOR_IMPORT("athanor", "heartbeat") void athanor_heartbeat(void);

/*
 * Why the last call of another module has failed that the manifest lists with on_trap = "error":
 * the number of the code of its trap (600 and on; 618: killed, 619: gone, 621: the caller's
 * gate_depth), told once; 0 if none has, on this thread, since this was asked last. The call itself
 * has returned the smallest i32 or i64 there is, or 0.0.
 */
#define ATHANOR_CALL_FAILED INT32_MIN
ATHANOR_IMPORT("athanor", "call_error") int32_t athanor_call_error(void);

/*
 * Handles: objects of the kernel, and other modules, that this one may use. A handle is a number
 * that means something to this module only; ATHANOR_NO_HANDLE is never one. All of these functions
 * return 0, or the number of a diagnostic code that says why not; *out is written on success only.
 *
 * Handles die with the life of a module: after a trap, a restart or a stop the next life begins
 * with what the manifest grants. They live on in the version that replaces it (hot swap).
 */
typedef uint64_t athanor_handle;
#define ATHANOR_NO_HANDLE UINT64_C(0)

#define ATHANOR_STALE \
    700 /* names nothing (any more): closed, revoked, or never given to this module */
#define ATHANOR_KIND 701
#define ATHANOR_RIGHTS 702
#define ATHANOR_FULL 703 /* as many handles as the manifest allows */

enum athanor_right {
    ATHANOR_READ = 1,     /* receive, subscribe, wait */
    ATHANOR_WRITE = 2,    /* send, publish, signal; of another module: give it handles */
    ATHANOR_CONTROL = 4,  /* close the object itself */
    ATHANOR_DELEGATE = 8, /* derive handles from this one */
    ATHANOR_MOVE = 16     /* give it away */
};

enum athanor_kind {
    ATHANOR_CHANNEL = 1,
    ATHANOR_TOPIC,
    ATHANOR_EVENT,
    ATHANOR_BUFFER,
    ATHANOR_INSTANCE /* another module */
};

struct athanor_handle_info {
    uint32_t kind, rights;
    uint32_t depth; /* how often it was derived */
    uint32_t name_bytes;
    char name[32]; /* not zero-terminated; of the manifest, else there is none */
};

/* What the manifest's `handles` grants under this name: the same handle each time, unless it was
 * closed or given away. */
ATHANOR_IMPORT("athanor", "open")
int32_t athanor_open(const char *name, size_t bytes, athanor_handle *out);
/* The handle, and all that was derived from it, is dead. */
ATHANOR_IMPORT("athanor", "close") int32_t athanor_close(athanor_handle handle);
/* One more, for this module, with rights that `handle` has; it needs ATHANOR_DELEGATE. */
ATHANOR_IMPORT("athanor", "derive")
int32_t athanor_derive(athanor_handle handle, uint32_t rights, athanor_handle *out);
/*
 * The same for another module, of which `peer` is a handle with ATHANOR_WRITE. *out is the number
 * that it has over there; tell it. It lives as long as `handle` does.
 */
ATHANOR_IMPORT("athanor", "delegate")
int32_t athanor_delegate(athanor_handle handle, uint32_t rights, athanor_handle peer,
                         athanor_handle *out);
/* Gives `handle` away for good, with all that was derived from it; it needs ATHANOR_MOVE. */
ATHANOR_IMPORT("athanor", "move")
int32_t athanor_move(athanor_handle handle, athanor_handle peer, athanor_handle *out);
/*
 * All that was derived from it is dead at once, through however many hands it went; `handle` itself
 * stays. To take one delegation back and leave others, derive a handle for each and delegate from
 * that.
 */
ATHANOR_IMPORT("athanor", "revoke") int32_t athanor_revoke(athanor_handle handle);
ATHANOR_IMPORT("athanor", "handle_info")
int32_t athanor_handle_info(athanor_handle handle, struct athanor_handle_info *out);

#define ATHANOR_WOULD_BLOCK 710 /* not now, and the deadline was 0 */
#define ATHANOR_TIMED_OUT 711   /* nor until the deadline */
#define ATHANOR_CLOSED 712
#define ATHANOR_SPACE 714 /* the next message is larger than the room for it, and stays there */

/*
 * Deadlines are moments of athanor_clock_ns: 0 means not to wait at all (ATHANOR_WOULD_BLOCK), this
 * one to wait as long as it takes.
 */
#define ATHANOR_FOREVER UINT64_MAX

/*
 * Channels: queues of messages, from any number of senders to any number of receivers. Each message
 * arrives once, whole, in the order of sending. A channel that is full lets senders wait, and loses
 * nothing. `places` messages of at most `message_max` bytes (rounded up to the next power of two in
 * all: 16 MiB at most); places and memory count against the module's limits.
 */
ATHANOR_IMPORT("athanor", "channel_create")
int32_t athanor_channel_create(uint32_t message_max, uint32_t places, athanor_handle *out);
ATHANOR_IMPORT("athanor", "channel_send")
int32_t athanor_channel_send(athanor_handle channel, const void *bytes, size_t size,
                             uint64_t deadline);

/* A message that carries handles. One that is not moved is derived: the receiver's is dead when the
 * sender's is. A channel that is moved must not have others on their way in it. */
#define ATHANOR_PARCELS_MAX 4u
struct athanor_parcel {
    athanor_handle handle;
    uint32_t rights; /* of the receiver's; all of them if it is moved */
    uint32_t is_moved;
};
struct athanor_message {
    const void *bytes;
    size_t size;
    uint32_t parcel_count, reserved;
    struct athanor_parcel parcels[ATHANOR_PARCELS_MAX];
};
ATHANOR_IMPORT("athanor", "channel_post")
int32_t athanor_channel_post(athanor_handle channel, const struct athanor_message *message,
                             uint64_t deadline);

struct athanor_received {
    uint32_t size;   /* the message's, even if it did not fit */
    uint32_t sender; /* a module's number, from 1 on; 0: the kernel */
    uint64_t missed; /* of a topic, since the last one */
    uint32_t handle_count, reserved;
    athanor_handle handles[ATHANOR_PARCELS_MAX]; /* 0: it was revoked on its way */
};
ATHANOR_IMPORT("athanor", "channel_receive")
int32_t athanor_channel_receive(athanor_handle channel, void *into, size_t room,
                                struct athanor_received *out, uint64_t deadline);
/* Nobody sends any more; what is in it can be received, then receivers get ATHANOR_CLOSED. */
ATHANOR_IMPORT("athanor", "channel_close") int32_t athanor_channel_close(athanor_handle channel);
/* The event gets these bits whenever there is something to receive; event 0: not any more. */
ATHANOR_IMPORT("athanor", "channel_watch")
int32_t athanor_channel_watch(athanor_handle channel, athanor_handle event, uint64_t bits);

/*
 * Topics: what is published reaches every subscriber, through a channel of its own. What happens to
 * one that is slower than the publishers it decides when it subscribes, as far as the topic allows.
 */
enum athanor_slow {
    ATHANOR_BLOCKS, /* publishers wait for it */
    ATHANOR_SKIPS,  /* it misses new messages */
    ATHANOR_DROPS,  /* it misses old ones */
    ATHANOR_LEAVES, /* it is not subscribed any more: ATHANOR_CLOSED after what it has */
};
struct athanor_topic_terms {
    uint32_t message_max, subscriber_max;
    uint32_t allowed; /* bits: 1 << enum athanor_slow */
    uint32_t places;  /* of a subscriber that does not say how many */
};
ATHANOR_IMPORT("athanor", "topic_create")
int32_t athanor_topic_create(const struct athanor_topic_terms *terms, athanor_handle *out);
ATHANOR_IMPORT("athanor", "topic_publish")
int32_t athanor_topic_publish(athanor_handle topic, const void *bytes, size_t size,
                              uint64_t deadline);
/* *out is a channel to receive from; `places` 0: as many as the topic says. */
ATHANOR_IMPORT("athanor", "topic_subscribe")
int32_t athanor_topic_subscribe(athanor_handle topic, enum athanor_slow slow, uint32_t places,
                                athanor_handle *out);
ATHANOR_IMPORT("athanor", "topic_unsubscribe")
int32_t athanor_topic_unsubscribe(athanor_handle channel);
ATHANOR_IMPORT("athanor", "topic_close") int32_t athanor_topic_close(athanor_handle topic);

/* What is published on the topic `kernel`, whenever something becomes of a module. */
enum athanor_news {
    ATHANOR_STARTED = 1,
    ATHANOR_TRAPPED, /* `code` says why */
    ATHANOR_RESTARTED,
    ATHANOR_STOPPED,
    ATHANOR_REFUSED, /* `code` says why */
};
struct athanor_kernel_news {
    uint64_t at_ns;  /* since boot, in steps of a millisecond */
    uint32_t what;   /* enum athanor_news */
    uint32_t module; /* its number, as in athanor_received.sender */
    uint32_t code, name_bytes;
    char name[32]; /* not zero-terminated */
};

/*
 * Events: 64 bits that stay set until somebody takes them. The upper eight are the kernel's, the
 * others are whoever's has a handle. Each module has an event of its own, from the moment that it
 * asks for it: through that one the kernel speaks to it, and so does whoever it lends it to.
 */
#define ATHANOR_EVENT_KERNEL_BITS (UINT64_C(0xFF) << 56)
/* Come to an end: all threads that the manifest names return, in the module's `shutdown_ms`. */
#define ATHANOR_EVENT_STOP (UINT64_C(1) << 63)
/* Less than a sixteenth of the system's memory is free: give back what can be missed. */
#define ATHANOR_EVENT_MEMORY (UINT64_C(1) << 62)
ATHANOR_IMPORT("athanor", "event_create") int32_t athanor_event_create(athanor_handle *out);
ATHANOR_IMPORT("athanor", "event_own") int32_t athanor_event_own(athanor_handle *out);
ATHANOR_IMPORT("athanor", "event_signal")
int32_t athanor_event_signal(athanor_handle event, uint64_t bits);
/* Takes those of the wanted bits that are set. */
ATHANOR_IMPORT("athanor", "event_wait")
int32_t athanor_event_wait(athanor_handle event, uint64_t wanted, uint64_t *out, uint64_t deadline);

/* As athanor_open, of a zero-terminated name. */
static inline int32_t athanor_open_name(const char *name, athanor_handle *out) {
    size_t bytes = 0;
    while (name[bytes])
        bytes++;
    return athanor_open(name, bytes, out);
}

/*
 * Shared buffers: pages that go from memory to memory without being copied. Each has one owner,
 * which can lend it to others and has it back, or give it away. Many may read, or one may write,
 * never both: while it is lent for reading its owner can only read, while it is lent for writing
 * its owner cannot use it at all. What is not allowed traps as an access beyond the memory's end
 * does (ALKA_601).
 *
 * A buffer is in nobody's memory until its owner, or a borrower, says where: at a multiple of
 * ATHANOR_BUFFER_PAGE in its memory 0, which must be as large as that, not shared with another
 * module and of 32-bit addresses. What was there comes back when the buffer is returned, recalled,
 * given away or displaced. A struct or array with ATHANOR_BUFFER_PLACE is a good place.
 *
 * A loan ends with athanor_buffer_return, athanor_buffer_recall, the handle that came with it
 * (closed by either side, or revoked), the borrower's life or the lender's. A buffer ends with its
 * owner.
 */
#define ATHANOR_BUFFER_PAGE 4096u
#define ATHANOR_BUFFER_PLACE __attribute__((aligned(4096)))
#define ATHANOR_BUFFER_STATE 720 /* lent in a way that excludes this; has a place, or none */

enum athanor_access { ATHANOR_NO_ACCESS, ATHANOR_FOR_READING, ATHANOR_FOR_WRITING };

struct athanor_buffer_info {
    uint32_t pages;
    uint32_t access; /* enum athanor_access: this module's, wherever its place is */
    uint32_t loans;
    uint32_t is_owner;
};

/* A new one of zeros, this module's. In buffers it may own as many pages as in its memory. */
ATHANOR_IMPORT("athanor", "buffer_create")
int32_t athanor_buffer_create(uint32_t pages, athanor_handle *out);
ATHANOR_IMPORT("athanor", "buffer_place")
int32_t athanor_buffer_place(athanor_handle buffer, void *place);
ATHANOR_IMPORT("athanor", "buffer_displace") int32_t athanor_buffer_displace(athanor_handle buffer);
/* *out is the borrower's number for it: tell it. `peer` is a handle of it with ATHANOR_WRITE. */
ATHANOR_IMPORT("athanor", "buffer_lend")
int32_t athanor_buffer_lend(athanor_handle buffer, athanor_handle peer, enum athanor_access access,
                            athanor_handle *out);
/* By the borrower; the handle is closed. */
ATHANOR_IMPORT("athanor", "buffer_return") int32_t athanor_buffer_return(athanor_handle buffer);
/* By the owner; from all with ATHANOR_NO_HANDLE. The borrowers have no access from here on. */
ATHANOR_IMPORT("athanor", "buffer_recall")
int32_t athanor_buffer_recall(athanor_handle buffer, athanor_handle peer);
/* It is the peer's, with all its contents; *out is the number that it has over there. */
ATHANOR_IMPORT("athanor", "buffer_give")
int32_t athanor_buffer_give(athanor_handle buffer, athanor_handle peer, athanor_handle *out);
ATHANOR_IMPORT("athanor", "buffer_info")
int32_t athanor_buffer_info(athanor_handle buffer, struct athanor_buffer_info *out);

/*
 * Modules from bytes, at run time: for those whose manifest has a `loader`, which says how many,
 * how large, and what they may be given. What this module loads can do nothing that it could not
 * pass on. All limits are of everything that it has loaded, together. A module that was loaded is
 * gone with the handle that loading it gave, so with this module's life at the latest.
 */
#define ATHANOR_NAME_TAKEN 716
#define ATHANOR_LIMIT 717

enum athanor_module_flag {
    ATHANOR_MAY_CALL = 1,         /* it may import what this module may call */
    ATHANOR_MAY_CALL_SIBLINGS = 2 /* it may import what this module has loaded exports */
};

/* It finds the handle by athanor_open under this name, with these rights, in each of its lives. */
struct athanor_module_grant {
    athanor_handle handle; /* with ATHANOR_DELEGATE */
    uint32_t rights, name_bytes;
    char name[32];
};

#define ATHANOR_MODULE_GRANTS_MAX 16u
struct athanor_module_terms {
    const void *bytes; /* the module, WebAssembly; copied */
    size_t size;
    const char *name; /* that no other has: [a-z][a-z0-9_-]*, at most 32 bytes */
    size_t name_bytes;
    const char *capabilities; /* names with a space between them */
    size_t capabilities_bytes;
    const struct athanor_module_grant *grants;
    uint32_t grant_count;
    uint32_t memory_pages, handles; /* its limits */
    uint32_t flags;                 /* of enum athanor_module_flag */
    uint32_t reserved;              /* 0 */
};

/*
 * Compiles it, makes an instance and runs its start section; others, and other threads of this
 * module, run meanwhile. *out is a handle with the rights to read, write, control and delegate.
 * Else ATHANOR_RIGHTS: it may not be given that; ATHANOR_NAME_TAKEN, ATHANOR_LIMIT, ATHANOR_FULL;
 * or what is wrong with its bytes, which the kernel's log tells in full.
 */
ATHANOR_IMPORT("athanor", "module_load")
int32_t athanor_module_load(const struct athanor_module_terms *terms, athanor_handle *out);

/* Has an export run, which takes nothing, on a thread of the module's own, once. It needs
 * ATHANOR_CONTROL; ATHANOR_CLOSED: the module has no instance now. */
ATHANOR_IMPORT("athanor", "module_start")
int32_t athanor_module_start(athanor_handle module, const char *function, size_t bytes);

enum athanor_module_is {
    ATHANOR_IS_READY = 1,
    ATHANOR_IS_RUNNING,
    ATHANOR_IS_TRAPPED, /* and could not be made new */
    ATHANOR_IS_STOPPED,
    ATHANOR_IS_ABSENT
};
struct athanor_module_state {
    uint32_t state;        /* enum athanor_module_is */
    uint32_t threads;      /* of it, that run now */
    uint32_t ended;        /* functions that were started, and have ended */
    uint32_t last;         /* what the last of them returned, or the code of its trap */
    uint32_t memory_pages; /* 64 KiB each */
    uint32_t code_bytes;
    uint64_t traps, restarts;
};
/* Of any module, by a handle with ATHANOR_READ. */
ATHANOR_IMPORT("athanor", "module_state")
int32_t athanor_module_state(athanor_handle module, struct athanor_module_state *out);

/*
 * It is gone when this returns: what it held, its memory and its code, and all handles of it. Calls
 * that are in it end as if it had been killed; who imports from it traps when calling it. It needs
 * ATHANOR_CONTROL. A module can unload itself, and does not come back from it.
 */
ATHANOR_IMPORT("athanor", "module_unload") int32_t athanor_module_unload(athanor_handle module);

/* Logs a zero-terminated text. */
static inline void athanor_print(const char *text) {
    size_t bytes = 0;
    while (text[bytes])
        bytes++;
    athanor_log(text, bytes);
}

#endif

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

/* Logs a zero-terminated text. */
static inline void athanor_print(const char *text) {
    size_t bytes = 0;
    while (text[bytes])
        bytes++;
    athanor_log(text, bytes);
}

#endif

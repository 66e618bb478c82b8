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

/* Nanoseconds since boot; never decreases. */
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

/* Sleeps until the clock says so. 0, or the number of a diagnostic code that says why not so long.
 */
ATHANOR_IMPORT("athanor", "sleep_until") int32_t athanor_sleep_until(uint64_t deadline_ns);

/* Logs a zero-terminated text. */
static inline void athanor_print(const char *text) {
    size_t bytes = 0;
    while (text[bytes])
        bytes++;
    athanor_log(text, bytes);
}

#endif

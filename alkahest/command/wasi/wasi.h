/*
 * WASI preview1 for `alkahest run`: arguments, environment, clocks, random bytes, files below
 * directories that the user has named. Knows no engine: a call gets the caller's memory and its
 * arguments as words, and returns an error number.
 *
 * Every pointer of the guest is checked against its memory with 64-bit arithmetic. No path leaves
 * its directory: see path.c. Rights (preview1's) are checked on every call and can only shrink.
 */
#ifndef WASI_H
#define WASI_H

#include "abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wasi;

/* One call from a module. */
struct wasi_call {
    struct wasi *wasi;
    uint8_t *memory;
    uint64_t memory_bytes;
    const uint64_t *args; /* one word per parameter; the upper half of an i32's word is undefined */
};

/* `alternately` borrowed strings; the structure may go after wasi_make. */
struct wasi_options {
    const char *const *args;
    size_t arg_count;
    const char *const *env; /* NAME=VALUE */
    size_t env_count;
    const char *const *dirs; /* HOST or HOST::GUEST */
    size_t dir_count;
};

/* NULL after printing what failed. Argument and environment strings stay borrowed. */
struct wasi *wasi_make(const struct wasi_options *options);
void wasi_drop(struct wasi *wasi);

/* Has the module called proc_exit, and with what? The engine is to stop it then. */
bool wasi_has_exited(const struct wasi *wasi, uint32_t *out_code);

/*
 * WASI_CALL(name, "parameters"): i is an i32, I an i64. Each is a function wasi_NAME that returns
 * an errno; all but proc_exit return it to the module.
 */
#define WASI_CALLS(WASI_CALL)                     \
    WASI_CALL(args_get, "ii")                     \
    WASI_CALL(args_sizes_get, "ii")               \
    WASI_CALL(environ_get, "ii")                  \
    WASI_CALL(environ_sizes_get, "ii")            \
    WASI_CALL(clock_res_get, "ii")                \
    WASI_CALL(clock_time_get, "iIi")              \
    WASI_CALL(fd_advise, "iIIi")                  \
    WASI_CALL(fd_allocate, "iII")                 \
    WASI_CALL(fd_close, "i")                      \
    WASI_CALL(fd_datasync, "i")                   \
    WASI_CALL(fd_fdstat_get, "ii")                \
    WASI_CALL(fd_fdstat_set_flags, "ii")          \
    WASI_CALL(fd_fdstat_set_rights, "iII")        \
    WASI_CALL(fd_filestat_get, "ii")              \
    WASI_CALL(fd_filestat_set_size, "iI")         \
    WASI_CALL(fd_filestat_set_times, "iIIi")      \
    WASI_CALL(fd_pread, "iiiIi")                  \
    WASI_CALL(fd_prestat_get, "ii")               \
    WASI_CALL(fd_prestat_dir_name, "iii")         \
    WASI_CALL(fd_pwrite, "iiiIi")                 \
    WASI_CALL(fd_read, "iiii")                    \
    WASI_CALL(fd_readdir, "iiiIi")                \
    WASI_CALL(fd_renumber, "ii")                  \
    WASI_CALL(fd_seek, "iIii")                    \
    WASI_CALL(fd_sync, "i")                       \
    WASI_CALL(fd_tell, "ii")                      \
    WASI_CALL(fd_write, "iiii")                   \
    WASI_CALL(path_create_directory, "iii")       \
    WASI_CALL(path_filestat_get, "iiiii")         \
    WASI_CALL(path_filestat_set_times, "iiiiIIi") \
    WASI_CALL(path_link, "iiiiiii")               \
    WASI_CALL(path_open, "iiiiiIIii")             \
    WASI_CALL(path_readlink, "iiiiii")            \
    WASI_CALL(path_remove_directory, "iii")       \
    WASI_CALL(path_rename, "iiiiii")              \
    WASI_CALL(path_symlink, "iiiii")              \
    WASI_CALL(path_unlink_file, "iii")            \
    WASI_CALL(poll_oneoff, "iiii")                \
    WASI_CALL(proc_exit, "i")                     \
    WASI_CALL(proc_raise, "i")                    \
    WASI_CALL(sched_yield, "")                    \
    WASI_CALL(random_get, "ii")                   \
    WASI_CALL(sock_accept, "iii")                 \
    WASI_CALL(sock_recv, "iiiiii")                \
    WASI_CALL(sock_send, "iiiii")                 \
    WASI_CALL(sock_shutdown, "ii")

#define WASI_DECLARE(name, params) enum wasi_errno wasi_##name(const struct wasi_call *call);
WASI_CALLS(WASI_DECLARE)
#undef WASI_DECLARE

#endif

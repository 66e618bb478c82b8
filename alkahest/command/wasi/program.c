/*
 * The program's surroundings: making its state, arguments, environment, clocks, random bytes, exit.
 * In: what the user allows. It must never hand the guest anything of our own environment that the
 * user did not name.
 */
#include "../report.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define RIGHTS_DIRECTORY                                                                     \
    (WASI_RIGHTS_ALL &                                                                       \
     ~(WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE |  \
       WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE | WASI_RIGHT_SOCK_SHUTDOWN | \
       WASI_RIGHT_SOCK_ACCEPT))
#define RIGHTS_STREAM                                                            \
    (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | \
     WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_POLL_FD_READWRITE)
/* A standard stream that is a file can be positioned; C libraries take one that cannot for a
 * terminal. */
#define RIGHTS_STREAM_FILE                                                            \
    (RIGHTS_STREAM | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_ADVISE | \
     WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_DATASYNC)

static bool program_add_streams(struct wasi *wasi) {
    for (int host = 0; host < 3; host++) {
        enum wasi_filetype type = wasi_filetype_of_host(host);
        struct wasi_fd fd = {
            .host = host,
            .filetype = type,
            .rights = type == WASI_FILETYPE_REGULAR_FILE ? RIGHTS_STREAM_FILE : RIGHTS_STREAM,
        };
        uint32_t number;
        if (wasi_fd_add(wasi, fd, &number))
            return false;
    }
    return true;
}

/* HOST or HOST::GUEST */
static bool program_add_dir(struct wasi *wasi, const char *word) {
    const char *separator = strstr(word, "::");
    size_t host_bytes = separator ? (size_t)(separator - word) : strlen(word);
    char *host = strndup(word, host_bytes);
    char *guest = strdup(separator ? separator + 2 : word);
    uint32_t number;
    if (!host || !guest) {
        report_error("out of memory");
        free(host);
        free(guest);
        return false;
    }
    struct wasi_fd fd = {
        .host = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .is_opened = true,
        .filetype = WASI_FILETYPE_DIRECTORY,
        .rights = RIGHTS_DIRECTORY,
        .inheriting = WASI_RIGHTS_ALL,
        .preopen = guest,
    };
    bool ok = fd.host >= 0;
    if (!ok)
        report_error("--dir: cannot open directory %s: %s", host, strerror(errno));
    free(host);
    if (!ok) {
        free(guest);
        return false;
    }
    return wasi_fd_add(wasi, fd, &number) == WASI_SUCCESS;
}

struct wasi *wasi_make(const struct wasi_options *options) {
    struct wasi *wasi = calloc(1, sizeof *wasi);
    if (!wasi) {
        report_error("out of memory");
        return NULL;
    }
    wasi->args = options->args;
    wasi->arg_count = options->arg_count;
    wasi->env = options->env;
    wasi->env_count = options->env_count;
    bool ok = program_add_streams(wasi);
    for (size_t i = 0; ok && i < options->dir_count; i++)
        ok = program_add_dir(wasi, options->dirs[i]);
    if (ok)
        return wasi;
    wasi_drop(wasi);
    return NULL;
}

void wasi_drop(struct wasi *wasi) {
    if (!wasi)
        return;
    for (size_t i = 0; i < wasi->fd_count; i++)
        wasi_fd_close_host(&wasi->fds[i]);
    free(wasi->fds);
    free(wasi);
}

bool wasi_has_exited(const struct wasi *wasi, uint32_t *out_code) {
    *out_code = wasi->exit_code;
    return wasi->has_exited;
}

/* (pointers, text): `count` pointers, and what they point to, one after the other. */
static enum wasi_errno strings_get(const struct wasi_call *call, const char *const *strings,
                                   size_t count) {
    uint8_t *pointers = wasi_at(call, wasi_u32(call, 0), (uint64_t)count * 4);
    uint32_t text = wasi_u32(call, 1);
    if (!pointers)
        return WASI_EFAULT;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = strlen(strings[i]) + 1;
        uint8_t *at = wasi_at(call, text, bytes);
        if (!at)
            return WASI_EFAULT;
        wasi_put32(pointers + i * 4, text);
        memcpy(at, strings[i], bytes);
        text += (uint32_t)bytes;
    }
    return WASI_SUCCESS;
}

static enum wasi_errno strings_sizes_get(const struct wasi_call *call, const char *const *strings,
                                         size_t count) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(strings[i]) + 1;
    if (bytes > UINT32_MAX || count > UINT32_MAX)
        return WASI_EOVERFLOW;
    enum wasi_errno error = wasi_store32(call, 0, (uint32_t)count);
    return error ? error : wasi_store32(call, 1, (uint32_t)bytes);
}

enum wasi_errno wasi_args_get(const struct wasi_call *call) {
    return strings_get(call, call->wasi->args, call->wasi->arg_count);
}
enum wasi_errno wasi_args_sizes_get(const struct wasi_call *call) {
    return strings_sizes_get(call, call->wasi->args, call->wasi->arg_count);
}
enum wasi_errno wasi_environ_get(const struct wasi_call *call) {
    return strings_get(call, call->wasi->env, call->wasi->env_count);
}
enum wasi_errno wasi_environ_sizes_get(const struct wasi_call *call) {
    return strings_sizes_get(call, call->wasi->env, call->wasi->env_count);
}

static bool clock_of_guest(uint32_t id, clockid_t *out_clock) {
    static const clockid_t clocks[] = {
        [WASI_CLOCK_REALTIME] = CLOCK_REALTIME,
        [WASI_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
        [WASI_CLOCK_PROCESS_CPUTIME] = CLOCK_PROCESS_CPUTIME_ID,
        [WASI_CLOCK_THREAD_CPUTIME] = CLOCK_THREAD_CPUTIME_ID,
    };
    if (id >= sizeof clocks / sizeof clocks[0])
        return false;
    *out_clock = clocks[id];
    return true;
}

static enum wasi_errno clock_result(const struct wasi_call *call, size_t arg, int result,
                                    struct timespec time) {
    if (result < 0)
        return wasi_errno_of_host(errno);
    return wasi_store64(call, arg,
                        (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec);
}

/* (clock, out resolution) */
enum wasi_errno wasi_clock_res_get(const struct wasi_call *call) {
    clockid_t clock;
    struct timespec time = {0};
    if (!clock_of_guest(wasi_u32(call, 0), &clock))
        return WASI_EINVAL;
    return clock_result(call, 1, clock_getres(clock, &time), time);
}

/* (clock, precision, out time) */
enum wasi_errno wasi_clock_time_get(const struct wasi_call *call) {
    clockid_t clock;
    struct timespec time = {0};
    if (!clock_of_guest(wasi_u32(call, 0), &clock))
        return WASI_EINVAL;
    return clock_result(call, 2, clock_gettime(clock, &time), time);
}

/* (code): the engine stops the module when this has been called. */
enum wasi_errno wasi_proc_exit(const struct wasi_call *call) {
    call->wasi->has_exited = true;
    call->wasi->exit_code = wasi_u32(call, 0);
    return WASI_SUCCESS;
}

/* Signals went out of preview1 before it was frozen; nobody delivers any. */
enum wasi_errno wasi_proc_raise(const struct wasi_call *call) {
    (void)call;
    return WASI_ENOSYS;
}

enum wasi_errno wasi_sched_yield(const struct wasi_call *call) {
    (void)call;
    return wasi_host_result(sched_yield());
}

/* (buffer, bytes) */
enum wasi_errno wasi_random_get(const struct wasi_call *call) {
    uint32_t bytes = wasi_u32(call, 1);
    uint8_t *at = wasi_at(call, wasi_u32(call, 0), bytes);
    if (!at)
        return WASI_EFAULT;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return wasi_errno_of_host(errno);
        at += got;
        bytes -= (uint32_t)got;
    }
    return WASI_SUCCESS;
}

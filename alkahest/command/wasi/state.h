/*
 * What the files of this room share: the state of one program, its table of descriptors, access to
 * guest memory, and the walk along a path.
 */
#ifndef WASI_STATE_H
#define WASI_STATE_H

#include "wasi.h"

#include <limits.h>
#include <string.h>
#include <time.h>

struct wasi_fd {
    int host;       /* -1: free */
    bool is_opened; /* by us: closed with the descriptor; standard streams are not */
    enum wasi_filetype filetype;
    uint64_t rights, inheriting;
    char *preopen; /* owned: the name that the guest knows the directory by; else NULL */
};

#define WASI_PATH_DEPTH_MAX 256 /* directories deep, below where a path starts */
#define WASI_PATH_TEXT_MAX (2 * PATH_MAX)
#define WASI_SYMLINKS_MAX 40

/* Scratch of one path walk; kept out of the stack that host functions run on. */
struct wasi_walk {
    int dirs[WASI_PATH_DEPTH_MAX]; /* dirs[0] is the directory that the path starts at */
    size_t depth;                  /* of the innermost one; dirs[1…depth] are ours */
    int links;                     /* symbolic links followed */
    bool must_be_directory;        /* the path ended in a slash */
    char rest[WASI_PATH_TEXT_MAX]; /* what is still to be walked */
    char link[PATH_MAX];           /* target of a symbolic link */
    char name[NAME_MAX + 1];       /* last component, to be used in dirs[depth] */
};

struct wasi {
    const char *const *args;
    size_t arg_count;
    const char *const *env;
    size_t env_count;
    struct wasi_fd *fds;
    size_t fd_count;
    struct wasi_walk walks[2]; /* two, because path_rename and path_link name two places */
    bool has_exited;
    uint32_t exit_code;
};

/* Arguments by position. */
static inline uint32_t wasi_u32(const struct wasi_call *call, size_t index) {
    return (uint32_t)call->args[index];
}
static inline uint64_t wasi_u64(const struct wasi_call *call, size_t index) {
    return call->args[index];
}

/* `bytes` of guest memory at `pointer`, or NULL if they are not all inside of it. */
static inline uint8_t *wasi_at(const struct wasi_call *call, uint32_t pointer, uint64_t bytes) {
    if (bytes > call->memory_bytes || pointer > call->memory_bytes - bytes)
        return NULL;
    return call->memory + pointer;
}

/* Little-endian stores and loads at any alignment. */
static inline void wasi_put16(uint8_t *at, uint16_t value) { memcpy(at, &value, sizeof value); }
static inline void wasi_put32(uint8_t *at, uint32_t value) { memcpy(at, &value, sizeof value); }
static inline void wasi_put64(uint8_t *at, uint64_t value) { memcpy(at, &value, sizeof value); }
static inline uint32_t wasi_get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}
static inline uint64_t wasi_get64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Stores one result through a pointer argument; WASI_EFAULT if it points outside. */
enum wasi_errno wasi_store32(const struct wasi_call *call, size_t arg, uint32_t value);
enum wasi_errno wasi_store64(const struct wasi_call *call, size_t arg, uint64_t value);

/* The host's errno value in preview1's numbers. */
enum wasi_errno wasi_errno_of_host(int host_errno);
/* WASI_SUCCESS if a host call returned 0 or more, else its errno. */
enum wasi_errno wasi_host_result(long result);

/* The open descriptor named by argument `arg`, if it has all of `rights`. */
enum wasi_errno wasi_fd_get(const struct wasi_call *call, size_t arg, uint64_t rights,
                            struct wasi_fd **out_fd);
/* Takes over host descriptor `host` (closes it on failure) and gives it the lowest free number. */
enum wasi_errno wasi_fd_add(struct wasi *wasi, struct wasi_fd fd, uint32_t *out_number);
void wasi_fd_close_host(struct wasi_fd *fd);
enum wasi_filetype wasi_filetype_of_host(int descriptor);

/*
 * Walks the path at (pointer argument `arg`, length argument `arg` + 1) from directory `fd`: fills
 * walk->dirs and walk->name so that the last component can be used with an …at() call and no
 * further lookup. Must be ended by wasi_walk_end, whatever it returned.
 */
enum wasi_errno wasi_walk_begin(const struct wasi_call *call, struct wasi_walk *walk,
                                const struct wasi_fd *fd, size_t arg, bool follow_last);
void wasi_walk_end(struct wasi_walk *walk);
static inline int wasi_walk_dir(const struct wasi_walk *walk) { return walk->dirs[walk->depth]; }

/* Where file times come from; shared by descriptors and paths. */
enum wasi_errno wasi_file_times(uint64_t access_ns, uint64_t modified_ns, uint32_t flags,
                                struct timespec out_times[2]);
struct stat;
void wasi_put_filestat(uint8_t *at, const struct stat *status);

#endif

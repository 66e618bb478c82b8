/*
 * Walks a guest's path without ever leaving the directory that it starts from. In: a directory's
 * descriptor and text from the guest. Out: the directory of the last component and its name.
 *
 * Each component is opened on its own, relative to the one before, and never through a symbolic
 * link (O_NOFOLLOW): links are read and their text is walked by the same rules. The directories on
 * the way stay open, so that ".." means the one we came through and not whatever is its parent by
 * now: renaming a directory while we are in it helps nobody out. Absolute paths, absolute links and
 * ".." above the start are WASI_ENOTCAPABLE.
 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum wasi_errno walk_enter(struct wasi_walk *walk) {
    if (walk->depth + 1 == WASI_PATH_DEPTH_MAX)
        return WASI_ENAMETOOLONG;
    int dir =
        openat(wasi_walk_dir(walk), walk->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return wasi_errno_of_host(errno);
    walk->dirs[++walk->depth] = dir;
    return WASI_SUCCESS;
}

static enum wasi_errno walk_leave(struct wasi_walk *walk) {
    if (walk->depth == 0)
        return WASI_ENOTCAPABLE;
    (void)close(walk->dirs[walk->depth--]);
    return WASI_SUCCESS;
}

/* Cuts the first component off walk->rest into walk->name. *out_is_last: nothing but slashes is
 * left. */
static enum wasi_errno walk_next(struct wasi_walk *walk, bool *out_is_last) {
    const char *text = walk->rest + strspn(walk->rest, "/");
    size_t bytes = strcspn(text, "/");
    if (bytes > NAME_MAX)
        return WASI_ENAMETOOLONG;
    memcpy(walk->name, text, bytes);
    walk->name[bytes] = '\0';
    const char *after = text + bytes;
    const char *next = after + strspn(after, "/");
    *out_is_last = *next == '\0';
    if (*out_is_last)
        walk->must_be_directory |= next != after;
    memmove(walk->rest, next, strlen(next) + 1);
    return WASI_SUCCESS;
}

/* Puts the link's text in front of what is left. */
static enum wasi_errno walk_into_link(struct wasi_walk *walk, size_t link_bytes) {
    if (++walk->links > WASI_SYMLINKS_MAX)
        return WASI_ELOOP;
    if (link_bytes == 0)
        return WASI_ENOENT;
    if (walk->link[0] == '/')
        return WASI_ENOTCAPABLE;
    size_t rest_bytes = strlen(walk->rest);
    if (link_bytes + 1 + rest_bytes + 1 > sizeof walk->rest)
        return WASI_ENAMETOOLONG;
    size_t slash = rest_bytes || walk->must_be_directory ? 1 : 0;
    memmove(walk->rest + link_bytes + slash, walk->rest, rest_bytes + 1);
    memcpy(walk->rest, walk->link, link_bytes);
    if (slash)
        walk->rest[link_bytes] = '/';
    return WASI_SUCCESS;
}

/* Length of the symbolic link walk->name, -1 if it is none. */
static ssize_t walk_read_link(struct wasi_walk *walk) {
    return readlinkat(wasi_walk_dir(walk), walk->name, walk->link, sizeof walk->link);
}

static enum wasi_errno walk_step(struct wasi_walk *walk, bool follow_last, bool *out_done) {
    bool is_last;
    enum wasi_errno error = walk_next(walk, &is_last);
    if (error)
        return error;
    *out_done = is_last;
    bool is_dot = strcmp(walk->name, ".") == 0;
    bool is_dot_dot = strcmp(walk->name, "..") == 0;
    if (is_dot_dot)
        error = walk_leave(walk);
    if (is_dot || is_dot_dot || error) {
        (void)strcpy(walk->name, ".");
        return error;
    }
    if (is_last && !follow_last && !walk->must_be_directory)
        return WASI_SUCCESS;
    ssize_t link_bytes = walk_read_link(walk);
    if (link_bytes == (ssize_t)sizeof walk->link)
        return WASI_ENAMETOOLONG;
    if (link_bytes >= 0) {
        *out_done = false;
        return walk_into_link(walk, (size_t)link_bytes);
    }
    return is_last ? WASI_SUCCESS : walk_enter(walk);
}

enum wasi_errno wasi_walk_begin(const struct wasi_call *call, struct wasi_walk *walk,
                                const struct wasi_fd *fd, size_t arg, bool follow_last) {
    uint32_t bytes = wasi_u32(call, arg + 1);
    const uint8_t *text = wasi_at(call, wasi_u32(call, arg), bytes);
    walk->dirs[0] = fd->host;
    walk->depth = 0;
    walk->links = 0;
    walk->must_be_directory = false;
    if (!text)
        return WASI_EFAULT;
    if (fd->filetype != WASI_FILETYPE_DIRECTORY)
        return WASI_ENOTDIR;
    if (bytes == 0)
        return WASI_ENOENT;
    if (bytes >= PATH_MAX)
        return WASI_ENAMETOOLONG;
    if (memchr(text, 0, bytes))
        return WASI_EILSEQ;
    if (text[0] == '/')
        return WASI_ENOTCAPABLE;
    memcpy(walk->rest, text, bytes);
    walk->rest[bytes] = '\0';
    bool is_done = false;
    while (!is_done) {
        enum wasi_errno error = walk_step(walk, follow_last, &is_done);
        if (error)
            return error;
    }
    return WASI_SUCCESS;
}

void wasi_walk_end(struct wasi_walk *walk) {
    while (walk->depth > 0)
        (void)close(walk->dirs[walk->depth--]);
}

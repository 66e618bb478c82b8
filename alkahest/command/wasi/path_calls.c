/*
 * The calls that name a place by a directory and a path. Each walks the path (path.c) and then does
 * one host call on the last component, relative to the directory that the walk ended in, without
 * following links any more.
 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RIGHTS_TO_READ (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_READDIR)
#define RIGHTS_TO_WRITE                                                      \
    (WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | \
     WASI_RIGHT_FD_FILESTAT_SET_SIZE)

/* A place in the file system: what a walk has found. */
struct place {
    struct wasi_walk *walk;
};

/* Walks (directory argument `fd_arg`, path arguments `path_arg`, + 1) in scratch number `scratch`.
 */
static enum wasi_errno place_find(const struct wasi_call *call, size_t scratch, size_t fd_arg,
                                  uint64_t rights, size_t path_arg, bool follow_last,
                                  struct place *out_place) {
    struct wasi_fd *fd;
    struct wasi_walk *walk = &call->wasi->walks[scratch];
    enum wasi_errno error = wasi_fd_get(call, fd_arg, rights, &fd);
    if (error)
        return error;
    error = wasi_walk_begin(call, walk, fd, path_arg, follow_last);
    if (error)
        wasi_walk_end(walk);
    out_place->walk = walk;
    return error;
}

static enum wasi_errno place_done(struct place place, enum wasi_errno error) {
    wasi_walk_end(place.walk);
    return error;
}

static int place_dir(struct place place) { return wasi_walk_dir(place.walk); }

/* "name/" where a slash says that a directory is meant and the host should see it. */
static const char *place_name(struct place place) {
    struct wasi_walk *walk = place.walk;
    size_t bytes = strlen(walk->name);
    if (!walk->must_be_directory || bytes == NAME_MAX)
        return walk->name;
    memcpy(walk->link, walk->name, bytes);
    memcpy(walk->link + bytes, "/", 2);
    return walk->link;
}

static int open_flags(uint32_t oflags, uint32_t fdflags, uint64_t rights, bool is_directory) {
    int flags = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
    bool writes = (rights & RIGHTS_TO_WRITE) != 0 && !is_directory;
    bool reads = (rights & RIGHTS_TO_READ) != 0;
    flags |= writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY;
    flags |= (oflags & WASI_OFLAG_CREAT) ? O_CREAT : 0;
    flags |= (oflags & WASI_OFLAG_EXCL) ? O_EXCL : 0;
    flags |= (oflags & WASI_OFLAG_TRUNC) ? O_TRUNC : 0;
    flags |= is_directory ? O_DIRECTORY : 0;
    flags |= (fdflags & WASI_FDFLAG_APPEND) ? O_APPEND : 0;
    flags |= (fdflags & WASI_FDFLAG_NONBLOCK) ? O_NONBLOCK : 0;
    flags |= (fdflags & WASI_FDFLAG_DSYNC) ? O_DSYNC : 0;
    flags |= (fdflags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC)) ? O_SYNC : 0;
    return flags;
}

/* Rights that path_open needs of the directory. */
static uint64_t open_rights(uint32_t oflags) {
    uint64_t rights = WASI_RIGHT_PATH_OPEN;
    if (oflags & WASI_OFLAG_CREAT)
        rights |= WASI_RIGHT_PATH_CREATE_FILE;
    if (oflags & WASI_OFLAG_TRUNC)
        rights |= WASI_RIGHT_PATH_FILESTAT_SET_SIZE;
    return rights;
}

/* (directory, lookup flags, path, bytes, oflags, rights, inheriting, fdflags, out fd) */
enum wasi_errno wasi_path_open(const struct wasi_call *call) {
    uint32_t oflags = wasi_u32(call, 4), fdflags = wasi_u32(call, 7);
    uint64_t rights = wasi_u64(call, 5) & WASI_RIGHTS_ALL;
    uint64_t inheriting = wasi_u64(call, 6) & WASI_RIGHTS_ALL;
    struct wasi_fd *parent;
    struct place place;
    enum wasi_errno error = wasi_fd_get(call, 0, open_rights(oflags), &parent);
    if (error)
        return error;
    if ((oflags & ~WASI_OFLAGS_ALL) || (fdflags & ~WASI_FDFLAGS_ALL))
        return WASI_EINVAL;
    uint64_t inheritable = parent->inheriting;
    if ((rights | inheriting) & ~inheritable)
        return WASI_ENOTCAPABLE;
    if (!wasi_at(call, wasi_u32(call, 8), sizeof(uint32_t)))
        return WASI_EFAULT;
    bool follow =
        (wasi_u32(call, 1) & WASI_LOOKUP_SYMLINK_FOLLOW) != 0 && !(oflags & WASI_OFLAG_EXCL);
    error = place_find(call, 0, 0, 0, 2, follow, &place);
    if (error)
        return error;
    bool is_directory = (oflags & WASI_OFLAG_DIRECTORY) != 0 || place.walk->must_be_directory;
    struct wasi_fd fd = {
        .host = openat(place_dir(place), place.walk->name,
                       open_flags(oflags, fdflags, rights, is_directory), 0666),
        .is_opened = true,
        .rights = rights,
        .inheriting = inheriting,
    };
    if (fd.host < 0)
        return place_done(place, wasi_errno_of_host(errno));
    fd.filetype = wasi_filetype_of_host(fd.host);
    uint32_t number;
    error = wasi_fd_add(call->wasi, fd, &number);
    if (!error)
        error = wasi_store32(call, 8, number);
    return place_done(place, error);
}

/* (directory, path, bytes) */
enum wasi_errno wasi_path_create_directory(const struct wasi_call *call) {
    struct place place;
    enum wasi_errno error =
        place_find(call, 0, 0, WASI_RIGHT_PATH_CREATE_DIRECTORY, 1, false, &place);
    if (error)
        return error;
    return place_done(place, wasi_host_result(mkdirat(place_dir(place), place.walk->name, 0777)));
}

/* (directory, path, bytes) */
enum wasi_errno wasi_path_remove_directory(const struct wasi_call *call) {
    struct place place;
    enum wasi_errno error =
        place_find(call, 0, 0, WASI_RIGHT_PATH_REMOVE_DIRECTORY, 1, false, &place);
    if (error)
        return error;
    return place_done(
        place, wasi_host_result(unlinkat(place_dir(place), place_name(place), AT_REMOVEDIR)));
}

/* (directory, path, bytes) */
enum wasi_errno wasi_path_unlink_file(const struct wasi_call *call) {
    struct place place;
    enum wasi_errno error = place_find(call, 0, 0, WASI_RIGHT_PATH_UNLINK_FILE, 1, false, &place);
    if (error)
        return error;
    return place_done(place, wasi_host_result(unlinkat(place_dir(place), place_name(place), 0)));
}

/* (directory, lookup flags, path, bytes, out filestat) */
enum wasi_errno wasi_path_filestat_get(const struct wasi_call *call) {
    struct place place;
    struct stat status;
    bool follow = (wasi_u32(call, 1) & WASI_LOOKUP_SYMLINK_FOLLOW) != 0;
    uint8_t *at = wasi_at(call, wasi_u32(call, 4), WASI_FILESTAT_BYTES);
    if (!at)
        return WASI_EFAULT;
    enum wasi_errno error = place_find(call, 0, 0, WASI_RIGHT_PATH_FILESTAT_GET, 2, follow, &place);
    if (error)
        return error;
    error = wasi_host_result(
        fstatat(place_dir(place), place_name(place), &status, AT_SYMLINK_NOFOLLOW));
    if (!error)
        wasi_put_filestat(at, &status);
    return place_done(place, error);
}

/* (directory, lookup flags, path, bytes, access time, modification time, flags) */
enum wasi_errno wasi_path_filestat_set_times(const struct wasi_call *call) {
    struct place place;
    struct timespec times[2];
    bool follow = (wasi_u32(call, 1) & WASI_LOOKUP_SYMLINK_FOLLOW) != 0;
    enum wasi_errno error =
        wasi_file_times(wasi_u64(call, 4), wasi_u64(call, 5), wasi_u32(call, 6), times);
    if (!error)
        error = place_find(call, 0, 0, WASI_RIGHT_PATH_FILESTAT_SET_TIMES, 2, follow, &place);
    if (error)
        return error;
    return place_done(place, wasi_host_result(utimensat(place_dir(place), place_name(place), times,
                                                        AT_SYMLINK_NOFOLLOW)));
}

/* (directory, path, bytes, buffer, buffer bytes, out bytes): cut off if the buffer is too small. */
enum wasi_errno wasi_path_readlink(const struct wasi_call *call) {
    struct place place;
    uint32_t room = wasi_u32(call, 4);
    uint8_t *at = wasi_at(call, wasi_u32(call, 3), room);
    if (!at)
        return WASI_EFAULT;
    enum wasi_errno error = place_find(call, 0, 0, WASI_RIGHT_PATH_READLINK, 1, false, &place);
    if (error)
        return error;
    ssize_t bytes = 0;
    if (room > 0)
        bytes = readlinkat(place_dir(place), place.walk->name, (char *)at, room);
    error = bytes < 0 ? wasi_errno_of_host(errno) : wasi_store32(call, 5, (uint32_t)bytes);
    return place_done(place, error);
}

/*
 * (target, bytes, directory, path, bytes). An absolute target would mean something to other
 * programs that this one may not name: refused.
 */
enum wasi_errno wasi_path_symlink(const struct wasi_call *call) {
    struct place place;
    uint32_t bytes = wasi_u32(call, 1);
    const uint8_t *text = wasi_at(call, wasi_u32(call, 0), bytes);
    if (!text)
        return WASI_EFAULT;
    if (bytes == 0)
        return WASI_ENOENT;
    if (bytes >= PATH_MAX)
        return WASI_ENAMETOOLONG;
    if (text[0] == '/')
        return WASI_ENOTCAPABLE;
    if (memchr(text, 0, bytes))
        return WASI_EILSEQ;
    enum wasi_errno error = place_find(call, 0, 2, WASI_RIGHT_PATH_SYMLINK, 3, false, &place);
    if (error)
        return error;
    char *target = place.walk->link; /* the walk is done with it */
    memcpy(target, text, bytes);
    target[bytes] = '\0';
    error = place.walk->must_be_directory
                ? WASI_ENOENT
                : wasi_host_result(symlinkat(target, place_dir(place), place.walk->name));
    return place_done(place, error);
}

/* (old directory, lookup flags, old path, bytes, new directory, new path, bytes) */
enum wasi_errno wasi_path_link(const struct wasi_call *call) {
    struct place from, to;
    bool follow = (wasi_u32(call, 1) & WASI_LOOKUP_SYMLINK_FOLLOW) != 0;
    enum wasi_errno error = place_find(call, 0, 0, WASI_RIGHT_PATH_LINK_SOURCE, 2, follow, &from);
    if (error)
        return error;
    error = place_find(call, 1, 4, WASI_RIGHT_PATH_LINK_TARGET, 5, false, &to);
    if (error)
        return place_done(from, error);
    error = wasi_host_result(
        linkat(place_dir(from), place_name(from), place_dir(to), place_name(to), 0));
    return place_done(from, place_done(to, error));
}

/* (old directory, old path, bytes, new directory, new path, bytes) */
enum wasi_errno wasi_path_rename(const struct wasi_call *call) {
    struct place from, to;
    enum wasi_errno error = place_find(call, 0, 0, WASI_RIGHT_PATH_RENAME_SOURCE, 1, false, &from);
    if (error)
        return error;
    error = place_find(call, 1, 3, WASI_RIGHT_PATH_RENAME_TARGET, 4, false, &to);
    if (error)
        return place_done(from, error);
    error = wasi_host_result(
        renameat(place_dir(from), place_name(from), place_dir(to), place_name(to)));
    return place_done(from, place_done(to, error));
}

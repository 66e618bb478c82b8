/*
 * What a descriptor is: its state and rights, its file's status and times, the entries of a
 * directory, the names of the directories that the program was given.
 */
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint16_t stat_flags(int host_flags) {
    unsigned flags = 0;
    if (host_flags & O_APPEND)
        flags |= WASI_FDFLAG_APPEND;
    if (host_flags & O_NONBLOCK)
        flags |= WASI_FDFLAG_NONBLOCK;
    if ((host_flags & O_SYNC) == O_SYNC)
        flags |= WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC;
    if (host_flags & O_DSYNC)
        flags |= WASI_FDFLAG_DSYNC;
    return (uint16_t)flags;
}

/* (fd, out fdstat) */
enum wasi_errno wasi_fd_fdstat_get(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, 0, &fd);
    if (error)
        return error;
    uint8_t *at = wasi_at(call, wasi_u32(call, 1), WASI_FDSTAT_BYTES);
    if (!at)
        return WASI_EFAULT;
    int flags = fcntl(fd->host, F_GETFL);
    if (flags < 0)
        return wasi_errno_of_host(errno);
    memset(at, 0, WASI_FDSTAT_BYTES);
    at[0] = (uint8_t)fd->filetype;
    wasi_put16(at + 2, stat_flags(flags));
    wasi_put64(at + 8, fd->rights);
    wasi_put64(at + 16, fd->inheriting);
    return WASI_SUCCESS;
}

/* (fd, flags): of these the host can change appending and blocking only. */
enum wasi_errno wasi_fd_fdstat_set_flags(const struct wasi_call *call) {
    struct wasi_fd *fd;
    uint32_t flags = wasi_u32(call, 1);
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_FDSTAT_SET_FLAGS, &fd);
    if (error)
        return error;
    if (flags & ~WASI_FDFLAGS_ALL)
        return WASI_EINVAL;
    int host_flags = fcntl(fd->host, F_GETFL);
    if (host_flags < 0)
        return wasi_errno_of_host(errno);
    unsigned fixed = WASI_FDFLAG_DSYNC | WASI_FDFLAG_RSYNC | WASI_FDFLAG_SYNC;
    if ((flags ^ stat_flags(host_flags)) & flags & fixed)
        return WASI_ENOTSUP;
    host_flags &= ~(O_APPEND | O_NONBLOCK);
    if (flags & WASI_FDFLAG_APPEND)
        host_flags |= O_APPEND;
    if (flags & WASI_FDFLAG_NONBLOCK)
        host_flags |= O_NONBLOCK;
    return wasi_host_result(fcntl(fd->host, F_SETFL, host_flags));
}

/* (fd, rights, inheriting): may only take away. */
enum wasi_errno wasi_fd_fdstat_set_rights(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, 0, &fd);
    if (error)
        return error;
    uint64_t rights = wasi_u64(call, 1), inheriting = wasi_u64(call, 2);
    if ((rights & ~fd->rights) || (inheriting & ~fd->inheriting))
        return WASI_ENOTCAPABLE;
    fd->rights = rights;
    fd->inheriting = inheriting;
    return WASI_SUCCESS;
}

/* (fd, out filestat) */
enum wasi_errno wasi_fd_filestat_get(const struct wasi_call *call) {
    struct wasi_fd *fd;
    struct stat status;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_FILESTAT_GET, &fd);
    if (error)
        return error;
    uint8_t *at = wasi_at(call, wasi_u32(call, 1), WASI_FILESTAT_BYTES);
    if (!at)
        return WASI_EFAULT;
    if (fstat(fd->host, &status) < 0)
        return wasi_errno_of_host(errno);
    wasi_put_filestat(at, &status);
    return WASI_SUCCESS;
}

/* (fd, size) */
enum wasi_errno wasi_fd_filestat_set_size(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_FILESTAT_SET_SIZE, &fd);
    return error ? error : wasi_host_result(ftruncate(fd->host, (off_t)wasi_u64(call, 1)));
}

static struct timespec stat_time(uint64_t nanoseconds, bool is_set, bool is_now) {
    if (is_now)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    if (!is_set)
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    return (struct timespec){(time_t)(nanoseconds / 1000000000u),
                             (long)(nanoseconds % 1000000000u)};
}

enum wasi_errno wasi_file_times(uint64_t access_ns, uint64_t modified_ns, uint32_t flags,
                                struct timespec out_times[2]) {
    uint32_t access = flags & (WASI_FSTFLAG_ATIM | WASI_FSTFLAG_ATIM_NOW);
    uint32_t modified = flags & (WASI_FSTFLAG_MTIM | WASI_FSTFLAG_MTIM_NOW);
    if ((flags & ~WASI_FSTFLAGS_ALL) || access == (WASI_FSTFLAG_ATIM | WASI_FSTFLAG_ATIM_NOW) ||
        modified == (WASI_FSTFLAG_MTIM | WASI_FSTFLAG_MTIM_NOW))
        return WASI_EINVAL;
    out_times[0] = stat_time(access_ns, access != 0, access == WASI_FSTFLAG_ATIM_NOW);
    out_times[1] = stat_time(modified_ns, modified != 0, modified == WASI_FSTFLAG_MTIM_NOW);
    return WASI_SUCCESS;
}

/* (fd, access time, modification time, flags) */
enum wasi_errno wasi_fd_filestat_set_times(const struct wasi_call *call) {
    struct wasi_fd *fd;
    struct timespec times[2];
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_FILESTAT_SET_TIMES, &fd);
    if (!error)
        error = wasi_file_times(wasi_u64(call, 1), wasi_u64(call, 2), wasi_u32(call, 3), times);
    return error ? error : wasi_host_result(futimens(fd->host, times));
}

static enum wasi_errno stat_preopen(const struct wasi_call *call, struct wasi_fd **out_fd) {
    enum wasi_errno error = wasi_fd_get(call, 0, 0, out_fd);
    if (!error && !(*out_fd)->preopen)
        error = WASI_EBADF;
    return error;
}

/* (fd, out prestat) */
enum wasi_errno wasi_fd_prestat_get(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = stat_preopen(call, &fd);
    if (error)
        return error;
    uint8_t *at = wasi_at(call, wasi_u32(call, 1), WASI_PRESTAT_BYTES);
    if (!at)
        return WASI_EFAULT;
    memset(at, 0, WASI_PRESTAT_BYTES);
    wasi_put32(at + 4, (uint32_t)strlen(fd->preopen));
    return WASI_SUCCESS;
}

/* (fd, buffer, bytes) */
enum wasi_errno wasi_fd_prestat_dir_name(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = stat_preopen(call, &fd);
    if (error)
        return error;
    size_t bytes = strlen(fd->preopen);
    if (wasi_u32(call, 2) < bytes)
        return WASI_ENAMETOOLONG;
    uint8_t *at = wasi_at(call, wasi_u32(call, 1), bytes);
    if (!at)
        return WASI_EFAULT;
    memcpy(at, fd->preopen, bytes);
    return WASI_SUCCESS;
}

static enum wasi_filetype stat_entry_type(unsigned char type) {
    switch (type) {
    case DT_BLK:
        return WASI_FILETYPE_BLOCK_DEVICE;
    case DT_CHR:
        return WASI_FILETYPE_CHARACTER_DEVICE;
    case DT_DIR:
        return WASI_FILETYPE_DIRECTORY;
    case DT_REG:
        return WASI_FILETYPE_REGULAR_FILE;
    case DT_LNK:
        return WASI_FILETYPE_SYMBOLIC_LINK;
    case DT_SOCK:
        return WASI_FILETYPE_SOCKET_STREAM;
    default:
        return WASI_FILETYPE_UNKNOWN;
    }
}

/* What getdents64 returns (getdents64(2)). */
struct host_entry {
    uint64_t inode;
    int64_t next;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

/* As much of the entry as there is room for: a guest sees a cut one by the buffer being full. */
static uint32_t stat_put_entry(const struct host_entry *entry, uint8_t *at, uint32_t room) {
    uint8_t header[WASI_DIRENT_BYTES] = {0};
    size_t name_bytes = strlen(entry->name);
    wasi_put64(header, (uint64_t)entry->next);
    wasi_put64(header + 8, entry->inode);
    wasi_put32(header + 16, (uint32_t)name_bytes);
    header[20] = (uint8_t)stat_entry_type(entry->type);
    size_t header_part = room < sizeof header ? room : sizeof header;
    memcpy(at, header, header_part);
    room -= (uint32_t)header_part;
    size_t name_part = name_bytes < room ? name_bytes : room;
    memcpy(at + header_part, entry->name, name_part);
    return (uint32_t)(header_part + name_part);
}

/* (fd, buffer, bytes, cookie, out bytes): cookies are the host's directory positions. */
enum wasi_errno wasi_fd_readdir(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_READDIR, &fd);
    if (error)
        return error;
    uint32_t room = wasi_u32(call, 2), used = 0;
    uint8_t *at = wasi_at(call, wasi_u32(call, 1), room);
    if (!at)
        return WASI_EFAULT;
    if (lseek(fd->host, (off_t)wasi_u64(call, 3), SEEK_SET) < 0)
        return wasi_errno_of_host(errno);
    _Alignas(struct host_entry) char entries[4096];
    while (used < room) {
        long bytes = syscall(SYS_getdents64, fd->host, entries, sizeof entries);
        if (bytes < 0)
            return wasi_errno_of_host(errno);
        if (bytes == 0)
            break;
        for (long off = 0; off < bytes && used < room;) {
            const struct host_entry *entry =
                (const struct host_entry *)(const void *)(entries + off);
            used += stat_put_entry(entry, at + used, room - used);
            off += entry->bytes;
        }
    }
    return wasi_store32(call, 4, used);
}

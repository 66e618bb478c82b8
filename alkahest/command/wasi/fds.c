/*
 * The table of descriptors, and what preview1 calls by other names than the host: errors, file
 * types. In: numbers from the guest. A number that is not open is WASI_EBADF, a right that is
 * missing WASI_ENOTCAPABLE.
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WASI_FDS_MAX 4096u

struct errno_pair {
    int host;
    enum wasi_errno wasi;
};

static const struct errno_pair errno_pairs[] = {
    {E2BIG, WASI_E2BIG},
    {EACCES, WASI_EACCES},
    {EAGAIN, WASI_EAGAIN},
    {EBADF, WASI_EBADF},
    {EBUSY, WASI_EBUSY},
    {ECANCELED, WASI_ECANCELED},
    {ECHILD, WASI_ECHILD},
    {EDEADLK, WASI_EDEADLK},
    {EDOM, WASI_EDOM},
    {EDQUOT, WASI_EDQUOT},
    {EEXIST, WASI_EEXIST},
    {EFAULT, WASI_EFAULT},
    {EFBIG, WASI_EFBIG},
    {EILSEQ, WASI_EILSEQ},
    {EINTR, WASI_EINTR},
    {EINVAL, WASI_EINVAL},
    {EIO, WASI_EIO},
    {EISDIR, WASI_EISDIR},
    {ELOOP, WASI_ELOOP},
    {EMFILE, WASI_EMFILE},
    {EMLINK, WASI_EMLINK},
    {ENAMETOOLONG, WASI_ENAMETOOLONG},
    {ENFILE, WASI_ENFILE},
    {ENODEV, WASI_ENODEV},
    {ENOENT, WASI_ENOENT},
    {ENOMEM, WASI_ENOMEM},
    {ENOSPC, WASI_ENOSPC},
    {ENOSYS, WASI_ENOSYS},
    {ENOTDIR, WASI_ENOTDIR},
    {ENOTEMPTY, WASI_ENOTEMPTY},
    {ENOTSOCK, WASI_ENOTSOCK},
    {EOPNOTSUPP, WASI_ENOTSUP},
    {ENOTTY, WASI_ENOTTY},
    {ENXIO, WASI_ENXIO},
    {EOVERFLOW, WASI_EOVERFLOW},
    {EPERM, WASI_EPERM},
    {EPIPE, WASI_EPIPE},
    {ERANGE, WASI_ERANGE},
    {EROFS, WASI_EROFS},
    {ESPIPE, WASI_ESPIPE},
    {ETIMEDOUT, WASI_ETIMEDOUT},
    {ETXTBSY, WASI_ETXTBSY},
    {EXDEV, WASI_EXDEV},
};

enum wasi_errno wasi_errno_of_host(int host_errno) {
    for (size_t i = 0; i < sizeof errno_pairs / sizeof errno_pairs[0]; i++)
        if (errno_pairs[i].host == host_errno)
            return errno_pairs[i].wasi;
    return WASI_EIO;
}

enum wasi_errno wasi_host_result(long result) {
    return result < 0 ? wasi_errno_of_host(errno) : WASI_SUCCESS;
}

enum wasi_errno wasi_store32(const struct wasi_call *call, size_t arg, uint32_t value) {
    uint8_t *at = wasi_at(call, wasi_u32(call, arg), sizeof value);
    if (!at)
        return WASI_EFAULT;
    wasi_put32(at, value);
    return WASI_SUCCESS;
}

enum wasi_errno wasi_store64(const struct wasi_call *call, size_t arg, uint64_t value) {
    uint8_t *at = wasi_at(call, wasi_u32(call, arg), sizeof value);
    if (!at)
        return WASI_EFAULT;
    wasi_put64(at, value);
    return WASI_SUCCESS;
}

enum wasi_errno wasi_fd_get(const struct wasi_call *call, size_t arg, uint64_t rights,
                            struct wasi_fd **out_fd) {
    uint32_t number = wasi_u32(call, arg);
    if (number >= call->wasi->fd_count || call->wasi->fds[number].host < 0)
        return WASI_EBADF;
    struct wasi_fd *fd = &call->wasi->fds[number];
    if ((fd->rights & rights) != rights)
        return WASI_ENOTCAPABLE;
    *out_fd = fd;
    return WASI_SUCCESS;
}

void wasi_fd_close_host(struct wasi_fd *fd) {
    if (fd->host >= 0 && fd->is_opened)
        (void)close(fd->host);
    free(fd->preopen);
    *fd = (struct wasi_fd){.host = -1};
}

enum wasi_errno wasi_fd_add(struct wasi *wasi, struct wasi_fd fd, uint32_t *out_number) {
    size_t number = 0;
    while (number < wasi->fd_count && wasi->fds[number].host >= 0)
        number++;
    if (number == WASI_FDS_MAX) {
        wasi_fd_close_host(&fd);
        return WASI_EMFILE;
    }
    if (number == wasi->fd_count) {
        struct wasi_fd *fds = realloc(wasi->fds, (number + 1) * sizeof *fds);
        if (!fds) {
            wasi_fd_close_host(&fd);
            return WASI_ENOMEM;
        }
        wasi->fds = fds;
        wasi->fd_count++;
    }
    wasi->fds[number] = fd;
    *out_number = (uint32_t)number;
    return WASI_SUCCESS;
}

static enum wasi_filetype filetype_of_mode(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFBLK:
        return WASI_FILETYPE_BLOCK_DEVICE;
    case S_IFCHR:
        return WASI_FILETYPE_CHARACTER_DEVICE;
    case S_IFDIR:
        return WASI_FILETYPE_DIRECTORY;
    case S_IFREG:
        return WASI_FILETYPE_REGULAR_FILE;
    case S_IFSOCK:
        return WASI_FILETYPE_SOCKET_STREAM;
    case S_IFLNK:
        return WASI_FILETYPE_SYMBOLIC_LINK;
    default:
        return WASI_FILETYPE_UNKNOWN;
    }
}

enum wasi_filetype wasi_filetype_of_host(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return WASI_FILETYPE_UNKNOWN;
    return filetype_of_mode(status.st_mode);
}

static uint64_t nanoseconds(struct timespec time) {
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

void wasi_put_filestat(uint8_t *at, const struct stat *status) {
    memset(at, 0, WASI_FILESTAT_BYTES);
    wasi_put64(at, status->st_dev);
    wasi_put64(at + 8, status->st_ino);
    at[16] = (uint8_t)filetype_of_mode(status->st_mode);
    wasi_put64(at + 24, status->st_nlink);
    wasi_put64(at + 32, (uint64_t)status->st_size);
    wasi_put64(at + 40, nanoseconds(status->st_atim));
    wasi_put64(at + 48, nanoseconds(status->st_mtim));
    wasi_put64(at + 56, nanoseconds(status->st_ctim));
}

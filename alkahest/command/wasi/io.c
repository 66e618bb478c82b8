/*
 * Reading, writing and positioning of descriptors. In: scatter lists in guest memory. Each list is
 * read once, checked, and used from our copy.
 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Entries of a scatter list that one call moves; a longer list is a short read or write. */
#define IO_VECTOR_MAX 64u

struct io_list {
    struct iovec items[IO_VECTOR_MAX];
    int count;
};

/* The list at (pointer argument `arg`, count argument `arg` + 1). */
static enum wasi_errno io_list_get(const struct wasi_call *call, size_t arg,
                                   struct io_list *out_list) {
    uint32_t count = wasi_u32(call, arg + 1);
    const uint8_t *list = wasi_at(call, wasi_u32(call, arg), (uint64_t)count * WASI_IOVEC_BYTES);
    if (!list)
        return WASI_EFAULT;
    if (count > IO_VECTOR_MAX)
        count = IO_VECTOR_MAX;
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++, list += WASI_IOVEC_BYTES) {
        uint32_t bytes = wasi_get32(list + 4);
        uint8_t *at = wasi_at(call, wasi_get32(list), bytes);
        if (!at)
            return WASI_EFAULT;
        total += bytes;
        if (total > INT32_MAX)
            return WASI_EINVAL;
        out_list->items[i] = (struct iovec){at, bytes};
    }
    out_list->count = (int)count;
    return WASI_SUCCESS;
}

static enum wasi_errno io_moved(const struct wasi_call *call, size_t arg, ssize_t bytes) {
    if (bytes < 0)
        return wasi_errno_of_host(errno);
    return wasi_store32(call, arg, (uint32_t)bytes);
}

/* (fd, list, count, out bytes) */
enum wasi_errno wasi_fd_read(const struct wasi_call *call) {
    struct wasi_fd *fd;
    struct io_list list;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_READ, &fd);
    if (!error)
        error = io_list_get(call, 1, &list);
    return error ? error : io_moved(call, 3, readv(fd->host, list.items, list.count));
}

/* (fd, list, count, out bytes) */
enum wasi_errno wasi_fd_write(const struct wasi_call *call) {
    struct wasi_fd *fd;
    struct io_list list;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_WRITE, &fd);
    if (!error)
        error = io_list_get(call, 1, &list);
    return error ? error : io_moved(call, 3, writev(fd->host, list.items, list.count));
}

/* (fd, list, count, offset, out bytes) */
enum wasi_errno wasi_fd_pread(const struct wasi_call *call) {
    struct wasi_fd *fd;
    struct io_list list;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK, &fd);
    if (!error)
        error = io_list_get(call, 1, &list);
    return error ? error
                 : io_moved(call, 4,
                            preadv(fd->host, list.items, list.count, (off_t)wasi_u64(call, 3)));
}

/* (fd, list, count, offset, out bytes) */
enum wasi_errno wasi_fd_pwrite(const struct wasi_call *call) {
    struct wasi_fd *fd;
    struct io_list list;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK, &fd);
    if (!error)
        error = io_list_get(call, 1, &list);
    return error ? error
                 : io_moved(call, 4,
                            pwritev(fd->host, list.items, list.count, (off_t)wasi_u64(call, 3)));
}

/* (fd, offset, whence, out position) */
enum wasi_errno wasi_fd_seek(const struct wasi_call *call) {
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    struct wasi_fd *fd;
    uint32_t whence = wasi_u32(call, 2);
    int64_t offset = (int64_t)wasi_u64(call, 1);
    /* Asking where we are needs less than going elsewhere. */
    bool only_tells = offset == 0 && whence == 1;
    enum wasi_errno error =
        wasi_fd_get(call, 0, only_tells ? WASI_RIGHT_FD_TELL : WASI_RIGHT_FD_SEEK, &fd);
    if (error)
        return error;
    if (fd->filetype == WASI_FILETYPE_DIRECTORY)
        return WASI_EBADF;
    if (whence >= sizeof whences / sizeof whences[0])
        return WASI_EINVAL;
    off_t position = lseek(fd->host, offset, whences[whence]);
    return position < 0 ? wasi_errno_of_host(errno) : wasi_store64(call, 3, (uint64_t)position);
}

/* (fd, out position) */
enum wasi_errno wasi_fd_tell(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_TELL, &fd);
    if (error)
        return error;
    off_t position = lseek(fd->host, 0, SEEK_CUR);
    return position < 0 ? wasi_errno_of_host(errno) : wasi_store64(call, 1, (uint64_t)position);
}

/* (fd) */
enum wasi_errno wasi_fd_sync(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_SYNC, &fd);
    return error ? error : wasi_host_result(fsync(fd->host));
}

/* (fd) */
enum wasi_errno wasi_fd_datasync(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_DATASYNC, &fd);
    return error ? error : wasi_host_result(fdatasync(fd->host));
}

/* (fd, offset, bytes, advice) */
enum wasi_errno wasi_fd_advise(const struct wasi_call *call) {
    static const int advices[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                  POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
    struct wasi_fd *fd;
    uint32_t advice = wasi_u32(call, 3);
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_ADVISE, &fd);
    if (error)
        return error;
    if (advice >= sizeof advices / sizeof advices[0])
        return WASI_EINVAL;
    return wasi_errno_of_host(posix_fadvise(fd->host, (off_t)wasi_u64(call, 1),
                                            (off_t)wasi_u64(call, 2), advices[advice]));
}

/* (fd, offset, bytes) */
enum wasi_errno wasi_fd_allocate(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, WASI_RIGHT_FD_ALLOCATE, &fd);
    if (error)
        return error;
    return wasi_host_result(
        fallocate(fd->host, 0, (off_t)wasi_u64(call, 1), (off_t)wasi_u64(call, 2)));
}

/* (fd) */
enum wasi_errno wasi_fd_close(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, 0, &fd);
    if (!error)
        wasi_fd_close_host(fd);
    return error;
}

/* (from, to): `to` must be open; it is closed and becomes `from`. */
enum wasi_errno wasi_fd_renumber(const struct wasi_call *call) {
    struct wasi_fd *from, *to;
    enum wasi_errno error = wasi_fd_get(call, 0, 0, &from);
    if (!error)
        error = wasi_fd_get(call, 1, 0, &to);
    if (error || from == to)
        return error;
    wasi_fd_close_host(to);
    *to = *from;
    *from = (struct wasi_fd){.host = -1};
    return WASI_SUCCESS;
}

/* No descriptor of a program run from the command line is a socket. */
static enum wasi_errno io_no_socket(const struct wasi_call *call) {
    struct wasi_fd *fd;
    enum wasi_errno error = wasi_fd_get(call, 0, 0, &fd);
    return error ? error : WASI_ENOTSOCK;
}

enum wasi_errno wasi_sock_accept(const struct wasi_call *call) { return io_no_socket(call); }
enum wasi_errno wasi_sock_recv(const struct wasi_call *call) { return io_no_socket(call); }
enum wasi_errno wasi_sock_send(const struct wasi_call *call) { return io_no_socket(call); }
enum wasi_errno wasi_sock_shutdown(const struct wasi_call *call) { return io_no_socket(call); }

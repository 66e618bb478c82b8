/*
 * Reads and writes whole files. In: paths from the command line. It must never hand out bytes that
 * another process can still change.
 */
#include "files.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* No module, blob or suite comes near this. */
#define FILE_BYTES_MAX (UINT64_C(1) << 30)
#define FILE_FIRST_BYTES (UINT64_C(1) << 16)

const char *file_display_name(const char *path) {
    return strcmp(path, "-") == 0 ? "<standard input>" : path;
}

static bool file_grow(struct file_bytes *file, size_t *capacity) {
    size_t bytes = *capacity * 2;
    void *data = mremap(file->data, *capacity, bytes, MREMAP_MAYMOVE);
    if (data == MAP_FAILED)
        return false;
    file->data = data;
    *capacity = bytes;
    return true;
}

/* Reads to the end, whatever size was promised: a file may grow, a pipe has no size. */
static bool file_fill(int descriptor, struct file_bytes *file, size_t capacity) {
    for (;;) {
        if (file->size == capacity) {
            if (capacity > FILE_BYTES_MAX) {
                errno = EFBIG;
                return false;
            }
            if (!file_grow(file, &capacity))
                return false;
        }
        ssize_t bytes = read(descriptor, file->data + file->size, capacity - file->size);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes < 0)
            return false;
        if (bytes == 0)
            break;
        file->size += (size_t)bytes;
    }
    /* file_free computes what is mapped from the size. */
    size_t used = (file->size + 4095) & ~(size_t)4095;
    used = used ? used : 4096;
    if (used < capacity)
        (void)munmap(file->data + used, capacity - used);
    return true;
}

static bool file_read_descriptor(int descriptor, struct file_bytes *out_file) {
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return false;
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return false;
    }
    size_t capacity = FILE_FIRST_BYTES;
    while (S_ISREG(status.st_mode) && (off_t)capacity <= status.st_size &&
           capacity <= FILE_BYTES_MAX)
        capacity *= 2;
    struct file_bytes file = {0};
    file.data = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (file.data == MAP_FAILED)
        return false;
    (void)madvise(file.data, capacity, MADV_HUGEPAGE); /* a wish: fewer page faults */
    if (!file_fill(descriptor, &file, capacity))
        return false; /* the command ends; its memory goes with it */
    *out_file = file;
    return true;
}

bool file_read(const char *path, struct file_bytes *out_file) {
    bool is_stdin = strcmp(path, "-") == 0;
    int descriptor = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool ok = descriptor >= 0 && file_read_descriptor(descriptor, out_file);
    if (!ok)
        report_error("cannot read %s: %s", file_display_name(path), strerror(errno));
    if (descriptor >= 0 && !is_stdin)
        (void)close(descriptor);
    return ok;
}

void file_free(struct file_bytes *file) {
    if (file->data)
        (void)munmap(file->data, file->size ? (file->size + 4095) & ~(size_t)4095 : 4096);
    *file = (struct file_bytes){0};
}

static bool file_write_all(int descriptor, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t bytes = write(descriptor, data, size);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes < 0)
            return false;
        data += bytes;
        size -= (size_t)bytes;
    }
    return true;
}

bool file_write(const char *path, const uint8_t *data, size_t size) {
    bool is_stdout = strcmp(path, "-") == 0;
    int descriptor =
        is_stdout ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = descriptor >= 0 && file_write_all(descriptor, data, size);
    int cause = errno;
    if (descriptor >= 0 && !is_stdout && close(descriptor) < 0 && ok) {
        ok = false;
        cause = errno;
    }
    if (ok)
        return true;
    report_error("cannot write %s: %s", is_stdout ? "<standard output>" : path, strerror(cause));
    struct stat status;
    if (descriptor >= 0 && !is_stdout && stat(path, &status) == 0 && S_ISREG(status.st_mode))
        (void)unlink(path);
    return false;
}

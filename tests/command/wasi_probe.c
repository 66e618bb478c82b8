/*
 * What a program can see and do through WASI, one command per argument list: wasi_probe COMMAND
 * [ARGUMENT…]. Commands that begin with "raw-" bypass the C library's own checks.
 */
#define _GNU_SOURCE /* clocks and getentropy beside C11 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

extern char **environ;

static int report(int result) {
    if (result < 0)
        printf("error %d %s\n", errno, strerror(errno));
    else
        printf("ok\n");
    return result < 0;
}

static int do_args(char **words) {
    for (; *words; words++)
        printf("[%s]\n", *words);
    return 0;
}

static int do_env(char **words) {
    (void)words;
    for (char **entry = environ; *entry; entry++)
        printf("[%s]\n", *entry);
    return 0;
}

static int do_cat(char **words) {
    char buffer[333];
    ssize_t bytes;
    int file = open(words[0], O_RDONLY);
    if (file < 0)
        return report(-1);
    while ((bytes = read(file, buffer, sizeof buffer)) > 0)
        fwrite(buffer, 1, (size_t)bytes, stdout);
    close(file);
    return bytes < 0 ? report(-1) : 0;
}

static int do_write(char **words) {
    int file = open(words[0], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0)
        return report(-1);
    int result = write(file, words[1], strlen(words[1])) == (ssize_t)strlen(words[1]) ? 0 : -1;
    close(file);
    return report(result);
}

static int do_append(char **words) {
    int file = open(words[0], O_WRONLY | O_APPEND);
    if (file < 0)
        return report(-1);
    int result = (int)write(file, words[1], strlen(words[1]));
    close(file);
    return report(result);
}

static int do_exclusive(char **words) {
    int file = open(words[0], O_WRONLY | O_CREAT | O_EXCL, 0666);
    return report(file);
}

static int do_ls(char **words) {
    DIR *directory = opendir(words[0]);
    if (!directory)
        return report(-1);
    struct dirent *entry;
    while ((entry = readdir(directory)))
        printf("%s %d\n", entry->d_name, entry->d_type);
    closedir(directory);
    return 0;
}

static int do_stat(char **words) {
    struct stat status;
    if (lstat(words[0], &status) < 0)
        return report(-1);
    const char *kind = S_ISDIR(status.st_mode)   ? "directory"
                       : S_ISLNK(status.st_mode) ? "link"
                       : S_ISREG(status.st_mode) ? "file"
                                                 : "other";
    printf("%s %lld %lld\n", kind, (long long)status.st_size, (long long)status.st_mtim.tv_sec);
    return 0;
}

static int do_touch(char **words) {
    struct timespec times[2] = {{1000, 0}, {atoll(words[1]), 500}};
    return report(utimensat(AT_FDCWD, words[0], times, 0));
}

static int do_mkdir(char **words) { return report(mkdir(words[0], 0777)); }
static int do_rmdir(char **words) { return report(rmdir(words[0])); }
static int do_rm(char **words) { return report(unlink(words[0])); }
static int do_mv(char **words) { return report(rename(words[0], words[1])); }
static int do_ln(char **words) { return report(link(words[0], words[1])); }
static int do_symlink(char **words) { return report(symlink(words[0], words[1])); }

static int do_readlink(char **words) {
    char target[500];
    ssize_t bytes = readlink(words[0], target, sizeof target);
    if (bytes < 0)
        return report(-1);
    printf("%.*s\n", (int)bytes, target);
    return 0;
}

/* Reads, seeks, overwrites, truncates, preads: prints what is left. */
static int do_seek(char **words) {
    char buffer[64] = "";
    int file = open(words[0], O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (file < 0)
        return report(-1);
    if (write(file, "0123456789", 10) != 10 || lseek(file, -4, SEEK_END) != 6 ||
        write(file, "xyz", 3) != 3 || lseek(file, 0, SEEK_CUR) != 9 ||
        lseek(file, 2, SEEK_SET) != 2 || read(file, buffer, 3) != 3 ||
        pread(file, buffer + 3, 4, 5) != 4 || pwrite(file, "AB", 2, 0) != 2 ||
        lseek(file, 0, SEEK_CUR) != 5 || ftruncate(file, 8) != 0 || fsync(file) != 0 ||
        lseek(file, -1, SEEK_SET) != -1)
        return report(-1);
    printf("%s\n", buffer);
    close(file);
    return do_cat(words);
}

static int do_clock(char **words) {
    (void)words;
    struct timespec real, one, two, resolution;
    if (clock_gettime(CLOCK_REALTIME, &real) || clock_gettime(CLOCK_MONOTONIC, &one) ||
        clock_gettime(CLOCK_MONOTONIC, &two) || clock_getres(CLOCK_MONOTONIC, &resolution))
        return report(-1);
    int forward =
        two.tv_sec > one.tv_sec || (two.tv_sec == one.tv_sec && two.tv_nsec >= one.tv_nsec);
    printf("%lld %d %d\n", (long long)real.tv_sec, forward, resolution.tv_nsec > 0);
    return 0;
}

static int do_sleep(char **words) {
    struct timespec time = {0, atol(words[0]) * 1000000};
    return report(nanosleep(&time, NULL));
}

static int do_random(char **words) {
    (void)words;
    unsigned char bytes[32];
    if (getentropy(bytes, sizeof bytes))
        return report(-1);
    for (size_t i = 0; i < sizeof bytes; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
    return 0;
}

static int do_exit(char **words) {
    printf("leaving\n");
    exit(atoi(words[0]));
}

static int do_trap(char **words) {
    (void)words;
    printf("about to trap\n");
    fflush(stdout);
    __builtin_trap();
}

static int do_lines(char **words) {
    (void)words;
    char line[200];
    int count = 0;
    while (fgets(line, sizeof line, stdin))
        count++;
    printf("%d lines, %s\n", count, isatty(0) ? "terminal" : "no terminal");
    fprintf(stderr, "counted\n");
    return 0;
}

static int do_poll(char **words) {
    (void)words;
    struct pollfd waits[2] = {{0, POLLIN, 0}, {1, POLLOUT, 0}};
    int count = poll(waits, 2, 1000);
    printf("%d %d %d\n", count, waits[0].revents != 0, waits[1].revents != 0);
    return 0;
}

/* path_open of a path as it is, from a descriptor as it is. */
static int do_raw_open(char **words) {
    __wasi_fd_t file;
    __wasi_errno_t error =
        __wasi_path_open((__wasi_fd_t)atoi(words[0]), __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, words[1],
                         0, __WASI_RIGHTS_FD_READ, 0, 0, &file);
    printf("%d\n", error);
    return error != 0;
}

static int do_raw_symlink(char **words) {
    printf("%d\n", __wasi_path_symlink(words[0], 3, words[1]));
    return 0;
}

static int do_raw_rename(char **words) {
    printf("%d\n", __wasi_path_rename(3, words[0], 3, words[1]));
    return 0;
}

static int do_raw_unlink(char **words) {
    printf("%d\n", __wasi_path_unlink_file(3, words[0]));
    return 0;
}

static int do_raw_mkdir(char **words) {
    printf("%d\n", __wasi_path_create_directory(3, words[0]));
    return 0;
}

/* Pointers and lengths at and beyond the end of memory: each an errno, never more. */
static int do_raw_pointers(char **words) {
    (void)words;
    uint32_t end = (uint32_t)__builtin_wasm_memory_size(0) * 65536;
    __wasi_size_t count;
    __wasi_ciovec_t outside = {(uint8_t *)end - 1, 2}, around = {(uint8_t *)16, 0xFFFFFFF8u};
    __wasi_ciovec_t empty = {(uint8_t *)end, 0};
    __wasi_filestat_t *status = (__wasi_filestat_t *)(end - 63);
    printf("write outside %d\n", __wasi_fd_write(1, &outside, 1, &count));
    printf("write around %d\n", __wasi_fd_write(1, &around, 1, &count));
    printf("write nothing at the end %d\n", __wasi_fd_write(1, &empty, 1, &count));
    printf("list outside %d\n", __wasi_fd_write(1, (__wasi_ciovec_t *)(end - 4), 1, &count));
    printf("list around %d\n", __wasi_fd_write(1, &empty, 0x20000000, &count));
    printf("result outside %d\n", __wasi_fd_write(1, &empty, 1, (__wasi_size_t *)(end - 3)));
    printf("random outside %d\n", __wasi_random_get((uint8_t *)16, end));
    printf("status outside %d\n", __wasi_fd_filestat_get(1, status));
    printf("arguments outside %d\n", __wasi_args_get((uint8_t **)(end - 2), (uint8_t *)0));
    printf("poll outside %d\n",
           __wasi_poll_oneoff((__wasi_subscription_t *)(end - 40), (__wasi_event_t *)0, 1, &count));
    printf("poll many %d\n",
           __wasi_poll_oneoff((__wasi_subscription_t *)0, (__wasi_event_t *)0, 0x7FFFFFFF, &count));
    return 0;
}

static int do_raw_descriptors(char **words) {
    (void)words;
    __wasi_size_t count;
    __wasi_filesize_t position;
    __wasi_fdstat_t status;
    uint8_t byte = 'x';
    __wasi_ciovec_t out = {&byte, 1};
    printf("closed %d\n", __wasi_fd_write(77, &out, 1, &count));
    printf("huge %d\n", __wasi_fd_write(0xFFFFFFFF, &out, 1, &count));
    printf("directory %d\n", __wasi_fd_write(3, &out, 1, &count));
    printf("seek directory %d\n", __wasi_fd_seek(3, 1, 0, &position));
    printf("not preopened %d\n", __wasi_fd_prestat_get(1, (__wasi_prestat_t *)1024));
    printf("more rights %d\n", __wasi_fd_fdstat_set_rights(1, ~0ull, 0));
    printf("fewer rights %d\n", __wasi_fd_fdstat_set_rights(2, 0, 0));
    printf("write without the right %d\n", __wasi_fd_write(2, &out, 1, &count));
    printf("clock 99 %d\n", __wasi_clock_time_get(99, 0, &position));
    printf("renumber %d\n", __wasi_fd_renumber(2, 77));
    printf("socket %d\n", __wasi_sock_shutdown(1, 0));
    printf("status %d", __wasi_fd_fdstat_get(3, &status));
    printf(" %d\n", status.fs_filetype);
    return 0;
}

/* Gives up rights on the directory: what is opened through it then has them no more. */
static int do_raw_rights(char **words) {
    __wasi_fd_t file;
    __wasi_rights_t rights = __WASI_RIGHTS_PATH_OPEN, inheriting = __WASI_RIGHTS_FD_READ;
    printf("drop %d\n", __wasi_fd_fdstat_set_rights(3, rights, inheriting));
    printf("read %d\n", __wasi_path_open(3, 0, words[0], 0, __WASI_RIGHTS_FD_READ, 0, 0, &file));
    printf("write %d\n", __wasi_path_open(3, 0, words[0], 0, __WASI_RIGHTS_FD_WRITE, 0, 0, &file));
    printf("create %d\n",
           __wasi_path_open(3, 0, "new", __WASI_OFLAGS_CREAT, __WASI_RIGHTS_FD_READ, 0, 0, &file));
    printf("unlink %d\n", __wasi_path_unlink_file(3, words[0]));
    printf("regain %d\n",
           __wasi_fd_fdstat_set_rights(3, rights | __WASI_RIGHTS_PATH_UNLINK_FILE, 0));
    return 0;
}

struct command {
    const char *name;
    int (*run)(char **words);
    int words;
};

static const struct command commands[] = {
    {"args", do_args, 0},
    {"env", do_env, 0},
    {"cat", do_cat, 1},
    {"write", do_write, 2},
    {"append", do_append, 2},
    {"exclusive", do_exclusive, 1},
    {"ls", do_ls, 1},
    {"stat", do_stat, 1},
    {"touch", do_touch, 2},
    {"mkdir", do_mkdir, 1},
    {"rmdir", do_rmdir, 1},
    {"rm", do_rm, 1},
    {"mv", do_mv, 2},
    {"ln", do_ln, 2},
    {"symlink", do_symlink, 2},
    {"readlink", do_readlink, 1},
    {"seek", do_seek, 1},
    {"clock", do_clock, 0},
    {"sleep", do_sleep, 1},
    {"random", do_random, 0},
    {"exit", do_exit, 1},
    {"trap", do_trap, 0},
    {"lines", do_lines, 0},
    {"poll", do_poll, 0},
    {"raw-open", do_raw_open, 2},
    {"raw-symlink", do_raw_symlink, 2},
    {"raw-rename", do_raw_rename, 2},
    {"raw-unlink", do_raw_unlink, 1},
    {"raw-mkdir", do_raw_mkdir, 1},
    {"raw-pointers", do_raw_pointers, 0},
    {"raw-descriptors", do_raw_descriptors, 0},
    {"raw-rights", do_raw_rights, 1},
};

int main(int count, char **words) {
    for (size_t i = 0; count > 1 && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, words[1]) == 0 && count - 2 >= commands[i].words)
            return commands[i].run(words + 2);
    fprintf(stderr, "usage: wasi_probe COMMAND [ARGUMENT…]\n");
    return 2;
}

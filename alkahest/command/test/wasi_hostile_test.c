/*
 * WASI against a program that means harm: random calls with random words, many of them near the
 * edges of its memory. Nothing outside of the memory may be touched (a sanitizer sees it, and so do
 * the bytes around it), and nothing outside of the directory.
 */
#include "../wasi/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_BYTES 4096u
#define MARGIN_BYTES 4096u
#define CALLS 200000u

typedef enum wasi_errno wasi_function(const struct wasi_call *call);

struct row {
    const char *name, *params;
    wasi_function *function;
};

static const struct row rows[] = {
#define ROW(name, params) {#name, params, wasi_##name},
    WASI_CALLS(ROW)
#undef ROW
};

struct world {
    char outside[64];   /* holds `root` and `secret` */
    char dir_word[112]; /* what --dir would be given */
    uint8_t *block;     /* margin, memory, margin */
    struct wasi *wasi;
    int null; /* stands for the standard streams: not the test's own */
};

static uint64_t chance_state = 1;

static uint64_t chance(void) {
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return chance_state * UINT64_C(0x2545F4914F6CDD1D);
}

static void write_file(const char *folder, const char *name, const char *text) {
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int open_world(void **state) {
    static struct world world;
    /* A file that grows without end must not fill the disk. */
    const struct rlimit limit = {1 << 20, 1 << 20};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

    (void)strcpy(world.outside, "/tmp/wasi_hostile_XXXXXX");
    assert_non_null(mkdtemp(world.outside));
    char root[100];
    (void)snprintf(root, sizeof root, "%s/root", world.outside);
    assert_int_equal(mkdir(root, 0700), 0);
    write_file(world.outside, "secret", "secret");
    write_file(root, "a", "inside");
    (void)snprintf(world.dir_word, sizeof world.dir_word, "%s::/", root);
    world.null = open("/dev/null", O_RDWR);
    assert_true(world.null >= 0);
    world.block = malloc(MEMORY_BYTES + 2 * (size_t)MARGIN_BYTES);
    assert_non_null(world.block);
    *state = &world;
    return 0;
}

static int close_world(void **state) {
    struct world *world = *state;
    wasi_drop(world->wasi);
    (void)close(world->null);
    free(world->block);
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf %s", world->outside);
    return system(command); /* NOLINT(cert-env33-c): a folder of our own name */
}

/* A program that has just started: it will have closed everything before long. */
static void start_program(struct world *world) {
    static const char *args[] = {"program", "argument"}, *env[] = {"A=1"};
    const char *dirs[] = {world->dir_word};
    const struct wasi_options options = {args, 2, env, 1, dirs, 1};
    wasi_drop(world->wasi);
    world->wasi = wasi_make(&options);
    assert_non_null(world->wasi);
    for (uint32_t i = 0; i < 3; i++)
        world->wasi->fds[i].host = world->null;
}

/* Words that are often pointers, lengths, descriptors and flags. */
static uint64_t hostile_word(void) {
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     3,
                                     4,
                                     8,
                                     MEMORY_BYTES - 1,
                                     MEMORY_BYTES,
                                     MEMORY_BYTES + 1,
                                     INT32_MAX,
                                     UINT32_MAX,
                                     UINT32_MAX - 7,
                                     INT64_MAX,
                                     UINT64_MAX};
    switch (chance() % 4) {
    case 0:
        return edges[chance() % (sizeof edges / sizeof edges[0])];
    case 1:
        return chance() % 8;
    case 2:
        return chance() % MEMORY_BYTES;
    default:
        return chance();
    }
}

/* Paths at fixed places, pieces of structures everywhere. */
static void fill_memory(uint8_t *memory) {
    static const char *const paths[] = {"a",    "..",  "../secret",      "b/../../secret", "/",
                                        "a/..", "./b", "b/c/../../../x", "/etc/",          "b"};
    for (uint32_t i = 0; i + 8 <= MEMORY_BYTES; i += 8)
        wasi_put64(memory + i, chance() % 3 ? hostile_word() : chance() % 64);
    for (uint32_t i = 0; i < 64; i++) {
        const char *path = paths[chance() % (sizeof paths / sizeof paths[0])];
        memcpy(memory + (size_t)(i % 8) * 32, path, strlen(path) + 1);
    }
}

static bool may_block(const char *name) {
    return strcmp(name, "poll_oneoff") == 0; /* sleeps as long as it is told */
}

static void random_calls_stay_inside(void **state) {
    struct world *world = *state;
    uint8_t *memory = world->block + MARGIN_BYTES;
    memset(world->block, 0xA5, MEMORY_BYTES + 2 * (size_t)MARGIN_BYTES);
    uint64_t paths_succeeded = 0;
    for (uint32_t i = 0; i < CALLS; i++) {
        const struct row *row = &rows[chance() % (sizeof rows / sizeof rows[0])];
        uint64_t args[9];
        if (i % 200 == 0)
            start_program(world);
        if (may_block(row->name))
            continue;
        if (i % 16 == 0)
            fill_memory(memory);
        for (size_t arg = 0; row->params[arg]; arg++)
            args[arg] = hostile_word();
        /* A directory and a path now and then, so that calls get further. */
        if (strncmp(row->name, "path_", 5) == 0 && chance() % 2) {
            args[0] = 3;
            args[1] = chance() % 8 * 32;
            args[2] = chance() % 2 ? strlen((const char *)memory + args[1]) : chance() % 16;
        }
        const struct wasi_call call = {world->wasi, memory, MEMORY_BYTES, args};
        bool is_path = strncmp(row->name, "path_", 5) == 0;
        paths_succeeded += row->function(&call) == WASI_SUCCESS && is_path;
    }
    for (uint32_t i = 0; i < MARGIN_BYTES; i++) {
        assert_int_equal(world->block[i], 0xA5);
        assert_int_equal(world->block[MARGIN_BYTES + MEMORY_BYTES + i], 0xA5);
    }
    assert_true(paths_succeeded > CALLS / 1000); /* else this proves little */
}

static void nothing_outside_has_changed(void **state) {
    const struct world *world = *state;
    DIR *directory = opendir(world->outside);
    assert_non_null(directory);
    uint32_t count = 0;
    while (readdir(directory))
        count++;
    (void)closedir(directory);
    assert_int_equal(count, 4); /* . .. root secret */
    char path[100], text[16] = "";
    (void)snprintf(path, sizeof path, "%s/secret", world->outside);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_string_equal(text, "secret");
}

/* Zero bytes of memory: every pointer is outside, even of nothing. */
static void no_memory_at_all(void **state) {
    struct world *world = *state;
    const uint64_t args[9] = {1, 0, 1, 0, 0, 0, 0, 0, 0};
    start_program(world);
    const struct wasi_call call = {world->wasi, NULL, 0, args};
    assert_int_equal(wasi_fd_write(&call), WASI_EFAULT);
    assert_int_equal(wasi_args_sizes_get(&call), WASI_EFAULT);
    assert_int_equal(wasi_random_get(&call), WASI_EFAULT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_memory_at_all),
        cmocka_unit_test(random_calls_stay_inside),
        cmocka_unit_test(nothing_outside_has_changed),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}

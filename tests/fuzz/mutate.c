/*
 * Changes bytes of valid modules and takes the result through the whole pipeline: validate,
 * compile, link, instantiate, call what is exported. Nothing may crash, hang, or disturb a
 * sanitizer.
 *
 *     mutate SEED COUNT KEEP_DIR MODULE.wasm…          runs mutants 0 … COUNT - 1
 *     mutate SEED FIRST-LAST KEEP_DIR MODULE.wasm…     runs those again
 *
 * Everything about a mutant follows from SEED, its number and the list of modules. Children run the
 * mutants, so that the parent survives what they do not; mutants that killed one are written to
 * KEEP_DIR.
 */
#include <alkahest.h>
#include <alkahest/call.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    MUTATE_FILE_BYTES_MOST = 64 << 10,
    MUTATE_GROWTH_BYTES = 256,
    MUTATE_PER_CHILD = 250,
    MUTATE_CALLS_MOST = 8,
    MUTATE_VALUES_MOST = 64,
    MUTATE_IMPORTS_MOST = 32,
    MUTATE_LETTERS_MOST = 16,
    MUTATE_PAGES_MOST = 16,
    MUTATE_ENTRIES_MOST = 1000,
    MUTATE_TICK_US = 20000, /* module code that is interrupted twice in one call has run too long */
    MUTATE_HANG_S = 60,
};

struct file {
    uint8_t *bytes;
    size_t size;
};

/* What children tell. */
struct shared {
    volatile uint64_t now; /* the mutant that runs */
    uint64_t valid, instances, calls, traps, killed;
};

static struct file *files;
static size_t file_count;
static struct shared *shared;

/* --- Chance (splitmix64). --- */

static uint64_t chance_state;

static uint64_t chance(void) {
    uint64_t z = chance_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static size_t chance_below(size_t end) { return end ? (size_t)(chance() % end) : 0; }

/* --- Mutants. --- */

static const uint8_t telling_bytes[] = {0x00, 0x01, 0x02, 0x05, 0x0B, 0x0F, 0x10, 0x11, 0x1A, 0x20,
                                        0x28, 0x40, 0x41, 0x60, 0x63, 0x6F, 0x70, 0x7B, 0x7C, 0x7D,
                                        0x7E, 0x7F, 0x80, 0xC0, 0xD0, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF};

static size_t insert_byte(uint8_t *bytes, size_t size, size_t at) {
    memmove(bytes + at + 1, bytes + at, size - at);
    bytes[at] = (uint8_t)chance();
    return size + 1;
}

static size_t remove_byte(uint8_t *bytes, size_t size, size_t at) {
    memmove(bytes + at, bytes + at + 1, size - at - 1);
    return size - 1;
}

/* A run of another module's bytes, written over ours. */
static void graft(uint8_t *bytes, size_t size, size_t at) {
    const struct file *from = &files[chance_below(file_count)];
    size_t start = chance_below(from->size), run = 1 + chance_below(12);
    for (size_t i = 0; i < run && at + i < size && start + i < from->size; i++)
        bytes[at + i] = from->bytes[start + i];
}

static size_t change_once(uint8_t *bytes, size_t size) {
    size_t at = 8 + chance_below(size > 8 ? size - 8 : 0); /* the header is dull */
    if (at >= size)
        return size;
    switch (chance_below(10)) {
    case 0:
    case 1:
    case 2:
        bytes[at] ^= (uint8_t)(1u << chance_below(8));
        return size;
    case 3:
    case 4:
        bytes[at] = (uint8_t)chance();
        return size;
    case 5:
    case 6:
        bytes[at] = telling_bytes[chance_below(sizeof telling_bytes)];
        return size;
    case 7:
        return insert_byte(bytes, size, at);
    case 8:
        return remove_byte(bytes, size, at);
    default:
        graft(bytes, size, at);
        return size;
    }
}

/* The mutant with this number; `bytes` has room for the largest. */
static size_t make_mutant(uint64_t seed, uint64_t number, uint8_t *bytes) {
    chance_state = seed * UINT64_C(0xD1342543DE82EF95) + number;
    (void)chance();
    const struct file *base = &files[chance_below(file_count)];
    memcpy(bytes, base->bytes, base->size);
    size_t size = base->size;
    size_t changes = chance_below(3) ? 1 : 2 + chance_below(4); /* most stay valid only with one */
    for (; changes != 0; changes--)
        size = change_once(bytes, size);
    return size;
}

/* --- Imports: whatever the module asks for, as far as we can make it. --- */

struct world {
    const struct alka_image *image;
    const struct alka_crucible *crucible;
    enum alka_memory_model model;
    char letters[MUTATE_IMPORTS_MOST][2][MUTATE_LETTERS_MOST + 1];
    struct alka_memory memories[MUTATE_IMPORTS_MOST];
    struct alka_table tables[MUTATE_IMPORTS_MOST];
    uint64_t cells[MUTATE_IMPORTS_MOST][2] __attribute__((aligned(16)));
    uint32_t count, memory_count, table_count;
};

#define ZEROES(words)                                                         \
    static void zero_##words(struct alka_context *caller, uint64_t *values) { \
        (void)caller;                                                         \
        memset(values, 0, (words) * sizeof *values);                          \
    }
ZEROES(0)
ZEROES(1)
ZEROES(2)
ZEROES(3)
ZEROES(4)

static alka_value_fn *const zero_functions[] = {zero_0, zero_1, zero_2, zero_3, zero_4};

/* The letter of a type; 0: there is none. */
static char type_letter(alka_valtype type) {
    switch (alka_valtype_kind(type)) {
    case ALKA_KIND_I32:
        return 'i';
    case ALKA_KIND_I64:
        return 'I';
    case ALKA_KIND_F32:
        return 'f';
    case ALKA_KIND_F64:
        return 'F';
    case ALKA_KIND_V128:
        return 'v';
    case ALKA_KIND_REF:
        return type == ALKA_FUNCREF ? 'r' : type == ALKA_EXTERNREF ? 'e' : 0;
    case ALKA_KIND_BOTTOM:
        break;
    }
    return 0;
}

/* Words that the types take; more than most: one of them cannot be had. */
static uint32_t type_letters(const alka_valtype *types, uint32_t count, uint32_t most,
                             char *letters) {
    uint32_t words = 0;
    for (uint32_t i = 0; i < count && words <= most; i++) {
        letters[i] = type_letter(types[i]);
        words += letters[i] == 'v' ? 2 : letters[i] ? 1 : most + 1;
    }
    return words;
}

static alka_status find_func(struct world *world, uint32_t index, struct alka_extern *out_extern) {
    const struct alka_functype *type = alka_function_type(&world->image->module, index);
    char *params = world->letters[world->count][0], *results = world->letters[world->count][1];
    uint32_t words = type_letters(type->results, type->result_count, 4, results);
    if (words > 4 || type_letters(type->params, type->param_count, MUTATE_LETTERS_MOST, params) >
                         MUTATE_LETTERS_MOST)
        return ALKA_E_UNKNOWN_IMPORT;
    *out_extern = (struct alka_extern){.kind = ALKA_EXTERN_FUNC,
                                       .host = {params, results, NULL, zero_functions[words]}};
    return ALKA_OK;
}

static alka_status find(void *self, const struct alka_import *import,
                        struct alka_extern *out_extern) {
    struct world *world = self;
    const struct alka_module *module = &world->image->module;
    if (world->count == MUTATE_IMPORTS_MOST)
        return ALKA_E_UNKNOWN_IMPORT;
    world->count++;
    *out_extern = (struct alka_extern){.kind = import->kind};
    if (import->kind == ALKA_EXTERN_FUNC) {
        world->count--;
        alka_status status = find_func(world, import->index, out_extern);
        world->count++;
        return status;
    }
    if (import->kind == ALKA_EXTERN_MEMORY) {
        out_extern->memory = &world->memories[world->memory_count];
        ALKA_TRY(alka_memory_make(out_extern->memory, world->crucible,
                                  &module->memories[import->index].range, MUTATE_PAGES_MOST,
                                  world->model));
        world->memory_count++;
        return ALKA_OK;
    }
    if (import->kind == ALKA_EXTERN_TABLE) {
        const struct alka_table_def *def = &module->tables[import->index];
        out_extern->table = &world->tables[world->table_count];
        if (type_letter(def->type) == 0)
            return ALKA_E_UNKNOWN_IMPORT;
        ALKA_TRY(alka_table_make(out_extern->table, world->crucible, def->type, &def->range,
                                 MUTATE_ENTRIES_MOST));
        world->table_count++;
        return ALKA_OK;
    }
    if (import->kind == ALKA_EXTERN_GLOBAL) {
        const struct alka_global_def *def = &module->globals[import->index];
        out_extern->global = (struct alka_global){.type = def->type,
                                                  .is_mutable = def->is_mutable,
                                                  .cell = world->cells[world->count - 1]};
        return type_letter(def->type) ? ALKA_OK : ALKA_E_UNKNOWN_IMPORT;
    }
    return ALKA_E_UNKNOWN_IMPORT;
}

/* --- Time. --- */

static struct {
    const struct alka_registry *registry;
    struct alka_thread *thread;
    volatile sig_atomic_t ticks; /* since the call began */
} clock_of;

static void on_tick(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    if (!clock_of.registry || clock_of.ticks++ == 0)
        return;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct alka_fault_state state = {
        .pc = (uint64_t)registers[REG_RIP],
        .rsp = (uint64_t)registers[REG_RSP],
        .r15 = (uint64_t)registers[REG_R15],
    };
    struct alka_resume resume;
    if (alka_trap_interrupt(clock_of.registry, clock_of.thread, &state, ALKA_TRAP_KILLED,
                            &resume) != ALKA_INTERRUPTED_NOW)
        return;
    registers[REG_RIP] = (greg_t)resume.rip;
    registers[REG_RSP] = (greg_t)resume.rsp;
    registers[REG_RAX] = resume.kind;
}

static void start_clock(void) {
    struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct itimerval every = {{0, MUTATE_TICK_US}, {0, MUTATE_TICK_US}};
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &every, NULL);
}

/* --- One mutant. --- */

static void call_export(struct alka_engine *engine, const struct alka_extern *export) {
    const struct alka_functype *type = alka_func_type(export->func);
    uint64_t values[MUTATE_VALUES_MOST] = {0};
    enum alka_trap trap = ALKA_TRAP_NONE;
    if (alka_call_values(type) > MUTATE_VALUES_MOST)
        return;
    uint32_t word = 0;
    for (uint32_t i = 0; i < type->param_count; i++) {
        alka_valtype param = type->params[i];
        if (alka_valtype_is_ref(param)) {
            if (!alka_valtype_is_nullable(param))
                return;
            word++; /* null */
            continue;
        }
        values[word++] = chance() >> chance_below(64);
        if (alka_valtype_kind(param) == ALKA_KIND_V128)
            values[word++] = chance();
    }
    clock_of.ticks = 0;
    if (alka_engine_call(engine, export->func, values, &trap, NULL) != ALKA_OK)
        return;
    shared->calls++;
    shared->traps += trap != ALKA_TRAP_NONE;
    shared->killed += trap == ALKA_TRAP_KILLED;
}

static void call_exports(struct alka_engine *engine, const struct alka_instance *instance) {
    const struct alka_module *module = &instance->image->module;
    uint32_t calls = 0;
    for (uint32_t i = 0; i < module->export_count && calls < MUTATE_CALLS_MOST; i++) {
        struct alka_extern export;
        alka_instance_export_at(instance, i, &export);
        if (export.kind != ALKA_EXTERN_FUNC)
            continue;
        call_export(engine, &export);
        calls++;
    }
}

static struct alka_session_options chosen_options(void) {
    static const alka_cpu_set cpus[] = {ALKA_CPU_X86_64_V1, ALKA_CPU_X86_64_V2, ALKA_CPU_X86_64_V3};
    static const uint32_t registers[] = {0, 0, 1, 5};
    struct alka_session_options options = alka_engine_defaults();
    options.codegen.memory_model = (enum alka_memory_model)chance_below(3);
    options.codegen.cpu = cpus[chance_below(3)] & alka_host_cpu();
    options.codegen.register_limit = registers[chance_below(4)];
    return options;
}

static void run_instance(struct alka_engine *engine, struct alka_image *image,
                         enum alka_memory_model model) {
    const struct alka_instance_options limits = {
        .limits = {.memory_pages = MUTATE_PAGES_MOST, .table_entries = MUTATE_ENTRIES_MOST}};
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return;
    world->image = image;
    world->crucible = alka_engine_crucible(engine);
    world->model = model;
    const struct alka_vtable vtable = {.lookup = find, .self = world};
    struct alka_instance *instance;
    struct alka_instantiate_error error;
    clock_of.ticks = 0;
    if (alka_engine_instantiate(engine, image, &vtable, &limits, &instance, &error) == ALKA_OK) {
        shared->instances++;
        call_exports(engine, instance);
    }
    alka_registry_drop(alka_engine_registry(engine));
    for (uint32_t i = 0; i < world->memory_count; i++)
        alka_memory_drop(&world->memories[i]);
    for (uint32_t i = 0; i < world->table_count; i++)
        alka_table_drop(&world->tables[i]);
    free(world);
}

static void run_mutant(const uint8_t *bytes, size_t size) {
    struct alka_engine *engine;
    struct alka_image *image;
    struct alka_diag diag;
    struct alka_session_options options = chosen_options();
    if (alka_engine_open(NULL, &engine) != ALKA_OK)
        return;
    if (alka_engine_compile(engine, (struct alka_span){bytes, size}, &options, &image, &diag) ==
            ALKA_OK &&
        alka_engine_thread(engine, &clock_of.thread) == ALKA_OK) {
        shared->valid++;
        clock_of.registry = alka_engine_registry(engine);
        run_instance(engine, image, options.codegen.memory_model);
        clock_of.registry = NULL;
    }
    alka_engine_close(engine);
}

/* --- Parent and children. --- */

static int run_child(uint64_t seed, uint64_t first, uint64_t end) {
    uint8_t *room = malloc(MUTATE_FILE_BYTES_MOST + MUTATE_GROWTH_BYTES);
    start_clock();
    for (uint64_t number = first; room && number < end; number++) {
        shared->now = number;
        size_t size = make_mutant(seed, number, room);
        /* Exactly as large as the mutant, so that a sanitizer sees reads behind its end. */
        uint8_t *bytes = malloc(size ? size : 1);
        if (!bytes)
            break;
        memcpy(bytes, room, size);
        run_mutant(bytes, size);
        free(bytes);
    }
    free(room);
    shared->now = end;
    return 0;
}

static void keep_mutant(uint64_t seed, uint64_t number, const char *folder) {
    char path[4096];
    uint8_t *bytes = malloc(MUTATE_FILE_BYTES_MOST + MUTATE_GROWTH_BYTES);
    if (!bytes)
        return;
    size_t size = make_mutant(seed, number, bytes);
    (void)snprintf(path, sizeof path, "%s/seed%llu-%llu.wasm", folder, (unsigned long long)seed,
                   (unsigned long long)number);
    FILE *file = fopen(path, "wb");
    if (file) {
        (void)fwrite(bytes, 1, size, file);
        (void)fclose(file);
        printf("kept as %s\n", path);
    }
    free(bytes);
}

/* Waits for the child; one that makes no progress is killed. The result is its wait status. */
static int watch_child(pid_t child) {
    uint64_t seen = UINT64_MAX;
    const struct timespec pause = {0, 20000000};
    time_t since = time(NULL);
    for (;;) {
        int status;
        if (waitpid(child, &status, WNOHANG) == child)
            return status;
        if (shared->now != seen) {
            seen = shared->now;
            since = time(NULL);
        } else if (time(NULL) - since > MUTATE_HANG_S) {
            printf("mutant %llu hangs\n", (unsigned long long)seen);
            (void)kill(child, SIGKILL);
        }
        (void)nanosleep(&pause, NULL);
    }
}

/* How many mutants went wrong. */
static uint64_t run_all(uint64_t seed, uint64_t first, uint64_t end, const char *folder) {
    uint64_t failures = 0;
    while (first < end) {
        uint64_t until = first + MUTATE_PER_CHILD < end ? first + MUTATE_PER_CHILD : end;
        (void)fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            _exit(run_child(seed, first, until)); /* leaks are looked for elsewhere */
        if (child < 0)
            return failures + 1;
        int status = watch_child(child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            first = until;
            continue;
        }
        failures++;
        uint64_t number = shared->now;
        printf("mutant %llu (or one since %llu): %s %d\n", (unsigned long long)number,
               (unsigned long long)first, WIFSIGNALED(status) ? "signal" : "exit code",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        if (number < until)
            keep_mutant(seed, number, folder);
        first = number < until ? number + 1 : until;
    }
    return failures;
}

/* Only valid modules are worth a change. */
static bool is_valid(struct alka_span bytes) {
    struct alka_engine *engine;
    struct alka_image *image;
    struct alka_diag diag;
    if (alka_engine_open(NULL, &engine) != ALKA_OK)
        return false;
    bool valid = alka_engine_compile(engine, bytes, NULL, &image, &diag) == ALKA_OK;
    alka_engine_close(engine);
    return valid;
}

static bool read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    uint8_t *bytes = malloc(MUTATE_FILE_BYTES_MOST + 1);
    size_t size = bytes ? fread(bytes, 1, MUTATE_FILE_BYTES_MOST + 1, file) : 0;
    (void)fclose(file);
    if (size == 0 || size > MUTATE_FILE_BYTES_MOST || !is_valid((struct alka_span){bytes, size})) {
        free(bytes);
        return true; /* without it */
    }
    files[file_count++] = (struct file){bytes, size};
    return true;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        (void)fprintf(stderr, "usage: %s SEED COUNT|FIRST-LAST KEEP_DIR MODULE.wasm…\n", argv[0]);
        return 2;
    }
    char *rest;
    uint64_t seed = strtoull(argv[1], NULL, 10), first = 0, end = strtoull(argv[2], &rest, 10);
    if (*rest == '-') {
        first = end;
        end = strtoull(rest + 1, NULL, 10) + 1;
    }
    files = calloc((size_t)argc, sizeof *files);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!files || shared == MAP_FAILED)
        return 2;
    for (int i = 4; i < argc; i++)
        if (!read_file(argv[i]))
            return 2;
    if (file_count == 0)
        return 2;
    uint64_t failures = run_all(seed, first, end, argv[3]);
    printf("seed %llu: %llu mutants of %zu modules, %llu valid, %llu instances, %llu calls (%llu "
           "trapped, %llu ran too long), %llu failures\n",
           (unsigned long long)seed, (unsigned long long)(end - first), file_count,
           (unsigned long long)shared->valid, (unsigned long long)shared->instances,
           (unsigned long long)shared->calls, (unsigned long long)shared->traps,
           (unsigned long long)shared->killed, (unsigned long long)failures);
    for (size_t i = 0; i < file_count; i++)
        free(files[i].bytes);
    free(files);
    return failures || shared->calls == 0 ? 1 : 0;
}

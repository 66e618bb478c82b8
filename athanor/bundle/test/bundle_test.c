/* The reader against what mkbundle.py writes, and against every way of damaging it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bundle/bundle.h>
#include <ipc/names.h>

/* Offsets of fields in the file: the layout that bundle.c and mkbundle.py share. */
enum {
    TOTAL_OFF = 12,
    CRC_OFF = 16,
    CHECKED_OFF = 20,
    MODULE_COUNT_OFF = 20,
    MODULES_OFF_OFF = 24,
    NAME_OFF_OFF = 28,
    OBJECT_COUNT_OFF = 36,
    OBJECTS_OFF_OFF = 40,
    SUPERVISOR_COUNT_OFF = 44,
    SUPERVISORS_OFF_OFF = 48,
    SCHEDULER = 52,
    HEADER_BYTES = 56,
    MODULE_BYTES = 160,
    MODULE_1 = HEADER_BYTES + MODULE_BYTES,
    MODULE_2 = MODULE_1 + MODULE_BYTES,
    MODULE_IMAGE_OFF = 16,
    MODULE_CAPABILITIES = 24,
    MODULE_PAGES = 32,
    MODULE_CALL_COUNT = 36,
    MODULE_CALLS_OFF = 40,
    MODULE_START_COUNT = 44,
    MODULE_STARTS_OFF = 48,
    MODULE_FLAGS = 52,
    MODULE_VERSION_OF = 56,
    MODULE_BUDGET = 64,
    MODULE_PERIOD = 68,
    MODULE_THREAD_COUNT = 72,
    MODULE_THREADS_OFF = 76,
    MODULE_HANDLES = 80,
    MODULE_GRANT_COUNT = 84,
    MODULE_GRANTS_OFF = 88,
    MODULE_CLOCK = 92,
    MODULE_GATE_DEPTH = 96,
    MODULE_PLACES = 100,
    MODULE_LOG_RATE = 104,
    MODULE_SUPERVISOR = 108,
    MODULE_RESTART = 112,
    MODULE_HEARTBEAT = 116,
    MODULE_SHUTDOWN = 120,
    MODULE_LOADER_CAPABILITIES = 128,
    MODULE_LOADER = 136,
    LOADER_PAGES = 4,
    LOADER_CODE = 8,
    LOADER_HANDLES = 12,
    LOADER_THREADS = 16,
    LOADER_CALLS = 20,
    SUPERVISOR_BYTES = 40,
    SUPERVISOR_PARENT = 8,
    SUPERVISOR_BEFORE = 12,
    SUPERVISOR_STRATEGY = 16,
    SUPERVISOR_RESTART = 20,
    SUPERVISOR_INTENSITY = 24,
    SUPERVISOR_PERIOD = 28,
    SUPERVISOR_BACKOFF = 32,
    SUPERVISOR_BACKOFF_MAX = 36,
    OBJECT_BYTES = 32,
    OBJECT_NAME = 4,
    OBJECT_SIZE = 12,
    OBJECT_PLACES = 16,
    OBJECT_SUBSCRIBERS = 20,
    OBJECT_ALLOWED = 24,
    OBJECT_OWNER = 28,
    GRANT_BYTES = 12,
};

/* A heap copy of exactly the sample's size, so that a sanitizer sees any read outside of it. */
struct sample {
    uint8_t *data;
    size_t size;
};

static struct sample sample_load(void) {
    FILE *file = fopen(BUNDLE_SAMPLE, "rb");
    assert_non_null(file);
    uint8_t buffer[4096];
    struct sample sample = {NULL, fread(buffer, 1, sizeof buffer, file)};
    assert_int_equal(fclose(file), 0);
    assert_true(sample.size > MODULE_1 && sample.size < sizeof buffer);
    sample.data = malloc(sample.size);
    assert_non_null(sample.data);
    memcpy(sample.data, buffer, sample.size);
    return sample;
}

static void put_u32(struct sample sample, size_t off, uint32_t value) {
    memcpy(sample.data + off, &value, sizeof value);
}

static uint32_t get_u32(struct sample sample, size_t off) {
    uint32_t value;
    memcpy(&value, sample.data + off, sizeof value);
    return value;
}

static void repair_crc(struct sample sample) {
    struct alka_span checked = {sample.data + CHECKED_OFF, sample.size - CHECKED_OFF};
    put_u32(sample, CRC_OFF, bundle_crc32(checked));
}

static enum bundle_error open_sample(struct sample sample, struct bundle *out_bundle) {
    struct alka_span bytes = {sample.data, sample.size};
    return bundle_open(bytes, out_bundle);
}

/*
 * The sample with zeros behind it that belong to the bundle: room for forged counts to stay inside.
 */
static struct sample sample_load_roomy(void) {
    struct sample small = sample_load();
    struct sample roomy = {calloc(1, small.size + 100000), small.size + 100000};
    assert_non_null(roomy.data);
    memcpy(roomy.data, small.data, small.size);
    put_u32(roomy, TOTAL_OFF, (uint32_t)roomy.size);
    free(small.data);
    return roomy;
}

static void assert_text(struct bundle_text text, const char *expected) {
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

/*
 * Follows every offset that an opened bundle hands out. Returns a sum so that no read is optimized
 * away.
 */
static unsigned long touch_text(struct bundle_text text) {
    unsigned long sum = 0;
    for (uint32_t i = 0; i < text.size; i++)
        sum += (unsigned char)text.data[i];
    return sum;
}

static unsigned long touch_all(const struct bundle *bundle) {
    unsigned long sum = touch_text(bundle_name(bundle));
    for (uint32_t i = 0; i < bundle->supervisor_count; i++) {
        struct bundle_supervisor supervisor = bundle_supervisor(bundle, i);
        sum += touch_text(supervisor.name);
        assert_true(supervisor.parent_idx < i || (i == 0 && supervisor.parent_idx == 0));
        assert_true(supervisor.before_module <= bundle->module_count);
    }
    for (uint32_t m = 0; m < bundle->module_count; m++) {
        struct bundle_module module = bundle_module(bundle, m);
        sum += touch_text(module.name) + touch_text(module.file);
        assert_true(module.supervisor_idx == BUNDLE_NO_INDEX ||
                    module.supervisor_idx < bundle->supervisor_count);
        for (size_t i = 0; i < module.image.size; i++)
            sum += module.image.data[i];
        for (uint32_t i = 0; i < module.call_count; i++) {
            struct bundle_call call = bundle_call(bundle, &module, i);
            assert_true(call.peer_idx < m);
            sum += touch_text(call.function);
        }
        for (uint32_t i = 0; i < module.start_count; i++)
            sum += touch_text(bundle_start(bundle, &module, i).function);
        for (uint32_t i = 0; i < module.thread_count; i++)
            sum += touch_text(bundle_thread(bundle, &module, i).function);
        for (uint32_t i = 0; i < module.grant_count; i++)
            sum += bundle_grant(bundle, &module, i).rights;
    }
    for (uint32_t i = 0; i < bundle->object_count; i++)
        sum += touch_text(bundle_object(bundle, i).name);
    return sum;
}

static void test_sample(void **state) {
    (void)state;
    struct sample sample = sample_load();
    struct bundle bundle;
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_OK);
    assert_text(bundle_name(&bundle), "sample");
    assert_int_equal(bundle.module_count, 3);
    assert_string_equal(bundle_scheduler_name(bundle_scheduler(&bundle)), "fair");

    struct bundle_module echo = bundle_module(&bundle, 0);
    assert_text(echo.name, "echo");
    assert_text(echo.file, "sample.bin");
    assert_int_equal(echo.image.size, 12);
    assert_memory_equal(echo.image.data, "\0asm\1\0\0\0more", 12);
    assert_int_equal((uintptr_t)(echo.image.data - sample.data) % 8, 0);
    assert_int_equal(echo.capabilities, 0);
    assert_int_equal(echo.memory_pages_max, 0);
    assert_false(echo.stops_after_trap);
    assert_int_equal(echo.call_count, 0);
    assert_int_equal(echo.start_count, 0);

    struct bundle_module caller = bundle_module(&bundle, 1);
    assert_text(caller.name, "caller-2");
    assert_int_equal(caller.capabilities, 1u << BUNDLE_CAP_log | 1u << BUNDLE_CAP_random);
    assert_int_equal(caller.memory_pages_max, 17);
    assert_true(caller.stops_after_trap);
    assert_int_equal(caller.call_count, 2);
    assert_int_equal(bundle_call(&bundle, &caller, 1).peer_idx, 0);
    assert_text(bundle_call(&bundle, &caller, 0).function, "echo");
    assert_text(bundle_call(&bundle, &caller, 1).function, "\xc3\xa9"
                                                           "cho");
    assert_int_equal(caller.start_count, 4);
    static const uint32_t expected[] = {BUNDLE_EXPECT_RETURN, 602, BUNDLE_EXPECT_ANY_TRAP,
                                        BUNDLE_EXPECT_RETURN};
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(bundle_start(&bundle, &caller, i).expect, expected[i]);
    assert_text(bundle_start(&bundle, &caller, 1).function, "divide");
    assert_int_equal(echo.cpu_period_us, 0);
    assert_int_equal(caller.cpu_budget_us, 1000);
    assert_int_equal(caller.cpu_period_us, 20000);
    assert_int_equal(caller.thread_count, 2);
    assert_text(bundle_thread(&bundle, &caller, 0).function, "serve");
    assert_int_equal(bundle_thread(&bundle, &caller, 0).priority, 16);
    assert_int_equal(bundle_thread(&bundle, &caller, 1).priority, 31);
    free(sample.data);
}

static void test_sample_objects(void **state) {
    (void)state;
    struct sample sample = sample_load();
    struct bundle bundle;
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_OK);
    struct bundle_module caller = bundle_module(&bundle, 1);
    assert_false(bundle_call(&bundle, &caller, 0).returns_errors);
    assert_true(bundle_call(&bundle, &caller, 1).returns_errors);
    assert_int_equal(caller.handles_max, 9);
    assert_int_equal(caller.clock_resolution_ns, 1000);
    assert_int_equal(caller.gate_depth_max, 3);
    assert_int_equal(caller.queue_places_max, 40);
    assert_int_equal(caller.log_rate_max, 50);
    assert_int_equal(bundle_module(&bundle, 0).handles_max, 64);
    assert_int_equal(bundle_module(&bundle, 0).clock_resolution_ns, 1000000);

    assert_int_equal(bundle.object_count, 3);
    struct bundle_object frame = bundle_object(&bundle, 0), news = bundle_object(&bundle, 1),
                         work = bundle_object(&bundle, 2);
    assert_text(frame.name, "frame");
    assert_int_equal(frame.kind, CAP_BUFFER);
    assert_int_equal(frame.size, 3);
    assert_int_equal(frame.owner_idx, 1);
    assert_int_equal(news.kind, CAP_TOPIC);
    assert_int_equal(news.subscribers, 32);
    assert_int_equal(news.allowed, 1u << 2); /* TOPIC_SLOW_DROPS */
    assert_int_equal(work.kind, CAP_CHANNEL);
    assert_int_equal(work.size, 256);
    assert_int_equal(work.places, 32);
    assert_int_equal(work.owner_idx, BUNDLE_NO_INDEX);

    static const struct bundle_grant grants[] = {
        {BUNDLE_TARGET_OBJECT, 2, CAP_READ | CAP_DELEGATE},
        {BUNDLE_TARGET_DEFAULT, IPC_LOG, CAP_WRITE},
        {BUNDLE_TARGET_MODULE, 0, CAP_WRITE},
    };
    assert_int_equal(caller.grant_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct bundle_grant grant = bundle_grant(&bundle, &caller, i);
        assert_memory_equal(&grant, &grants[i], sizeof grant);
    }
    free(sample.data);
}

/* A field of object or grant number `index` of the sample, forged. */
static enum bundle_error open_forged(size_t base_off, uint32_t off, uint32_t value) {
    struct sample sample = sample_load();
    struct bundle bundle;
    put_u32(sample, get_u32(sample, base_off) + off, value);
    repair_crc(sample);
    enum bundle_error error = open_sample(sample, &bundle);
    free(sample.data);
    return error;
}

static void test_forged_objects(void **state) {
    (void)state;
    const uint32_t frame = 0, news = OBJECT_BYTES, work = 2 * OBJECT_BYTES;
    const struct {
        uint32_t off, value;
    } cases[] = {
        {frame, CAP_INSTANCE}, /* a kind that no manifest makes */
        {frame, 0},
        {frame, CAP_KIND_COUNT},
        {frame + OBJECT_SIZE, 0},
        {frame + OBJECT_SIZE, BUNDLE_BUFFER_PAGES_MAX + 1},
        {frame + OBJECT_PLACES, 1},
        {frame + OBJECT_OWNER, 4},
        {frame + OBJECT_OWNER, UINT32_MAX},
        {news + OBJECT_ALLOWED, 0},
        {news + OBJECT_ALLOWED, 16},
        {news + OBJECT_SUBSCRIBERS, 0},
        {news + OBJECT_SUBSCRIBERS, BUNDLE_MODULES_MAX + 1},
        {news + OBJECT_OWNER, 1},
        {work + OBJECT_SUBSCRIBERS, 1},
        {work + OBJECT_ALLOWED, 1},
        {work + OBJECT_SIZE, BUNDLE_MESSAGE_BYTES_MAX + 1},
        {work + OBJECT_PLACES, 0},
        {work + OBJECT_PLACES, BUNDLE_CHANNEL_BYTES_MAX / (256 + BUNDLE_MESSAGE_EXTRA_BYTES) + 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(open_forged(OBJECTS_OFF_OFF, cases[i].off, cases[i].value), BUNDLE_OBJECT);
    struct sample sample = sample_load();
    uint32_t objects_off = get_u32(sample, OBJECTS_OFF_OFF);
    uint32_t news_name_off = get_u32(sample, objects_off + news + OBJECT_NAME);
    free(sample.data);
    /* The last two of one name, and out of order. */
    assert_int_equal(open_forged(OBJECTS_OFF_OFF, work + OBJECT_NAME, news_name_off),
                     BUNDLE_OBJECT);
    assert_int_equal(open_forged(OBJECTS_OFF_OFF, news + OBJECT_NAME, 0), BUNDLE_NAME);
}

static void test_forged_grants(void **state) {
    (void)state;
    const struct {
        uint32_t off, value;
    } cases[] = {
        {0, 3},                                  /* no such target */
        {4, 3},                                  /* no such object */
        {8, 0},                                  /* no right */
        {8, CAP_ALL_RIGHTS + 1},                 /* none that there is */
        {GRANT_BYTES, BUNDLE_TARGET_OBJECT},     /* there is no object 3 */
        {GRANT_BYTES + 4, IPC_DEFAULT_COUNT},    /* no such default */
        {2 * GRANT_BYTES + 4, 3},                /* no such module */
        {2 * GRANT_BYTES, BUNDLE_TARGET_OBJECT}, /* not in order */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(open_forged(MODULE_1 + MODULE_GRANTS_OFF, cases[i].off, cases[i].value),
                         BUNDLE_GRANT);
}

static void assert_supervisor(struct bundle_supervisor found, const char *name,
                              struct bundle_supervisor expected) {
    assert_text(found.name, name);
    assert_int_equal(found.parent_idx, expected.parent_idx);
    assert_int_equal(found.before_module, expected.before_module);
    assert_int_equal(found.strategy, expected.strategy);
    assert_int_equal(found.restart, expected.restart);
    assert_int_equal(found.intensity, expected.intensity);
    assert_int_equal(found.period_ms, expected.period_ms);
    assert_int_equal(found.backoff_ms, expected.backoff_ms);
    assert_int_equal(found.backoff_max_ms, expected.backoff_max_ms);
}

/* The root is there though nobody wrote it, and the outer one comes before the inner one. */
static void test_sample_supervision(void **state) {
    (void)state;
    struct sample sample = sample_load();
    struct bundle bundle;
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_OK);
    struct bundle_module guarded = bundle_module(&bundle, 2);
    assert_int_equal(guarded.supervisor_idx, 2);
    assert_int_equal(guarded.restart, BUNDLE_TRANSIENT);
    assert_int_equal(guarded.heartbeat_ms, 250);
    assert_int_equal(guarded.shutdown_ms, 0);
    assert_int_equal(bundle.supervisor_count, 3);
    const struct bundle_supervisor root = {
        .intensity = 3, .period_ms = 5000, .backoff_ms = 100, .backoff_max_ms = 10000};
    assert_supervisor(bundle_supervisor(&bundle, 0), "root", root);
    const struct bundle_supervisor outer = {.before_module = 3,
                                            .strategy = BUNDLE_REST_FOR_ONE,
                                            .intensity = 31,
                                            .period_ms = 60000,
                                            .backoff_ms = 5,
                                            .backoff_max_ms = 80};
    assert_supervisor(bundle_supervisor(&bundle, 1), "outer", outer);
    const struct bundle_supervisor inner = {.parent_idx = 1,
                                            .before_module = 2,
                                            .strategy = BUNDLE_ONE_FOR_ALL,
                                            .restart = BUNDLE_TEMPORARY,
                                            .period_ms = 1,
                                            .backoff_ms = 20000,
                                            .backoff_max_ms = 20000};
    assert_supervisor(bundle_supervisor(&bundle, 2), "inner", inner);
    free(sample.data);
}

static void test_impossible_supervisors(void **state) {
    (void)state;
    static const struct {
        uint32_t supervisor; /* 3: the fields of module 2 */
        size_t field;
        uint32_t value;
        enum bundle_error error;
    } cases[] = {
        {0, SUPERVISOR_PARENT, 1, BUNDLE_SUPERVISOR}, /* a circle */
        {1, SUPERVISOR_PARENT, 1, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_PARENT, 2, BUNDLE_SUPERVISOR},
        {2, SUPERVISOR_PARENT, UINT32_MAX, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_BEFORE, 4, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_STRATEGY, 3, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_RESTART, 3, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_INTENSITY, BUNDLE_INTENSITY_MAX + 1, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_PERIOD, 0, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_PERIOD, BUNDLE_MS_MAX + 1, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_BACKOFF, 81, BUNDLE_SUPERVISOR},
        {1, SUPERVISOR_BACKOFF_MAX, BUNDLE_MS_MAX + 1, BUNDLE_SUPERVISOR},
        {1, 0, UINT32_MAX, BUNDLE_RANGE},
        {1, 4, 0, BUNDLE_NAME},
        {3, MODULE_SUPERVISOR, 4, BUNDLE_SUPERVISOR},
        {3, MODULE_SUPERVISOR, 0, BUNDLE_SUPERVISOR}, /* but a heartbeat */
        {3, MODULE_RESTART, 3, BUNDLE_SUPERVISOR},
        {3, MODULE_HEARTBEAT, BUNDLE_MS_MAX + 1, BUNDLE_SUPERVISOR},
        {3, MODULE_SHUTDOWN, BUNDLE_MS_MAX + 1, BUNDLE_SUPERVISOR},
        {3, MODULE_VERSION_OF, 1, BUNDLE_SUPERVISOR},
        {3, MODULE_FLAGS, 1, BUNDLE_SUPERVISOR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_load_roomy();
        uint32_t supervisors = get_u32(sample, SUPERVISORS_OFF_OFF);
        size_t record = cases[i].supervisor == 3
                            ? MODULE_2
                            : supervisors + cases[i].supervisor * (size_t)SUPERVISOR_BYTES;
        put_u32(sample, record + cases[i].field, cases[i].value);
        repair_crc(sample);
        struct bundle bundle;
        assert_int_equal(open_sample(sample, &bundle), cases[i].error);
        free(sample.data);
    }
}

static void test_supervisors_names(void **state) {
    (void)state;
    struct sample sample = sample_load();
    struct bundle bundle;
    uint32_t supervisors = get_u32(sample, SUPERVISORS_OFF_OFF);
    memcpy(sample.data + supervisors + SUPERVISOR_BYTES, sample.data + MODULE_1, 8);
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_DUPLICATE);
    memcpy(sample.data + supervisors + SUPERVISOR_BYTES, sample.data + supervisors, 8);
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_DUPLICATE);
    free(sample.data);
}

static void test_trailing_bytes_are_ignored(void **state) {
    (void)state;
    struct sample sample = sample_load();
    struct sample padded = {calloc(1, sample.size + 100), sample.size + 100};
    assert_non_null(padded.data);
    memcpy(padded.data, sample.data, sample.size);
    struct bundle bundle;
    assert_int_equal(open_sample(padded, &bundle), BUNDLE_OK);
    assert_int_equal(bundle.bytes.size, sample.size);
    free(padded.data);
    free(sample.data);
}

static void test_truncated_anywhere(void **state) {
    (void)state;
    struct sample whole = sample_load();
    for (size_t size = 0; size < whole.size; size++) {
        struct sample part = {malloc(size ? size : 1), size};
        assert_non_null(part.data);
        memcpy(part.data, whole.data, size);
        struct bundle bundle;
        assert_int_equal(open_sample(part, &bundle), BUNDLE_TRUNCATED);
        free(part.data);
    }
    free(whole.data);
}

static void test_any_changed_bit_is_noticed(void **state) {
    (void)state;
    struct sample sample = sample_load();
    for (size_t bit = 0; bit < sample.size * 8; bit++) {
        sample.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct bundle bundle;
        assert_int_not_equal(open_sample(sample, &bundle), BUNDLE_OK);
        sample.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(sample.data);
}

/* With the checksum made right again, damage is either refused or harmless. */
static void test_forged_values(void **state) {
    (void)state;
    static const uint32_t values[] = {0,          1,          2,          7,          255,
                                      256,        65537,      0x00FFFFFF, 0x7FFFFFFF, 0x80000000,
                                      0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF};
    struct sample sample = sample_load();
    unsigned opened = 0, refused = 0;
    for (size_t off = CHECKED_OFF; off + 4 <= sample.size; off++) {
        uint32_t original = get_u32(sample, off);
        for (size_t i = 0; i < sizeof values / sizeof *values + 2; i++) {
            uint32_t size = (uint32_t)sample.size;
            uint32_t forged =
                i < sizeof values / sizeof *values ? values[i] : size - (uint32_t)(i % 2);
            put_u32(sample, off, forged);
            repair_crc(sample);
            struct bundle bundle;
            if (open_sample(sample, &bundle) == BUNDLE_OK) {
                opened++;
                assert_true(touch_all(&bundle) > 0);
            } else {
                refused++;
            }
        }
        put_u32(sample, off, original);
    }
    assert_true(opened > 100 && refused > 100); /* both ways were taken */
    free(sample.data);
}

static void test_each_error(void **state) {
    (void)state;
    static const struct {
        size_t off;
        uint32_t value;
        enum bundle_error error;
    } cases[] = {
        {0, 0x42424242, BUNDLE_NOT_ONE},
        {8, BUNDLE_VERSION + 1, BUNDLE_VERSION_UNKNOWN},
        {TOTAL_OFF, HEADER_BYTES - 1, BUNDLE_TRUNCATED},
        {MODULE_COUNT_OFF, BUNDLE_MODULES_MAX + 1, BUNDLE_RANGE},
        {SCHEDULER, BUNDLE_SCHEDULERS, BUNDLE_SCHEDULER},
        {SUPERVISOR_COUNT_OFF, BUNDLE_SUPERVISORS_MAX + 1, BUNDLE_RANGE},
        {SUPERVISORS_OFF_OFF, UINT32_MAX - 8, BUNDLE_RANGE},
        {MODULES_OFF_OFF, UINT32_MAX, BUNDLE_RANGE},
        {NAME_OFF_OFF, UINT32_MAX, BUNDLE_RANGE},
        {NAME_OFF_OFF + 4, 0, BUNDLE_NAME},
        {NAME_OFF_OFF, 0, BUNDLE_NAME},
        {HEADER_BYTES + 4, BUNDLE_NAME_BYTES_MAX + 1, BUNDLE_NAME},
        {HEADER_BYTES + MODULE_IMAGE_OFF, UINT32_MAX, BUNDLE_RANGE},
        {HEADER_BYTES + MODULE_IMAGE_OFF + 4, UINT32_MAX, BUNDLE_RANGE},
        {HEADER_BYTES + MODULE_CAPABILITIES + 4, 1u << (BUNDLE_CAP_COUNT - 32), BUNDLE_CAPABILITY},
        {HEADER_BYTES + MODULE_CAPABILITIES + 4, 1u << 31, BUNDLE_CAPABILITY},
        {HEADER_BYTES + MODULE_PAGES, BUNDLE_MEMORY_PAGES_MAX + 1, BUNDLE_LIMIT},
        {HEADER_BYTES + MODULE_FLAGS, 4, BUNDLE_LIMIT},
        {HEADER_BYTES + MODULE_VERSION_OF, 1, BUNDLE_VERSION_OF}, /* of itself */
        {MODULE_1 + MODULE_VERSION_OF, 3, BUNDLE_VERSION_OF},
        {MODULE_1 + MODULE_VERSION_OF, UINT32_MAX, BUNDLE_VERSION_OF},
        {MODULE_1 + MODULE_VERSION_OF + 4, 1, BUNDLE_VERSION_OF},
        {MODULE_1 + MODULE_BUDGET, 20001, BUNDLE_LIMIT},
        {MODULE_1 + MODULE_PERIOD, BUNDLE_PERIOD_US_MAX + 1, BUNDLE_LIMIT},
        {MODULE_1 + MODULE_BUDGET, 0, BUNDLE_LIMIT},
        {MODULE_1 + MODULE_THREAD_COUNT, BUNDLE_THREADS_MAX + 1, BUNDLE_RANGE},
        {MODULE_1 + MODULE_THREADS_OFF, UINT32_MAX - 8, BUNDLE_RANGE},
        {MODULE_1 + MODULE_HANDLES, BUNDLE_HANDLES_MAX + 1, BUNDLE_LIMIT},
        {MODULE_1 + MODULE_HANDLES, 2, BUNDLE_GRANT},
        {MODULE_1 + MODULE_GRANT_COUNT, 10, BUNDLE_GRANT}, /* more than handles */
        {MODULE_1 + MODULE_GRANTS_OFF, UINT32_MAX - 8, BUNDLE_RANGE},
        {MODULE_1 + MODULE_CLOCK, 0, BUNDLE_LIMIT},
        {MODULE_1 + MODULE_CLOCK, BUNDLE_CLOCK_NS_MAX + 1, BUNDLE_LIMIT},
        {MODULE_1 + MODULE_GATE_DEPTH, BUNDLE_GATE_DEPTH_MAX + 1, BUNDLE_LIMIT},
        {MODULE_1 + MODULE_PLACES, BUNDLE_QUEUE_PLACES_MAX + 1, BUNDLE_LIMIT},
        {MODULE_1 + MODULE_LOG_RATE, BUNDLE_LOG_RATE_MAX + 1, BUNDLE_LIMIT},
        {OBJECT_COUNT_OFF, BUNDLE_OBJECTS_MAX + 1, BUNDLE_RANGE},
        {OBJECTS_OFF_OFF, UINT32_MAX - 8, BUNDLE_RANGE},
        {MODULE_1 + MODULE_CALL_COUNT, BUNDLE_CALLS_MAX + 1, BUNDLE_RANGE},
        {MODULE_1 + MODULE_CALLS_OFF, UINT32_MAX - 8, BUNDLE_RANGE},
        {MODULE_1 + MODULE_START_COUNT, BUNDLE_STARTS_MAX + 1, BUNDLE_RANGE},
        {MODULE_1 + MODULE_STARTS_OFF, UINT32_MAX - 8, BUNDLE_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_load_roomy();
        put_u32(sample, cases[i].off, cases[i].value);
        repair_crc(sample);
        struct bundle bundle;
        assert_int_equal(open_sample(sample, &bundle), cases[i].error);
        free(sample.data);
    }
}

static void test_loads_later(void **state) {
    (void)state;
    struct sample sample = sample_load();
    struct bundle bundle;
    put_u32(sample, MODULE_1 + MODULE_FLAGS, 2);
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_OK);
    assert_true(bundle_module(&bundle, 1).loads_later);
    assert_false(bundle_module(&bundle, 0).loads_later);
    put_u32(sample, MODULE_1 + MODULE_VERSION_OF, 1);
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_VERSION_OF);
    free(sample.data);
}

static void test_loader(void **state) {
    (void)state;
    struct sample sample = sample_load();
    struct bundle bundle;
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_OK);
    struct bundle_loader loader = bundle_module(&bundle, 1).loader;
    assert_int_equal(loader.capabilities, UINT64_C(1) << BUNDLE_CAP_log);
    assert_int_equal(loader.modules, 3);
    assert_int_equal(loader.memory_pages, 20);
    assert_int_equal(loader.code_bytes, 30000);
    assert_int_equal(loader.handles, 40);
    assert_int_equal(loader.threads, 5);
    assert_true(loader.passes_calls);
    assert_int_equal(bundle_module(&bundle, 0).loader.modules, 0);
    free(sample.data);
}

static void test_impossible_loaders(void **state) {
    (void)state;
    static const struct {
        size_t off;
        uint32_t value;
    } cases[] = {
        {HEADER_BYTES + MODULE_LOADER + LOADER_PAGES, 1}, /* and no modules */
        {HEADER_BYTES + MODULE_LOADER_CAPABILITIES, 1},
        {HEADER_BYTES + MODULE_LOADER + LOADER_CALLS, 1},
        {MODULE_1 + MODULE_LOADER, 0},
        {MODULE_1 + MODULE_LOADER, BUNDLE_LOADED_MAX + 1},
        {MODULE_1 + MODULE_LOADER, UINT32_MAX},
        {MODULE_1 + MODULE_LOADER + LOADER_PAGES, BUNDLE_MEMORY_PAGES_MAX + 1},
        {MODULE_1 + MODULE_LOADER + LOADER_CODE, BUNDLE_LOADED_BYTES_MAX + 1},
        {MODULE_1 + MODULE_LOADER + LOADER_HANDLES, BUNDLE_HANDLES_MAX + 1},
        {MODULE_1 + MODULE_LOADER + LOADER_THREADS, BUNDLE_LOADED_THREADS_MAX + 1},
        {MODULE_1 + MODULE_LOADER + LOADER_CALLS, 2},
        {MODULE_1 + MODULE_LOADER_CAPABILITIES, 1u << BUNDLE_CAP_clock_ns}, /* it has none */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_load();
        struct bundle bundle;
        put_u32(sample, cases[i].off, cases[i].value);
        repair_crc(sample);
        assert_int_equal(open_sample(sample, &bundle), BUNDLE_LOADER);
        free(sample.data);
    }
}

static void test_characters(void **state) {
    (void)state;
    static const struct {
        size_t text_off; /* field with the text's offset */
        uint8_t byte;
        enum bundle_error error;
    } cases[] = {
        {MODULE_1, 'L', BUNDLE_NAME},      {MODULE_1, ' ', BUNDLE_NAME},
        {MODULE_1, '9', BUNDLE_OK},        {MODULE_1 + 8, 'L', BUNDLE_OK},
        {MODULE_1 + 8, 0x1F, BUNDLE_NAME}, {MODULE_1 + 8, 0x7F, BUNDLE_NAME},
        {NAME_OFF_OFF, 0, BUNDLE_NAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample sample = sample_load();
        sample.data[get_u32(sample, cases[i].text_off) + 2] = cases[i].byte;
        repair_crc(sample);
        struct bundle bundle;
        assert_int_equal(open_sample(sample, &bundle), cases[i].error);
        free(sample.data);
    }
}

static void test_names_peers_expectations(void **state) {
    (void)state;
    struct bundle bundle;
    struct sample sample = sample_load();
    uint32_t calls_off = get_u32(sample, MODULE_1 + MODULE_CALLS_OFF);
    uint32_t starts_off = get_u32(sample, MODULE_1 + MODULE_STARTS_OFF);

    put_u32(sample, calls_off, 1); /* caller-2 calls itself */
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_PEER);
    put_u32(sample, calls_off, 0);

    put_u32(sample, calls_off + 12, 2); /* neither trap nor error */
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_LIMIT);
    put_u32(sample, calls_off + 12, 0);

    put_u32(sample, starts_off + 8, 599);
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_LIMIT);
    put_u32(sample, starts_off + 8, 700);
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_LIMIT);
    put_u32(sample, starts_off + 8, 699);
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_OK);

    memcpy(sample.data + MODULE_1, sample.data + HEADER_BYTES, 8); /* the other module's name */
    repair_crc(sample);
    assert_int_equal(open_sample(sample, &bundle), BUNDLE_DUPLICATE);
    free(sample.data);
}

static void test_crc_is_the_standard_one(void **state) {
    (void)state;
    struct alka_span check = {(const uint8_t *)"123456789", 9};
    assert_int_equal(bundle_crc32(check), 0xCBF43926); /* the published check value */
}

static void test_words(void **state) {
    (void)state;
    assert_string_equal(bundle_capability_name(BUNDLE_CAP_log), "log");
    assert_null(bundle_capability_name(BUNDLE_CAP_COUNT));
    for (int error = BUNDLE_OK; error <= BUNDLE_SCHEDULER; error++) {
        assert_string_not_equal(bundle_error_text((enum bundle_error)error),
                                bundle_error_text((enum bundle_error)(BUNDLE_SCHEDULER + 1)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_sample_objects),
        cmocka_unit_test(test_forged_objects),
        cmocka_unit_test(test_forged_grants),
        cmocka_unit_test(test_sample_supervision),
        cmocka_unit_test(test_trailing_bytes_are_ignored),
        cmocka_unit_test(test_truncated_anywhere),
        cmocka_unit_test(test_any_changed_bit_is_noticed),
        cmocka_unit_test(test_forged_values),
        cmocka_unit_test(test_each_error),
        cmocka_unit_test(test_loads_later),
        cmocka_unit_test(test_loader),
        cmocka_unit_test(test_impossible_loaders),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_names_peers_expectations),
        cmocka_unit_test(test_impossible_supervisors),
        cmocka_unit_test(test_supervisors_names),
        cmocka_unit_test(test_crc_is_the_standard_one),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The reader of system bundles (bundle.h has the layout).
 * In: the bytes of a boot module, which anybody may have written. Out: module entries with their
 * images. All checks are in bundle_open; whatever it lets through, the accessors may follow without
 * looking. Never: look into an image, allocate, or read a byte outside the span.
 */
#include "raw.h"

uint32_t bundle_crc32(struct alka_span bytes) {
    /* Four bits a step: the table of whole bytes would be larger than this file's code. */
    static const uint32_t nibble[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
                                        0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
                                        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        crc = nibble[crc & 15] ^ crc >> 4;
        crc = nibble[crc & 15] ^ crc >> 4;
    }
    return ~crc;
}

static enum bundle_error check_text(const struct bundle *bundle, struct raw_text text,
                                    uint32_t bytes_max) {
    if (!range_inside(bundle->bytes, text.off, text.bytes))
        return BUNDLE_RANGE;
    if (text.bytes == 0 || text.bytes > bytes_max)
        return BUNDLE_NAME;
    const uint8_t *data = bundle->bytes.data + text.off;
    for (uint32_t i = 0; i < text.bytes; i++) {
        if (data[i] < ' ' || data[i] == 0x7F)
            return BUNDLE_NAME;
    }
    return BUNDLE_OK;
}

static bool is_lower(uint8_t byte) { return byte >= 'a' && byte <= 'z'; }
static bool is_name_rest(uint8_t byte) {
    return is_lower(byte) || (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

/* Module and system names are typed in the shell and shown in tables: a small alphabet. */
bool bundle_is_name(struct bundle_text text) {
    bool is_one =
        text.size > 0 && text.size <= BUNDLE_NAME_BYTES_MAX && is_lower((uint8_t)text.data[0]);
    for (uint32_t i = 1; i < text.size && is_one; i++)
        is_one = is_name_rest((uint8_t)text.data[i]);
    return is_one;
}

enum bundle_error bundle_check_name(const struct bundle *bundle, struct raw_text text) {
    TRY(check_text(bundle, text, BUNDLE_NAME_BYTES_MAX));
    return bundle_is_name(text_at(bundle, text)) ? BUNDLE_OK : BUNDLE_NAME;
}

/* A name that an earlier module has. */
static bool is_duplicate(const struct bundle *bundle, uint32_t module_idx) {
    struct bundle_text name = text_at(bundle, module_at(bundle, module_idx).name);
    for (uint32_t i = 0; i < module_idx; i++) {
        if (same_text(text_at(bundle, module_at(bundle, i).name), name))
            return true;
    }
    return false;
}

static enum bundle_error check_calls(const struct bundle *bundle, uint32_t module_idx,
                                     const struct raw_module *raw) {
    if (!list_inside(bundle, raw->calls_off, raw->call_count, BUNDLE_CALLS_MAX,
                     sizeof(struct raw_call)))
        return BUNDLE_RANGE;
    for (uint32_t i = 0; i < raw->call_count; i++) {
        struct raw_call call = raw_call_at(bundle, raw->calls_off, i);
        if (call.peer_idx >= module_idx || module_at(bundle, call.peer_idx).version_of != 0)
            return BUNDLE_PEER;
        if (call.on_trap > 1)
            return BUNDLE_LIMIT;
        TRY(check_text(bundle, call.function, BUNDLE_TEXT_BYTES_MAX));
    }
    return BUNDLE_OK;
}

static enum bundle_error check_starts(const struct bundle *bundle, const struct raw_module *raw) {
    if (!list_inside(bundle, raw->starts_off, raw->start_count, BUNDLE_STARTS_MAX,
                     sizeof(struct raw_start)))
        return BUNDLE_RANGE;
    for (uint32_t i = 0; i < raw->start_count; i++) {
        struct raw_start start = raw_start_at(bundle, raw->starts_off, i);
        bool is_trap_code = start.expect >= 600 && start.expect <= 699;
        if (start.expect > BUNDLE_EXPECT_ANY_TRAP && !is_trap_code)
            return BUNDLE_LIMIT;
        TRY(check_text(bundle, start.function, BUNDLE_TEXT_BYTES_MAX));
    }
    return BUNDLE_OK;
}

/* A later version stands behind what it is a version of, which is no later version itself. */
static bool is_version(const struct bundle *bundle, uint32_t module_idx, uint32_t version_of) {
    return version_of == 0 ||
           (version_of <= module_idx && module_at(bundle, version_of - 1).version_of == 0);
}

static enum bundle_error check_threads(const struct bundle *bundle, const struct raw_module *raw) {
    bool is_budget = raw->cpu_budget_us == 0 ? raw->cpu_period_us == 0
                                             : raw->cpu_budget_us <= raw->cpu_period_us &&
                                                   raw->cpu_period_us <= BUNDLE_PERIOD_US_MAX;
    if (!is_budget)
        return BUNDLE_LIMIT;
    if (!list_inside(bundle, raw->threads_off, raw->thread_count, BUNDLE_THREADS_MAX,
                     sizeof(struct raw_thread)))
        return BUNDLE_RANGE;
    for (uint32_t i = 0; i < raw->thread_count; i++) {
        struct raw_thread thread = raw_thread_at(bundle, raw->threads_off, i);
        if (thread.priority >= BUNDLE_PRIORITIES)
            return BUNDLE_LIMIT;
        TRY(check_text(bundle, thread.function, BUNDLE_TEXT_BYTES_MAX));
    }
    return BUNDLE_OK;
}

static bool are_limits(const struct raw_module *raw) {
    return raw->memory_pages_max <= BUNDLE_MEMORY_PAGES_MAX &&
           raw->handles_max <= BUNDLE_HANDLES_MAX && raw->clock_resolution_ns > 0 &&
           raw->clock_resolution_ns <= BUNDLE_CLOCK_NS_MAX &&
           raw->gate_depth_max <= BUNDLE_GATE_DEPTH_MAX &&
           raw->queue_places_max <= BUNDLE_QUEUE_PLACES_MAX &&
           raw->log_rate_max <= BUNDLE_LOG_RATE_MAX && raw->reserved_more == 0;
}

static enum bundle_error check_lists(const struct bundle *bundle, uint32_t module_idx,
                                     const struct raw_module *raw) {
    TRY(check_calls(bundle, module_idx, raw));
    TRY(check_starts(bundle, raw));
    TRY(bundle_check_grants(bundle, raw));
    TRY(check_threads(bundle, raw));
    TRY(bundle_check_loader(raw));
    return bundle_check_supervised(bundle, raw);
}

static enum bundle_error check_module(const struct bundle *bundle, uint32_t module_idx) {
    struct raw_module raw = module_at(bundle, module_idx);
    TRY(bundle_check_name(bundle, raw.name));
    TRY(check_text(bundle, raw.file, BUNDLE_TEXT_BYTES_MAX));
    if (is_duplicate(bundle, module_idx))
        return BUNDLE_DUPLICATE;
    if (!range_inside(bundle->bytes, raw.image_off, raw.image_bytes))
        return BUNDLE_RANGE;
    uint64_t known = BUNDLE_CAP_COUNT == 64 ? UINT64_MAX : (UINT64_C(1) << BUNDLE_CAP_COUNT) - 1;
    if (raw.capabilities & ~known)
        return BUNDLE_CAPABILITY;
    if (!are_limits(&raw) || (raw.flags & ~FLAGS_KNOWN) != 0)
        return BUNDLE_LIMIT;
    bool is_late_version = raw.version_of != 0 && (raw.flags & FLAG_LOAD_LATER) != 0;
    if (!is_version(bundle, module_idx, raw.version_of) || is_late_version || raw.reserved != 0)
        return BUNDLE_VERSION_OF;
    return check_lists(bundle, module_idx, &raw);
}

/* Magic, version, length and checksum; on success *out_bundle borrows exactly total_bytes. */
static enum bundle_error check_header(struct alka_span bytes, struct bundle *out_bundle) {
    struct raw_header header;
    if (bytes.size < sizeof header)
        return BUNDLE_TRUNCATED;
    copy_out(&header, bytes, 0, sizeof header);
    if (__builtin_memcmp(header.magic, BUNDLE_MAGIC, sizeof header.magic) != 0)
        return BUNDLE_NOT_ONE;
    if (header.version != BUNDLE_VERSION)
        return BUNDLE_VERSION_UNKNOWN;
    if (header.total_bytes < sizeof header || header.total_bytes > bytes.size)
        return BUNDLE_TRUNCATED;
    struct alka_span checked = {bytes.data + CHECKED_FROM, header.total_bytes - CHECKED_FROM};
    if (bundle_crc32(checked) != header.crc32)
        return BUNDLE_CHECKSUM;

    bytes.size = header.total_bytes; /* boot loaders may round a file up */
    const struct bundle bundle = {
        .bytes = bytes,
        .module_count = header.module_count,
        .modules_off = header.modules_off,
        .object_count = header.object_count,
        .objects_off = header.objects_off,
        .supervisor_count = header.supervisor_count,
        .supervisors_off = header.supervisors_off,
    };
    if (header.scheduler >= BUNDLE_SCHEDULERS)
        return BUNDLE_SCHEDULER;
    *out_bundle = bundle;
    return BUNDLE_OK;
}

enum bundle_error bundle_open(struct alka_span bytes, struct bundle *out_bundle) {
    struct bundle bundle;
    TRY(check_header(bytes, &bundle));
    if (!list_inside(&bundle, bundle.modules_off, bundle.module_count, BUNDLE_MODULES_MAX,
                     sizeof(struct raw_module)))
        return BUNDLE_RANGE;
    TRY(bundle_check_name(&bundle, raw_header(&bundle).name));
    for (uint32_t i = 0; i < bundle.module_count; i++)
        TRY(check_module(&bundle, i));
    TRY(bundle_check_objects(&bundle));
    TRY(bundle_check_supervisors(&bundle));
    TRY(bundle_check_loaders(&bundle));
    *out_bundle = bundle;
    return BUNDLE_OK;
}

struct bundle_text bundle_name(const struct bundle *bundle) {
    return text_at(bundle, raw_header(bundle).name);
}

enum bundle_scheduler bundle_scheduler(const struct bundle *bundle) {
    return (enum bundle_scheduler)raw_header(bundle).scheduler;
}

const char *bundle_scheduler_name(enum bundle_scheduler scheduler) {
    static const char *const names[BUNDLE_SCHEDULERS] = {NULL, "round_robin", "fair"};
    return names[scheduler];
}

struct bundle_module bundle_module(const struct bundle *bundle, uint32_t module_idx) {
    struct raw_module raw = module_at(bundle, module_idx);
    struct bundle_module module = {
        .name = text_at(bundle, raw.name),
        .file = text_at(bundle, raw.file),
        .image = {bundle->bytes.data + raw.image_off, raw.image_bytes},
        .capabilities = raw.capabilities,
        .memory_pages_max = raw.memory_pages_max,
        .version_of_idx = raw.version_of == 0 ? BUNDLE_NO_INDEX : raw.version_of - 1,
        .stops_after_trap = (raw.flags & FLAG_STOP_AFTER_TRAP) != 0,
        .loads_later = (raw.flags & FLAG_LOAD_LATER) != 0,
        .cpu_budget_us = raw.cpu_budget_us,
        .cpu_period_us = raw.cpu_period_us,
        .call_count = raw.call_count,
        .start_count = raw.start_count,
        .thread_count = raw.thread_count,
        .calls_off = raw.calls_off,
        .starts_off = raw.starts_off,
        .threads_off = raw.threads_off,
        .supervisor_idx = raw.supervisor == 0 ? BUNDLE_NO_INDEX : raw.supervisor - 1,
        .restart = (enum bundle_restart)raw.restart,
        .heartbeat_ms = raw.heartbeat_ms,
        .shutdown_ms = raw.shutdown_ms,
        .handles_max = raw.handles_max,
        .clock_resolution_ns = raw.clock_resolution_ns,
        .gate_depth_max = raw.gate_depth_max,
        .queue_places_max = raw.queue_places_max,
        .log_rate_max = raw.log_rate_max,
        .grant_count = raw.grant_count,
        .grants_off = raw.grants_off,
        .loader = bundle_loader(&raw),
    };
    return module;
}

struct bundle_call bundle_call(const struct bundle *bundle, const struct bundle_module *module,
                               uint32_t call_idx) {
    struct raw_call raw = raw_call_at(bundle, module->calls_off, call_idx);
    struct bundle_call call = {raw.peer_idx, text_at(bundle, raw.function), raw.on_trap != 0};
    return call;
}

struct bundle_start bundle_start(const struct bundle *bundle, const struct bundle_module *module,
                                 uint32_t start_idx) {
    struct raw_start raw = raw_start_at(bundle, module->starts_off, start_idx);
    struct bundle_start start = {text_at(bundle, raw.function), raw.expect};
    return start;
}

struct bundle_thread bundle_thread(const struct bundle *bundle, const struct bundle_module *module,
                                   uint32_t thread_idx) {
    struct raw_thread raw = raw_thread_at(bundle, module->threads_off, thread_idx);
    struct bundle_thread thread = {text_at(bundle, raw.function), raw.priority};
    return thread;
}

const char *bundle_error_text(enum bundle_error error) {
    switch (error) {
    case BUNDLE_OK:
        return "the bundle is sound";
    case BUNDLE_TRUNCATED:
        return "the bundle is truncated";
    case BUNDLE_NOT_ONE:
        return "this is not a system bundle";
    case BUNDLE_VERSION_UNKNOWN:
        return "the bundle has another version than this kernel reads";
    case BUNDLE_CHECKSUM:
        return "the bundle's checksum does not match its contents";
    case BUNDLE_RANGE:
        return "an offset, a length or a count in the bundle reaches outside of it";
    case BUNDLE_NAME:
        return "a name in the bundle is empty, too long or has forbidden characters";
    case BUNDLE_DUPLICATE:
        return "two modules of the bundle have the same name";
    case BUNDLE_PEER:
        return "a module of the bundle calls one that does not come before it";
    case BUNDLE_CAPABILITY:
        return "a module of the bundle has a capability that this kernel does not know";
    case BUNDLE_VERSION_OF:
        return "a version of a module that does not come before it";
    case BUNDLE_SUPERVISOR:
        return "a supervisor of the bundle is impossible, or does not come behind its own";
    case BUNDLE_LIMIT:
        return "a module of the bundle has an impossible limit, flag or expectation";
    case BUNDLE_OBJECT:
        return "an object of the bundle cannot be, or is not in order";
    case BUNDLE_GRANT:
        return "a module of the bundle is granted what is not there, or not in order";
    case BUNDLE_SCHEDULER:
        return "the bundle asks for a scheduler that this kernel does not know";
    case BUNDLE_LOADER:
        return "a module of the bundle may load what no module can";
    }
    return "unknown bundle error";
}

const char *bundle_capability_name(uint32_t bit) {
#define SERVICE(name, params, results, meaning) #name,
    static const char *const names[BUNDLE_CAP_COUNT] = {
#include "../services.def"
    };
#undef SERVICE
    return bit < BUNDLE_CAP_COUNT ? names[bit] : NULL;
}

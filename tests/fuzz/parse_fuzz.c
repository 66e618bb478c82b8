/*
 * Fuzz target: decoder and validator. The first byte of an input says what the rest is: 'm' a whole
 * module, anything else the body of a function in a fixed module that has some of everything, so
 * that the validator is reached without guessing sizes.
 *
 * What must hold for all bytes: nothing is read or written out of bounds (sanitizers), a refusal
 * says its code and an offset within the module, a second run says the same, whether bodies are
 * summarized or not makes no difference, memory stays within the documented multiple of the input,
 * and all of it is given back.
 */
#include <alkahest/parse.h>
#include <alkahest/render.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                        \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static size_t pages_held;

static alka_status pages_map(void *self, size_t bytes, void **out_base) {
    (void)self;
    *out_base = calloc(1, bytes);
    REQUIRE(*out_base);
    pages_held += bytes;
    return ALKA_OK;
}

static void pages_unmap(void *self, void *base, size_t bytes) {
    (void)self;
    free(base);
    pages_held -= bytes;
}

static const struct alka_crucible crucible = {.pages_map = pages_map, .pages_unmap = pages_unmap};

static alka_status validate_summarized(struct alka_module *module, struct alka_arena *scratch,
                                       struct alka_diag *diag) {
    struct alka_arena_mark mark = alka_arena_mark(scratch);
    for (uint32_t i = module->imported_functions; i < module->function_count; i++) {
        struct alka_body_summary summary;
        alka_status status = alka_validate_body(module, i, scratch, &summary, diag);
        alka_arena_reset(scratch, mark);
        ALKA_TRY(status);
    }
    return ALKA_OK;
}

static void require_renderable(const struct alka_diag *diag, struct alka_span bytes,
                               const struct alka_module *module) {
    char text[4096];
    struct alka_render_context context = {.bytes = bytes, .module = module};
    REQUIRE(diag->code != ALKA_E_INTERNAL);
    REQUIRE(diag->offset <= bytes.size);
    REQUIRE(alka_code_text((uint32_t)diag->code));
    REQUIRE(alka_render(diag, &context, text, sizeof text) < sizeof text);
}

static struct alka_diag run(struct alka_span bytes, bool is_summarized) {
    struct alka_arena tables, scratch;
    struct alka_module module;
    struct alka_diag diag = {.code = ALKA_OK};
    size_t limit = alka_limits_default.arena_bytes_base +
                   alka_limits_default.arena_bytes_per_module_byte * bytes.size;
    alka_arena_init(&tables, &crucible, limit);
    alka_arena_init(&scratch, &crucible, limit);
    alka_feature_set features = (alka_feature_set)ALKA_FEATURES_ALL | ALKA_FEATURES_UNBUILT_TOO;
    alka_status status =
        alka_parse_module(bytes, features, &alka_limits_default, &tables, &module, &diag);
    if (status == ALKA_OK)
        status = is_summarized ? validate_summarized(&module, &scratch, &diag)
                               : alka_validate_bodies(&module, &scratch, &diag);
    REQUIRE(status == diag.code);
    struct alka_diag hint_diag = {.code = ALKA_OK};
    if (status == ALKA_OK) {
        status = alka_check_hints(&module, &scratch, &hint_diag);
        REQUIRE(status == hint_diag.code);
        if (status != ALKA_OK)
            require_renderable(&hint_diag, bytes, &module);
        status = ALKA_OK;
    }
    if (status != ALKA_OK)
        require_renderable(&diag, bytes, &module);
    alka_arena_drop(&scratch);
    alka_arena_drop(&tables);
    REQUIRE(pages_held == 0);
    return diag;
}

/* Some of everything that a body can name; function 0, of type [i32 i64] -> [f32], is the input. */
static struct alka_span wrap_body(struct builder *b, const uint8_t *body, uint32_t size) {
    build_header(b);
    BUILD_SECTION(b, 1, 4, 0x60, 2, 0x7F, 0x7E, 1, 0x7D, 0x60, 0, 0, 0x60, 0, 2, 0x7F, 0x7B, 0x60,
                  3, 0x7D, 0x7C, 0x70, 1, 0x6F);
    BUILD_SECTION(b, 3, 2, 0, 1);
    BUILD_SECTION(b, 4, 2, 0x70, 0, 1, 0x6F, 1, 0, 9);
    BUILD_SECTION(b, 5, 2, 0, 1, 4, 1);
    BUILD_SECTION(b, 6, 3, 0x7F, 1, 0x41, 0, 0x0B, 0x7E, 0, 0x42, 0, 0x0B, 0x70, 1, 0xD0, 0x70,
                  0x0B);
    BUILD_SECTION(b, 9, 2, 3, 0, 1, 0, 5, 0x6F, 1, 0xD0, 0x6F, 0x0B);
    BUILD_SECTION(b, 12, 1);
    build_byte(b, 10);
    build_open(b);
    build_byte(b, 2);
    build_u32(b, size);
    build_bytes(b, body, size);
    build_bytes(b, "\2\0\x0B", 3);
    build_close(b);
    BUILD_SECTION(b, 11, 1, 1, 0);
    return build_span(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct builder builder;
    if (size == 0 || size > sizeof builder.bytes / 2)
        return 0;
    struct alka_span bytes = {data + 1, size - 1};
    if (data[0] != 'm')
        bytes = wrap_body(&builder, data + 1, (uint32_t)size - 1);
    struct alka_diag plain = run(bytes, false), summarized = run(bytes, true);
    REQUIRE(plain.code == summarized.code);
    REQUIRE(plain.code == ALKA_OK || plain.offset == summarized.offset);
    return 0;
}

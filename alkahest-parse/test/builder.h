/* Test support: modules byte by byte, with section sizes filled in. */
#ifndef PARSE_TEST_BUILDER_H
#define PARSE_TEST_BUILDER_H

#include <alkahest/span.h>
#include <stdint.h>
#include <string.h>

struct builder {
    uint8_t bytes[1 << 18];
    uint32_t size;
    uint32_t open; /* where the size of the open section or body is to go */
};

static inline void build_bytes(struct builder *builder, const void *bytes, size_t size) {
    memcpy(builder->bytes + builder->size, bytes, size);
    builder->size += (uint32_t)size;
}
static inline void build_byte(struct builder *builder, uint32_t byte) {
    builder->bytes[builder->size++] = (uint8_t)byte;
}
static inline void build_u32(struct builder *builder, uint32_t value) {
    for (; value >= 0x80; value >>= 7)
        build_byte(builder, value | 0x80);
    build_byte(builder, value);
}
/* Always five bytes, to be filled in later. */
static inline void build_size_at(struct builder *builder, uint32_t at, uint32_t value) {
    for (uint32_t i = 0; i < 5; i++)
        builder->bytes[at + i] = (uint8_t)(value >> 7 * i | (i < 4 ? 0x80 : 0));
}
static inline void build_name(struct builder *builder, const char *name) {
    build_u32(builder, (uint32_t)strlen(name));
    build_bytes(builder, name, strlen(name));
}
static inline void build_header(struct builder *builder) {
    builder->size = 0;
    build_bytes(builder, "\0asm\1\0\0\0", 8);
}
static inline void build_open(struct builder *builder) {
    builder->open = builder->size;
    builder->size += 5;
}
static inline void build_close(struct builder *builder) {
    build_size_at(builder, builder->open, builder->size - builder->open - 5);
}
/* A section whose contents are at hand. */
static inline void build_section(struct builder *builder, uint32_t id, const void *bytes,
                                 size_t size) {
    build_byte(builder, id);
    build_open(builder);
    build_bytes(builder, bytes, size);
    build_close(builder);
}
#define BUILD_SECTION(builder, id, ...)                        \
    build_section(builder, id, (const uint8_t[]){__VA_ARGS__}, \
                  sizeof((const uint8_t[]){__VA_ARGS__}))

static inline struct alka_span build_span(const struct builder *builder) {
    return (struct alka_span){builder->bytes, builder->size};
}

#endif

/*
 * Says what Alkahest says about a module: one line "CODE OFFSET" (0 and the module's size if it is
 * valid), then the rendered diagnostic. Usage: diagnose FEATURES(hex) FILE [key=value…], where keys
 * are fields of struct alka_limits, fail_grant (the n-th request for pages fails) or arena_bytes.
 */
#include <alkahest/parse.h>
#include <alkahest/render.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host {
    unsigned long fail_grant, grants;
};

static alka_status host_map(void *self, size_t bytes, void **out_base) {
    struct host *host = self;
    if (++host->grants == host->fail_grant)
        return ALKA_E_OUT_OF_MEMORY;
    *out_base = calloc(1, bytes);
    return *out_base ? ALKA_OK : ALKA_E_OUT_OF_MEMORY;
}

static void host_unmap(void *self, void *base, size_t bytes) {
    (void)self;
    (void)bytes;
    free(base);
}

struct setting {
    struct host host;
    struct alka_limits limits;
    unsigned long arena_bytes;
};

static uint32_t *setting_limit(struct alka_limits *limits, const char *name, size_t length) {
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
#define ROW(field) {#field, offsetof(struct alka_limits, field)}
        ROW(module_bytes),  ROW(types),   ROW(functions),        ROW(imports),
        ROW(exports),       ROW(globals), ROW(tables),           ROW(memories),
        ROW(data_segments), ROW(params),  ROW(element_segments), ROW(results),
        ROW(struct_fields), ROW(tags),    ROW(locals),           ROW(module_locals),
        ROW(body_bytes),    ROW(nesting), ROW(operand_stack),    ROW(br_table_arms),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(rows[i].name, name, length) == 0 && rows[i].name[length] == 0)
            return (uint32_t *)((char *)limits + rows[i].offset);
    return NULL;
}

static int setting_parse(struct setting *setting, const char *text) {
    const char *value = strchr(text, '=');
    if (!value)
        return -1;
    size_t length = (size_t)(value - text);
    unsigned long number = strtoul(value + 1, NULL, 10);
    uint32_t *limit = setting_limit(&setting->limits, text, length);
    if (limit)
        *limit = (uint32_t)number;
    else if (strncmp(text, "fail_grant=", length + 1) == 0)
        setting->host.fail_grant = number;
    else if (strncmp(text, "arena_bytes=", length + 1) == 0)
        setting->arena_bytes = number;
    else
        return -1;
    return 0;
}

static struct alka_span file_read(const char *path) {
    struct alka_span none = {NULL, 0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return none;
    size_t capacity = 1 << 20, size = 0, got;
    uint8_t *data = malloc(capacity);
    while (data && (got = fread(data + size, 1, capacity - size, file)) != 0) {
        size += got;
        if (size == capacity)
            data = realloc(data, capacity *= 2);
    }
    (void)fclose(file);
    if (!data)
        return none;
    return (struct alka_span){data, size};
}

static void diagnose(struct alka_span bytes, alka_feature_set features, struct setting *setting,
                     const char *path) {
    struct alka_crucible crucible = {
        .self = &setting->host, .pages_map = host_map, .pages_unmap = host_unmap};
    struct alka_arena tables, scratch;
    struct alka_module module;
    struct alka_diag diag = {.code = ALKA_OK};
    alka_arena_init(&tables, &crucible, setting->arena_bytes);
    alka_arena_init(&scratch, &crucible, setting->arena_bytes);
    alka_status status =
        alka_parse_module(bytes, features, &setting->limits, &tables, &module, &diag);
    if (status == ALKA_OK)
        status = alka_validate_bodies(&module, &scratch, &diag);
    if (status == ALKA_OK)
        status = alka_check_hints(&module, &scratch, &diag);
    if (status == ALKA_OK) {
        printf("0 %zu\n", bytes.size);
    } else {
        char text[4096];
        struct alka_render_context context = {.file = path, .bytes = bytes, .module = &module};
        (void)alka_render(&diag, &context, text, sizeof text);
        printf("%u %u\n%s", (unsigned)status, diag.offset, text);
    }
    alka_arena_drop(&scratch);
    alka_arena_drop(&tables);
}

int main(int argc, char **argv) {
    struct setting setting = {.limits = alka_limits_default};
    if (argc < 3)
        return 2;
    for (int i = 3; i < argc; i++)
        if (setting_parse(&setting, argv[i]) != 0) {
            (void)fprintf(stderr, "%s: not a setting\n", argv[i]);
            return 2;
        }
    struct alka_span bytes = file_read(argv[2]);
    if (!bytes.data) {
        perror(argv[2]);
        return 2;
    }
    diagnose(bytes, (alka_feature_set)strtoul(argv[1], NULL, 16), &setting, argv[2]);
    free((void *)bytes.data);
    return 0;
}

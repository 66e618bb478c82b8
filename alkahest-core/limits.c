/*
 * Room: core. The default limits: those of the JavaScript embedding where it has one, and for what
 * it leaves open what real modules need with room to spare. Data only.
 */
#include <alkahest/limits.h>

const struct alka_limits alka_limits_default = {
    .module_bytes = ALKA_MODULE_BYTES_MAX,
    .types = 1000000,
    .functions = 1000000,
    .imports = 1000000,
    .exports = 1000000,
    .globals = 1000000,
    .tables = 100000,
    .memories = 100,
    .tags = 1000000,
    .data_segments = 100000,
    .element_segments = 10000000,
    .params = 1000,
    .results = 1000,
    .struct_fields = 10000,
    .locals = 50000,
    .module_locals = UINT32_C(1) << 24,
    .body_bytes = 7654321,
    .nesting = 100000,
    .operand_stack = 1000000,
    .br_table_arms = 65520,
    .table_entries = 10000000,
    .memory_pages = 65536,
    .arena_bytes_per_module_byte = 64,
    .arena_bytes_base = UINT32_C(16) << 20,
};

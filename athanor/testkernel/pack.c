/* The reader of packs. In: bytes of a boot module. Out: numbers, texts, blobs. */
#include "testkernel/pack.h"
#include "boot/boot.h"
#include "boot/boot_info.h"
#include "mm/layout.h"
#include <string.h>

#define PACK_NO_TEXT 0xFFFFu
#define PACK_BUNDLE_SIZE_AT 12u /* bundle.h: a bundle's total_bytes */
#define PACK_ALIGN 8u

static const uint8_t *pack_take(struct pack *pack, uint64_t bytes) {
    if (pack->is_broken || (uint64_t)(pack->end - pack->at) < bytes) {
        pack->is_broken = true;
        return NULL;
    }
    const uint8_t *taken = pack->at;
    pack->at += bytes;
    return taken;
}

uint64_t pack_number(struct pack *pack, uint32_t bytes) {
    uint64_t value = 0;
    const uint8_t *from = pack_take(pack, bytes);
    if (from != NULL) {
        memcpy(&value, from, bytes);
    }
    return value;
}

struct alka_span pack_text(struct pack *pack) {
    uint64_t size = pack_number(pack, 2);
    if (size == PACK_NO_TEXT) {
        return (struct alka_span){NULL, 0};
    }
    const uint8_t *data = pack_take(pack, size + 1);
    if (data == NULL || data[size] != 0) {
        pack->is_broken = true;
        return (struct alka_span){NULL, 0};
    }
    return (struct alka_span){data, size};
}

struct alka_span pack_blob(struct pack *pack) {
    uint64_t size = pack_number(pack, 4);
    const uint8_t *data = pack_take(pack, size);
    return (struct alka_span){data, data != NULL ? size : 0};
}

bool pack_find(struct pack *out) {
    if (boot_info.module_count == 0) {
        return false;
    }
    const struct boot_module *file = &boot_info.modules[0];
    const uint8_t *bytes = layout_direct(file->base_phys);
    struct pack bundle = {.at = bytes, .end = bytes + file->size_bytes};
    (void)pack_take(&bundle, PACK_BUNDLE_SIZE_AT);
    uint64_t skipped = pack_number(&bundle, 4);
    *out = (struct pack){.at = bytes, .end = bytes + file->size_bytes};
    (void)pack_take(out, (skipped + PACK_ALIGN - 1) & ~(uint64_t)(PACK_ALIGN - 1));
    const uint8_t *magic = pack_take(out, strlen(PACK_MAGIC));
    return magic != NULL && memcmp(magic, PACK_MAGIC, strlen(PACK_MAGIC)) == 0;
}

/*
 * Room: codegen. Growing arrays (pages.h). Must never hold more than twice what is used, and a
 * page.
 */
#include "pages.h"

void *memcpy(void *restrict, const void *restrict, size_t);

alka_status pages_grow(struct pages *pages, const struct alka_crucible *crucible, size_t bytes) {
    uint64_t wish = pages->capacity_bytes ? (uint64_t)pages->capacity_bytes * 2 : ALKA_PAGE_BYTES;
    while (wish - pages->used_bytes < bytes)
        wish *= 2;
    if (wish > UINT32_MAX)
        return ALKA_E_CODE_TOO_LARGE;
    void *data;
    ALKA_TRY(crucible->pages_map(crucible->self, (size_t)wish, &data));
    if (pages->data) {
        memcpy(data, pages->data, pages->used_bytes);
        crucible->pages_unmap(crucible->self, pages->data, pages->capacity_bytes);
    }
    pages->data = data;
    pages->capacity_bytes = (uint32_t)wish;
    return ALKA_OK;
}

void pages_drop(struct pages *pages, const struct alka_crucible *crucible) {
    if (pages->data)
        crucible->pages_unmap(crucible->self, pages->data, pages->capacity_bytes);
    *pages = (struct pages){0};
}

/*
 * Test support: see fake_crucible.h. Backed by mmap, so that code made through it can run and
 * addresses behave; keeps a list of everything handed out.
 */
#include "fake_crucible.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void fake_die(const char *what) {
    (void)fprintf(stderr, "fake crucible: %s\n", what);
    abort();
}

static bool fake_refuses(struct fake_crucible *fake) { return fake->grants++ == fake->fail_at; }

static void fake_hold(struct fake_crucible *fake, struct fake_holding holding) {
    if (fake->holding_count == FAKE_HOLDINGS)
        fake_die("too many holdings");
    fake->holdings[fake->holding_count++] = holding;
}

static struct fake_holding *fake_find(struct fake_crucible *fake, enum fake_holding_kind kind,
                                      const void *base) {
    for (uint32_t i = 0; i < fake->holding_count; i++)
        if (fake->holdings[i].kind == kind && fake->holdings[i].base == base)
            return &fake->holdings[i];
    return NULL;
}

static void fake_forget(struct fake_crucible *fake, struct fake_holding *holding) {
    *holding = fake->holdings[--fake->holding_count];
}

static void *fake_map(uint64_t bytes, int protection) {
    void *base = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        fake_die("mmap failed");
    return base;
}

static void fake_check_size(uint64_t bytes) {
    if (bytes % ALKA_PAGE_BYTES != 0)
        fake_die("a size is no multiple of the page size");
}

static alka_status fake_pages_map(void *self, size_t bytes, void **out_base) {
    struct fake_crucible *fake = self;
    fake_check_size(bytes);
    if (bytes == 0)
        fake_die("pages_map of nothing");
    if (fake_refuses(fake))
        return ALKA_E_OUT_OF_MEMORY;
    *out_base = fake_map(bytes, PROT_READ | PROT_WRITE);
    fake_hold(fake, (struct fake_holding){FAKE_PAGES, *out_base, 0, bytes, 0});
    fake->held_bytes += bytes;
    return ALKA_OK;
}

static void fake_pages_unmap(void *self, void *base, size_t bytes) {
    struct fake_crucible *fake = self;
    struct fake_holding *holding = fake_find(fake, FAKE_PAGES, base);
    if (!holding || holding->bytes != bytes)
        fake_die("pages_unmap of what pages_map did not give");
    munmap(base, bytes);
    fake->held_bytes -= bytes;
    fake_forget(fake, holding);
}

static alka_status fake_slot_reserve(void *self, size_t context_bytes, uint64_t commit_bytes,
                                     uint64_t reserve_bytes, struct alka_host_addr *out_base) {
    struct fake_crucible *fake = self;
    fake_check_size(context_bytes);
    fake_check_size(commit_bytes);
    fake_check_size(reserve_bytes);
    if (context_bytes + reserve_bytes == 0 || commit_bytes > reserve_bytes)
        fake_die("slot_reserve of nothing, or with more committed than reserved");
    if (fake_refuses(fake))
        return ALKA_E_OUT_OF_MEMORY;
    uint8_t *low = fake_map(context_bytes + reserve_bytes, PROT_NONE);
    uint64_t mapped_bytes = context_bytes + commit_bytes;
    if (mapped_bytes && mprotect(low, mapped_bytes, PROT_READ | PROT_WRITE) != 0)
        fake_die("mprotect failed");
    out_base->value = (uint64_t)(low + context_bytes);
    fake_hold(fake, (struct fake_holding){FAKE_SLOT, low + context_bytes, context_bytes,
                                          reserve_bytes, commit_bytes});
    return ALKA_OK;
}

static alka_status fake_slot_commit(void *self, struct alka_host_addr base, uint64_t from_bytes,
                                    uint64_t to_bytes) {
    struct fake_crucible *fake = self;
    struct fake_holding *holding = fake_find(fake, FAKE_SLOT, (void *)base.value);
    fake_check_size(from_bytes);
    fake_check_size(to_bytes);
    if (!holding || from_bytes >= to_bytes || to_bytes > holding->bytes)
        fake_die("slot_commit outside of a slot");
    if (fake_refuses(fake))
        return ALKA_E_OUT_OF_MEMORY;
    if (mprotect((void *)(base.value + from_bytes), to_bytes - from_bytes,
                 PROT_READ | PROT_WRITE) != 0)
        fake_die("mprotect failed");
    if (to_bytes > holding->committed_bytes)
        holding->committed_bytes = to_bytes;
    return ALKA_OK;
}

static void fake_slot_release(void *self, struct alka_host_addr base, size_t context_bytes,
                              uint64_t committed_bytes, uint64_t reserve_bytes) {
    struct fake_crucible *fake = self;
    struct fake_holding *holding = fake_find(fake, FAKE_SLOT, (void *)base.value);
    if (!holding || holding->low_bytes != context_bytes || holding->bytes != reserve_bytes ||
        holding->committed_bytes != committed_bytes)
        fake_die("slot_release of what slot_reserve did not give");
    munmap((void *)(base.value - context_bytes), context_bytes + reserve_bytes);
    fake_forget(fake, holding);
}

static alka_status fake_code_reserve(void *self, size_t reserve_bytes, void **out_base) {
    struct fake_crucible *fake = self;
    fake_check_size(reserve_bytes);
    if (fake_refuses(fake))
        return ALKA_E_OUT_OF_MEMORY;
    *out_base = fake_map(reserve_bytes, PROT_NONE);
    fake_hold(fake, (struct fake_holding){FAKE_CODE, *out_base, 0, reserve_bytes, 0});
    return ALKA_OK;
}

static alka_status fake_code_commit(void *self, void *base, size_t from_bytes, size_t to_bytes) {
    struct fake_crucible *fake = self;
    struct fake_holding *holding = fake_find(fake, FAKE_CODE, base);
    fake_check_size(from_bytes);
    fake_check_size(to_bytes);
    if (!holding || from_bytes >= to_bytes || to_bytes > holding->bytes)
        fake_die("code_commit outside of unsealed code space");
    if (fake_refuses(fake))
        return ALKA_E_OUT_OF_MEMORY;
    if (mprotect((uint8_t *)base + from_bytes, to_bytes - from_bytes, PROT_READ | PROT_WRITE) != 0)
        fake_die("mprotect failed");
    return ALKA_OK;
}

static alka_status fake_code_seal(void *self, void *base, size_t used_bytes, size_t reserve_bytes) {
    struct fake_crucible *fake = self;
    struct fake_holding *holding = fake_find(fake, FAKE_CODE, base);
    if (!holding || holding->bytes != reserve_bytes || used_bytes == 0 ||
        used_bytes > reserve_bytes)
        fake_die("code_seal of what code_reserve did not give");
    if (fake_refuses(fake))
        return ALKA_E_OUT_OF_MEMORY;
    uint64_t kept = (used_bytes + ALKA_PAGE_BYTES - 1) & ~(uint64_t)(ALKA_PAGE_BYTES - 1);
    if (mprotect(base, kept, PROT_READ | PROT_EXEC) != 0)
        fake_die("mprotect failed");
    if (kept < reserve_bytes)
        munmap((uint8_t *)base + kept, reserve_bytes - kept);
    holding->kind = FAKE_CODE_SEALED;
    holding->bytes = kept;
    return ALKA_OK;
}

static void fake_code_release(void *self, void *base, size_t bytes) {
    struct fake_crucible *fake = self;
    struct fake_holding *holding = fake_find(fake, FAKE_CODE, base);
    if (!holding)
        holding = fake_find(fake, FAKE_CODE_SEALED, base);
    if (!holding || holding->bytes != bytes)
        fake_die("code_release of what code_reserve did not give");
    munmap(base, bytes);
    fake_forget(fake, holding);
}

static void fake_event(void *self, const struct alka_event *event) {
    struct fake_crucible *fake = self;
    if (event->kind == ALKA_EVENT_DIAGNOSTIC) {
        fake->diagnostic_events++;
        fake->last_diag = event->diag;
        return;
    }
    if (fake->state_events < sizeof fake->states_seen / sizeof *fake->states_seen)
        fake->states_seen[fake->state_events] = event->state_to;
    fake->state_events++;
}

void fake_crucible_init(struct fake_crucible *fake) {
    memset(fake, 0, sizeof *fake);
    fake->fail_at = FAKE_NEVER;
    fake->crucible = (struct alka_crucible){
        .self = fake,
        .pages_map = fake_pages_map,
        .pages_unmap = fake_pages_unmap,
        .slot_reserve = fake_slot_reserve,
        .slot_commit = fake_slot_commit,
        .slot_release = fake_slot_release,
        .code_reserve = fake_code_reserve,
        .code_commit = fake_code_commit,
        .code_seal = fake_code_seal,
        .code_release = fake_code_release,
        .event = fake_event,
    };
}

bool fake_crucible_is_empty(const struct fake_crucible *fake) {
    static const char *const names[] = {"pages", "slot", "code space", "sealed code"};
    for (uint32_t i = 0; i < fake->holding_count; i++)
        (void)fprintf(stderr, "fake crucible: still held: %s at %p, %llu bytes\n",
                      names[fake->holdings[i].kind], fake->holdings[i].base,
                      (unsigned long long)fake->holdings[i].bytes);
    return fake->holding_count == 0;
}

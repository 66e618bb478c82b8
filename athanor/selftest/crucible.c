/*
 * Code space and memory slots as modules will use them: what is sealed runs and
 * cannot be written by any address, what is not committed faults, and what is
 * released is all back.
 */
#include "crucible/crucible.h"
#include "mm/code_frames.h"
#include "mm/frames.h"
#include "mm/kernel_map.h"
#include "mm/layout.h"
#include "selftest/selftest.h"
#include "trap/trap.h"
#include <stddef.h>
#include <string.h>

#define PAGE_BYTES ((size_t)ALKA_PAGE_BYTES)
#define CODE_RESERVE_BYTES (16 * PAGE_BYTES)
#define CODE_USED_BYTES (PAGE_BYTES + 100)
#define CODE_RESULT 0x2A5A

/* mov eax, CODE_RESULT; ret */
static const uint8_t code_bytes[] = {0xB8, 0x5A, 0x2A, 0x00, 0x00, 0xC3};

struct access {
    volatile uint8_t *at;
    uint32_t result;
};

static void access_write(void *arg) {
    struct access *access = arg;
    *access->at = 0;
}

static void access_read(void *arg) {
    struct access *access = arg;
    access->result = *access->at;
}

static void access_call(void *arg) {
    struct access *access = arg;
    uint32_t (*code)(void);
    __builtin_memcpy(&code, &access->at, sizeof code);
    access->result = code();
}

static bool access_survives(void (*run)(void *arg), uint64_t at, struct access *access) {
    struct trap_recovery fault;
    access->at = (volatile uint8_t *)at;
    return trap_survive(run, access, &fault);
}

/* `base` holds code in its first two pages, not sealed yet. */
static const char *crucible_try_code(uint64_t base) {
    struct access access;
    struct paging_mapping mapping;
    if (access_survives(access_call, base, &access)) {
        return "code runs before it is sealed";
    }
    if (crucible.code_seal(NULL, (void *)base, CODE_USED_BYTES, CODE_RESERVE_BYTES) != ALKA_OK) {
        return "code cannot be sealed";
    }
    if (!access_survives(access_call, base, &access) || access.result != CODE_RESULT ||
        !access_survives(access_call, base + PAGE_BYTES, &access)) {
        return "sealed code does not run";
    }
    for (uint64_t page = base; page < base + 2 * PAGE_BYTES; page += PAGE_BYTES) {
        if (!kernel_map_query(page, &mapping) || access_survives(access_write, page, &access) ||
            access_survives(access_write, LAYOUT_DIRECT + mapping.phys, &access)) {
            return "sealed code can be written";
        }
    }
    if (access_survives(access_read, base + 2 * PAGE_BYTES, &access)) {
        return "what was committed behind the code is still there";
    }
    return NULL;
}

static const char *crucible_code(void) {
    struct buddy_stats before, after;
    void *base;
    frames_stats(&before);
    before.free_frames += code_frames_free();
    if (crucible.code_reserve(NULL, CODE_RESERVE_BYTES, &base) != ALKA_OK) {
        return "no code space";
    }
    int64_t distance = (int64_t)((uint64_t)base + CODE_RESERVE_BYTES - LAYOUT_KERNEL);
    if (distance <= 0 || distance > INT32_MAX) {
        return "code space is too far from the kernel for its calls";
    }
    if (crucible.code_commit(NULL, base, 0, 3 * PAGE_BYTES) != ALKA_OK) {
        return "no memory";
    }
    memcpy(base, code_bytes, sizeof code_bytes);
    memcpy((uint8_t *)base + PAGE_BYTES, code_bytes, sizeof code_bytes);
    const char *error = crucible_try_code((uint64_t)base);
    crucible.code_release(NULL, base, 2 * PAGE_BYTES);
    if (error != NULL) {
        return error;
    }
    /* Released frames must be writable again: take and clear some. */
    if (crucible.pages_map(NULL, 16 * PAGE_BYTES, &base) != ALKA_OK) {
        return "no memory";
    }
    crucible.pages_unmap(NULL, base, 16 * PAGE_BYTES);
    frames_stats(&after);
    after.free_frames += code_frames_free();
    /* Tables that sealing split off the direct map stay, and pages of the heap's
     * books. */
    return after.free_frames + 8 >= before.free_frames ? NULL : "released code keeps memory";
}

#define SLOT_BYTES (UINT64_C(8) << 30)

/* `base` is a slot with one page of context. */
static const char *crucible_try_slot(struct alka_host_addr base) {
    struct access access;
    if (!access_survives(access_write, base.value - 1, &access)) {
        return "the context is not there";
    }
    if (access_survives(access_read, base.value, &access)) {
        return "memory is there before it is committed";
    }
    if (crucible.slot_commit(NULL, base, 0, 2 * PAGE_BYTES) != ALKA_OK) {
        return "no memory";
    }
    if (!access_survives(access_write, base.value + 2 * PAGE_BYTES - 1, &access)) {
        return "committed memory is not there";
    }
    static const uint64_t beyond[] = {2 * PAGE_BYTES, UINT64_C(1) << 31, UINT64_C(1) << 32,
                                      SLOT_BYTES - 1};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        if (access_survives(access_read, base.value + beyond[i], &access)) {
            return "there is something behind the committed memory";
        }
    }
    return NULL;
}

static const char *crucible_slot(void) {
    struct buddy_stats before, after;
    struct alka_host_addr base;
    frames_stats(&before);
    if (crucible.slot_reserve(NULL, PAGE_BYTES, 0, SLOT_BYTES, &base) != ALKA_OK) {
        return "no slot";
    }
    const char *error = crucible_try_slot(base);
    crucible.slot_release(NULL, base, PAGE_BYTES, 2 * PAGE_BYTES, SLOT_BYTES);
    if (error != NULL) {
        return error;
    }
    frames_stats(&after);
    /* The top-level table of the lower half stays, and a page of the heap's. */
    return after.free_frames + 2 >= before.free_frames ? NULL : "a released slot keeps memory";
}

const struct selftest selftest_crucible[] = {
    {"module-code", crucible_code},
    {"module-memory", crucible_slot},
    {NULL, NULL},
};

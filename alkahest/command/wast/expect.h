/*
 * What a suite expects, apart from the form that it is written in: patterns of values, and texts of
 * refusals. Freestanding: the kernel's runner of the suite uses it too.
 */
#ifndef WAST_EXPECT_H
#define WAST_EXPECT_H

#include "../values.h"

#include <alkahest/status.h>

enum wast_pattern_kind {
    WAST_BITS,          /* exactly these */
    WAST_LANES,         /* v128 lanes of floats, some of which may be NaN patterns */
    WAST_NAN_CANONICAL, /* of value.type */
    WAST_NAN_ARITHMETIC,
    WAST_ANY_NON_NULL, /* some reference */
    WAST_ANY_NULL,     /* whatever type of reference */
};

enum wast_lane { WAST_LANE_BITS, WAST_LANE_NAN_CANONICAL, WAST_LANE_NAN_ARITHMETIC };

struct wast_pattern {
    enum wast_pattern_kind kind;
    struct value value;
    uint32_t lane_count;     /* WAST_LANES: 4 of f32 or 2 of f64 */
    enum wast_lane lanes[4]; /* WAST_LANES: which lanes are bits of `value` */
};

bool wast_pattern_matches(const struct wast_pattern *pattern, const struct value *value);

/* References of the host are numbers in the suite; a null reference is 0 here. */
static inline uint64_t wast_externref(uint64_t number) { return number + 1; }

/* Does the official text fit ours? */
bool wast_messages_agree(const char *expected, const char *got);
/* The same for a module that was refused with `status`: features of later releases count. */
bool wast_refusal_agrees(const char *expected, alka_status status, const char *got);

#endif

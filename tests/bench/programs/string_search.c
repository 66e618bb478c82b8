/* string_search (integer): three classic ways to find words in a text; all must agree.
 *
 * Stresses: byte loads with compare-and-branch, loops with two exits, table look-ups whose index
 * is a byte just loaded, and a rolling hash on 32-bit multiplication. */
#include "../bench.h"

enum { TEXT_BYTES = 2 << 20, PATTERNS = 6, MAX_PATTERN = 12 };
static uint8_t text[TEXT_BYTES];
static uint8_t patterns[PATTERNS][MAX_PATTERN];
static const uint32_t lengths[PATTERNS] = {3, 4, 5, 6, 9, 12};

static void prepare(void) {
    uint64_t seed = 21;
    for (uint32_t i = 0; i < TEXT_BYTES; i++) {
        const uint64_t r = bench_random(&seed);
        text[i] = (uint8_t)('a' + (r & 7) * (r >> 3 & 7) / 8); /* skewed: some letters are rare */
    }
    for (uint32_t p = 0; p < PATTERNS; p++)
        for (uint32_t i = 0; i < lengths[p]; i++)
            patterns[p][i] = text[100000 * (p + 1) + i];
}

static uint32_t count_horspool(const uint8_t *pattern, uint32_t length) {
    uint32_t skip[256];
    for (uint32_t c = 0; c < 256; c++)
        skip[c] = length;
    for (uint32_t i = 0; i + 1 < length; i++)
        skip[pattern[i]] = length - 1 - i;

    uint32_t count = 0;
    for (uint32_t at = 0; at + length <= TEXT_BYTES; at += skip[text[at + length - 1]]) {
        uint32_t i = length;
        while (i > 0 && text[at + i - 1] == pattern[i - 1])
            i--;
        count += i == 0;
    }
    return count;
}

static uint32_t count_kmp(const uint8_t *pattern, uint32_t length) {
    uint32_t fallback[MAX_PATTERN + 1] = {0};
    for (uint32_t i = 1, k = 0; i < length; i++) {
        while (k > 0 && pattern[i] != pattern[k])
            k = fallback[k];
        k += pattern[i] == pattern[k];
        fallback[i + 1] = k;
    }
    uint32_t count = 0, k = 0;
    for (uint32_t i = 0; i < TEXT_BYTES; i++) {
        while (k > 0 && (k == length || text[i] != pattern[k]))
            k = fallback[k];
        k += text[i] == pattern[k];
        count += k == length;
    }
    return count;
}

static uint32_t count_rolling(const uint8_t *pattern, uint32_t length) {
    const uint32_t radix = 257;
    uint32_t wanted = 0, hash = 0, leading = 1;
    for (uint32_t i = 0; i < length; i++) {
        wanted = wanted * radix + pattern[i];
        hash = hash * radix + text[i];
        leading = i ? leading * radix : 1;
    }
    uint32_t count = 0;
    for (uint32_t at = 0;; at++) {
        if (hash == wanted) {
            uint32_t i = 0;
            while (i < length && text[at + i] == pattern[i])
                i++;
            count += i == length;
        }
        if (at + length == TEXT_BYTES)
            return count;
        hash = (hash - text[at] * leading) * radix + text[at + length];
    }
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int p = 0; p < PATTERNS; p++) {
        const uint32_t count = count_horspool(patterns[p], lengths[p]);
        if (count == 0 || count != count_kmp(patterns[p], lengths[p]) ||
            count != count_rolling(patterns[p], lengths[p]))
            return 0;
        check = check * 1000003 + count;
    }
    return check;
}

const struct bench_program bench_program = {"string_search", prepare, run, 0x6d12f24a31e268ce};

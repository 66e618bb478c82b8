/* coremix (mix): what embedded scores are made of, one after the other, tied together by a CRC:
 * list handling, small integer matrices, a number-scanning state machine.
 *
 * Stresses: nothing in particular and everything a little: pointer loops, 16-bit loads and
 * multiplications, switch statements, bit-serial loops. The mix that a compiler meets most often.
 */
#include "../bench.h"

enum { ITERATIONS = 12000, LIST = 60, SIDE = 10, TEXT_BYTES = 700 };

struct item {
    struct item *next;
    int16_t data, index;
};
static struct item items[LIST];
static int16_t left[SIDE * SIDE], right[SIDE * SIDE];
static int32_t product[SIDE * SIDE];
static uint8_t text[TEXT_BYTES];

static void prepare(void) {
    static const char *const pieces[8] = {"512",  "-17.25", "+3", "1e9",
                                          "0x1f", "7.5E-3", "9a", "."};
    uint64_t seed = 30;
    for (int i = 0; i < LIST; i++) {
        items[i].data = (int16_t)(bench_random(&seed) >> 52);
        items[i].index = (int16_t)i;
        items[i].next = i + 1 < LIST ? &items[i + 1] : NULL;
    }
    for (int i = 0; i < SIDE * SIDE; i++) {
        left[i] = (int16_t)(bench_random(&seed) >> 56);
        right[i] = (int16_t)(bench_random(&seed) >> 56);
    }
    for (int at = 0; at < TEXT_BYTES;) {
        const char *piece = pieces[bench_random(&seed) >> 61];
        while (*piece && at < TEXT_BYTES)
            text[at++] = (uint8_t)*piece++;
        if (at < TEXT_BYTES)
            text[at++] = ',';
    }
}

static uint16_t crc16(uint16_t crc, uint32_t value) {
    for (int bit = 0; bit < 32; bit++, value >>= 1)
        crc = (uint16_t)((crc ^ value) & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
    return crc;
}

/* Merge sort of a list, without recursion: runs of 1, 2, 4, … are merged. */
static struct item *sort_list(struct item *list, int by_index) {
    for (int width = 1;; width *= 2) {
        struct item *rest = list, **tail = &list;
        int merges = 0;
        while (rest) {
            struct item *a = rest, *b = rest;
            int a_count = 0, b_count = width;
            for (; a_count < width && b; a_count++)
                b = b->next;
            while (a_count > 0 || (b_count > 0 && b)) {
                const int from_a =
                    a_count > 0 &&
                    (b_count == 0 || !b || (by_index ? a->index <= b->index : a->data <= b->data));
                struct item **take = from_a ? &a : &b;
                *tail = *take;
                tail = &(*take)->next;
                *take = (*take)->next;
                from_a ? a_count-- : b_count--;
            }
            rest = b;
            merges++;
        }
        *tail = NULL;
        if (merges <= 1)
            return list;
    }
}

static struct item *reverse(struct item *list) {
    struct item *reversed = NULL;
    while (list) {
        struct item *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static uint16_t work_on_list(uint16_t crc) {
    struct item *list = sort_list(items, 0);
    for (int16_t wanted = 0; wanted < 8; wanted++) {
        const struct item *found = list;
        while (found && found->index != (crc + wanted * 7) % LIST)
            found = found->next;
        crc = crc16(crc, found ? (uint32_t)found->data : 0xFFFF);
        list = reverse(list);
    }
    (void)sort_list(list, 1);
    items[crc % LIST].data ^= 0x55;
    return crc;
}

static uint16_t work_on_matrices(uint16_t crc) {
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t sum = 0;
            for (int k = 0; k < SIDE; k++)
                sum += left[i * SIDE + k] * right[k * SIDE + j];
            product[i * SIDE + j] = sum;
        }
    uint32_t bits = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        bits += (uint32_t)(product[i] >> 2 & 15) * (uint32_t)(product[i] >> 5 & 127);
        left[i] = (int16_t)(left[i] + (crc >> (i & 7)) % 3 - 1);
    }
    return crc16(crc, bits);
}

static uint16_t work_on_text(uint16_t crc) {
    enum { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, SCIENTIFIC, INVALID, STATES };
    uint32_t counts[STATES] = {0}, state = START;
    for (int i = 0; i < TEXT_BYTES; i++) {
        const uint8_t c = text[i];
        const int digit = c >= '0' && c <= '9';
        counts[state]++;
        if (c == ',') {
            state = START;
            continue;
        }
        switch (state) {
        case START:
            state = digit ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : INVALID;
            break;
        case SIGN:
            state = digit ? INTEGER : c == '.' ? POINT : INVALID;
            break;
        case INTEGER:
            state = digit ? INTEGER : c == '.' ? FRACTION : (c | 32) == 'e' ? EXPONENT : INVALID;
            break;
        case POINT:
            state = digit ? FRACTION : INVALID;
            break;
        case FRACTION:
            state = digit ? FRACTION : (c | 32) == 'e' ? EXPONENT : INVALID;
            break;
        case EXPONENT:
            state = digit || c == '-' ? SCIENTIFIC : INVALID;
            break;
        case SCIENTIFIC:
            state = digit ? SCIENTIFIC : INVALID;
            break;
        default:
            break;
        }
    }
    for (int s = 0; s < STATES; s++)
        crc = crc16(crc, counts[s]);
    uint8_t *changed = &text[crc % TEXT_BYTES];
    if (*changed != ',')
        *changed = (uint8_t)('0' + crc % 10);
    return crc;
}

static uint64_t run(void) {
    uint64_t check = 0;
    uint16_t crc = 0xFFFF;
    for (int n = 0; n < ITERATIONS; n++) {
        crc = work_on_list(crc);
        crc = work_on_matrices(crc);
        crc = work_on_text(crc);
        check = bench_mix(check, crc);
    }
    return check;
}

const struct bench_program bench_program = {"coremix", prepare, run, 0xff2a526f8b0ce2de};

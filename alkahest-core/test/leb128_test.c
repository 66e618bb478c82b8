/* LEB128: values, lengths and the three ways to be wrong, against a table and a round trip. */
#include <alkahest/leb128.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

struct leb_row {
    bool is_signed;
    unsigned bits;
    const char *bytes;
    unsigned size, used;
    enum alka_leb result;
    int64_t value;
};

static const struct leb_row rows[] = {
    {false, 32, "\x00", 1, 1, ALKA_LEB_OK, 0},
    {false, 32, "\xE5\x8E\x26", 3, 3, ALKA_LEB_OK, 624485},
    {false, 32, "\x80\x00", 2, 2, ALKA_LEB_OK, 0},
    {false, 32, "\xFF\xFF\xFF\xFF\x0F", 5, 5, ALKA_LEB_OK, 0xFFFFFFFF},
    {false, 32, "\xFF\xFF\xFF\xFF\x1F", 5, 0, ALKA_LEB_TOO_LARGE, 0},
    {false, 32, "\x80\x80\x80\x80\x80\x00", 6, 0, ALKA_LEB_TOO_LONG, 0},
    {false, 32, "\x80\x80\x80\x80\x90\x00", 6, 0, ALKA_LEB_TOO_LONG, 0},
    {false, 32, "\x80\x80", 2, 0, ALKA_LEB_END, 0},
    {false, 32, "", 0, 0, ALKA_LEB_END, 0},
    {false, 1, "\x01", 1, 1, ALKA_LEB_OK, 1},
    {false, 1, "\x02", 1, 0, ALKA_LEB_TOO_LARGE, 0},
    {false, 1, "\x80\x00", 2, 0, ALKA_LEB_TOO_LONG, 0},
    {false, 7, "\x7F", 1, 1, ALKA_LEB_OK, 127},
    {false, 7, "\x80\x00", 2, 0, ALKA_LEB_TOO_LONG, 0},
    {false, 64, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10, 10, ALKA_LEB_OK, -1},
    {false, 64, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10, 0, ALKA_LEB_TOO_LARGE, 0},
    {true, 32, "\x7F", 1, 1, ALKA_LEB_OK, -1},
    {true, 32, "\xFF\x00", 2, 2, ALKA_LEB_OK, 127},
    {true, 32, "\xC0\xBB\x78", 3, 3, ALKA_LEB_OK, -123456},
    {true, 32, "\x80\x80\x80\x80\x78", 5, 5, ALKA_LEB_OK, INT32_MIN},
    {true, 32, "\xFF\xFF\xFF\xFF\x07", 5, 5, ALKA_LEB_OK, INT32_MAX},
    {true, 32, "\xFF\xFF\xFF\xFF\x0F", 5, 0, ALKA_LEB_TOO_LARGE, 0},
    {true, 32, "\x80\x80\x80\x80\x70", 5, 0, ALKA_LEB_TOO_LARGE, 0},
    {true, 32, "\x80\x80\x80\x80\x80\x00", 6, 0, ALKA_LEB_TOO_LONG, 0},
    {true, 33, "\x80\x80\x80\x80\x70", 5, 5, ALKA_LEB_OK, -(INT64_C(1) << 32)},
    {true, 33, "\xFF\xFF\xFF\xFF\x0F", 5, 5, ALKA_LEB_OK, 0xFFFFFFFF},
    {true, 64, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7F", 10, 10, ALKA_LEB_OK, INT64_MIN},
    {true, 64, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00", 10, 10, ALKA_LEB_OK, INT64_MAX},
    {true, 64, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10, 0, ALKA_LEB_TOO_LARGE, 0},
    {true, 64, "\x80", 1, 0, ALKA_LEB_END, 0},
};

static void rows_hold(void **state) {
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct leb_row *row = &rows[i];
        const uint8_t *start = (const uint8_t *)row->bytes, *cursor = start;
        uint64_t plain = 0;
        int64_t value = 0;
        enum alka_leb result;
        if (row->is_signed) {
            result = alka_leb_signed(&cursor, start + row->size, row->bits, &value);
        } else {
            result = alka_leb_unsigned(&cursor, start + row->size, row->bits, &plain);
            value = (int64_t)plain;
        }
        if (result != row->result || cursor != start + row->used || value != row->value)
            fail_msg("row %u: result %d, used %d, value %lld", i, (int)result,
                     (int)(cursor - start), (long long)value);
    }
}

static unsigned encode_signed(int64_t value, uint8_t *out) {
    for (unsigned i = 0;; i++) {
        uint8_t byte = (uint8_t)(value & 0x7F);
        value >>= 7;
        bool done = (value == 0 && !(byte & 0x40)) || (value == -1 && (byte & 0x40));
        out[i] = done ? byte : byte | 0x80;
        if (done)
            return i + 1;
    }
}

static void powers_of_two_and_their_neighbours_round_trip(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int near = -1; near <= 1; near++) {
            int64_t value = (int64_t)((UINT64_C(1) << bit) + (uint64_t)(int64_t)near);
            for (int sign = 0; sign < 2; sign++, value = (int64_t)(0 - (uint64_t)value)) {
                uint8_t bytes[16];
                unsigned size = encode_signed(value, bytes);
                const uint8_t *cursor = bytes;
                int64_t back = 0;
                assert_int_equal(alka_leb_signed(&cursor, bytes + size, 64, &back), ALKA_LEB_OK);
                assert_true(back == value && cursor == bytes + size);
                cursor = bytes;
                bool fits = value >= INT32_MIN && value <= INT32_MAX;
                enum alka_leb narrow = alka_leb_signed(&cursor, bytes + size, 32, &back);
                assert_int_equal(narrow == ALKA_LEB_OK, fits);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_hold),
        cmocka_unit_test(powers_of_two_and_their_neighbours_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

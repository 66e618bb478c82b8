/* csv (integer): reads a table with quoted fields and sums each column by its type.
 *
 * Stresses: a scanner whose state is the position in the code: byte loads, compares against
 * constants, short loops, number conversion, and one indirect store per column. */
#include "../bench.h"

enum { TABLE_BYTES = 2 << 20, COLUMNS = 6, REPEATS = 8 };
static char table[TABLE_BYTES + 128];
static uint32_t table_bytes, table_rows;

struct column {
    int64_t sum;
    uint64_t text_hash;
    uint32_t numbers, texts, quoted;
};
static struct column columns[COLUMNS];

static void put_number(uint64_t value) {
    char digits[24];
    int count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count)
        table[table_bytes++] = digits[--count];
}

static void put_cell(uint64_t r) {
    const uint32_t length = r >> 8 & 15;
    switch (r & 3) {
    case 0:
        put_number(r >> 40);
        return;
    case 1:
        table[table_bytes++] = '-';
        put_number(r >> 50);
        return;
    case 2:
        for (uint32_t i = 0; i <= length; i++)
            table[table_bytes++] = (char)('a' + (r >> (16 + i) & 15));
        return;
    default: /* quoted, with commas, line ends and doubled quotes inside */
        table[table_bytes++] = '"';
        for (uint32_t i = 0; i < length; i++) {
            const char c = "abc, \n\"x"[r >> (16 + i) & 7];
            table[table_bytes++] = c;
            if (c == '"')
                table[table_bytes++] = c;
        }
        table[table_bytes++] = '"';
    }
}

static void prepare(void) {
    uint64_t seed = 23;
    table_bytes = table_rows = 0;
    while (table_bytes < TABLE_BYTES - 1024) {
        for (int c = 0; c < COLUMNS; c++) {
            put_cell(bench_random(&seed));
            table[table_bytes++] = c == COLUMNS - 1 ? '\n' : ',';
        }
        table_rows++;
    }
    table[table_bytes] = 0;
    for (int c = 0; c < COLUMNS; c++)
        columns[c] = (struct column){0};
}

static const char *read_quoted(const char *at, struct column *column) {
    uint64_t hash = 0;
    for (at++; at[0] != '"' || at[1] == '"'; at++) {
        at += at[0] == '"';
        hash = hash * 31 + (uint8_t)*at;
    }
    column->quoted++;
    column->text_hash ^= hash;
    return at + 1;
}

static const char *read_plain(const char *at, struct column *column) {
    const char *start = at;
    int64_t value = 0;
    const int negative = *at == '-';
    for (at += negative; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    if (*at == ',' || *at == '\n') {
        column->numbers++;
        column->sum += negative ? -value : value;
        return at;
    }
    uint64_t hash = 0;
    for (at = start; *at != ',' && *at != '\n'; at++)
        hash = hash * 31 + (uint8_t)*at;
    column->texts++;
    column->text_hash ^= hash;
    return at;
}

static uint32_t read_table(void) {
    uint32_t rows = 0, c = 0;
    for (const char *at = table; *at; at++) {
        at = *at == '"' ? read_quoted(at, &columns[c]) : read_plain(at, &columns[c]);
        if (*at == '\n') {
            rows += c == COLUMNS - 1;
            c = 0;
        } else {
            c++;
        }
    }
    return rows;
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++)
        if (read_table() != table_rows)
            return 0;
    for (int c = 0; c < COLUMNS; c++) {
        const struct column *column = &columns[c];
        if (column->numbers + column->texts + column->quoted != table_rows * REPEATS)
            return 0;
        check = bench_mix(check, (uint64_t)column->sum + column->text_hash);
        check = bench_mix(check, (uint64_t)column->numbers << 32 | column->quoted);
    }
    return check;
}

const struct bench_program bench_program = {"csv", prepare, run, 0x79afcbafd7ae6b86};

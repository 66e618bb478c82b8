/* state_machine (control): splits program text into tokens with an explicit state and a switch.
 *
 * Stresses: one loop over bytes with nested switches, both dense (br_table) and sparse (compare
 * chains), where control flow is hard to predict and nearly every block is two or three operations:
 * the cost of merges and jumps between blocks. */
#include "../bench.h"

enum { TEXT_BYTES = 1 << 20, REPEATS = 16 };
enum state { START, WORD, NUMBER, FRACTION, STRING, ESCAPE, SLASH, LINE_COMMENT, OPERATOR };
enum { STATES = OPERATOR + 1 };

static uint8_t text[TEXT_BYTES];
static uint32_t tokens[STATES];

static void prepare(void) {
    static const char *const pieces[] = {
        "while", "x1",    "(",   "3.1415", "==", "\"a\\\"b\"", "; ",      "// note\n",
        "  ",    "count", "+= ", "42",     "/",  "\n",         "return ", "0.5)",
    };
    uint64_t seed = 27;
    uint32_t at = 0;
    while (at < TEXT_BYTES) {
        const char *piece = pieces[bench_random(&seed) >> 60];
        while (*piece && at < TEXT_BYTES)
            text[at++] = (uint8_t)*piece++;
    }
    text[TEXT_BYTES - 1] = '\n';
    for (int i = 0; i < STATES; i++)
        tokens[i] = 0;
}

static int is_word(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static enum state first_state(uint8_t c) {
    if (is_word(c))
        return WORD;
    if (is_digit(c))
        return NUMBER;
    switch (c) {
    case '"':
        return STRING;
    case '/':
        return SLASH;
    case ' ':
    case '\t':
    case '\n':
        return START;
    default:
        return OPERATOR;
    }
}

/* The state after `c`; sets *out_ends when the token before `c` is complete. */
static enum state next_state(enum state state, uint8_t c, int *out_ends) {
    *out_ends = 0;
    switch (state) {
    case WORD:
        if (is_word(c) || is_digit(c))
            return WORD;
        break;
    case NUMBER:
        if (is_digit(c))
            return NUMBER;
        if (c == '.')
            return FRACTION;
        break;
    case FRACTION:
        if (is_digit(c))
            return FRACTION;
        break;
    case STRING:
        if (c == '\\')
            return ESCAPE;
        if (c != '"')
            return STRING;
        *out_ends = 1;
        return START;
    case ESCAPE:
        return STRING;
    case SLASH:
        if (c == '/')
            return LINE_COMMENT;
        break;
    case LINE_COMMENT:
        if (c != '\n')
            return LINE_COMMENT;
        break;
    case START:
        return first_state(c);
    case OPERATOR:
        break;
    }
    *out_ends = 1;
    return first_state(c);
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        enum state state = START;
        for (uint32_t i = 0; i < TEXT_BYTES; i++) {
            int ends = 0;
            const enum state next = next_state(state, text[i], &ends);
            if (ends)
                tokens[state]++;
            state = next;
        }
        text[repeat * 100 + 50] = ' ';
    }
    for (int i = 0; i < STATES; i++)
        check = bench_mix(check, tokens[i]);
    return check;
}

const struct bench_program bench_program = {"state_machine", prepare, run, 0x9da9513febbc8705};

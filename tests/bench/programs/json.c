/* json (integer): parses a document into a tree and writes it out again; both texts must be equal.
 *
 * Stresses: a recursive descent parser: a switch on characters, small functions that call each
 * other through memory-held cursors, nodes linked in an arena, and printing numbers by division. */
#include "../bench.h"

enum { DOCUMENT_BYTES = 1 << 20, MAX_NODES = 400000, MAX_DEPTH = 6, REPEATS = 16 };
enum kind { KIND_LITERAL, KIND_NUMBER, KIND_STRING, KIND_ARRAY, KIND_OBJECT };
static const char *const literals[] = {"null", "true", "false"};
struct node {
    enum kind kind;
    uint32_t key_at, key_bytes; /* member name, when inside of an object */
    uint32_t text_at, text_bytes;
    int64_t number;
    struct node *first, *next;
};
static char document[DOCUMENT_BYTES + 256], output[DOCUMENT_BYTES + 256];
static uint32_t document_bytes, output_bytes, cursor, node_count;
static struct node nodes[MAX_NODES];
static uint64_t seed;

static void emit(char c) { output[output_bytes++] = c; }

static void emit_text(const char *text) {
    while (*text)
        emit(*text++);
}

static void emit_number(int64_t value) {
    char digits[24];
    int count = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0)
        emit('-');
    do
        digits[count++] = (char)('0' + rest % 10);
    while (rest /= 10);
    while (count)
        emit(digits[--count]);
}

static void make_string(void) {
    emit('"');
    for (uint64_t n = bench_random(&seed) % 12 + 1, r = bench_random(&seed); n--; r = r * 5 + 1)
        emit((char)('a' + (r >> 33) % 26));
    emit('"');
}

static void make_value(int depth) {
    const uint64_t r = bench_random(&seed);
    const uint64_t choice = depth == 0 ? 4 : depth >= MAX_DEPTH ? r % 3 : r % 5;
    const uint64_t members = depth == 0 ? 1000000 : r >> 8 & 7;
    switch ((enum kind)choice) {
    case KIND_LITERAL:
        emit_text(literals[(r >> 16) % 3]);
        return;
    case KIND_NUMBER:
        emit_number((int64_t)r >> (r >> 16 & 63));
        return;
    case KIND_STRING:
        make_string();
        return;
    case KIND_ARRAY:
    case KIND_OBJECT:
        emit(choice == KIND_ARRAY ? '[' : '{');
        for (uint64_t i = 0; i < members && output_bytes < DOCUMENT_BYTES * 3 / 4; i++) {
            if (i)
                emit(',');
            if (choice == KIND_OBJECT) {
                make_string();
                emit(':');
            }
            make_value(depth + 1);
        }
        emit(choice == KIND_ARRAY ? ']' : '}');
    }
}

static void prepare(void) {
    seed = 22;
    output_bytes = 0;
    make_value(0);
    for (uint32_t i = 0; i < output_bytes; i++)
        document[i] = output[i];
    document_bytes = output_bytes;
    document[document_bytes] = 0;
}

static struct node *parse_value(void);

static void parse_string(uint32_t *out_at, uint32_t *out_bytes) {
    *out_at = ++cursor;
    while (document[cursor] != '"')
        cursor++;
    *out_bytes = cursor++ - *out_at;
}

static void parse_members(struct node *parent, char close) {
    struct node **link = &parent->first;
    cursor++;
    while (document[cursor] != close) {
        uint32_t key_at = 0, key_bytes = 0;
        if (document[cursor] == ',')
            cursor++;
        if (close == '}') {
            parse_string(&key_at, &key_bytes);
            cursor++; /* the colon */
        }
        struct node *child = parse_value();
        child->key_at = key_at, child->key_bytes = key_bytes;
        *link = child;
        link = &child->next;
    }
    cursor++;
}

static int64_t parse_number(void) {
    const int negative = document[cursor] == '-';
    uint64_t value = 0;
    for (cursor += (uint32_t)negative; document[cursor] >= '0' && document[cursor] <= '9';)
        value = value * 10 + (uint64_t)(document[cursor++] - '0');
    return (int64_t)(negative ? 0 - value : value);
}

static struct node *parse_value(void) {
    struct node *node = &nodes[node_count++];
    *node = (struct node){.kind = KIND_LITERAL};
    switch (document[cursor]) {
    case 'n':
    case 't':
    case 'f':
        node->number = document[cursor] == 'n' ? 0 : document[cursor] == 't' ? 1 : 2;
        cursor += node->number == 2 ? 5 : 4;
        return node;
    case '"':
        node->kind = KIND_STRING;
        parse_string(&node->text_at, &node->text_bytes);
        return node;
    case '[':
    case '{':
        node->kind = document[cursor] == '[' ? KIND_ARRAY : KIND_OBJECT;
        parse_members(node, node->kind == KIND_ARRAY ? ']' : '}');
        return node;
    default:
        node->kind = KIND_NUMBER;
        node->number = parse_number();
        return node;
    }
}

static void write_quoted(uint32_t at, uint32_t bytes) {
    emit('"');
    while (bytes--)
        emit(document[at++]);
    emit('"');
}

static void write_value(const struct node *node) {
    switch (node->kind) {
    case KIND_LITERAL:
        emit_text(literals[node->number]);
        return;
    case KIND_NUMBER:
        emit_number(node->number);
        return;
    case KIND_STRING:
        write_quoted(node->text_at, node->text_bytes);
        return;
    case KIND_ARRAY:
    case KIND_OBJECT:
        emit(node->kind == KIND_ARRAY ? '[' : '{');
        for (const struct node *child = node->first; child; child = child->next) {
            if (node->kind == KIND_OBJECT) {
                write_quoted(child->key_at, child->key_bytes);
                emit(':');
            }
            write_value(child);
            if (child->next)
                emit(',');
        }
        emit(node->kind == KIND_ARRAY ? ']' : '}');
    }
}

static uint64_t run(void) {
    uint64_t check = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        cursor = node_count = output_bytes = 0;
        write_value(parse_value());
        if (cursor != document_bytes || output_bytes != document_bytes)
            return 0;
        for (uint32_t i = 0; i < document_bytes; i++)
            if (output[i] != document[i])
                return 0;
        check = bench_mix(check, (uint64_t)node_count << 32 | output_bytes);
    }
    return check;
}

const struct bench_program bench_program = {"json", prepare, run, 0x107f5851c67fdca1};

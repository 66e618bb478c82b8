/* The C library's text side: formatting, parsing, sorting, searching. */
#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_length_then_text(const void *left, const void *right) {
    const char *one = *(const char *const *)left;
    const char *other = *(const char *const *)right;
    size_t one_size = strlen(one), other_size = strlen(other);
    if (one_size != other_size)
        return one_size < other_size ? -1 : 1;
    return strcmp(one, other);
}

static void formats(void) {
    printf("%d %5d|%-5d|%05d %+d %x %X %#o %c %%\n", -7, 42, 42, 42, 42, 48879u, 48879u, 8u, 'z');
    printf("%" PRId64 " %" PRIu64 " %" PRIx64 "\n", INT64_MIN, UINT64_MAX,
           UINT64_C(0x123456789abcdef));
    printf("[%10s] [%-10s] [%.3s] [%*d]\n", "right", "left", "truncated", 6, 123);
    static const double values[] = {0.0,  -0.0, 1.0 / 3, 1e300, 5e-324, 123456789.125,
                                    1e21, 0.1,  2.5,     -1e-7, 9.995,  1.7976931348623157e308};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        printf("%g %.17g %e %.2f\n", values[i], values[i], values[i],
               values[i] < 1e20 ? values[i] : 0);
}

static void parsing(void) {
    static const char *const numbers[] = {"0x1.8p3",    "1e400", "-1e-400", "nan",
                                          "3.14159abc", "  42",  "-inf",    "."};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *end;
        double value = strtod(numbers[i], &end);
        printf("strtod(\"%s\") = %g, rest \"%s\"\n", numbers[i], value, end);
    }
    printf("%lld %llu\n", strtoll("-9223372036854775808", NULL, 10),
           strtoull("0xffffffffffffffff", NULL, 0));
    int day, year;
    char month[16];
    printf("%d fields: ", sscanf("20 November 1815!", "%d %15[A-Za-z] %d", &day, month, &year));
    printf("%d %s %d\n", day, month, year);
}

static void words(void) {
    char text[] = "the quick brown fox jumps over the lazy dog and then some more of the same";
    char *list[32];
    size_t count = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        list[count++] = word;
    qsort(list, count, sizeof *list, by_length_then_text);
    for (size_t i = 0; i < count; i++) {
        for (char *letter = list[i]; *letter; letter++)
            *letter = (char)(letter == list[i] ? toupper((unsigned char)*letter) : *letter);
        printf("%s%c", list[i], i + 1 < count ? ' ' : '\n');
    }
    const char *found = strstr("a needle in a haystack", "need");
    printf("%s / %s / %zu\n", found, strrchr(found, 'a'), strcspn(found, "xyz"));
}

int main(void) {
    formats();
    parsing();
    words();
    return 0;
}

/*
 * Ways to get somewhere else: recursion, function pointers, switches with holes, varargs, structs
 * by value, goto.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

struct vector {
    double x, y, z;
    int32_t tag;
};

typedef int64_t (*operation)(int64_t left, int64_t right);

static int64_t add(int64_t left, int64_t right) { return left + right; }
static int64_t subtract(int64_t left, int64_t right) { return left - right; }
static int64_t multiply(int64_t left, int64_t right) { return left * right; }
static int64_t remainder_of(int64_t left, int64_t right) { return right ? left % right : 0; }
static const operation operations[] = {add, subtract, multiply, remainder_of};

static uint32_t ackermann(uint32_t m, uint32_t n) {
    if (m == 0)
        return n + 1;
    if (n == 0)
        return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

static int queens(int size, uint32_t columns, uint32_t left, uint32_t right) {
    if (columns == (1u << size) - 1)
        return 1;
    int found = 0;
    for (uint32_t free = ~(columns | left | right) & ((1u << size) - 1); free; free &= free - 1) {
        uint32_t place = free & -free;
        found += queens(size, columns | place, (left | place) << 1, (right | place) >> 1);
    }
    return found;
}

static int days_in(int month, int year) {
    switch (month) {
    case 2:
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    case 4:
    case 6:
    case 9:
    case 11:
        return 30;
    case 1:
    case 3:
    case 5:
    case 7:
    case 8:
    case 10:
    case 12:
        return 31;
    default:
        return -1;
    }
}

static struct vector turn(struct vector vector, int times) {
    while (times-- > 0) {
        struct vector turned = {-vector.y, vector.x, vector.z * 0.5, vector.tag + 1};
        vector = turned;
    }
    return vector;
}

static double sum_of(int count, ...) {
    va_list arguments;
    va_start(arguments, count);
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += i % 2 ? va_arg(arguments, double) : va_arg(arguments, int);
    va_end(arguments);
    return sum;
}

static uint32_t collatz(uint64_t value) {
    uint32_t steps = 0;
again:
    if (value == 1)
        return steps;
    steps++;
    value = value & 1 ? 3 * value + 1 : value >> 1;
    goto again;
}

int main(void) {
    printf("ackermann %u, queens %d\n", ackermann(2, 300), queens(8, 0, 0, 0));
    int64_t value = 1;
    for (int i = 0; i < 1000; i++)
        value = operations[(uint64_t)value % 4](value, i + 3);
    printf("operations %lld\n", (long long)value);
    int days = 0;
    for (int year = 1896; year < 2012; year++) {
        for (int month = 0; month < 14; month++)
            days += days_in(month, year);
    }
    printf("days %d\n", days);
    struct vector vector = turn((struct vector){1, 2, 1024, 7}, 9);
    printf("vector %g %g %g %d\n", vector.x, vector.y, vector.z, (int)vector.tag);
    printf("sum %g\n", sum_of(6, 1, 2.5, -3, 1e3, 7, 0.125));
    uint32_t longest = 0;
    for (uint64_t i = 1; i < 30000; i++)
        longest = collatz(i) > longest ? collatz(i) : longest;
    printf("collatz %u\n", longest);
    return 0;
}

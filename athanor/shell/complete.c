/* Completion and suggestions. In: what was typed, and words. Out: which of them it may be. Pure. */
#include "shell/complete.h"
#include <string.h>

struct complete_place complete_place(const char *line, size_t length) {
    size_t command = 0;
    for (size_t i = 0; i < length; i++) {
        if (line[i] == ';') {
            command = i + 1;
        }
    }
    while (command < length && line[command] == ' ') {
        command++;
    }
    size_t word = length;
    while (word > command && line[word - 1] != ' ') {
        word--;
    }
    size_t end = command;
    while (end < length && line[end] != ' ') {
        end++;
    }
    uint32_t index = 0;
    for (size_t at = end; at < word; at++) {
        bool begins = line[at] != ' ' && line[at - 1] == ' ';
        bool is_keys = index == 0 && word - at > 2 && memcmp(line + at, "-k ", 3) == 0;
        index += begins && !is_keys ? 1 : 0;
    }
    return (struct complete_place){.word = line + word,
                                   .length = length - word,
                                   .command = line + command,
                                   .command_length = end - command,
                                   .index = word == command ? 0 : index + 1};
}

void completion_offer(struct completion *completion, const char *candidate) {
    if (strncmp(candidate, completion->word, completion->length) != 0) {
        return;
    }
    if (completion->count++ == 0) {
        completion->first = candidate;
        completion->common = strlen(candidate);
        return;
    }
    size_t same = 0;
    while (same < completion->common && candidate[same] == completion->first[same]) {
        same++;
    }
    completion->common = same;
}

static uint32_t complete_least(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Row by row (Wagner and Fischer 1974). */
uint32_t complete_distance(const char *one, const char *other) {
    size_t width = strlen(other);
    uint32_t row[COMPLETE_WORD_BYTES + 1];
    if (strlen(one) > COMPLETE_WORD_BYTES || width > COMPLETE_WORD_BYTES) {
        return COMPLETE_FAR + 1;
    }
    for (size_t i = 0; i <= width; i++) {
        row[i] = (uint32_t)i;
    }
    for (size_t y = 0; one[y] != '\0'; y++) {
        uint32_t corner = row[0];
        row[0]++;
        for (size_t x = 0; x < width; x++) {
            uint32_t replaced = corner + (one[y] != other[x] ? 1 : 0);
            corner = row[x + 1];
            row[x + 1] = complete_least(replaced, row[x] + 1, corner + 1);
        }
    }
    return row[width] <= COMPLETE_FAR ? row[width] : COMPLETE_FAR + 1;
}

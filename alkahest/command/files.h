/* Files as bytes in memory. */
#ifndef COMMAND_FILES_H
#define COMMAND_FILES_H

#include <alkahest/span.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_bytes {
    uint8_t *data; /* page-aligned */
    size_t size;
};

/*
 * Reads a whole file ("-": standard input) into memory of our own. It is not mapped: another
 * process could change mapped bytes between their validation and their use. Problems are printed;
 * then false.
 */
bool file_read(const char *path, struct file_bytes *out_file);
void file_free(struct file_bytes *file);

static inline struct alka_span file_span(const struct file_bytes *file) {
    return (struct alka_span){file->data, file->size};
}

/* Writes a whole file, or to standard output for "-". A half-written file is removed. */
bool file_write(const char *path, const uint8_t *data, size_t size);

/* What to call the file in messages. */
const char *file_display_name(const char *path);

#endif

/* Text of unknown origin (names in modules), made fit for a terminal. */
#ifndef COMMAND_TEXT_H
#define COMMAND_TEXT_H

#include <alkahest/span.h>
#include <stdbool.h>
#include <stdio.h>

/* Prints UTF-8 text; control characters become \xNN, so that a name cannot steer the terminal. */
void text_print(FILE *out, struct alka_span text);

/* The same into `buffer`, cut off at a whole character if it is too small. */
void text_escape(struct alka_span text, char *buffer, size_t buffer_bytes);

#endif

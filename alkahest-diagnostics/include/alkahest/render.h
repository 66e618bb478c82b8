/*
 * Diagnostics as text, and the pages that explain their codes. Nothing here allocates; text goes
 * into the caller's buffer, always with a closing 0, cut off where the buffer ends. Functions that
 * write return how many bytes the whole text has without the 0, as snprintf does. Names that come
 * from a module are printed without control characters.
 */
#ifndef ALKAHEST_RENDER_H
#define ALKAHEST_RENDER_H

#include <alkahest/diag.h>
#include <alkahest/module.h>
#include <stdbool.h>
#include <stddef.h>

/* What the renderer may look at besides the record; each may be missing. */
struct alka_render_context {
    const char *file;                 /* name of the module for people; NULL: "the module" */
    struct alka_span bytes;           /* for the excerpt; size 0: none */
    const struct alka_module *module; /* for names; NULL, or half-made by a failed parse */
};

/*
 * The whole diagnostic, several lines, the last one with its newline:
 *
 *   error[ALKA_100]: type mismatch: expected i32, found i64
 *     at byte 25 (0x19) of add.wasm, code section, function 0 "add", i32.eqz
 *       00000011  00 0a 08 01 06 00 42 00  45 1a 0b
 *                                          ^^
 */
size_t alka_render(const struct alka_diag *diag, const struct alka_render_context *context,
                   char *buffer, size_t buffer_bytes);

/* The message alone, one line without a newline: codes.def's text with its arguments. */
size_t alka_render_message(const struct alka_diag *diag, const struct alka_module *module,
                           char *buffer, size_t buffer_bytes);

/* codes.def's text with the placeholders as they are; NULL for an unknown code. */
const char *alka_code_text(uint32_t code);
/* codes.def's identifier, such as "UNKNOWN_LOCAL"; NULL for an unknown code. */
const char *alka_code_id(uint32_t code);

/* The explanation of a code: Markdown, static; NULL if there is none. */
const char *alka_explain(uint32_t code);
/* "ALKA_117", "alka_117" or "117" as a number; false if it is none of these. */
bool alka_code_parse(const char *text, uint32_t *out_code);

#endif

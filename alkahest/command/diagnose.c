/*
 * Diagnostics on standard error. The text is alkahest-diagnostics' business; here it only gets its
 * colour and a buffer that is large enough.
 */
#include "diagnose.h"

#include "report.h"

#include <alkahest/render.h>
#include <stdio.h>
#include <string.h>

#define DIAGNOSE_BYTES 4096u

void diagnose_print(const struct alka_diag *diag, const char *file, struct alka_span bytes,
                    const struct alka_module *module) {
    const struct alka_render_context context = {.file = file, .bytes = bytes, .module = module};
    char text[DIAGNOSE_BYTES];
    (void)alka_render(diag, &context, text, sizeof text);
    (void)fflush(stdout);
    /* What stands in front of the first colon is the headline: error[ALKA_nnn]. */
    size_t headline = report_stderr_colours() ? strcspn(text, ":") : 0;
    if (headline)
        (void)fprintf(stderr, "\x1b[1;31m%.*s\x1b[0m", (int)headline, text);
    (void)fputs(text + headline, stderr);
    size_t bytes_printed = strlen(text);
    if (bytes_printed == 0 || text[bytes_printed - 1] != '\n')
        (void)fputc('\n', stderr);
}

void diagnose_message(const struct alka_diag *diag, const struct alka_module *module, char *text,
                      size_t text_bytes) {
    (void)alka_render_message(diag, module, text, text_bytes);
}

/*
 * `alkahest explain`. In: a code as a user types it. Out: its page, from alkahest-diagnostics.
 * Knows nothing about codes itself.
 */
#include "commands.h"
#include "report.h"

#include <alkahest/render.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The page's first line is its message, with {names} where the failure's particulars go. */
static const char *print_title(const char *page) {
    while (*page && *page != '\n') {
        size_t bytes = strcspn(page, "{\n");
        (void)fwrite(page, 1, bytes, stdout);
        page += bytes;
        if (*page != '{')
            break;
        (void)fputs("…", stdout);
        page += strcspn(page, "}\n");
        page += *page == '}';
    }
    return page;
}

int command_explain(const struct settings *settings) {
    const char *word = settings->operands.items[0];
    uint32_t code;
    if (!alka_code_parse(word, &code)) {
        report_error("'%s' is no code; codes look like ALKA_117", word);
        return COMMAND_EXIT_USAGE;
    }
    const char *page = alka_explain(code);
    if (!page) {
        report_error("there is no code ALKA_%03" PRIu32, code);
        return COMMAND_EXIT_FAILED;
    }
    (void)fputs(print_title(page), stdout);
    size_t bytes = strlen(page);
    if (bytes && page[bytes - 1] != '\n')
        putchar('\n');
    return COMMAND_EXIT_OK;
}

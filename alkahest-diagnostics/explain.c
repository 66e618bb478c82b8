/*
 * Room: diagnostics. Looks up the page of a code. Apart from the renderer, so that who only renders
 * does not carry the pages.
 */
#include <alkahest/render.h>

#include "pages.h"

const char *alka_explain(uint32_t code) {
    for (uint32_t i = 0; i < page_count; i++)
        if (pages[i].code == code)
            return pages[i].text;
    return NULL;
}

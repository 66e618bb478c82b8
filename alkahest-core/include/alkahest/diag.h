/*
 * The structured diagnostic: what failed and where, without text. Rendering is
 * alkahest-diagnostics' business. A field that does not apply holds ALKA_DIAG_NONE.
 */
#ifndef ALKAHEST_DIAG_H
#define ALKAHEST_DIAG_H

#include <alkahest/status.h>
#include <stdint.h>

#define ALKA_DIAG_NONE UINT32_MAX

struct alka_diag {
    alka_status code;
    uint32_t offset;     /* byte offset in the module */
    uint32_t section_id; /* binary section id, 0–13 */
    uint32_t func_idx;   /* function index, imports first */
    uint32_t op;         /* enum alka_op */
    uint64_t args[2];    /* meaning per code: see the `text` column of codes.def ({0}, {1}) */
};

#endif

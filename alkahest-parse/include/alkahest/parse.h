/*
 * The decoder and validator: bytes → module tables, then body by body (specification chapters 3 and
 * 5). Knows no x86. The first error by byte offset is reported through the diagnostic; what was
 * built until then stays in the arena.
 */
#ifndef ALKAHEST_PARSE_H
#define ALKAHEST_PARSE_H

#include <alkahest/arena.h>
#include <alkahest/diag.h>
#include <alkahest/module.h>
#include <alkahest/summary.h>

/*
 * Decodes and checks everything but the function bodies, whose extents are recorded. `bytes` are
 * borrowed and must outlive the tables, which are made in `arena`. `limits` is borrowed too.
 * `features`: proposals that may be used; those that are not built are refused unless
 * ALKA_FEATURES_UNBUILT_TOO is among them. If something behind the code section is wrong, the
 * bodies are validated, too, in search of an earlier failure.
 */
ALKA_MUST_CHECK alka_status alka_parse_module(struct alka_span bytes, alka_feature_set features,
                                              const struct alka_limits *limits,
                                              struct alka_arena *arena,
                                              struct alka_module *out_module,
                                              struct alka_diag *out_diag);

/*
 * Validates the body of defined function `func_idx` and summarizes it for the emitter. Everything
 * in *out_summary lives in `scratch`. Adds to module->features_used.
 */
ALKA_MUST_CHECK alka_status alka_validate_body(struct alka_module *module, uint32_t func_idx,
                                               struct alka_arena *scratch,
                                               struct alka_body_summary *out_summary,
                                               struct alka_diag *out_diag);

/* All bodies in order, without keeping summaries: what `alkahest validate` does after
 * alka_parse_module. */
ALKA_MUST_CHECK alka_status alka_validate_bodies(struct alka_module *module,
                                                 struct alka_arena *scratch,
                                                 struct alka_diag *out_diag);

/*
 * Whether the branch hints of a valid module, if it has any, are well-formed and stand at branches.
 * A module whose hints are wrong is valid all the same: this is for tools that want to say so.
 * ALKA_E_BRANCH_HINT_FORM, ALKA_E_BRANCH_HINT_TARGET, ALKA_E_END_OF_SECTION, …
 */
ALKA_MUST_CHECK alka_status alka_check_hints(struct alka_module *module, struct alka_arena *scratch,
                                             struct alka_diag *out_diag);

#endif

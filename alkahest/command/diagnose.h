/*
 * Diagnostics and traps as text on standard error, by the renderer of alkahest-diagnostics.
 */
#ifndef COMMAND_DIAGNOSE_H
#define COMMAND_DIAGNOSE_H

#include <alkahest.h>

/*
 * "error[ALKA_012]: …" with place and excerpt. `module` may be NULL or half-made: names of
 * functions come from it when it has them. `bytes` may be empty.
 */
void diagnose_print(const struct alka_diag *diag, const char *file, struct alka_span bytes,
                    const struct alka_module *module);

/* The message alone, into `text`, cut off if it is too small; `module` may be NULL. */
void diagnose_message(const struct alka_diag *diag, const struct alka_module *module, char *text,
                      size_t text_bytes);

/* "trap[ALKA_601]: …" and the Wasm backtrace. */
void diagnose_trap(enum alka_trap trap, const struct alka_trap_report *report);

/* A function's name: name section, else export, else func[N]. Always valid text for a terminal. */
void diagnose_function_name(const struct alka_module *module, uint32_t func_idx, char *text,
                            size_t text_bytes);

#endif

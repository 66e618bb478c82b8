/*
 * What the commands of one suite file share. Each command returns a verdict; run_fail says why one
 * failed.
 */
#ifndef WAST_RUNNER_H
#define WAST_RUNNER_H

#include "wast.h"

struct runner {
    struct wast_store store;
    const char *path;      /* of the JSON file */
    const json_t *command; /* that is carried out */
    bool is_verbose;
    struct wast_count count;
};

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

/* Says why the current command failed; the result is VERDICT_FAILED, for return statements. */
__attribute__((format(printf, 2, 3))) enum verdict run_fail(const struct runner *runner,
                                                            const char *format, ...);
/* A string of the command, "" if it has none of that key. */
const char *run_text(const struct runner *runner, const char *key);
struct alka_span run_span(const json_t *json);
/* The instance that `key` of `json` names; the current one without a name; NULL if there is none.
 */
struct alka_instance *run_instance(const struct runner *runner, const json_t *json,
                                   const char *key);
/* Commands (modules.c, actions.c). */
enum verdict run_module(struct runner *runner);
enum verdict run_module_definition(struct runner *runner);
enum verdict run_module_instance(struct runner *runner);
enum verdict run_register(struct runner *runner);
enum verdict run_assert_refused(struct runner *runner);
enum verdict run_assert_unlinkable(struct runner *runner);
enum verdict run_assert_uninstantiable(struct runner *runner);
enum verdict run_action_command(struct runner *runner);
enum verdict run_assert_return(struct runner *runner);
enum verdict run_assert_trap(struct runner *runner);
enum verdict run_assert_exception(struct runner *runner);

#endif

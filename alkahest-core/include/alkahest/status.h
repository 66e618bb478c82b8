/*
 * Results of fallible functions. A status is the number of a diagnostic code (codes.def): ALKA_OK
 * is 0, 117 is what `alkahest explain ALKA_117` explains. The detail of a failure travels apart, as
 * an alka_diag record (diag.h).
 */
#ifndef ALKAHEST_STATUS_H
#define ALKAHEST_STATUS_H

enum alka_status {
    ALKA_OK = 0,
#define ALKA_CODE(number, id, text) ALKA_E_##id = number,
#include <alkahest/codes.def>
#undef ALKA_CODE
};
typedef enum alka_status alka_status;

#define ALKA_MUST_CHECK __attribute__((warn_unused_result))

/* Returns the status of `expr` from the calling function unless it is ALKA_OK. */
#define ALKA_TRY(expr)                         \
    do {                                       \
        alka_status alka_try_status_ = (expr); \
        if (alka_try_status_ != ALKA_OK)       \
            return alka_try_status_;           \
    } while (0)

#endif

/* @NAME@: a module for Athanor. */
#include <athanor.h>

ATHANOR_APP(@IDENTIFIER@) {
    athanor_print("hello from @NAME@");
    return 0;
}

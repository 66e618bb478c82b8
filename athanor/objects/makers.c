/*
 * Who makes the objects that a manifest names, by kind. In: what the manifest says, checked. Out:
 * an object with one reference.
 */
#include "objects/objects.h"

objects_make *const objects_makers[CAP_KIND_COUNT] = {
    [CAP_NOTHING] = NULL,
};

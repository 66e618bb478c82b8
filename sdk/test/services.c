/*
 * Names every kernel service that the header declares, so that all of them are imported;
 * services_test.py looks at how.
 */
#include <athanor.h>

typedef void (*service)(void);

#define SERVICE(name, params, results, meaning) (service) athanor_##name,
ATHANOR_EXPORT("services")
const service *services(void) {
    static const service all[] = {
#include "../../athanor/services.def"
    };
    return all;
}

/* The kernel's functions for modules: services.def as a VTable. */
#ifndef ATHANOR_SERVICES_H
#define ATHANOR_SERVICES_H

#include <alkahest/link.h>

#define SERVICES_MODULE "athanor" /* what modules import them from */

extern const struct alka_vtable_row services_rows[];
extern const uint32_t services_row_count;

#endif

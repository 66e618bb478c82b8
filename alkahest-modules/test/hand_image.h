/* Test support: images of the modules in hand_modules.h with the machine code of hand_code.asm,
 * made as a session makes them, but without the code generator. */
#ifndef ALKAHEST_HAND_IMAGE_H
#define ALKAHEST_HAND_IMAGE_H

#include <alkahest/registry.h>

enum hand_module { HAND_BASIC, HAND_USER, HAND_BOUNDS, HAND_DATA_BOUNDS };

/* Gives everything back on failure. */
ALKA_MUST_CHECK alka_status hand_image_make(struct alka_registry *registry, enum hand_module which,
                                            enum alka_memory_model model,
                                            struct alka_image **out_image);

#endif

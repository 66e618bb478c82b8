/* The PS/2 keyboard, US layout: keys become the bytes a terminal would send. */
#ifndef ATHANOR_KEYBOARD_H
#define ATHANOR_KEYBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYBOARD_IRQ 1u

/* Lets the keyboard interrupt. False if there is none. */
bool keyboard_start(void);
/* Moves what has been typed to the input queue. The handler of its interrupt, and safe to call any
 * time. */
void keyboard_receive(void *self);

struct keyboard_state {
    bool shift, control, caps, extended;
};

/* Takes one scancode (set 1). Returns how many bytes it means: 0 to 3. */
size_t keyboard_decode(struct keyboard_state *state, uint8_t scancode, char out[static 3]);

#endif

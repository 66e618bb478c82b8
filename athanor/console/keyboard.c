/*
 * The keyboard controller (8042). In: its interrupt. Out: bytes in the input queue. Whatever the
 * firmware set up is used as it is: the controller translates to scancode set 1 on every PC. No
 * wait here is unbounded.
 */
#include "console/keyboard.h"
#include "console/input.h"
#include "cpu/x86.h"

#define KEYBOARD_DATA 0x60u
#define KEYBOARD_STATUS 0x64u
#define KEYBOARD_STATUS_FULL 0x01u
#define KEYBOARD_STATUS_MOUSE 0x20u
#define KEYBOARD_COMMAND_READ 0x20u
#define KEYBOARD_COMMAND_WRITE 0x60u
#define KEYBOARD_CONFIG_INTERRUPT 0x01u
#define KEYBOARD_CONFIG_CLOCK_OFF 0x10u

#define KEYBOARD_TURNS 64u
#define KEYBOARD_WAIT_TURNS 10000u

static struct keyboard_state keyboard_state;

static bool keyboard_wait(uint8_t mask, uint8_t value) {
    for (uint32_t turn = 0; turn < KEYBOARD_WAIT_TURNS; turn++) {
        if ((x86_in8(KEYBOARD_STATUS) & mask) == value) {
            return true;
        }
        x86_pause();
    }
    return false;
}

static void keyboard_empty(void) {
    for (uint32_t turn = 0; turn < KEYBOARD_TURNS; turn++) {
        if ((x86_in8(KEYBOARD_STATUS) & KEYBOARD_STATUS_FULL) == 0) {
            return;
        }
        x86_in8(KEYBOARD_DATA);
    }
}

bool keyboard_start(void) {
    if (x86_in8(KEYBOARD_STATUS) == 0xFF) { /* nobody drives the bus */
        return false;
    }
    keyboard_empty();
    x86_out8(KEYBOARD_STATUS, KEYBOARD_COMMAND_READ);
    if (!keyboard_wait(KEYBOARD_STATUS_FULL, KEYBOARD_STATUS_FULL)) {
        return false;
    }
    uint8_t config = x86_in8(KEYBOARD_DATA);
    config = (uint8_t)((config | KEYBOARD_CONFIG_INTERRUPT) & ~KEYBOARD_CONFIG_CLOCK_OFF);
    x86_out8(KEYBOARD_STATUS, KEYBOARD_COMMAND_WRITE);
    if (!keyboard_wait(0x02, 0)) {
        return false;
    }
    x86_out8(KEYBOARD_DATA, config);
    return keyboard_wait(0x02, 0);
}

void keyboard_receive(void *self) {
    (void)self;
    for (uint32_t turn = 0; turn < KEYBOARD_TURNS; turn++) {
        uint8_t status = x86_in8(KEYBOARD_STATUS);
        if ((status & KEYBOARD_STATUS_FULL) == 0 || status == 0xFF) {
            return;
        }
        uint8_t scancode = x86_in8(KEYBOARD_DATA);
        char bytes[3];
        size_t count = (status & KEYBOARD_STATUS_MOUSE) != 0
                           ? 0
                           : keyboard_decode(&keyboard_state, scancode, bytes);
        for (size_t i = 0; i < count; i++) {
            input_put((uint8_t)bytes[i]);
        }
    }
}

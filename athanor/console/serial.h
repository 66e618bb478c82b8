/* The first serial port (16550): the console that works first and last. */
#ifndef ATHANOR_SERIAL_H
#define ATHANOR_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#define SERIAL_COM1 0x3F8u
#define SERIAL_IRQ 4u
#define SERIAL_BAUD 115200u

/* Sets the port to 8n1 and attaches it as a console. False if there is none. */
bool serial_start(void);
/* From now on the port interrupts when bytes arrive. */
void serial_enable_interrupt(void);
/* Moves what has arrived to the input queue (console/input.h). The handler of its interrupt, and
 * safe to call any time. */
void serial_receive(void *self);

#endif

/* Bytes typed, from whatever keyboard or line: a queue between interrupt
 * handlers and the shell. */
#ifndef ATHANOR_INPUT_H
#define ATHANOR_INPUT_H

#include <stdbool.h>
#include <stdint.h>

/* From an interrupt handler or with interrupts off. A full queue drops the
 * byte. */
void input_put(uint8_t byte);
/* False if nothing is there. */
bool input_take(uint8_t *out_byte);
/* Waits until a byte is there; others run meanwhile. */
uint8_t input_wait(void);
/* The same until the deadline (clock_ns): false if nothing was there by then. */
bool input_wait_until(uint64_t deadline_ns, uint8_t *out_byte);
/* True if ^C has been typed since input_forget_interrupt; it is in the queue
 * like any other byte.
 */
bool input_interrupted(void);
void input_forget_interrupt(void);
/* Forgets what has been typed and not been read. */
void input_drop(void);
/* Sets what looks for input when no interrupt brings it; called by the timer's
 * tick. */
void input_set_poll(void (*poll)(void));
void input_poll(void);
bool input_is_polled(void);

#endif

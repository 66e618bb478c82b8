/*
 * The 16550 driver. Output is polled, because it must work in a panic; input arrives by interrupt,
 * or by polling where none can be had. A port that does not answer is left alone: nothing here
 * waits without a bound.
 */
#include "console/serial.h"
#include "console/input.h"
#include "console/log.h"
#include "cpu/x86.h"

#define UART_DATA (SERIAL_COM1 + 0)
#define UART_INTERRUPT_ENABLE (SERIAL_COM1 + 1)
#define UART_FIFO (SERIAL_COM1 + 2)
#define UART_LINE (SERIAL_COM1 + 3)
#define UART_MODEM (SERIAL_COM1 + 4)
#define UART_STATUS (SERIAL_COM1 + 5)
#define UART_SCRATCH (SERIAL_COM1 + 7)

#define UART_LINE_8N1 0x03u
#define UART_LINE_DIVISOR 0x80u
#define UART_MODEM_READY 0x0Bu /* DTR, RTS, and OUT2, which lets interrupts through */
#define UART_STATUS_RECEIVED 0x01u
#define UART_STATUS_SENDABLE 0x20u
#define UART_CLOCK 115200u

#define UART_WAIT_TURNS 100000u
#define UART_RECEIVE_TURNS                                                \
    256u /* more than any FIFO holds: a stuck status bit must not trap us \
          */

static void serial_send(char byte) {
    for (uint32_t turn = 0; turn < UART_WAIT_TURNS; turn++) {
        if ((x86_in8(UART_STATUS) & UART_STATUS_SENDABLE) != 0) {
            break;
        }
        x86_pause();
    }
    x86_out8(UART_DATA, (uint8_t)byte);
}

static void serial_write(void *self, const char *bytes, size_t count) {
    (void)self;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            serial_send('\r');
        }
        serial_send(bytes[i]);
    }
}

static bool serial_present(void) {
    x86_out8(UART_SCRATCH, 0x5A);
    bool kept = x86_in8(UART_SCRATCH) == 0x5A;
    x86_out8(UART_SCRATCH, 0xA5);
    return kept && x86_in8(UART_SCRATCH) == 0xA5;
}

bool serial_start(void) {
    static struct console console = {.write = serial_write};
    if (!serial_present()) {
        return false;
    }
    uint16_t divisor = UART_CLOCK / SERIAL_BAUD;
    x86_out8(UART_INTERRUPT_ENABLE, 0);
    x86_out8(UART_LINE, UART_LINE_DIVISOR);
    x86_out8(UART_DATA, (uint8_t)divisor);
    x86_out8(UART_INTERRUPT_ENABLE, (uint8_t)(divisor >> 8));
    x86_out8(UART_LINE, UART_LINE_8N1);
    x86_out8(UART_FIFO, 0x07); /* on and emptied, an interrupt per byte */
    x86_out8(UART_MODEM, UART_MODEM_READY);
    console_attach(&console);
    return true;
}

void serial_enable_interrupt(void) {
    x86_out8(UART_INTERRUPT_ENABLE, 1);
    serial_receive(NULL);
}

void serial_receive(void *self) {
    (void)self;
    for (uint32_t turn = 0; turn < UART_RECEIVE_TURNS; turn++) {
        if ((x86_in8(UART_STATUS) & UART_STATUS_RECEIVED) == 0) {
            return;
        }
        input_put(x86_in8(UART_DATA));
    }
}

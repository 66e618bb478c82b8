/* The line editor, on a terminal model that understands what any terminal does: characters, \b, \n.
 */
#include "shell/line.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
    char row[1024];
    size_t column, width;
    unsigned lines;
} terminal;

static void terminal_write(void *self, const char *bytes, size_t count) {
    (void)self;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\b') {
            assert_true(terminal.column > 0);
            terminal.column--;
        } else if (bytes[i] == '\n') {
            memset(&terminal.row, 0, sizeof terminal.row);
            terminal.column = terminal.width = 0;
            terminal.lines++;
        } else {
            assert_true(bytes[i] >= 0x20 && bytes[i] < 0x7F);
            assert_true(terminal.column < sizeof terminal.row - 1);
            terminal.row[terminal.column++] = bytes[i];
            terminal.width = terminal.column > terminal.width ? terminal.column : terminal.width;
        }
    }
}

static struct line line;

static int setup(void **state) {
    (void)state;
    memset(&terminal, 0, sizeof terminal);
    line_start(&line, terminal_write, NULL);
    return 0;
}

/* What the terminal shows is the line, with spaces after it, and the cursor is where it should be.
 */
static void check_terminal(void) {
    assert_int_equal(terminal.column, line.cursor);
    assert_memory_equal(terminal.row, line.text, line.length);
    for (size_t i = line.length; i < terminal.width; i++) {
        assert_int_equal(terminal.row[i], ' ');
    }
    assert_int_equal(strlen(line.text), line.length);
    assert_true(line.cursor <= line.length && line.length < LINE_BYTES);
}

static enum line_event type(const char *keys) {
    enum line_event event = LINE_MORE;
    for (; *keys != '\0'; keys++) {
        event = line_feed(&line, (uint8_t)*keys);
        if (event == LINE_MORE && !line.done) {
            check_terminal();
        }
    }
    return event;
}

static void expect(const char *keys, const char *text) {
    setup(NULL);
    assert_int_equal(type(keys), LINE_DONE);
    assert_string_equal(line.text, text);
}

static void editing(void **state) {
    (void)state;
    expect("help\r", "help");
    expect("help\n", "help");
    expect("\r", "");
    expect("\b\177\033[D\033[C\033[3~\013\025\027x\r", "x");
    expect("hepl\b\blp\r", "help");
    expect("hlp\033[D\033[De\r", "help");
    expect("elp\001h\r", "help");
    expect("elp\033[Hh\033[F!\r", "help!");
    expect("elp\033[1~h\033[4~!\r", "help!");
    expect("elp\033OHh\r", "help");
    expect("xhelp\001\033[3~\r", "help");
    expect("xhelp\001\004\r", "help");
    expect("help me\001\006\006\006\006\013\r", "help");
    expect("junk\025help\r", "help");
    expect("help me now\027\027\r", "help ");
    expect("a  \027b\r", "b");
    expect("ab\002\002\005c\r", "abc");
    expect("t\tx\033[5~\033[99;3Q\033xy\303\244\r", "txy"); /* unknown keys are nothing */
    expect("a\033[12\001b\r", "ba"); /* a control key ends a broken sequence */
}

static void crlf_is_one_end(void **state) {
    (void)state;
    assert_int_equal(type("a\r"), LINE_DONE);
    assert_int_equal(type("\n"), LINE_MORE);
    assert_int_equal(type("b\r"), LINE_DONE);
    assert_string_equal(line.text, "b");
    assert_int_equal(type("\r"), LINE_DONE);
    assert_string_equal(line.text, "");
}

static void cancel_and_redraw(void **state) {
    (void)state;
    assert_int_equal(type("abc\003"), LINE_CANCEL);
    assert_int_equal(type("xy\033[D\014"), LINE_REDRAW);
    terminal_write(NULL, "\n", 1);
    line_redraw(&line);
    check_terminal();
    assert_int_equal(type("z\r"), LINE_DONE);
    assert_string_equal(line.text, "xzy");
}

static void history(void **state) {
    (void)state;
    type("one\rtwo\rtwo\r\rthree\r");
    type("\033[A\033[A");
    assert_string_equal(line.text, "two");
    type("\033[A\033[A\033[A");
    assert_string_equal(line.text, "one");
    type("\033[B");
    assert_string_equal(line.text, "two");
    type("\033[B\033[B\033[B");
    assert_string_equal(line.text, "");
    type("\020\020!\r");
    assert_string_equal(line.text, "two!");
    type("\033[A");
    assert_string_equal(line.text, "two!");
    for (int i = 0; i < 40; i++) {
        type(i % 2 == 0 ? "\025even\r" : "\025odd\r");
    }
    for (int i = 0; i < 40; i++) {
        type("\033[A");
    }
    assert_string_equal(line.text, "even");
}

static void full_line(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        type("x");
    }
    assert_int_equal(line.length, LINE_BYTES - 1);
    type("\001y\033[3~z");
    assert_int_equal(line.length, LINE_BYTES - 1);
    assert_int_equal(line.text[0], 'z');
    assert_int_equal(type("\r"), LINE_DONE);
    type("\033[A");
    assert_int_equal(line.length, LINE_BYTES - 1);
}

static void any_bytes(void **state) {
    (void)state;
    srand(5);
    for (int i = 0; i < 300000; i++) {
        uint8_t byte = (uint8_t)(rand() % 3 == 0 ? rand() : "\033[ABCD~3H"[rand() % 9]);
        if (line_feed(&line, byte) == LINE_REDRAW) {
            terminal_write(NULL, "\n", 1);
            line_redraw(&line);
        }
        if (!line.done) {
            check_terminal();
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(editing, setup),
        cmocka_unit_test_setup(crlf_is_one_end, setup),
        cmocka_unit_test_setup(cancel_and_redraw, setup),
        cmocka_unit_test_setup(history, setup),
        cmocka_unit_test_setup(full_line, setup),
        cmocka_unit_test_setup(any_bytes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The shell's command about shared buffers. In: nothing. Out: a line for each and for each loan, or
 * with -k key=value lines. */
#include "console/log.h"
#include "objects/audit.h"
#include "objects/buffers.h"
#include "shell/module_commands.h"
#include "shell/shell.h"

static const char *buffer_who(uint32_t who) {
    return who == BUFFER_NOBODY ? "nobody" : audit_who(who);
}

static void buffer_show_loan(const struct buffer *buffer, const struct buffer_party *loan) {
    const char *access = buffer->is_lent_for_writing ? "writing" : "reading";
    bool is_placed = loan->place != BUFFER_NOWHERE;
    if (loan->who == BUFFER_NOBODY) {
        return;
    }
    if (shell_keys) {
        print("borrower=%s access=%s placed=%u\n", buffer_who(loan->who), access, is_placed);
    } else {
        print("  lent to %s for %s%s\n", buffer_who(loan->who), access,
              is_placed ? "" : ", which has no place for it");
    }
}

static void buffer_show(const struct buffer *buffer, const char *name) {
    const char *owner = buffer_who(buffer->owner.who);
    bool is_placed = buffer->owner.place != BUFFER_NOWHERE;
    if (shell_keys) {
        print("buffer=%s pages=%u owner=%s placed=%u loans=%u\n", name[0] != '\0' ? name : "-",
              buffer->page_count, owner, is_placed, buffer->loan_count);
    } else {
        print("%u pages of %s%s%s%s\n", buffer->page_count, owner, name[0] != '\0' ? ": " : "",
              name, is_placed ? "" : ", without a place");
    }
    for (uint32_t i = 0; i < BUFFER_LOANS_MAX; i++) {
        buffer_show_loan(buffer, &buffer->loans[i]);
    }
}

void command_buffers(size_t count, const char *const *words) {
    (void)words;
    count = 0;
    const struct shared_buffer *shared = NULL;
    while ((shared = buffers_next(shared)) != NULL) {
        const char *name;
        const struct buffer *buffer = buffers_state(shared, &name);
        buffer_show(buffer, name);
        count++;
    }
    print(shell_keys ? "buffers=%lu\n" : "%lu shared buffers\n", count);
}

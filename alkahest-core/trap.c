/*
 * Room: core. Trap kinds as people know them: messages and code numbers, expanded from trap.h. Data
 * only.
 */
#include <alkahest/trap.h>

const char *alka_trap_message(enum alka_trap kind) {
    static const char *const messages[ALKA_TRAP_COUNT] = {
#define TRAP_MESSAGE(id, code, message) message,
        ALKA_TRAPS(TRAP_MESSAGE)
#undef TRAP_MESSAGE
    };
    return messages[kind < ALKA_TRAP_COUNT ? kind : ALKA_TRAP_NONE];
}

uint32_t alka_trap_code(enum alka_trap kind) {
    static const uint16_t codes[ALKA_TRAP_COUNT] = {
#define TRAP_CODE(id, code, message) code,
        ALKA_TRAPS(TRAP_CODE)
#undef TRAP_CODE
    };
    return codes[kind < ALKA_TRAP_COUNT ? kind : ALKA_TRAP_NONE];
}

/*
 * Does our message say what the suite expects? As in the reference interpreter, ours must begin
 * with the official text; the lists below are where we refuse the same module for another reason
 * that is as true, because we look at its bytes in another order. In: both texts. Out: yes or no.
 */
#include "expect.h"

#include <string.h>

struct synonym {
    const char *official, *ours;
};

static const struct synonym synonyms[] = {
    {"null function reference", "null reference"},
    {"null structure reference", "null reference"},
    {"null array reference", "null reference"},
    {"null i31 reference", "null reference"},
    /* Flags and forms are bytes to us; the suite reads some of them as LEB128 numbers. */
    {"integer representation too long", "malformed limits flags"},
    {"integer too large", "malformed limits flags"},
    {"integer representation too long", "malformed definition type"},
    {"@metadata.code.branch_hint annotation: invalid target", "branch hint with an invalid target"},
    {"immutable global", "global is immutable"},
    {"immutable array", "immutable field or array"},
    {"immutable field", "immutable field or array"},
    /* A size that runs over its end: noticed where it is announced, or where bytes are missing. */
    {"unexpected end of section or function", "length out of bounds"},
    {"length out of bounds", "unexpected end"},
    {"section size mismatch", "unexpected end of section or function"},
    {"integer representation too long", "unexpected end of section or function"},
    {"integer too large", "unexpected end of section or function"},
    {"illegal opcode", "unexpected end of section or function"},
    {"END opcode expected", "unexpected end of section or function"},
    {"unexpected content after last section",
     "function and code section have inconsistent lengths"},
};

/* What is malformed or invalid in one release because the next gave it a meaning. */
static const char *const later_features[] = {
    "zero byte expected",     "multiple memories",
    "multiple tables",        "malformed import kind",
    "malformed limits flags", "integer too large",
    "malformed section id",   "integer representation too long",
};

static bool begins_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* A few files of the suite say in another tool's words which types do not match. */
static bool says_which_types(const char *expected) {
    return begins_with(expected, "type mismatch: instruction requires ") ||
           begins_with(expected, "type mismatch: block requires ");
}

bool wast_messages_agree(const char *expected, const char *got) {
    if (*expected == '\0' || *got == '\0')
        return false;
    if (says_which_types(expected) && begins_with(got, "type mismatch: "))
        return true;
    /* The suite may say more than we do, too: "uninitialized element 2". */
    if (begins_with(got, expected) || begins_with(expected, got))
        return true;
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++)
        if (strcmp(expected, synonyms[i].official) == 0 && begins_with(got, synonyms[i].ours))
            return true;
    return false;
}

bool wast_refusal_agrees(const char *expected, alka_status status, const char *got) {
    /* Scripts of other engines' runs say no reason. */
    if (*expected == '\0' || wast_messages_agree(expected, got))
        return true;
    if (status != ALKA_E_FEATURE_OFF && status != ALKA_E_FEATURE_UNBUILT)
        return false;
    for (size_t i = 0; i < sizeof later_features / sizeof later_features[0]; i++)
        if (strcmp(expected, later_features[i]) == 0)
            return true;
    return false;
}

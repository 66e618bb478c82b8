/*
 * The form of what commands print with -k, for scripts. A line is pairs KEY=VALUE with a space
 * between them. A key is [a-z][a-z0-9_]*. A value is bare, of letters, digits and ._:-+/%, or
 * quoted: "…", in which \" \\ and \n stand for a quote, a backslash and a line's end.
 */
#ifndef ATHANOR_SHELL_KEYS_H
#define ATHANOR_SHELL_KEYS_H

#include <stddef.h>

#define KEYS_TEXT_BYTES 512u /* room for what is quoted; cut in time if that is longer */

/*
 * The text as a quoted value, NUL-terminated, cut to what fits with its closing quote; control
 * characters become '?'. out_bytes >= 3. Returns `out`.
 */
const char *keys_quote(char *out, size_t out_bytes, const char *text);

#endif

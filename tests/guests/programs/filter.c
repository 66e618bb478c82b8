/*
 * A command like any other: arguments, standard input, standard output and error, an exit status.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    long lines = 0, words = 0, bytes = 0;
    int in_word = 0;
    static long letters[26];
    for (int byte = getchar(); byte != EOF; byte = getchar()) {
        bytes++;
        lines += byte == '\n';
        words += !in_word && !isspace(byte);
        in_word = !isspace(byte);
        if (isalpha(byte) && byte < 128)
            letters[tolower(byte) - 'a']++;
    }
    printf("%ld lines, %ld words, %ld bytes\n", lines, words, bytes);
    for (int i = 0; i < 26; i++)
        printf("%c%ld%c", 'a' + i, letters[i], i == 25 ? '\n' : ' ');
    if (fflush(stdout) || ferror(stdout))
        return 1;
    fprintf(stderr, "done\n");
    exit(argc > 1 ? atoi(argv[argc - 1]) : 0);
}

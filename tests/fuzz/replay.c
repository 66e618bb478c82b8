/* Feeds files to a fuzz target once each: for builds without libFuzzer, and for old findings. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return -1;
    }
    enum { MOST = 1 << 20 };
    uint8_t *whole = malloc(MOST);
    size_t size = whole ? fread(whole, 1, MOST, file) : 0;
    (void)fclose(file);
    /* Exactly as large as the input, so that a sanitizer sees reads behind its end. */
    uint8_t *data = malloc(size ? size : 1);
    for (size_t i = 0; data && i < size; i++)
        data[i] = whole[i];
    if (data)
        (void)LLVMFuzzerTestOneInput(data, size);
    free(whole);
    free(data);
    return 0;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (replay(argv[i]) != 0)
            return 1;
    printf("%d inputs replayed\n", argc - 1);
    return argc > 1 ? 0 : 1;
}

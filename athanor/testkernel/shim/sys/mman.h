/* As much of <sys/mman.h> as the unit tests' Crucible needs for pages. */
#ifndef SHIM_MMAN_H
#define SHIM_MMAN_H

#include <stddef.h>

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_PRIVATE 1
#define MAP_ANONYMOUS 2
#define MAP_NORESERVE 4
#define MAP_FIXED 8
#define MAP_FAILED ((void *)-1)

void *mmap(void *at, size_t bytes, int protection, int flags, int file, long offset);
int munmap(void *base, size_t bytes);
int mprotect(void *base, size_t bytes, int protection);

#endif

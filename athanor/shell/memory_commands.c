/* The shell's command about memory. In: nothing. Out: tables for people, or with -k key=value
 * lines. */
#include "console/log.h"
#include "crucible/crucible.h"
#include "mm/code_frames.h"
#include "mm/frames.h"
#include "mm/memory.h"
#include "objects/objects.h"
#include "shell/module_commands.h"
#include "shell/shell.h"
#include <string.h>

#define KIB(bytes) ((bytes) >> 10)

static void command_mem_detail(void) {
    struct buddy_stats frames;
    struct heap_stats heap;
    frames_stats(&frames);
    memory_stats(&heap);
    print(shell_keys
              ? "frames_least_free=%lu heap_peak_bytes=%lu heap_pages=%lu\n"
              : "at least %lu frames were free at any time; the heap had at most %lu bytes in "
                "use, and holds %lu pages\n",
          frames.least_free_frames, heap.peak_used_bytes, heap.pages);
    for (uint32_t order = 0; order < BUDDY_ORDERS; order++) {
        print(shell_keys ? "block_frames=%u free_blocks=%u\n" : "blocks of %6u frames: %6u free\n",
              1u << order, frames_free_blocks(order));
    }
    for (uint32_t i = 0; i < HEAP_CLASSES; i++) {
        struct heap_class_stats class;
        memory_class_stats(i, &class);
        print(shell_keys ? "class_bytes=%u used_blocks=%lu free_blocks=%lu\n"
                         : "heap blocks of %4u bytes: %6lu in use, %6lu free\n",
              class.block_bytes, class.used, class.free);
    }
}

void command_mem(size_t count, const char *const *words) {
    if (count > 1 && strcmp(words[1], "detail") == 0) {
        command_mem_detail();
        return;
    }
    if (count > 1) {
        print(shell_keys ? "error=\"%s\"\n" : "%s\n", "mem: only `mem detail` says more");
        return;
    }
    struct buddy_stats frames;
    struct heap_stats heap;
    frames_stats(&frames);
    frames.free_frames += code_frames_free();
    memory_stats(&heap);
    struct crucible_stats modules;
    crucible_stats(&modules);
    struct objects_stats caps;
    objects_stats(&caps);
    if (shell_keys) {
        print("frames_free=%lu frames_total=%lu heap_used_bytes=%lu mapped_bytes=%lu "
              "slot_bytes=%lu code_bytes=%lu page_bytes=%lu slot_space_bytes=%lu bad_gives=%lu "
              "objects=%u capabilities=%u capabilities_max=%u parcels=%u\n",
              frames.free_frames, frames.total_frames, heap.used_bytes, memory_mapped_bytes(),
              modules.slot_bytes, modules.code_bytes, modules.page_bytes, modules.slot_space_bytes,
              frames.bad_gives + heap.bad_gives, caps.objects, caps.nodes_used, caps.nodes,
              caps.parcels);
        return;
    }
    print("frames  %8lu KiB of %lu KiB free; %lu taken, %lu given, %lu refused\n",
          KIB(frames.free_frames * MEMORY_PAGE_BYTES), KIB(frames.total_frames * MEMORY_PAGE_BYTES),
          frames.takes, frames.gives, frames.refusals);
    print("heap    %8lu bytes in use, %lu KiB held; %lu taken, %lu given, %lu "
          "refused\n",
          heap.used_bytes, KIB(heap.pages * MEMORY_PAGE_BYTES), heap.takes, heap.gives,
          heap.refusals);
    print("mapped  %8lu KiB for pages and devices\n", KIB(memory_mapped_bytes()));
    print("modules %8lu KiB memory, %lu KiB code, %lu KiB pages; %lu GiB of "
          "address space\n",
          KIB(modules.slot_bytes), KIB(modules.code_bytes), KIB(modules.page_bytes),
          modules.slot_space_bytes >> 30);
    print("objects %8u; %u of %u capabilities, %u of them in messages\n", caps.objects,
          caps.nodes_used, caps.nodes, caps.parcels);
    if (frames.bad_gives + heap.bad_gives > 0) {
        print("warning: %lu frames and %lu blocks were given back wrongly\n", frames.bad_gives,
              heap.bad_gives);
    }
}

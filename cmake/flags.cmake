# Compiler flags. What all code gets, what the kernel and the sanitized builds get on top, and the
# list AZOTH_FREESTANDING_FLAGS that alka_library adds (hosted builds too: one source, two homes).

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")
set(CMAKE_ASM_NASM_OBJECT_FORMAT elf64)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()

function(azoth_c_options)
    foreach(option IN LISTS ARGN)
        add_compile_options($<$<COMPILE_LANGUAGE:C>:${option}>)
    endforeach()
endfunction()

azoth_c_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wswitch-enum
                -Wmissing-prototypes -Wstrict-prototypes -Werror
                # A null or wrapping pointer is checked by us, never assumed away by the compiler.
                -fno-strict-aliasing -fno-delete-null-pointer-checks -fno-common
                "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    # GNU statement expressions and friends are a part of our C dialect (C11 + GNU attributes).
    azoth_c_options(-Wno-gnu)
endif()

set(AZOTH_FREESTANDING_FLAGS -ffreestanding -mgeneral-regs-only)

if(AZOTH_KERNEL)
    # No CET (the emulated CPU has none), no unwind tables, canary in a global: GS belongs to modules.
    azoth_c_options(${AZOTH_FREESTANDING_FLAGS} -mno-red-zone -mcmodel=kernel -fno-pic -fno-pie
                    -fstack-protector-strong -mstack-protector-guard=global -fcf-protection=none
                    -fno-asynchronous-unwind-tables -fno-omit-frame-pointer
                    -ffunction-sections -fdata-sections)
    # Modules call C with any multiple of 8 as their stack (alkahest-link/runtime.asm).
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        azoth_c_options(-mpreferred-stack-boundary=3)
        # Functions and loops begin at 16 bytes; that the targets of other jumps do is 3 % of the text, and gains nothing.
        azoth_c_options(-fno-align-jumps -fno-align-labels)
    else()
        azoth_c_options(-mstack-alignment=8)
    endif()
    add_compile_definitions(AZOTH_KERNEL=1)
    add_link_options(-nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096)
endif()

if(AZOTH_SANITIZE)
    add_compile_options($<$<COMPILE_LANGUAGE:C>:-fsanitize=address,undefined>)
    azoth_c_options(-fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
    add_compile_definitions(AZOTH_SANITIZE=1)
endif()

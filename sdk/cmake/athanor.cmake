# athanor_app(NAME SOURCES file.c… [INCLUDES folder…] [DEFINES D…] [OPTIONS flag…] [DEPENDS file…] [LIBC | WASI])
#
# Compiles C to OUT/NAME.wasm, where OUT is ATHANOR_MODULES_DIR (default: the build folder), as a part of `all`.
#   (neither)  freestanding: no C library
#   LIBC       with wasi-libc, for modules that are called, not run: malloc, string.h, math.h
#   WASI       with wasi-libc and a main(): a command for `alkahest run`
# DEPENDS are generated headers. The file's path is in ATHANOR_NAME_WASM afterwards (NAME as given).
#
# Modules get exactly the features that Athanor's compiler has on by default: Wasm 1.0 with sign extension, saturating
# conversions and mutable globals. Function names stay in: traces need them.

get_filename_component(ATHANOR_SDK_DIR "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
find_program(ATHANOR_CLANG NAMES clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19 REQUIRED)
if(NOT ATHANOR_MODULES_DIR)
    set(ATHANOR_MODULES_DIR "${CMAKE_BINARY_DIR}")
endif()

set(ATHANOR_C_FLAGS -std=c11 -O2 -Wall -Wextra -Werror -msign-ext -mnontrapping-fptoint -mno-bulk-memory
                    -ffp-contract=off -fvisibility=hidden)
# The C stack lies at the bottom of memory: overflowing it leaves the memory instead of running into data.
set(ATHANOR_LINK_FLAGS -Wl,--stack-first -Wl,-z,stack-size=65536 -Wl,--fatal-warnings)

function(athanor_object name source out_object)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "FLAGS;DEPENDS")
    get_filename_component(path "${source}" ABSOLUTE)
    get_filename_component(stem "${source}" NAME)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${name}.dir/${stem}.o")
    file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/${name}.dir")
    add_custom_command(
        OUTPUT "${object}"
        COMMAND "${ATHANOR_CLANG}" ${arg_FLAGS} -MD -MF "${object}.d" -c "${path}" -o "${object}"
        DEPENDS "${path}" ${arg_DEPENDS}
        DEPFILE "${object}.d"
        COMMENT "wasm32 ${name}/${stem}"
        COMMAND_EXPAND_LISTS VERBATIM)
    set(${out_object} "${object}" PARENT_SCOPE)
endfunction()

function(athanor_app name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "LIBC;WASI" "" "SOURCES;INCLUDES;DEFINES;OPTIONS;DEPENDS")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
        message(FATAL_ERROR "athanor_app(${name}): expected SOURCES …, also got: ${arg_UNPARSED_ARGUMENTS}")
    endif()

    set(flags ${ATHANOR_C_FLAGS} -I "${ATHANOR_SDK_DIR}/include")
    set(link ${ATHANOR_LINK_FLAGS})
    if(arg_WASI)
        set(target --target=wasm32-wasi)
    elseif(arg_LIBC)
        set(target --target=wasm32-wasi -mexec-model=reactor)
    else()
        set(target --target=wasm32)
        list(APPEND flags -ffreestanding)
        list(APPEND link -nostdlib -Wl,--no-entry)
    endif()
    list(TRANSFORM arg_DEFINES PREPEND -D)
    foreach(folder IN LISTS arg_INCLUDES)
        list(APPEND flags -I "${folder}")
    endforeach()
    list(APPEND flags ${arg_DEFINES} ${arg_OPTIONS})

    set(objects)
    foreach(source IN LISTS arg_SOURCES)
        athanor_object(${name} "${source}" object FLAGS ${target} ${flags} DEPENDS ${arg_DEPENDS})
        list(APPEND objects "${object}")
    endforeach()
    if(NOT arg_WASI AND NOT arg_LIBC)
        athanor_object(${name} "${ATHANOR_SDK_DIR}/lib/memory.c" object FLAGS ${target} ${flags} -fno-builtin)
        list(APPEND objects "${object}")
    endif()

    set(wasm "${ATHANOR_MODULES_DIR}/${name}.wasm")
    add_custom_command(
        OUTPUT "${wasm}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${ATHANOR_MODULES_DIR}"
        COMMAND "${ATHANOR_CLANG}" ${target} ${link} ${objects} -o "${wasm}"
        DEPENDS ${objects}
        COMMENT "wasm32 ${name}.wasm"
        VERBATIM)
    add_custom_target(wasm-${name} ALL DEPENDS "${wasm}")
    set(ATHANOR_${name}_WASM "${wasm}" PARENT_SCOPE)
endfunction()

# athanor_embed(NAME out_header): a header with the bytes of the module NAME as the array NAME_wasm ("-" becomes "_"), for one that
# loads it at run time: DEPENDS on it.
function(athanor_embed name out_header)
    set(header "${CMAKE_CURRENT_BINARY_DIR}/${name}.wasm.h")
    string(REPLACE "-" "_" symbol "${name}_wasm")
    add_custom_command(
        OUTPUT "${header}"
        COMMAND "${CMAKE_COMMAND}" -D "FILE=${ATHANOR_${name}_WASM}" -D "HEADER=${header}" -D "NAME=${symbol}" -P
                "${ATHANOR_SDK_DIR}/cmake/embed.cmake"
        DEPENDS "${ATHANOR_${name}_WASM}" "${ATHANOR_SDK_DIR}/cmake/embed.cmake"
        COMMENT "embedding ${name}.wasm"
        VERBATIM)
    set(${out_header} "${header}" PARENT_SCOPE)
endfunction()

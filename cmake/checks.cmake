# Tests over the build itself. Included last, when every library is known.

# freestanding: each library's undefined symbols must be defined by what it declares to depend on.
get_property(libraries GLOBAL PROPERTY AZOTH_LIBRARIES)
if(libraries AND NOT AZOTH_SANITIZE)
    find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
    set(lines "")
    foreach(library IN LISTS libraries)
        get_target_property(dependencies ${library} AZOTH_DEPENDS)
        if(NOT dependencies)
            set(dependencies "")
        endif()
        string(REPLACE ";" "," dependencies "${dependencies}")
        string(APPEND lines "${library} $<TARGET_FILE:${library}> ${dependencies}\n")
    endforeach()
    file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/freestanding.txt" CONTENT "${lines}")
    azoth_test(NAME freestanding LABEL unit
               COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/cmake/check-freestanding.py"
                       --nm "${CMAKE_NM}" --readelf "${CMAKE_READELF}" "${CMAKE_BINARY_DIR}/freestanding.txt")
endif()

# style: formatting of all, clang-tidy on what changed.
if(NOT AZOTH_KERNEL AND NOT AZOTH_SANITIZE)
    set(style "${CMAKE_SOURCE_DIR}/cmake/check-style.py")
    azoth_test(NAME style.format LABEL style SKIP_CODE 77 COMMAND Python3::Interpreter "${style}" format)
    azoth_test(NAME style.tidy LABEL style SKIP_CODE 77 TIMEOUT 600
               COMMAND Python3::Interpreter "${style}" tidy "${CMAKE_BINARY_DIR}" "${CMAKE_BINARY_DIR}/../kernel")
endif()

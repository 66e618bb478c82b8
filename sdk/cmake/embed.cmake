# cmake -D FILE=module.wasm -D HEADER=out.h -D NAME=symbol -P embed.cmake: the file's bytes as a C array `NAME`.
file(READ "${FILE}" hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE "${HEADER}" "static const unsigned char ${NAME}[] = {\n${bytes}};\n")

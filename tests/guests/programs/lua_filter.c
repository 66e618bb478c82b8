/*
 * The smallest host for Lua: runs the script on standard input, prints what it prints. Only the
 * libraries that need no system, and no way back from an error but out.
 */
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static const luaL_Reg libraries[] = {
    {LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
    {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
    {LUA_UTF8LIBNAME, luaopen_utf8},
};

static int fail(lua_State *lua) {
    fprintf(stderr, "error: %s\n", lua_tostring(lua, -1));
    exit(1);
}

int main(void) {
    static char script[1 << 20];
    size_t bytes = fread(script, 1, sizeof script, stdin);
    lua_State *lua = luaL_newstate();
    if (!lua)
        return 2;
    lua_atpanic(lua, fail);
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    if (luaL_loadbuffer(lua, script, bytes, "=stdin") != LUA_OK)
        fail(lua);
    lua_call(lua, 0, 0);
    lua_close(lua);
    return 0;
}

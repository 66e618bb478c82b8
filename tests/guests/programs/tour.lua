-- A tour of Lua: every part of the virtual machine gets something to do, and says what came out.

-- Numbers: two kinds, with exact rules for each.
print(7 // 2, -7 // 2, 7 % -3, -7 % 3, 7.5 // 2, -7.5 % 2, 1 / 3, 2 ^ 0.5)
print(math.maxinteger + 1 == math.mininteger, 1 << 63, -1 >> 60, 5 & 3 | 8 ~ 1, ~0)
print(string.format("%.14g %5d|%-8s|%q %x %a", 0.1, 42, "left", "a\n\"b\"", 48879, 1.0))
print(tostring(1e15), 1e100, -0.0, 3 | 0, math.tointeger(3.0), 10 == 10.0, "10" + 5, 0x7p-2)
print(math.type(1), math.type(1.0), math.ult(1, -1), math.floor(-3.5), math.ceil(-3.5), math.fmod(-7, 3))

-- Strings: patterns, packing, UTF-8.
local text = "The quick brown fox, the lazy dog, the end"
print(text:gsub("(%a+)", function(word) return #word == 3 and word:upper() or nil end))
print(("key = value, other=  42 "):match("(%w+)%s*=%s*(%w+).-(%w+)=%s*(%d+)"))
for word, position in text:gmatch("(t%a*)()") do print(word, position) end
print(string.pack("<i4 >I2 z s1 d", -2, 65535, "zero", "short", 0.5):byte(1, -1))
print(string.unpack("<i8", string.pack("<i8", math.mininteger)))
print(utf8.char(72, 228, 8364, 128512), utf8.len("häß€"), #"häß€", ("x"):rep(5, "-"), ("abc"):reverse())

-- Tables: arrays, hashes, sorting, metatables.
local words, counts = {}, {}
for word in text:lower():gmatch("%a+") do
  words[#words + 1] = word
  counts[word] = (counts[word] or 0) + 1
end
table.sort(words, function(one, other)
  if counts[one] ~= counts[other] then return counts[one] > counts[other] end
  return one < other
end)
print(table.concat(words, " "), table.unpack({1, 2, 3}, 2))
local Vector = {}
Vector.__index = Vector
Vector.__add = function(a, b) return setmetatable({x = a.x + b.x, y = a.y + b.y}, Vector) end
Vector.__eq = function(a, b) return a.x == b.x and a.y == b.y end
Vector.__tostring = function(v) return "(" .. v.x .. ", " .. v.y .. ")" end
Vector.__call = function(v, k) return setmetatable({x = v.x * k, y = v.y * k}, Vector) end
local v = setmetatable({x = 1, y = 2.5}, Vector)
print(tostring(v + v(3)), v + v == v(2), rawequal(v, v), select("#", nil, nil))

-- Functions: closures, varargs, tail calls, goto, deep recursion.
local function counter()
  local n = 0
  return function(step) n = n + (step or 1) return n end
end
local one, two = counter(), counter()
print(one(), one(5), two(), (function(...) return select("#", ...), (select(2, ...)) end)(1, nil, 3))
local function count_down(n) if n == 0 then return "landed" end return count_down(n - 1) end
print(count_down(100000))
local function depth(n) return n == 0 and 0 or 1 + depth(n - 1) end
print(depth(150))
for i = 1, 3 do
  for j = 1, 3 do
    if j == 2 then goto continue end
    print(i, j)
    ::continue::
  end
end

-- Work: queens, sieve, matrix, Mandelbrot, n-body, garbage.
local function queens(n)
  local found, columns, up, down = 0, {}, {}, {}
  local function place(row)
    if row > n then found = found + 1 return end
    for column = 1, n do
      if not (columns[column] or up[row + column] or down[row - column + n]) then
        columns[column], up[row + column], down[row - column + n] = true, true, true
        place(row + 1)
        columns[column], up[row + column], down[row - column + n] = nil, nil, nil
      end
    end
  end
  place(1)
  return found
end
print("queens", queens(7))

local sieve, primes = {}, 0
for i = 2, 50000 do
  if not sieve[i] then
    primes = primes + 1
    for j = i * i, 50000, i do sieve[j] = true end
  end
end
print("primes", primes)

local inside = 0
for py = -30, 30 do
  for px = -40, 20 do
    local cx, cy, x, y, steps = px / 20, py / 20, 0.0, 0.0, 0
    while x * x + y * y < 4 and steps < 50 do x, y, steps = x * x - y * y + cx, 2 * x * y + cy, steps + 1 end
    inside = inside + steps
  end
end
print("mandelbrot", inside)

local bodies = {{x = 0, y = 0, vx = 0, vy = 0, m = 1000}, {x = 100, y = 0, vx = 0, vy = 3, m = 1}, {x = 0, y = -250, vx = 2, vy = 0.1, m = 2}}
for _ = 1, 2000 do
  for i, a in ipairs(bodies) do
    for j, b in ipairs(bodies) do
      if i ~= j then
        local dx, dy = b.x - a.x, b.y - a.y
        local d2 = dx * dx + dy * dy
        local f = b.m / (d2 * math.sqrt(d2)) * 0.05
        a.vx, a.vy = a.vx + dx * f, a.vy + dy * f
      end
    end
  end
  for _, a in ipairs(bodies) do a.x, a.y = a.x + a.vx * 0.05, a.y + a.vy * 0.05 end
end
for _, a in ipairs(bodies) do print(string.format("%.17g %.17g", a.x, a.y)) end

local kept, sum = {}, 0
for i = 1, 60000 do
  local garbage = {i, tostring(i), {i * 2}}
  if i % 1000 == 0 then kept[#kept + 1] = garbage end
end
collectgarbage()
for _, value in ipairs(kept) do sum = sum + value[1] + #value[2] + value[3][1] end
print("kept", #kept, sum)

local code = {}
for i = 1, 200 do code[i] = "local a" .. i % 50 .. " = " .. i .. " * x" end
print("load", load("local x = ... " .. table.concat(code, " ", 1, 150) .. " return a0 + a49")(3))

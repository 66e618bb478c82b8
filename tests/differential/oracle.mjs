// Runs modules in this process's engine and writes down what happened, as the commands of a converted test script.
// node oracle.mjs SUPPORT.wasm SEED OUT.json MODULE.wasm…
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const [support_path, seed, out_path, ...module_paths] = process.argv.slice(2);
const CALLS_PER_EXPORT = 3;

// xorshift: the arguments follow from the seed
let state = (Number(seed) * 2654435761 + 1) >>> 0 || 1;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>>= 0);
}

const view = new DataView(new ArrayBuffer(8));
const EDGES = [0, 1, 2, 7, 31, 32, 63, 127, 128, 255, 256, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff];
const FLOAT_EDGES = [0, -0, 1, -1, 0.5, 1e-310, 2147483647, 2147483648, -2147483649, 4294967296, 9.3e18, 1.9e19, Infinity, -Infinity, NaN];
const pick = (list) => list[random() % list.length];
const word = () => (random() % 2 ? pick(EDGES) : random()) >>> 0;

const types = {
  i32: {
    random: () => word() | 0,
    show: (value) => String(value >>> 0),
  },
  i64: {
    random: () => BigInt.asIntN(64, (BigInt(word()) << 32n) | BigInt(word())),
    show: (value) => String(BigInt.asUintN(64, value)),
  },
  f32: {
    random: () => Math.fround(random() % 2 ? pick(FLOAT_EDGES) : (view.setUint32(0, random()), view.getFloat32(0))),
    show: (value) => (Number.isNaN(value) ? "nan:arithmetic" : (view.setFloat32(0, value), String(view.getUint32(0)))),
  },
  f64: {
    random: () => (random() % 2 ? pick(FLOAT_EDGES) : (view.setUint32(0, random()), view.setUint32(4, random()), view.getFloat64(0))),
    show: (value) => (Number.isNaN(value) ? "nan:arithmetic" : (view.setFloat64(0, value), String(view.getBigUint64(0)))),
  },
};
const CANONICAL = { f32: "2143289344", f64: "9221120237041090560" };
const argument = (type, value) => {
  const text = types[type].show(value);
  return { type, value: text === "nan:arithmetic" ? CANONICAL[type] : text };
};

// V8's words for a trap; "" (any trap will do) where one of them stands for several traps of the specification.
const TRAPS = [
  [/^unreachable/, "unreachable"],
  [/memory access out of bounds|data segment/, "out of bounds memory access"],
  [/^operation does not support unaligned accesses/, ""],
  [/^divide by zero|^remainder by zero/, "integer divide by zero"],
  [/^divide result unrepresentable/, "integer overflow"],
  [/^float unrepresentable/, ""],
  [/table index is out of bounds|table access out of bounds|element segment/, ""],
  [/^null function or function signature mismatch/, ""],
  [/^dereferencing a null pointer/, "null reference"],
];

// The function types of the exports, read from the bytes: JavaScript does not say them.
function export_types(bytes) {
  let at = 8;
  const leb = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const name = () => {
    const size = leb();
    at += size;
    return new TextDecoder().decode(bytes.subarray(at - size, at));
  };
  const limits = () => {
    const flags = leb();
    leb();
    if (flags & 1) leb();
  };
  const valtype = () => {
    const byte = bytes[at++];
    if (byte === 0x63 || byte === 0x64) leb(); // a heap type
    return { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128" }[byte] ?? "ref";
  };
  const list = (item) => Array.from({ length: leb() }, item);
  const signatures = [], functions = [], globals = [], exports = [];
  while (at < bytes.length) {
    const id = bytes[at++];
    const end = leb() + at;
    if (id === 1) list(() => (at++, signatures.push({ params: list(valtype), results: list(valtype) })));
    else if (id === 2)
      list(() => {
        name();
        name();
        const kind = bytes[at++];
        if (kind === 0) functions.push(leb());
        else if (kind === 1) valtype(), limits();
        else if (kind === 2) limits();
        else if (kind === 4) at++, leb();
        else globals.push(valtype()), at++;
      });
    else if (id === 3) list(() => functions.push(leb()));
    else if (id === 7) list(() => exports.push({ name: name(), kind: bytes[at++], index: leb() }));
    at = end;
  }
  return exports.filter((e) => e.kind === 0).map((e) => ({ name: e.name, ...signatures[functions[e.index]] }));
}

const commands = [];
let line = 0;
const say = (command) => commands.push({ ...command, line: ++line });

function read_global(module, name, exported) {
  const type = module.global_types[name];
  if (!type) return; // v128 and others, whose values JavaScript cannot read
  const value = exported.value;
  say({ type: "assert_return", action: { type: "get", module: module.id, field: name }, expected: [{ type, value: types[type].show(value) }] });
}

// A probe that imports the memory says what is in it.
function read_memories(module, instance, probes) {
  probes.forEach((probe, index) => {
    const file = `probe${probe}-${index}.wasm`;
    const compiled = new WebAssembly.Module(readFileSync(join(dirname(support_path), file)));
    const hash = new WebAssembly.Instance(compiled, { tested: instance.exports }).exports.hash();
    say({ type: "register", name: module.id, as: "tested" });
    say({ type: "module", name: "$probe", filename: file });
    say({ type: "assert_return", action: { type: "invoke", module: "$probe", field: "hash", args: [] }, expected: [{ type: "i64", value: String(BigInt.asUintN(64, hash)) }] });
  });
}

// False: the rest of the module cannot be compared.
function call(module, instance, signature, args) {
  const action = { type: "invoke", module: module.id, field: signature.name, args: args.map((value, i) => argument(signature.params[i], value)) };
  let results;
  try {
    results = instance.exports[signature.name](...args);
  } catch (error) {
    if (error instanceof WebAssembly.Exception) {
      say({ type: "assert_exception", action });
      return true;
    }
    if (!(error instanceof WebAssembly.RuntimeError)) return false; // out of stack: engines differ in how much there is
    const known = TRAPS.find(([pattern]) => pattern.test(error.message));
    if (!known) throw new Error(`unknown trap: ${error.message}`);
    // An atomic access may be both out of bounds and unaligned, and engines look in different orders.
    const said = module.has_atomics && known[1].startsWith("out of bounds memory") ? "" : known[1];
    say({ type: "assert_trap", action, ...(said && { text: said }) });
    return true;
  }
  const values = signature.results.length === 0 ? [] : signature.results.length === 1 ? [results] : [...results];
  say({ type: "assert_return", action, expected: values.map((value, i) => ({ type: signature.results[i], value: types[signature.results[i]].show(value) })) });
  return true;
}

const support_bytes = readFileSync(support_path);
module_paths.forEach((path, number) => {
  const bytes = readFileSync(path);
  const support = new WebAssembly.Instance(new WebAssembly.Module(support_bytes));
  say({ type: "module", name: `$support${number}`, filename: basename(support_path) });
  say({ type: "register", name: `$support${number}`, as: "fuzzing-support" });
  const state = JSON.parse(readFileSync(path + ".state.json"));
  const module = { id: `$m${number}`, global_types: state.globals, has_atomics: state.atomics };
  let compiled, instance;
  try {
    compiled = new WebAssembly.Module(bytes);
  } catch (error) {
    if (error.message.includes("mix of legacy and new exception")) return; // a rule of V8's own
    // Binaryen's references have subtypes that no release of the standard has: both must refuse.
    say({ type: "assert_invalid", filename: basename(path), module_type: "binary" });
    return;
  }
  try {
    instance = new WebAssembly.Instance(compiled, { "fuzzing-support": support.exports });
  } catch (error) {
    return; // whose message the script would have to know
  }
  say({ type: "module", name: module.id, filename: basename(path) });
  for (const signature of export_types(bytes)) {
    if (![...signature.params, ...signature.results].every((type) => type in types)) continue;
    const times = signature.params.length ? CALLS_PER_EXPORT : 1;
    for (let i = 0; i < times; i++) {
      if (instance.exports.hangLimitInitializer) {
        instance.exports.hangLimitInitializer();
        say({ type: "action", action: { type: "invoke", module: module.id, field: "hangLimitInitializer", args: [] }, expected: [] });
      }
      if (!call(module, instance, signature, signature.params.map((type) => types[type].random()))) return;
    }
  }
  read_memories(module, instance, state.memories);
  if (instance.exports.hashMemory) call(module, instance, { name: "hashMemory", params: [], results: ["i32"] }, []);
  for (const [name, exported] of Object.entries(instance.exports))
    if (exported instanceof WebAssembly.Global) read_global(module, name, exported);
  const logged = BigInt.asUintN(64, support.exports.ints.value);
  say({ type: "assert_return", action: { type: "get", module: `$support${number}`, field: "ints" }, expected: [{ type: "i64", value: String(logged) }] });
});
writeFileSync(out_path, JSON.stringify({ source_filename: out_path, commands }));

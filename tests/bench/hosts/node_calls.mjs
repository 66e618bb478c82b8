// V8's side of calls.py: `node [V8 flags] node_calls.mjs ROUNDS FOLDER`. Prints what bench-calls prints, without cycles and
// instructions. The host is JavaScript, which V8 optimizes together with its way into a module.
import { readFileSync } from "node:fs";

const [rounds, folder] = process.argv.slice(2);
const CALLS = 20000, LIVES = 50;

const compile = (name) => new WebAssembly.Module(readFileSync(`${folder}/${name}.wasm`));
const calleeModule = compile("callee"), callerModule = compile("caller");
const callee = new WebAssembly.Instance(calleeModule);
const caller = new WebAssembly.Instance(callerModule, {
    kernel: { nothing() {} },
    callee: callee.exports,
});
const { keep } = callee.exports;

const cases = {
    enter: [CALLS, (count) => {
        for (let i = 0; i < count; i++) keep(8, i);
    }],
    instance: [LIVES, (count) => {
        for (let i = 0; i < count; i++) new WebAssembly.Instance(calleeModule).exports.keep(8, 3);
    }],
};
for (const name of ["empty", "near", "host", "gate"]) cases[name] = [CALLS, caller.exports[name]];

const WARM_UP = 20; // rounds in which JavaScript is optimized
const ns = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (let round = -WARM_UP; round < Number(rounds); round++) {
    for (const [name, [count, run]] of Object.entries(cases)) {
        if (round < 0 && name === "instance") continue;
        const begin = process.hrtime.bigint();
        run(count);
        const each = Number(process.hrtime.bigint() - begin) / count;
        if (round >= 0) ns[name].push(each);
    }
}
const figures = Object.entries(ns).map(([name, list]) => [name, { ns: list, cycles: null, instructions: null }]);
console.log(JSON.stringify({ cases: Object.fromEntries(figures) }));

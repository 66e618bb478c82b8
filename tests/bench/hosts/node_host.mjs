// Drives node's V8: `node [V8 flags] node_host.mjs run|validate|compile FILE.wasm`.
//
// run: executes a benchmark program; its own line goes to standard output. Compilation is synchronous
// and comes before `_start`, and the flags given by engines.py fix the tier, so no compiler runs
// while the program measures itself. validate, compile: print how long that took, as JSON; once per
// process, because V8 remembers modules it has seen.
import { readFileSync, writeSync } from "node:fs";

const [task, file] = process.argv.slice(2);
const bytes = readFileSync(file);

function run() {
    const module = new WebAssembly.Module(bytes);
    let memory;
    const wasi = {
        clock_time_get(clock, precision, outNs) {
            new DataView(memory.buffer).setBigUint64(outNs, process.hrtime.bigint(), true);
            return 0;
        },
        fd_write(fd, vectors, count, outWritten) {
            const view = new DataView(memory.buffer);
            let written = 0;
            for (let i = 0; i < count; i++) {
                const at = view.getUint32(vectors + 8 * i, true);
                const length = view.getUint32(vectors + 8 * i + 4, true);
                written += writeSync(fd, new Uint8Array(memory.buffer, at, length));
            }
            view.setUint32(outWritten, written, true);
            return 0;
        },
        proc_exit(code) {
            process.exit(code);
        },
    };
    const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi });
    memory = instance.exports.memory;
    instance.exports._start();
}

function timed(key, work) {
    const start = process.hrtime.bigint();
    const result = work();
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    console.log(JSON.stringify({ [key]: ms }));
    return result;
}

switch (task) {
    case "run":
        run();
        break;
    case "validate":
        if (!timed("validate_ms", () => WebAssembly.validate(bytes))) process.exit(1);
        break;
    case "compile":
        timed("compile_ms", () => new WebAssembly.Module(bytes));
        break;
    default:
        console.error("usage: node_host.mjs run|validate|compile FILE.wasm");
        process.exit(2);
}

// Runs one benchmark program under node: `node [V8 flags] run.mjs FILE.wasm`.
//
// Supplies the three WASI functions that the programs import. Compilation is synchronous and comes
// before `_start`, and the flags given by engines.py fix the tier, so no compiler runs while timing.
import { readFileSync, writeSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
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

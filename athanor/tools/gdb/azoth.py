"""Athanor under gdb: names of modules' functions, backtraces through gates and interrupts, printers.

    gdb build/athanor.debug -x athanor/tools/gdb/azoth.py -ex 'target remote :1234'

    azoth modules       what there is: state, code, memory
    azoth symbols       gives every function of a compiled module a symbol MODULE::FUNCTION; again after loading, swapping, compiling
    azoth bt            the kernel's and modules' frames, and the module that each gate leads into

With the script loaded, gdb's own `bt`, `up` and `frame` walk through module code and gates, too. At an interrupt they end, because gdb
believes in one stack only; `azoth bt` goes on behind it.
docs/debugging.md tells more.
"""
import itertools
import os
import struct
import tempfile

import gdb
from gdb.unwinder import Unwinder

WORD = 8
GATE_BYTES = 16  # struct alka_gate: outer, callee's r15
CONTEXT_BYTES = 128
GATE_RETURNS = ("alka_return_enter", "alka_return_gate_traps", "alka_return_gate_traps_memory", "alka_return_gate_returns")
SAVED = ("rbx", "r12", "r13", "r14")  # alka_unwind_frame_saved, from the lowest bit on
PUSHES = {b"\x53": 1, b"\x41\x54": 2, b"\x41\x55": 2, b"\x41\x56": 2}
POPS = {b"\x5b": 1, b"\x41\x5c": 2, b"\x41\x5d": 2, b"\x41\x5e": 2}
RET = 0xC3
NO_BYTES = b""
FRAMES_MOST = 64


# --- The machine's memory. ---


def read_bytes(address, count):
    """Bytes of the machine; none if they cannot be read."""
    try:
        return bytes(gdb.selected_inferior().read_memory(address, count))
    except gdb.MemoryError:
        return NO_BYTES


def read_words(address, count):
    data = read_bytes(address, count * WORD)
    return struct.unpack(f"<{count}Q", data) if data else None


def read_word(address):
    words = read_words(address, 1)
    return words[0] if words else None


def integer(value):
    return int(value) & 0xFFFFFFFFFFFFFFFF


def span_text(span):
    """An alka_span, or bundle_text, as text."""
    size = int(span["size"])
    return read_bytes(integer(span["data"]), size).decode("utf-8", "replace") if 0 < size < 4096 else ""


_labels = {}


def label(name):
    """The address of an assembly label, which has no type."""
    if name not in _labels:
        _labels[name] = integer(gdb.parse_and_eval(f"(unsigned long) &{name}"))
    return _labels[name]


# --- Modules and their code. ---


class Function:
    def __init__(self, name, start, end, frame):
        self.name, self.start, self.end = name, start, end
        self.frame_bytes = frame & ~15
        self.saved = [register for bit, register in enumerate(SAVED) if frame >> bit & 1]

    def pushed(self, pc):
        """Which saved registers are on the stack when pc is next: all, but in prologue and epilogue."""
        code = read_bytes(self.start, min(self.end - self.start, 16))
        at, done = 0, 0
        while done < len(self.saved) and self.start + at < pc:
            length = next((size for text, size in PUSHES.items() if code[at:at + size] == text), 0)
            if length == 0:
                break
            at, done = at + length, done + 1
        if self.start + at >= pc and done < len(self.saved):
            return self.saved[:done]
        code = read_bytes(pc, 16)
        at, left = 0, 0
        while True:
            length = next((size for text, size in POPS.items() if code[at:at + size] == text), 0)
            if length == 0:
                break
            at, left = at + length, left + 1
        return self.saved[:left] if code[at:at + 1] == bytes([RET]) else self.saved

    def is_before_frame(self, pc):
        """No data stack has been taken: at the very beginning, or about to return."""
        return pc == self.start or read_bytes(pc, 1) == bytes([RET])


class Image:
    """The functions of a compiled module."""

    def __init__(self, value, name):
        self.name = name
        code, module = value["code"], value["module"]
        self.start = integer(code["text"])
        self.end = self.start + int(code["functions_bytes"])
        count = int(code["function_count"])
        offs = struct.unpack(f"<{count + 1}I", read_bytes(integer(code["function_offs"]), 4 * (count + 1)) or bytes(4 * (count + 1)))
        frames_off = struct.unpack("<I", read_bytes(self.start + int(code["unwind_off"]), 4) or bytes(4))[0]
        frames = struct.unpack(f"<{count}I", read_bytes(self.start + frames_off, 4 * count) or bytes(4 * count))
        names = self.names(module, int(module["imported_functions"]), count)
        self.functions = [Function(names[i], self.start + offs[i], self.start + offs[i + 1], frames[i]) for i in range(count)]

    def names(self, module, imported, count):
        """By the name section, else by an export, as the kernel does it."""
        exported = {}
        for i in range(int(module["export_count"])):
            export = module["exports"][i]
            if str(export["kind"]).endswith("ALKA_EXTERN_FUNC"):
                exported.setdefault(int(export["index"]), span_text(export["name"]))
        named = module["function_names"]
        has_names = integer(named) != 0
        return [(has_names and span_text(named[imported + i])) or exported.get(imported + i) or f"function-{imported + i}" for i in range(count)]

    def function_at(self, pc):
        return next((function for function in self.functions if function.start <= pc < function.end), None)


def module_values():
    """struct module, each."""
    count = int(gdb.parse_and_eval("modules_count"))
    modules = gdb.parse_and_eval("modules_list")
    return [modules[i] for i in range(count)] if integer(modules) else []


def module_name(value):
    return value["name"].string()


def images():
    """Everything that is compiled now."""
    names = {integer(module["image"]): module_name(module) for module in module_values()}
    at = gdb.parse_and_eval("modules_registry.images")
    while integer(at):
        yield image_of(at, names)
        at = at["next"]


_images = {}


def image_of(pointer, names):
    """What does not change as long as the image lives is read once."""
    address = integer(pointer)
    key = (address, integer(pointer["code"]["text"]), names.get(address))
    if key not in _images:
        _images[key] = Image(pointer.dereference(), names.get(address, "builtin"))
    return _images[key]


def image_at(pc):
    """Looks at the kernel's list each time: images come and go."""
    return next((image for image in images() if image.start <= pc < image.end), None)


def callee_name(r15):
    """The module whose context ends there."""
    context = gdb.Value(r15 - CONTEXT_BYTES).cast(gdb.lookup_type("struct alka_context").pointer())
    try:
        return context["instance"]["name"].string()
    except gdb.error:
        return "?"


# --- Unwinding. ---


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Step:
    """One frame: where it is, and the registers of its caller."""

    def __init__(self, kind, sp, registers):
        self.kind, self.sp, self.registers = kind, sp, registers


def step_module(registers):
    image = image_at(registers["rip"])
    function = image and image.function_at(registers["rip"])
    if not function:
        return None
    pushed = function.pushed(registers["rip"])
    words = read_words(registers["rsp"], len(pushed) + 1)
    if words is None:
        return None
    caller = dict(zip(reversed(pushed), words))
    frame_bytes = 0 if function.is_before_frame(registers["rip"]) else function.frame_bytes
    caller.update(rip=words[-1], rsp=registers["rsp"] + WORD * len(words), rbp=registers["rbp"] + frame_bytes)
    return Step("module", caller["rsp"], caller)


def step_gate(registers, saved):
    """A gate's routine, waiting for its callee: rsp is the record; `saved` lies above it, then the return address."""
    words = read_words(registers["rsp"] + GATE_BYTES, len(saved) + 1)
    if words is None:
        return None
    caller = {name: word for name, word in zip(saved, words) if name}
    caller.update(rip=words[-1], rsp=registers["rsp"] + GATE_BYTES + WORD * len(words), rbp=registers["rbp"])
    return Step("gate", caller["rsp"], caller)


def step_enter(registers):
    """Where the kernel entered module code: behind the record lie two fields of the thread, its block and its stack pointer."""
    above = read_words(registers["rsp"] + GATE_BYTES, 4)
    words = above and read_words(above[3], 7)
    if not words:
        return None
    caller = dict(zip(("r15", "r14", "r13", "r12", "rbx", "rbp", "rip"), words))
    caller["rsp"] = above[3] + 7 * WORD
    return Step("enter", caller["rsp"], caller)


def step_host(registers):
    """A routine that called a function of the kernel for a module: it has a frame pointer."""
    words = read_words(registers["rbp"], 2)
    if words is None:
        return None
    return Step("host", registers["rbp"] + 16, {"rbp": words[0], "rip": words[1], "rsp": registers["rbp"] + 16})


TRAP_FRAME = ("r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rbp", "rdi", "rsi", "rdx", "rcx", "rbx", "rax",
              "vector", "error", "rip", "cs", "eflags", "rsp", "ss")


def step_trap(registers):
    """entry.asm, waiting for trap_dispatch: rsp is the interrupted state."""
    words = read_words(registers["rsp"], len(TRAP_FRAME))
    if words is None:
        return None
    caller = {name: word for name, word in zip(TRAP_FRAME, words) if name not in ("vector", "error", "cs", "ss", "eflags")}
    return Step("trap", registers["rsp"] + WORD * len(TRAP_FRAME), caller)


def step(registers):
    """The step from a frame that gdb cannot know; None: gdb can, or nobody."""
    pc = registers["rip"]
    if label("trap_common") < pc < label("trap_enter_recovery"):
        return step_trap(registers)
    if not label("alka_routines_start") <= pc < label("alka_routines_end"):
        return step_module(registers)
    if pc == label("alka_return_enter"):
        return step_enter(registers)
    if pc == label("alka_return_gate_traps"):
        return step_gate(registers, ("r15",))
    if pc == label("alka_return_gate_traps_memory"):
        return step_gate(registers, ("r14", "r15"))
    if pc == label("alka_return_gate_returns"):
        return step_gate(registers, (None, None, "rbx", "r12", "r13", "r14", "r15"))
    if label("alka_host_direct_0") <= pc < label("alka_routine_pending"):
        return step_host(registers)
    return None


def step_kernel(registers):
    """C of the kernel, which keeps frame pointers."""
    words = read_words(registers["rbp"], 2)
    if words is None:
        return None
    return Step("kernel", registers["rbp"] + 16, {"rbp": words[0], "rip": words[1], "rsp": registers["rbp"] + 16})


def is_code(pc):
    """The kernel's, or a module's; not what lies at the end of the first stack."""
    return label("kernel_text_start") <= pc < label("kernel_text_end") or image_at(pc) is not None


def walk():
    """Registers of each frame, innermost first: gdb's frames up to an interrupt, our own steps behind it."""
    frame, registers = gdb.newest_frame(), None
    while frame is not None and frame.is_valid():
        registers = {name: integer(frame.read_register(name)) for name in ("rip", "rsp", "rbp")}
        if not is_code(registers["rip"]):
            return
        yield registers
        if label("trap_common") < registers["rip"] < label("trap_enter_recovery"):
            break
        frame = frame.older()
    else:
        return
    found = step_trap(registers)
    while found is not None and is_code(found.registers["rip"]):
        registers = {**registers, **found.registers}
        yield registers
        found = step(registers) or step_kernel(registers)


class ModuleUnwinder(Unwinder):
    """For gdb's own frames."""

    def __init__(self):
        super().__init__("azoth")

    def __call__(self, pending):
        registers = {name: integer(pending.read_register(name)) for name in ("rip", "rsp", "rbp")}
        try:
            found = step(registers)
        except gdb.error:
            return None
        if found is None:
            return None
        info = pending.create_unwind_info(FrameId(gdb.Value(found.sp), gdb.Value(registers["rip"])))
        for name, value in found.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(gdb.lookup_type("long")))
        return info


# --- Symbols. ---

ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
ELF_SECTION = struct.Struct("<IIQQQQIIQQ")
ELF_SYMBOL = struct.Struct("<IBBHQQ")


def symbol_file(image):
    """An ELF file without contents: the section of the code, where it is, and a symbol for each function."""
    strings, symbols = b"\0", ELF_SYMBOL.pack(0, 0, 0, 0, 0, 0)
    for function in image.functions:
        symbols += ELF_SYMBOL.pack(len(strings), 0x12, 0, 1, function.start, function.end - function.start)
        strings += f"{image.name}::{function.name}".encode() + b"\0"
    names = b"\0.text\0.symtab\0.strtab\0"
    at = ELF_HEADER.size
    rows = [(0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
            (names.index(b".text"), 8, 6, image.start, at, image.end - image.start, 0, 0, 16, 0),
            (names.index(b".symtab"), 2, 0, 0, at, len(symbols), 3, 1, 8, ELF_SYMBOL.size),
            (names.index(b".strtab"), 3, 0, 0, at + len(symbols), len(strings) + len(names), 0, 0, 1, 0)]
    # One string table for both: the sections' names lie behind the symbols'.
    rows = [(row[0] + len(strings) if row[1] else 0, *row[1:]) for row in rows]
    sections = at + len(symbols) + len(strings) + len(names)
    header = ELF_HEADER.pack(b"\x7fELF\x02\x01\x01" + bytes(9), 2, 62, 1, 0, 0, sections, 0, ELF_HEADER.size, 0, 0, ELF_SECTION.size, len(rows), 3)
    return header + symbols + strings + names + b"".join(ELF_SECTION.pack(*row) for row in rows)


_files = []


def load_symbols():
    """Replaces what was loaded before. Returns how many functions have names."""
    for path in _files:
        gdb.execute(f"remove-symbol-file {path}", to_string=True)
        os.unlink(path)
    _files.clear()
    count = 0
    for image in images():
        with tempfile.NamedTemporaryFile(prefix=f"azoth-{image.name}-", suffix=".elf", delete=False) as file:
            file.write(symbol_file(image))
        gdb.execute(f"add-symbol-file {file.name}", to_string=True)
        _files.append(file.name)
        count += len(image.functions)
    return count


def forget_files(_event=None):
    for path in _files:
        if os.path.exists(path):
            os.unlink(path)
    _files.clear()


# --- Commands. ---


class AzothCommand(gdb.Command):
    """Athanor: modules, their symbols, backtraces."""

    def __init__(self):
        super().__init__("azoth", gdb.COMMAND_USER, gdb.COMPLETE_NONE, True)


class ModulesCommand(gdb.Command):
    """List the modules: state, where code and memory lie."""

    def __init__(self):
        super().__init__("azoth modules", gdb.COMMAND_STATUS)

    def invoke(self, _argument, _from_tty):
        for module in module_values():
            image, instance = module["image"], module["instance"]
            code = f"code 0x{integer(image['code']['text']):x} {int(image['code']['functions_bytes'])} bytes" if integer(image) else "no code"
            memory = f"r15 0x{integer(instance['base']['value']):x}" if integer(instance) else "no instance"
            print(f"{module_name(module):16} {state_name(module):9} {code}, {memory}, {int(module['calls'])} calls, {int(module['traps'])} traps")


class SymbolsCommand(gdb.Command):
    """Give every function of every compiled module a symbol MODULE::FUNCTION."""

    def __init__(self):
        super().__init__("azoth symbols", gdb.COMMAND_FILES)

    def invoke(self, _argument, _from_tty):
        print(f"{load_symbols()} functions of modules have symbols")


class BacktraceCommand(gdb.Command):
    """Walk the stack through the kernel, modules, gates and interrupts; name modules without their symbols."""

    def __init__(self):
        super().__init__("azoth bt", gdb.COMMAND_STACK)

    def invoke(self, _argument, _from_tty):
        for number, registers in enumerate(itertools.islice(walk(), FRAMES_MOST)):
            print(f"#{number:<3} 0x{registers['rip']:016x} {self.describe(registers, number == 0)}")

    def describe(self, registers, is_innermost):
        pc = registers["rip"]
        image = image_at(pc)
        if image is not None:
            function = image.function_at(pc)
            return f"{image.name}: {function.name}+0x{pc - function.start:x}" if function else f"{image.name}: ?"
        if pc in map(label, GATE_RETURNS):
            return f"gate into {callee_name(read_words(registers['rsp'], 2)[1])}"
        return gdb.execute(f"info symbol 0x{pc if is_innermost else pc - 1:x}", to_string=True).split(" ")[0]


# --- Printers. ---


def state_name(module):
    return str(module["state"]).removeprefix("MODULE_").lower()


class ModulePrinter:
    """struct module: its name and state; the members below."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return f"module {module_name(self.value)} ({state_name(self.value)})"

    def children(self):
        for name in ("image", "instance", "calls", "traps", "restarts", "running", "crash"):
            yield name, self.value[name]


class TextPrinter:
    """alka_span and bundle_text: text as such, other bytes by their number."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        size = int(self.value["size"])
        data = read_bytes(integer(self.value["data"]), min(size, 200))
        if data and all(0x20 <= byte < 0x7F for byte in data):
            return f'"{data.decode()}"'
        return f"{size} bytes at 0x{integer(self.value['data']):x}"


def find_printer(value):
    printers = {"module": ModulePrinter, "alka_span": TextPrinter, "bundle_text": TextPrinter}
    return printers[value.type.strip_typedefs().tag](value) if value.type.strip_typedefs().tag in printers else None


AzothCommand()
ModulesCommand()
SymbolsCommand()
BacktraceCommand()
gdb.pretty_printers.append(find_printer)
gdb.unwinder.register_unwinder(None, ModuleUnwinder(), replace=True)
if hasattr(gdb.events, "gdb_exiting"):
    gdb.events.gdb_exiting.connect(forget_files)

; Room: link. The instructions between host and module code, and between two modules, that C cannot
; say. Comes in: calls from thunks (r11 = record or table entry) and from alka_call. Goes out: calls
; with the right registers, stacks and gate records. Must never trust a value of the module further
; than the ABI of abi.h goes, and never touch a stack before it is known to have room: a fault here
; counts as the module's only if it hits a stack guard.
;
; r15 and r14 are the module's, rsp its control stack, rbp its data stack. Argument registers: rdi rsi
; rdx rcx r8 r9 xmm0-7; free at a call: rax r10 r11. Result registers: rax rdx rcx rsi rdi r8 xmm0-7;
; free at a return: r9 r10 r11.

%include "runtime.inc"

default rel
section .text

; The thread is at the top of the control stack: rsp with its low bits set, plus one, minus its size.
%macro find_thread 1
    mov     %1, rsp
    or      %1, CONTROL_BYTES - 1
%endmacro
%define thread(reg, field)  reg + 1 - THREAD_BYTES + field

%macro load_vectors 1
%assign i 0
%rep 8
    movups  xmm %+ i, [%1 + BLOCK_VECTORS + 16 * i]
%assign i i + 1
%endrep
%endmacro

%macro store_vectors 1
%assign i 0
%rep 8
    movups  [%1 + BLOCK_VECTORS + 16 * i], xmm %+ i
%assign i i + 1
%endrep
%endmacro

global alka_routines_start
alka_routines_start:

; --- Entry from the host ---------------------------------------------------------------------------

; uint64_t alka_enter(struct alka_thread *rdi, const struct alka_func *rsi, struct alka_call_block *rdx)
;
; The control stack holds, from the gate record upwards: gate (16 bytes), data_pointer and host_call of
; the call that we are in, block, host's rsp. When we are on that control stack already (a host function
; called by a module calls back), it goes on below.
align 16
global alka_enter
alka_enter:
    push    rbp
    push    rbx
    push    r12
    push    r13
    push    r14
    push    r15
    mov     rax, rsp
    find_thread rcx
    sub     rcx, THREAD_BYTES - 1
    cmp     rcx, rdi
    cmovne  rsp, rdi
    push    rax
    push    rdx
    push    qword [rdi + THREAD_HOST_CALL]
    push    qword [rdi + THREAD_DATA_POINTER]
    mov     r15, [rsi + FUNC_CONTEXT]
    mov     r14, [rsi + FUNC_MEMORY]
    mov     r11, [rsi + FUNC_CODE]
    push    r15
    push    qword [rdi + THREAD_GATE]
    mov     [rdi + THREAD_GATE], rsp
    mov     rbp, [rdx + BLOCK_DATA_POINTER]
    cmp     qword [rdx + BLOCK_USES_VECTORS], 0
    je      .integers
    load_vectors rdx
.integers:
    mov     rdi, [rdx + BLOCK_INTEGERS]
    mov     rsi, [rdx + BLOCK_INTEGERS + 8]
    mov     rcx, [rdx + BLOCK_INTEGERS + 24]
    mov     r8, [rdx + BLOCK_INTEGERS + 32]
    mov     r9, [rdx + BLOCK_INTEGERS + 40]
    mov     rdx, [rdx + BLOCK_INTEGERS + 16]
    call    r11
global alka_return_enter
alka_return_enter:
    mov     r11, [rsp + GATE_BYTES + 16]
    mov     [r11 + BLOCK_INTEGERS], rax
    mov     [r11 + BLOCK_INTEGERS + 8], rdx
    mov     [r11 + BLOCK_INTEGERS + 16], rcx
    mov     [r11 + BLOCK_INTEGERS + 24], rsi
    mov     [r11 + BLOCK_INTEGERS + 32], rdi
    mov     [r11 + BLOCK_INTEGERS + 40], r8
    xor     eax, eax
    cmp     [r11 + BLOCK_USES_VECTORS], rax
    je      .leave
    store_vectors r11
.leave:
    find_thread r11
    pop     qword [thread(r11, THREAD_GATE)]
    pop     rcx                                 ; callee
    pop     qword [thread(r11, THREAD_DATA_POINTER)]
    pop     qword [thread(r11, THREAD_HOST_CALL)]
    mov     rsp, [rsp + 8]                      ; behind the block: the host's
    pop     r15
    pop     r14
    pop     r13
    pop     r12
    pop     rbx
    pop     rbp
    ret

; rsp = gate record, eax = enum alka_trap.
global alka_resume_enter
alka_resume_enter:
    mov     eax, eax
    jmp     alka_return_enter.leave

; --- Host functions --------------------------------------------------------------------------------

; A host function returns to the address at [rsp]. The thread remembers where that lies: to trap the
; module that called, alka_trap_pend puts alka_return_pending there. So a call that all is well with pays
; nothing for it.
%macro begin_host_call 0                        ; rax is free
    find_thread rax
    cmp     rsp, [thread(rax, THREAD_HOST_LIMIT)]
    jb      alka_routine_exhausted
    mov     [thread(rax, THREAD_DATA_POINTER)], rbp
    mov     [thread(rax, THREAD_HOST_CALL)], rsp
%endmacro

%macro call_aligned 0
    push    rbp
    mov     rbp, rsp
    and     rsp, -16
    call    [r11 + RECORD_TARGET]
    leave
%endmacro

; alka_host_direct_N: a plain C function of N integers gets the caller's context as number N.
; _i32: C leaves the upper half of a 32-bit result undefined; module code relies on zeroes there. Calls of
; imports clear it themselves (calls.c); whoever else gets here needs this one.
; The kernel's C takes a stack of any alignment (cmake/flags.cmake), and returns straight to the module.
%macro host_direct 2                            ; N, register of the context
align 16
global alka_host_direct_%1
alka_host_direct_%1:
    begin_host_call
    lea     %2, [r15 - CONTEXT_BYTES]
%ifdef AZOTH_KERNEL
    jmp     [r11 + RECORD_TARGET]
%else
    call_aligned
    ret
%endif

align 16
global alka_host_direct_%1_i32
alka_host_direct_%1_i32:
    begin_host_call
    lea     %2, [r15 - CONTEXT_BYTES]
    call_aligned
    mov     eax, eax
    ret
%endmacro

host_direct 0, rdi
host_direct 1, rsi
host_direct 2, rdx
host_direct 3, rcx
host_direct 4, r8
host_direct 5, r9

; alka_host_values: any other host function. All argument registers go to a block, C makes an array of
; values of them (record.detail bytes) and calls the function with it.
align 16
global alka_host_values
alka_host_values:
    begin_host_call
    mov     rax, rbp
    push    rbp
    mov     rbp, rsp
    and     rsp, -16
    sub     rsp, [r11 + RECORD_DETAIL]
    mov     r10, rsp
    sub     rsp, BLOCK_BYTES
    mov     [rsp + BLOCK_INTEGERS], rdi
    mov     [rsp + BLOCK_INTEGERS + 8], rsi
    mov     [rsp + BLOCK_INTEGERS + 16], rdx
    mov     [rsp + BLOCK_INTEGERS + 24], rcx
    mov     [rsp + BLOCK_INTEGERS + 32], r8
    mov     [rsp + BLOCK_INTEGERS + 40], r9
    store_vectors rsp
    mov     rdi, r11
    mov     rsi, rsp
    mov     rdx, r10
    mov     rcx, rax
    lea     r8, [r15 - CONTEXT_BYTES]
extern alka_host_dispatch
    call    alka_host_dispatch
    mov     rax, [rsp + BLOCK_INTEGERS]
    mov     rdx, [rsp + BLOCK_INTEGERS + 8]
    mov     rcx, [rsp + BLOCK_INTEGERS + 16]
    mov     rsi, [rsp + BLOCK_INTEGERS + 24]
    mov     rdi, [rsp + BLOCK_INTEGERS + 32]
    mov     r8, [rsp + BLOCK_INTEGERS + 40]
    load_vectors rsp
    leave
    ret

; Traps that these routines raise: the fault handler knows the addresses. [rsp] is the return
; address into module code.
align 16
global alka_return_pending
alka_return_pending:
    find_thread r11
    push    qword [thread(r11, THREAD_PENDING_BACK)]
global alka_routine_pending
alka_routine_pending:
    ud2
global alka_routine_exhausted
alka_routine_exhausted:
    ud2
global alka_routine_gone
alka_routine_gone:
    ud2
global alka_routine_deep
alka_routine_deep:
    ud2

; --- Calls into another instance -------------------------------------------------------------------

; In all of them: rax = r15 of the callee, which must be the one that the record was made for.
%macro check_generation 1                       ; where to go if it is not
    mov     rax, [r11 + RECORD_CONTEXT]
    mov     r10, [r11 + RECORD_EXPECTED]
    cmp     r10, [rax + CONTEXT_GENERATION]
    jne     %1
%endmacro

; Behind what must be kept: the record, struct alka_gate. Then the call, whose return address says what
; kind of gate it is (gate.c).
%macro open_gate 0
    mov     r15, rax
    push    rax
    push    qword [thread(r10, THREAD_GATE)]
    mov     [thread(r10, THREAD_GATE)], rsp
    call    [r11 + RECORD_TARGET]
%endmacro

; alka_gate_traps: when the callee traps, so does the caller: the gate record above takes over. Nothing
; needs restoring then, so only r15 is kept; the callee keeps r14.
align 16
global alka_gate_traps
alka_gate_traps:
    check_generation alka_routine_gone
    find_thread r10
    push    r15
    open_gate
global alka_return_gate_traps
alka_return_gate_traps:
    find_thread r11
    pop     qword [thread(r11, THREAD_GATE)]
    pop     r10                                 ; callee
    pop     r15
    ret

; alka_gate_traps_any: for calls that may be tail calls. The record above has a new callee then: of
; whichever kind, so r14 is on the stack as well.
align 16
global alka_gate_traps_any
alka_gate_traps_any:
    lea     r10, [alka_return_gate_traps_memory]
    cmp     r10, [rsp]
    jne     alka_gate_traps_memory
    check_generation alka_routine_gone
    mov     r15, rax
    mov     r14, [r11 + RECORD_MEMORY]
    mov     [rsp + 8 + GATE_CALLEE], r15
    jmp     [r11 + RECORD_TARGET]

; alka_gate_traps_memory: the same as alka_gate_traps for a callee that wants its r14.
align 16
global alka_gate_traps_memory
alka_gate_traps_memory:
    check_generation alka_routine_gone
    find_thread r10
    push    r15
    push    r14
    mov     r14, [r11 + RECORD_MEMORY]
    open_gate
global alka_return_gate_traps_memory
alka_return_gate_traps_memory:
    find_thread r11
    pop     qword [thread(r11, THREAD_GATE)]
    pop     r10                                 ; callee
    pop     r14
    pop     r15
    ret

; rsp = gate record, eax = enum alka_trap: on to the next one outwards that ends a trap.
global alka_resume_gate_traps
alka_resume_gate_traps:
    find_thread r11
    lea     rcx, [alka_return_enter]
    lea     rdx, [alka_return_gate_returns]
.outwards:
    mov     rsp, [rsp]
    mov     r10, [rsp - 8]
    cmp     r10, rcx
    je      .enter
    cmp     r10, rdx
    jne     .outwards
    mov     [thread(r11, THREAD_GATE)], rsp
    jmp     alka_resume_gate_returns
.enter:
    mov     [thread(r11, THREAD_GATE)], rsp
    jmp     alka_resume_enter

; alka_gate_returns: when the callee traps or is gone, the caller gets record.detail (and no float or
; vector but 0) as result, and goes on: all callee-saved registers are kept.
align 16
global alka_gate_returns
alka_gate_returns:
    check_generation alka_gate_gone
    find_thread r10
    push    r15
    push    r14
    push    r13
    push    r12
    push    rbx
    push    rbp
    push    qword [r11 + RECORD_DETAIL]
    mov     r14, [r11 + RECORD_MEMORY]
    open_gate
global alka_return_gate_returns
alka_return_gate_returns:
    find_thread r11
    pop     qword [thread(r11, THREAD_GATE)]
    add     rsp, 48                             ; callee, detail, rbp, rbx, r12, r13
    pop     r14
    pop     r15
    ret
alka_gate_gone:
    mov     eax, TRAP_CALLEE_GONE
alka_gate_answer:                               ; eax = enum alka_trap: the callee was not entered
    find_thread r10
    mov     [thread(r10, THREAD_ERROR)], rax
    mov     [thread(r10, THREAD_ERROR_CALLER)], r15
    mov     rax, [r11 + RECORD_DETAIL]
    xorps   xmm0, xmm0
    ret

; alka_gate_limited_…: for callers with a limit. The record of the entry from the host is no call of a
; module: the others are counted.
%macro gate_limited 3                           ; name, where to go on, where to go if it is too deep
align 16
global alka_gate_limited_%1
alka_gate_limited_%1:
    find_thread r10
    mov     r10, [thread(r10, THREAD_GATE)]
    mov     rax, [r11 + RECORD_DEPTH_MAX]
.outwards:
    mov     r10, [r10]
    test    r10, r10
    jz      %2
    dec     rax
    jnz     .outwards
    jmp     %3
%endmacro

gate_limited traps, alka_gate_traps_any, alka_routine_deep
gate_limited returns, alka_gate_returns, alka_gate_deep
alka_gate_deep:
    mov     eax, TRAP_GATE_DEPTH
    jmp     alka_gate_answer

global alka_resume_gate_returns
alka_resume_gate_returns:
    mov     eax, eax
    find_thread r11
    mov     [thread(r11, THREAD_ERROR)], rax
    pop     qword [thread(r11, THREAD_GATE)]
    pop     rax                                 ; callee
    pop     rax                                 ; detail
    pop     rbp
    pop     rbx
    pop     r12
    pop     r13
    pop     r14
    pop     r15
    mov     [thread(r11, THREAD_ERROR_CALLER)], r15
    xorps   xmm0, xmm0
    ret

; alka_routine_zombie: the callee has returned into an instance that died meanwhile (alka_trap_make_zombie):
; rsp = the gate record of that call. Its frames are left where they are; whoever called it is told.
align 16
global alka_routine_zombie
alka_routine_zombie:
    find_thread r11
    pop     qword [thread(r11, THREAD_GATE)]
    mov     qword [thread(r11, THREAD_PENDING)], TRAP_KILLED
    jmp     alka_routine_pending

; alka_call_foreign: call_indirect of a table entry of another instance. r11 = the entry, checked. The
; two share the table, so they share their fate: no gate. In a tail call of a function that was itself
; called here, or through such a gate, r15 and r14 of the first caller are on the stack already.
align 16
global alka_call_foreign
alka_call_foreign:
    mov     rax, [r11 + ENTRY_FUNC]
    lea     r10, [alka_return_foreign]
    cmp     r10, [rsp]
    je      alka_foreign_again
    lea     r10, [alka_return_gate_traps_memory]
    cmp     r10, [rsp]
    je      alka_foreign_behind_gate
    push    r15
    push    r14
    mov     r15, [r11 + ENTRY_CONTEXT]
    mov     r14, [rax + FUNC_MEMORY]
    call    [r11 + ENTRY_CODE]
global alka_return_foreign
alka_return_foreign:
    pop     r14
    pop     r15
    ret
alka_foreign_behind_gate:
    mov     r15, [r11 + ENTRY_CONTEXT]
    mov     [rsp + 8 + GATE_CALLEE], r15
alka_foreign_again:
    mov     r15, [r11 + ENTRY_CONTEXT]
    mov     r14, [rax + FUNC_MEMORY]
    jmp     [r11 + ENTRY_CODE]

; --- Exceptions ------------------------------------------------------------------------------------

; alka_throw_tag: the tag's parameters are arguments, eax is the tag. alka_throw_ref: rdi is the exception.
; C finds the handler, whose registers are loaded then; the frames in between are gone. Or it traps here.
%macro throw_routine 1                          ; what
align 16
global alka_throw_%1
alka_throw_%1:
    find_thread r10
    cmp     rsp, [thread(r10, THREAD_HOST_LIMIT)]
    jb      alka_routine_exhausted
    mov     [thread(r10, THREAD_DATA_POINTER)], rbp
    mov     [thread(r10, THREAD_HOST_CALL)], rsp
%ifidn %1, ref
    mov     eax, -1
%endif
    mov     r10, rsp
    sub     rsp, THROW_BYTES
    and     rsp, -16
    mov     [rsp + BLOCK_INTEGERS], rdi
    mov     [rsp + BLOCK_INTEGERS + 8], rsi
    mov     [rsp + BLOCK_INTEGERS + 16], rdx
    mov     [rsp + BLOCK_INTEGERS + 24], rcx
    mov     [rsp + BLOCK_INTEGERS + 32], r8
    mov     [rsp + BLOCK_INTEGERS + 40], r9
    store_vectors rsp
    mov     [rsp + THROW_RSP], r10
    mov     [rsp + THROW_RBP], rbp
    mov     [rsp + THROW_SAVED], rbx
    mov     [rsp + THROW_SAVED + 8], r12
    mov     [rsp + THROW_SAVED + 16], r13
    mov     [rsp + THROW_SAVED + 24], r14
    mov     [rsp + THROW_R15], r15
    mov     [rsp + THROW_TAG], eax
    mov     rdi, rsp
    call    [r11 + RECORD_TARGET]
    mov     rbp, [rsp + THROW_RBP]
    mov     rbx, [rsp + THROW_SAVED]
    mov     r12, [rsp + THROW_SAVED + 8]
    mov     r13, [rsp + THROW_SAVED + 16]
    mov     r14, [rsp + THROW_SAVED + 24]
    mov     r15, [rsp + THROW_R15]
    test    al, al
    jz      .trap
    mov     r11, [rsp + THROW_RIP]
    mov     rax, [rsp + BLOCK_INTEGERS]
    mov     rdx, [rsp + BLOCK_INTEGERS + 8]
    mov     rcx, [rsp + BLOCK_INTEGERS + 16]
    mov     rsi, [rsp + BLOCK_INTEGERS + 24]
    mov     rdi, [rsp + BLOCK_INTEGERS + 32]
    mov     r8, [rsp + BLOCK_INTEGERS + 40]
    load_vectors rsp
    mov     rsp, [rsp + THROW_RSP]
    find_thread r10
    cmp     dword [thread(r10, THREAD_PENDING)], 0
    jne     alka_routine_pending
    jmp     r11
.trap:                                          ; alka_return_pending is there
    mov     rsp, [rsp + THROW_RSP]
    ret
%endmacro

throw_routine tag
throw_routine ref

global alka_routines_end
alka_routines_end:

; --- For the test of runtime.inc -------------------------------------------------------------------

section .rodata
global alka_runtime_offsets
alka_runtime_offsets:
    dd CONTROL_BYTES, THREAD_BYTES, CONTEXT_BYTES
    dd THREAD_GATE, THREAD_HOST_LIMIT, THREAD_DATA_POINTER, THREAD_PENDING
    dd THREAD_HOST_CALL, THREAD_PENDING_BACK, THREAD_ERROR, THREAD_ERROR_CALLER, CONTEXT_GENERATION
    dd FUNC_CODE, FUNC_CONTEXT, FUNC_MEMORY
    dd ENTRY_CODE, ENTRY_CONTEXT, ENTRY_FUNC
    dd RECORD_TARGET, RECORD_CONTEXT, RECORD_MEMORY, RECORD_EXPECTED, RECORD_DEPTH_MAX, RECORD_DETAIL
    dd GATE_CALLEE, GATE_BYTES, TRAP_KILLED, TRAP_CALLEE_GONE, TRAP_GATE_DEPTH
    dd BLOCK_INTEGERS, BLOCK_VECTORS, BLOCK_DATA_POINTER, BLOCK_USES_VECTORS, BLOCK_BYTES
    dd THROW_RSP, THROW_RBP, THROW_SAVED, THROW_R15, THROW_RIP, THROW_TAG, THROW_BYTES

section .note.GNU-stack noalloc noexec nowrite progbits

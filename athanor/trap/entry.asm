; Where the processor enters the kernel: 256 stubs of 16 bytes, and the common path that saves the interrupted state.
; In: an IST stack and registers of which none is trusted. Out: trap_dispatch(struct trap_frame *), then back to whatever
; the frame then says. Also: the register state of trap_survive.

extern trap_dispatch

section .text progbits alloc exec nowrite align=16

; Vectors for which the processor pushes an error code of its own.
%define HAS_ERROR(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)

global trap_stubs
align 16
trap_stubs:
%assign vector 0
%rep 256
    align 16
%if !HAS_ERROR(vector)
    push 0
%endif
    push vector
    jmp trap_common
%assign vector vector + 1
%endrep

align 16
trap_common:
    push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    ; DF and AC clear (and TF, NT, IF), whatever the interrupted code did; `clac` does not exist everywhere.
    push 2
    popfq
    mov rdi, rsp
    lea rbp, [rsp + 1]          ; for backtraces: no frame, but the interrupted state
    call trap_dispatch
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16                 ; vector, error
    iretq

; bool trap_enter_recovery(void (*run)(void *), void *arg, struct trap_recovery *recovery)
; A fault puts rsp and rip back from the record and continues at .faulted.
RECOVERY_RSP equ 0
RECOVERY_RIP equ 8
CPU_RECOVERY equ 8              ; from FS

global trap_enter_recovery
trap_enter_recovery:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    sub rsp, 8
    mov [rdx + RECOVERY_RSP], rsp
    lea rax, [rel .faulted]
    mov [rdx + RECOVERY_RIP], rax
    mov [fs:CPU_RECOVERY], rdx
    mov rax, rdi
    mov rdi, rsi
    call rax
    mov eax, 1
    jmp .out
.faulted:
    xor eax, eax
.out:
    add rsp, 8
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

section .note.GNU-stack noalloc noexec nowrite progbits

; Leaving one thread and going on with another (thread.h: contexts). Interrupts are off; the threads' lock is taken, and is
; released here, once nothing of the thread that was left is needed any more.
;
;   void thread_switch(struct thread_context *from, const struct thread_context *to, bool *lock)
;       returns when somebody goes on with `from`
;   void thread_go(const struct thread_context *to, bool *lock)
;       the same, from an interrupt stack that is not come back to

CONTEXT_RSP equ 0
CONTEXT_IS_STOPPED equ 8
CONTEXT_FRAME equ 16

section .text progbits alloc exec nowrite align=16

global thread_switch
align 16
thread_switch:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rdi + CONTEXT_RSP], rsp
    mov qword [rdi + CONTEXT_IS_STOPPED], 0
    mov rdi, rsi
    mov rsi, rdx

global thread_go
thread_go:
    cmp qword [rdi + CONTEXT_IS_STOPPED], 0
    jne .stopped
    mov rsp, [rdi + CONTEXT_RSP]
    mov byte [rsi], 0
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
.stopped:
    ; The frame is read where it lies. Whatever comes in between has a stack of its own.
    lea rsp, [rdi + CONTEXT_FRAME]
    mov byte [rsi], 0
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

section .note.GNU-stack noalloc noexec nowrite progbits

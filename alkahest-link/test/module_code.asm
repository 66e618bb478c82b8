; Test support: functions that keep to the module ABI of abi.h, standing in for compiled modules. The
; context of the tests has the fixed part only, and two import records right below it.

%define CONTEXT_BYTES 128
%define RECORD_BYTES 64

default rel
section .text

thunk_0:
    lea     r11, [r15 - CONTEXT_BYTES - RECORD_BYTES]
    jmp     [r11 + 8]

; (i64 × 9) → i64: 1·a + 2·b + … + 9·i
global module_weigh_9
module_weigh_9:
    mov     rax, rdi
    lea     rax, [rax + 2 * rsi]
    imul    rdx, rdx, 3
    add     rax, rdx
    lea     rax, [rax + 4 * rcx]
    imul    r8, r8, 5
    add     rax, r8
    imul    r9, r9, 6
    add     rax, r9
    imul    rcx, [rbp - 32], 7
    add     rax, rcx
    imul    rcx, [rbp - 24], 8
    add     rax, rcx
    imul    rcx, [rbp - 16], 9
    add     rax, rcx
    ret

; (f64 × 9, i32) → f64: the ninth minus the first, plus the i32
global module_float_9
module_float_9:
    cvtsi2sd xmm8, edi
    addsd   xmm8, [rbp - 16]
    subsd   xmm8, xmm0
    movapd  xmm0, xmm8
    ret

; () → (i32 × 8): 10, 11, … 17, with dirt above the ones that C must clear
global module_ints_8
module_ints_8:
    mov     eax, 10
    mov     edx, 11
    mov     ecx, 12
    mov     esi, 13
    mov     edi, 14
    mov     r8, 0xDEADBEEF0000000F
    mov     r9, 0xDEADBEEF00000010
    mov     [rbp], r9
    mov     qword [rbp + 8], 17
    ret

; (v128, i64) → (i64, v128): the same two
global module_swap_v128
module_swap_v128:
    mov     rax, rdi
    ret

; (anything) → what import 0 makes of it, called with marks in the callee-saved registers; 0 in rax if
; one of them was lost
global module_call_import
module_call_import:
    push    rbx
    push    r12
    push    r13
    sub     rbp, 64
    mov     rbx, 0x1111
    mov     r12, 0x2222
    mov     r13, 0x3333
    mov     r10, rbp
    mov     [rbp + 48], r10
    mov     [rbp + 56], r15
    call    thunk_0
    cmp     rbp, [rbp + 48]
    jne     .lost
    cmp     r15, [rbp + 56]
    jne     .lost
    cmp     rbx, 0x1111
    jne     .lost
    cmp     r12, 0x2222
    jne     .lost
    cmp     r13, 0x3333
    je      .kept
.lost:
    xor     eax, eax
.kept:
    add     rbp, 64
    pop     r13
    pop     r12
    pop     rbx
    ret

; Passes its parameters on, overflow area too.
global module_tail_import
module_tail_import:
    call    thunk_0
    ret

; (entry as i64) → i64: calls it through alka_call_foreign
extern alka_call_foreign
global module_call_entry
module_call_entry:
    mov     r11, rdi
    call    alka_call_foreign
    ret

; () → i64: r15, and () → i64: r14
global module_get_r15
module_get_r15:
    mov     rax, r15
    ret
global module_get_r14
module_get_r14:
    mov     rax, r14
    ret

section .note.GNU-stack noalloc noexec nowrite progbits

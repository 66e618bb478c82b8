; Test support: the machine code of the modules in hand_modules.h, as a compiler could have written it.
; Labels that end in _site are trap sites; those that end in _reloc are the four bytes of a relocation.
; It is copied to where it runs, so jumps and calls stay inside.

default rel
section .rodata

%macro label 1
global hand_%1
hand_%1:
%endmacro

%macro call_reloc 1
    db      0xE8
label %1
    dd      0
%endmacro

align 16
label basic_text
label basic_unreachable                         ; () → ()
label basic_unreachable_site
    ud2

label basic_load                                ; (i32) → i32
label basic_load_site
    mov     eax, [r15 + rdi]
    ret

label basic_div                                 ; (i32, i32) → i32
    mov     eax, edi
    xor     edx, edx
label basic_div_site
    div     esi
    ret

label basic_recurse                             ; () → (), pushes until the control stack ends
    push    rbx
    call    hand_basic_recurse
    pop     rbx
    ret

label basic_data                                ; () → (), takes frames until the data stack ends
    sub     rbp, 4096
    mov     [rbp], rax
    call    hand_basic_data
    add     rbp, 4096
    ret

label basic_log                                 ; (i32, i32) → (), calls import 0
    call_reloc basic_log_reloc
    ret

label basic_call                                ; (i32) → i32, calls import 1, adds 1
    push    rbx
    push    r12
    sub     rbp, 32
    mov     ebx, edi
    mov     r12, r15
    mov     [rbp], rdi
    call_reloc basic_call_reloc
    cmp     r12, r15
    jne     .lost
    cmp     rbx, [rbp]
    jne     .lost
    add     eax, 1
    add     rbp, 32
    pop     r12
    pop     rbx
    ret
.lost:
    int3

label basic_grow                                ; (i32) → i32
    call_reloc basic_grow_reloc
    mov     eax, eax
    ret

label basic_hidden                              ; () → ()
    ret
label basic_end

align 16
label user_text
label user_mine                                 ; () → (), reads memory 0 through r14
label user_mine_site
    mov     eax, [r14]
    ret
label user_end

align 16
label bounds_text
label bounds_mine                               ; () → ()
    ret
label bounds_end

section .note.GNU-stack noalloc noexec nowrite progbits

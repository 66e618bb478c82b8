; The first instructions. In: the 32-bit protected-mode state of Multiboot2 (eax magic, ebx information) or of PVH
; (ebx start information). Out: kmain(protocol, information) in long mode, running in the top 2 GiB on boot_stack.
; Must not: touch memory outside of its own tables and stack, or go on on a processor without long mode and NX.
;
; The tables made here are provisional: the first 4 GiB, writable and executable, once at 0 (for the next few
; instructions) and once at the direct map's final address; the first GiB also at KERNEL_BASE. mm/kernel_map.c replaces them.

%define PROTOCOL_UNKNOWN    0
%define PROTOCOL_MULTIBOOT2 1
%define PROTOCOL_PVH        2

%define MULTIBOOT2_HEADER_MAGIC 0xE85250D6
%define MULTIBOOT2_LOADER_MAGIC 0x36D76289

%define PAGE_PRESENT  1
%define PAGE_WRITABLE 2
%define PAGE_LARGE    0x80

%define TABLE_PML4      boot_tables_phys
%define TABLE_PDPT_LOW  boot_tables_phys + 0x1000
%define TABLE_PDPT_HIGH boot_tables_phys + 0x2000
%define TABLE_PD        boot_tables_phys + 0x3000 ; four of them: 4 GiB

%define COM1 0x3F8

extern kmain
extern boot_tables_phys
extern boot_stack_top_phys
extern __stack_chk_guard

section .multiboot2 progbits alloc noexec nowrite align=8
multiboot2_header:
    dd MULTIBOOT2_HEADER_MAGIC, 0, multiboot2_header_end - multiboot2_header
    dd 0x100000000 - (MULTIBOOT2_HEADER_MAGIC + 0 + (multiboot2_header_end - multiboot2_header))
    dw 6, 0                     ; modules on page boundaries
    dd 8
    dw 5, 1                     ; framebuffer, optional
    dd 20, 1024, 768, 32
    dd 0                        ; tags are 8-byte aligned
    dw 0, 0                     ; end
    dd 8
multiboot2_header_end:

section .note.pvh note alloc noexec nowrite align=4
    dd 4, 8, 18                 ; name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    db "Xen", 0
    dq boot_entry_pvh

section .boot.text progbits alloc exec nowrite align=16
bits 32

global boot_entry_multiboot2
boot_entry_multiboot2:
    cli
    mov edi, PROTOCOL_MULTIBOOT2
    cmp eax, MULTIBOOT2_LOADER_MAGIC
    je boot_common
    mov edi, PROTOCOL_UNKNOWN
    jmp boot_common

global boot_entry_pvh
boot_entry_pvh:
    cli
    mov edi, PROTOCOL_PVH

boot_common:
    cld
    mov esi, ebx
    mov esp, boot_stack_top_phys
    call require_long_mode
    call build_tables

    mov eax, cr4
    or eax, 1 << 5              ; PAE
    mov cr4, eax
    mov eax, TABLE_PML4
    mov cr3, eax
    mov ecx, 0xC0000080         ; EFER: long mode, no-execute
    rdmsr
    or eax, 1 << 8 | 1 << 11
    wrmsr
    mov eax, cr0
    or eax, 1 << 31 | 1 << 16   ; paging, write protection in ring 0 too
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    jmp 8:boot_long_mode

; Halts with a message unless CPUID offers long mode and NX. Keeps esi, edi.
require_long_mode:
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb .no_long_mode
    mov eax, 0x80000001
    cpuid
    test edx, 1 << 29
    jz .no_long_mode
    test edx, 1 << 20
    jz .no_execute_disable
    ret
.no_long_mode:
    mov esi, message_no_long_mode
    jmp boot_fail
.no_execute_disable:
    mov esi, message_no_nx
    jmp boot_fail

; The tables are in .bss, so they are zero.
build_tables:
    mov dword [TABLE_PML4], TABLE_PDPT_LOW + (PAGE_PRESENT | PAGE_WRITABLE)
    mov dword [TABLE_PML4 + 256 * 8], TABLE_PDPT_LOW + (PAGE_PRESENT | PAGE_WRITABLE)
    mov dword [TABLE_PML4 + 511 * 8], TABLE_PDPT_HIGH + (PAGE_PRESENT | PAGE_WRITABLE)
    mov dword [TABLE_PDPT_HIGH + 510 * 8], TABLE_PD + (PAGE_PRESENT | PAGE_WRITABLE)
    mov eax, TABLE_PD + (PAGE_PRESENT | PAGE_WRITABLE)
    xor ecx, ecx
.directory:
    mov [TABLE_PDPT_LOW + ecx * 8], eax
    add eax, 0x1000
    inc ecx
    cmp ecx, 4
    jb .directory
    mov eax, PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
    xor ecx, ecx
.page:
    mov [TABLE_PD + ecx * 8], eax
    add eax, 0x200000
    inc ecx
    cmp ecx, 4 * 512
    jb .page
    ret

; esi: message. Says it on the first serial port (8n1, 115200 baud) and halts.
boot_fail:
    mov ecx, serial_setup
.setup:
    movzx edx, byte [ecx]
    add edx, COM1
    mov al, [ecx + 1]
    out dx, al
    add ecx, 2
    cmp ecx, serial_setup_end
    jb .setup
.next:
    lodsb
    test al, al
    jz .halt
    mov ah, al
    mov ecx, 100000             ; a port without a device must not hang the message's end
.wait:
    mov edx, COM1 + 5
    in al, dx
    test al, 0x20
    loopz .wait
    mov al, ah
    mov edx, COM1
    out dx, al
    jmp .next
.halt:
    cli
    hlt
    jmp .halt

serial_setup:                   ; register, value
    db 1, 0, 3, 0x80, 0, 1, 1, 0, 3, 3, 2, 7, 4, 3
serial_setup_end:
message_no_long_mode:
    db 13, 10, "athanor: this processor has no 64-bit long mode; cannot go on", 13, 10, 0
message_no_nx:
    db 13, 10, "athanor: this processor has no execute-disable bit (NX); cannot go on", 13, 10, 0

align 8
boot_gdt:
    dq 0
    dq 0x00AF9A000000FFFF       ; 64-bit code, ring 0
    dq 0x00CF92000000FFFF       ; data, ring 0
boot_gdt_end:
boot_gdt_pointer:
    dw boot_gdt_end - boot_gdt - 1
    dq boot_gdt

bits 64
boot_long_mode:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov rax, boot_high
    jmp rax

section .text progbits alloc exec nowrite align=16
boot_high:
    mov rsp, boot_stack_top
    xor ebp, ebp                ; where backtraces end
    mov r12, rdi
    mov r13, rsi
    ; The stack canary: time and, where there is one, the random number generator. The low byte stays 0, so that
    ; overrunning strings stop at it.
    rdtsc
    shl rdx, 32
    xor rdx, rax
    mov r14, 0x9E3779B97F4A7C15
    imul r14, rdx
    mov eax, 1
    cpuid
    bt ecx, 30
    jnc .no_rdrand
    rdrand rax
    xor r14, rax
.no_rdrand:
    shl r14, 8
    mov [rel __stack_chk_guard], r14
    mov edi, r12d
    mov esi, r13d
    call kmain
    ud2

section .bss.pages nobits alloc noexec write align=4096
global boot_tables
boot_tables:
    resb 7 * 4096
    resb 16384
global boot_stack_top
boot_stack_top:

section .note.GNU-stack noalloc noexec nowrite progbits

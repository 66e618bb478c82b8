;; The checked model: what is accessed is compared with the memory's size, stacks are compared with their limits.
;; flags: --cpu=x86-64-v3 --memory=checked
;; show: access near_end constant recurses
;; run: access 65532 => 0
;; run: access 65533 => trap: out of bounds memory access
;; run: access 4294967295 => trap: out of bounds memory access
;; run: near_end 0 => trap: out of bounds memory access
;; run: constant => 0
;; run: recurses 10 => 55
(module (memory 1 2)
  (func $access (export "access") (param i32) (result i32)
    local.get 0
    i32.load)
  (func $near_end (export "near_end") (param i32) (result i64)
    local.get 0
    i64.load offset=4294967290)
  (func $constant (export "constant") (result i32)
    i32.const 65528
    i32.load offset=4)
  (func $recurses (export "recurses") (param i32) (result i32)
    local.get 0
    i32.eqz
    if (result i32)
      i32.const 0
    else
      local.get 0
      i32.const -1
      i32.add
      call $recurses
      local.get 0
      i32.add
    end))

;; code access
;;   0  lea rax, [rdi + 4]
;;   4  cmp rax, qword ptr [r15 - 0x48]
;;   8  ja +0x13
;;   e  mov eax, dword ptr [r15 + rdi]
;;  12  ret
;;  13  ud2

;; code near_end
;;   0  mov eax, 0xfffffffa
;;   5  add rdi, rax
;;   8  lea rax, [rdi + 8]
;;   c  cmp rax, qword ptr [r15 - 0x48]
;;  10  ja +0x1b
;;  16  mov rax, qword ptr [r15 + rdi]
;;  1a  ret
;;  1b  ud2

;; code constant
;;   0  cmp qword ptr [r15 - 0x48], 0x10000
;;   8  jb +0x16
;;   e  mov eax, dword ptr [r15 + 0xfffc]
;;  15  ret
;;  16  ud2

;; code recurses
;;   0  mov rax, rsp
;;   3  or rax, 0xfffff
;;   a  lea r10, [rsp - 0x100]
;;  12  cmp r10, qword ptr [rax - 0x77]
;;  16  jb +0x55
;;  1c  lea r10, [rbp - 0x1020]
;;  23  cmp r10, qword ptr [rax - 0x67]
;;  27  jb +0x57
;;  2d  sub rbp, 0x20
;;  31  mov dword ptr [rbp], edi
;;  34  test edi, edi
;;  36  jne +0x43
;;  3c  xor eax, eax
;;  3e  jmp +0x50
;;  43  add edi, -1
;;  46  call +0x0
;;  4b  mov edi, dword ptr [rbp]
;;  4e  add eax, edi
;;  50  add rbp, 0x20
;;  54  ret
;;  55  ud2
;;  57  ud2

;; Memories with 64-bit addresses, and memories other than 0: compared in every model; sums beyond 64 bits trap.
;; enable: multi-memory memory64
;; flags: --cpu=x86-64-v3
;; show: near far known stores wide
;; run: near 65528 => 0
;; run: near 65529 => trap: out of bounds memory access
;; run: near -8 => trap: out of bounds memory access
;; run: near -1 => trap: out of bounds memory access
;; run: far 0 => trap: out of bounds memory access
;; run: far -4294967295 => trap: out of bounds memory access
;; run: far -4294967299 => trap: out of bounds memory access
;; run: far -1 => trap: out of bounds memory access
;; run: far 1 => trap: out of bounds memory access
;; run: known => 0
;; run: stores 131064 7 => 7
;; run: stores 131065 7 => trap: out of bounds memory access
;; run: stores 4294967295 7 => trap: out of bounds memory access
;; run: wide 4294967295 => trap: out of bounds memory access
;; run: wide 0 => trap: out of bounds memory access
;; run: size_0 => 1
;; run: size_1 => 2
;; run: grows 1 => 2
;; run: grows 4294967295 => -1
;; run: folds 16 24 => 0
;; run: copies 0 => 7
(module
  (memory $a i64 1 1)
  (memory $b 2 3)
  (data (memory $b) (i32.const 100) "\07")
  (func $near (export "near") (param i64) (result i64)
    local.get 0
    i64.load $a)
  (func $far (export "far") (param i64) (result i32)
    local.get 0
    i32.load $a offset=4294967295)
  (func $known (export "known") (result i32)
    i64.const 16
    i32.load $a offset=8
    i32.const 16
    i32.load $b offset=8
    i32.add)
  (func $stores (export "stores") (param i32 i64) (result i64)
    local.get 0
    local.get 1
    i64.store $b
    local.get 0
    i64.load $b)
  (func $wide (export "wide") (param i32) (result f64)
    local.get 0
    f64.load $b offset=4294967295)
  (func $size_0 (export "size_0") (result i64) memory.size $a)
  (func $size_1 (export "size_1") (result i32) memory.size $b)
  (func $grows (export "grows") (param i32) (result i32)
    local.get 0
    memory.grow $b)
  (func $folds (export "folds") (param i32 i32) (result i32)
    local.get 0
    i32.load $b
    local.get 1
    i32.load $b
    i32.add)
  (func $copies (export "copies") (param i64) (result i32)
    local.get 0
    i32.const 100
    i32.const 1
    memory.copy $a $b
    local.get 0
    i32.load8_u $a))

;; code near
;;   0  mov rax, rdi
;;   3  add rax, 8
;;   7  jb +0x1f
;;   d  cmp rax, qword ptr [r15 - 0x98]
;;  14  ja +0x21
;;  1a  mov rax, qword ptr [r15 + rdi]
;;  1e  ret
;;  1f  ud2
;;  21  ud2

;; code far
;;   0  mov eax, 0xffffffff
;;   5  add rdi, rax
;;   8  jb +0x2d
;;   e  mov rax, rdi
;;  11  add rax, 4
;;  15  jb +0x2f
;;  1b  cmp rax, qword ptr [r15 - 0x98]
;;  22  ja +0x31
;;  28  mov eax, dword ptr [r15 + rdi]
;;  2c  ret
;;  2d  ud2
;;  2f  ud2
;;  31  ud2

;; code known
;;   0  cmp qword ptr [r15 - 0x98], 0x1c
;;   8  jb +0x2b
;;   e  cmp qword ptr [r15 - 0x88], 0x1c
;;  16  jb +0x2d
;;  1c  mov rax, qword ptr [r15 - 0x90]
;;  23  mov eax, dword ptr [rax + 0x18]
;;  26  add eax, dword ptr [r15 + 0x18]
;;  2a  ret
;;  2b  ud2
;;  2d  ud2

;; code stores
;;   0  mov eax, edi
;;   2  mov rcx, rax
;;   5  add rcx, 8
;;   9  cmp rcx, qword ptr [r15 - 0x88]
;;  10  ja +0x3f
;;  16  add rax, qword ptr [r15 - 0x90]
;;  1d  mov qword ptr [rax], rsi
;;  20  mov rax, rdi
;;  23  add rax, 8
;;  27  cmp rax, qword ptr [r15 - 0x88]
;;  2e  ja +0x41
;;  34  add rdi, qword ptr [r15 - 0x90]
;;  3b  mov rax, qword ptr [rdi]
;;  3e  ret
;;  3f  ud2
;;  41  ud2

;; code wide
;;   0  mov eax, 0xffffffff
;;   5  add rdi, rax
;;   8  mov rax, rdi
;;   b  add rax, 8
;;   f  cmp rax, qword ptr [r15 - 0x88]
;;  16  ja +0x28
;;  1c  add rdi, qword ptr [r15 - 0x90]
;;  23  movsd xmm0, qword ptr [rdi]
;;  27  ret
;;  28  ud2

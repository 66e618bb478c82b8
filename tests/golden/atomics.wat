;; Atomic accesses: aligned or a trap, one locked instruction, and no load folded or delayed across them.
;; enable: threads
;; flags: --cpu=x86-64-v3
;; show: load store add sub8 or8 or64 cas16 swap unaligned_constant order fence
;; run: load 65532 => 0
;; run: load 65530 => trap: unaligned atomic
;; run: load 65536 => trap: out of bounds memory access
;; run: store 4 5 => 5
;; run: store 8 5 => trap: unaligned atomic
;; run: add 16 3 => 3
;; run: sub8 3 => 253
;; run: or8 258 => 2
;; run: or64 8 => 8
;; run: cas16 65536 7 => 7
;; run: cas16 65537 7 => 0
;; run: swap 5 => 5
;; run: unaligned_constant => trap: unaligned atomic
;; run: order => 7
;; run: fence => 1
(module (memory 1 2 shared)
  (func $load (export "load") (param i32) (result i32)
    local.get 0
    i32.atomic.load)
  (func $store (export "store") (param i32 i64) (result i64)
    local.get 0
    local.get 1
    i64.atomic.store offset=4
    local.get 0
    i64.load offset=4)
  (func $add (export "add") (param i32 i32) (result i32)
    local.get 0
    local.get 1
    i32.atomic.rmw.add
    local.get 0
    i32.atomic.load
    i32.add)
  (func $sub8 (export "sub8") (param i32) (result i32)
    i32.const 100
    local.get 0
    i32.atomic.rmw8.sub_u
    i32.const 100
    i32.atomic.load8_u
    i32.add)
  (func $or8 (export "or8") (param i32) (result i32)
    i32.const 101
    local.get 0
    i32.atomic.rmw8.or_u
    i32.const 101
    i32.load8_u
    i32.add)
  (func $or64 (export "or64") (param i64) (result i64)
    i32.const 104
    local.get 0
    i64.atomic.rmw.or
    i32.const 104
    i64.load
    i64.add)
  ;; compares 16 bits, whatever is above
  (func $cas16 (export "cas16") (param i32 i32) (result i32)
    i32.const 112
    local.get 0
    local.get 1
    i32.atomic.rmw16.cmpxchg_u
    drop
    i32.const 112
    i32.load16_u)
  (func $swap (export "swap") (param i64) (result i64)
    i32.const 120
    local.get 0
    i64.atomic.rmw.xchg
    drop
    i32.const 120
    i64.const 9
    i64.atomic.rmw.xchg)
  (func $unaligned_constant (export "unaligned_constant") (result i32)
    i32.const 2
    i32.atomic.load)
  ;; the plain load comes first
  (func $order (export "order") (result i32)
    i32.const 128
    i32.load
    i32.const 128
    i32.const 7
    i32.atomic.store
    i32.const 128
    i32.load
    i32.add)
  (func $fence (export "fence") (result i32)
    atomic.fence
    i32.const 1))

;; code load
;;   0  test edi, 3
;;   6  jne +0x13
;;   c  mov edi, dword ptr [r15 + rdi]
;;  10  mov eax, edi
;;  12  ret
;;  13  ud2

;; code store
;;   0  lea eax, [rdi + 4]
;;   3  test eax, 7
;;   9  jne +0x1a
;;   f  xchg qword ptr [r15 + rdi + 4], rsi
;;  14  mov rax, qword ptr [r15 + rdi + 4]
;;  19  ret
;;  1a  ud2

;; code add
;;   0  test edi, 3
;;   6  jne +0x27
;;   c  lock xadd dword ptr [r15 + rdi], esi
;;  12  test edi, 3
;;  18  jne +0x29
;;  1e  mov edi, dword ptr [r15 + rdi]
;;  22  add esi, edi
;;  24  mov eax, esi
;;  26  ret
;;  27  ud2
;;  29  ud2

;; code sub8
;;   0  neg rdi
;;   3  lock xadd byte ptr [r15 + 0x64], dil
;;   9  movzx edi, dil
;;   d  movzx eax, byte ptr [r15 + 0x64]
;;  12  add eax, edi
;;  14  ret

;; code or8
;;   0  mov dword ptr [rbp - 8], edi
;;   3  movzx eax, byte ptr [r15 + 0x65]
;;   8  mov ecx, dword ptr [rbp - 8]
;;   b  or rcx, rax
;;   e  lock cmpxchg byte ptr [r15 + 0x65], cl
;;  14  jne +0x8
;;  16  movzx eax, al
;;  19  movzx ecx, byte ptr [r15 + 0x65]
;;  1e  add eax, ecx
;;  20  ret

;; code or64
;;   0  mov qword ptr [rbp - 8], rdi
;;   4  mov rax, qword ptr [r15 + 0x68]
;;   8  mov rcx, qword ptr [rbp - 8]
;;   c  or rcx, rax
;;   f  lock cmpxchg qword ptr [r15 + 0x68], rcx
;;  15  jne +0x8
;;  17  add rax, qword ptr [r15 + 0x68]
;;  1b  ret

;; code cas16
;;   0  mov dword ptr [rbp - 0x10], esi
;;   3  mov eax, edi
;;   5  mov ecx, dword ptr [rbp - 0x10]
;;   8  lock cmpxchg word ptr [r15 + 0x70], cx
;;   f  movzx eax, ax
;;  12  movzx eax, word ptr [r15 + 0x70]
;;  17  ret

;; code swap
;;   0  xchg qword ptr [r15 + 0x78], rdi
;;   4  mov eax, 9
;;   9  xchg qword ptr [r15 + 0x78], rax
;;   d  ret

;; code unaligned_constant
;;   0  ud2
;;   2  mov eax, dword ptr [r15 + 2]
;;   6  ret

;; code order
;;   0  mov eax, dword ptr [r15 + 0x80]
;;   7  mov ecx, 7
;;   c  xchg dword ptr [r15 + 0x80], ecx
;;  13  add eax, dword ptr [r15 + 0x80]
;;  1a  ret

;; code fence
;;   0  mfence
;;   3  mov eax, 1
;;   8  ret

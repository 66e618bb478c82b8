;; Accesses whose indices are a constant apart (index.h). What was good for one access can be added to without a wrap, up
;; to the part of the 4 GiB that the memory never grows into: the constant becomes a displacement. Nothing else does.
;; flags: --cpu=x86-64-v3
;; show: ahead stencil lower far behind_label changed changed_sum waiting stores integers
;; run: ahead 65512 => 0
;; run: ahead 65513 => trap: out of bounds memory access
;; run: ahead 4294967288 => trap: out of bounds memory access
;; run: stencil 4294967216 => 0
;; run: stencil 4294967195 => trap: out of bounds memory access
;; run: stencil 65508 => 0
;; run: stencil 65509 => trap: out of bounds memory access
;; run: lower 4294967272 => 0
;; run: far 0 => 0
;; run: behind_label 4294967288 1 => 0
;; run: behind_label 4294967288 0 => trap: out of bounds memory access
;; run: changed 8 4294967288 => 9
;; run: changed_sum 8 4294967288 => 9
;; run: waiting 4294967288 => 9
;; run: waiting 8 => 0
;; run: stores 16 7 => 21
;; run: integers 4294967288 => 18
;; run: grows 65520 => -1
;; run: grows 0 => 2
(module (memory 2)
  (data (i32.const 8) "\09")
  (data (i32.const 40) "\07")
  ;; the base itself was used
  (func $ahead (export "ahead") (param i32) (result f64)
    (f64.add (f64.add (f64.load (local.get 0)) (f64.load (i32.add (local.get 0) (i32.const 8))))
      (f64.load offset=8 (i32.add (local.get 0) (i32.const 65544)))))
  ;; a sum was used: those above it; the load that waits is made first
  (func $stencil (export "stencil") (param i32) (result f64)
    (f64.add (f64.add (f64.load (i32.add (local.get 0) (i32.const 100))) (f64.load (i32.add (local.get 0) (i32.const 108))))
      (f64.load (i32.add (local.get 0) (i32.const 65556)))))
  ;; what is below cannot be reached from there
  (func $lower (export "lower") (param i32) (result f64)
    (f64.add (f64.add (f64.load (i32.add (local.get 0) (i32.const 100))) (f64.load (i32.add (local.get 0) (i32.const 48))))
      (f64.load (i32.add (local.get 0) (i32.const 56)))))
  ;; one more than the part that stays unused is too much
  (func $far (export "far") (param i32) (result i32) (local i32)
    (block $out
      (br_if $out (i32.eqz (local.get 0)))
      (local.set 1 (i32.add (i32.load (local.get 0)) (i32.load (i32.add (local.get 0) (i32.const 1048576)))))
      (local.set 1 (i32.add (local.get 1) (i32.load (i32.add (local.get 0) (i32.const 1048577))))))
    (local.get 1))
  ;; at a label nothing is known
  (func $behind_label (export "behind_label") (param i32 i32) (result i32) (local i32)
    (block $out
      (br_if $out (local.get 1))
      (local.set 2 (i32.load (local.get 0))))
    (i32.add (local.get 2) (i32.load (i32.add (local.get 0) (i32.const 32)))))
  ;; the base is another one
  (func $changed (export "changed") (param i32 i32) (result i32) (local i32)
    (local.set 2 (i32.load (local.get 0)))
    (local.set 0 (i32.add (local.get 1) (i32.const 0)))
    (i32.add (local.get 2) (i32.load (i32.add (local.get 0) (i32.const 32)))))
  (func $changed_sum (export "changed_sum") (param i32 i32) (result i32) (local i32)
    (local.set 2 (i32.load (i32.add (local.get 0) (i32.const 0))))
    (local.set 2 (i32.add (local.get 2) (i32.load (i32.add (local.get 0) (i32.const 24)))))
    (local.set 0 (i32.add (local.get 1) (i32.const 0)))
    (i32.add (local.get 2) (i32.load (i32.add (local.get 0) (i32.const 32)))))
  ;; the register of the sum is taken by what is loaded, if there is no other
  (func $waiting (export "waiting") (param i32) (result i32)
    (i32.sub (i32.load (i32.add (local.get 0) (i32.const 16))) (i32.load (i32.add (local.get 0) (i32.const 24)))))
  (func $stores (export "stores") (param i32 i32) (result i32)
    (i32.store (i32.add (local.get 0) (i32.const 4)) (local.get 1))
    (i32.store (i32.add (local.get 0) (i32.const 8)) (local.get 1))
    (i32.store offset=4 (i32.add (local.get 0) (i32.const 8)) (local.get 1))
    (i32.add (i32.load offset=4 (local.get 0)) (i32.add (i32.load offset=8 (local.get 0)) (i32.load offset=12 (local.get 0)))))
  (func $integers (export "integers") (param i32) (result i32)
    (i32.mul (i32.add (i32.load8_u (i32.add (local.get 0) (i32.const 16))) (i32.load8_u (i32.add (local.get 0) (i32.const 20))))
      (i32.add (i32.load8_u (i32.add (local.get 0) (i32.const 24))) (i32.const 2))))
  (func (export "grows") (param i32) (result i32) (memory.grow (local.get 0))))

;; code ahead
;;   0  movsd xmm0, qword ptr [r15 + rdi + 8]
;;   7  addsd xmm0, qword ptr [r15 + rdi]
;;   d  addsd xmm0, qword ptr [r15 + rdi + 0x10010]
;;  17  ret

;; code stencil
;;   0  lea eax, [rdi + 0x64]
;;   3  movsd xmm0, qword ptr [r15 + rax]
;;   9  addsd xmm0, qword ptr [r15 + rax + 8]
;;  10  addsd xmm0, qword ptr [r15 + rax + 0xffb0]
;;  1a  ret

;; code lower
;;   0  lea eax, [rdi + 0x64]
;;   3  lea ecx, [rdi + 0x30]
;;   6  movsd xmm0, qword ptr [r15 + rcx]
;;   c  addsd xmm0, qword ptr [r15 + rax]
;;  12  addsd xmm0, qword ptr [r15 + rcx + 8]
;;  19  ret

;; code far
;;   0  xor esi, esi
;;   2  test edi, edi
;;   4  je +0x20
;;   a  mov esi, dword ptr [r15 + rdi + 0x100000]
;;  12  add esi, dword ptr [r15 + rdi]
;;  16  add edi, 0x100001
;;  1c  add esi, dword ptr [r15 + rdi]
;;  20  mov eax, esi
;;  22  ret

;; code behind_label
;;   0  mov r8d, esi
;;   3  xor esi, esi
;;   5  test r8d, r8d
;;   8  jne +0x12
;;   e  mov esi, dword ptr [r15 + rdi]
;;  12  add edi, 0x20
;;  15  add esi, dword ptr [r15 + rdi]
;;  19  mov eax, esi
;;  1b  ret

;; code changed
;;   0  mov r8d, esi
;;   3  mov esi, dword ptr [r15 + rdi]
;;   7  lea edi, [r8]
;;   a  add edi, 0x20
;;   d  add esi, dword ptr [r15 + rdi]
;;  11  mov eax, esi
;;  13  ret

;; code changed_sum
;;   0  mov r8d, esi
;;   3  lea eax, [rdi]
;;   5  mov esi, dword ptr [r15 + rax]
;;   9  add esi, dword ptr [r15 + rax + 0x18]
;;   e  lea edi, [r8]
;;  11  add edi, 0x20
;;  14  add esi, dword ptr [r15 + rdi]
;;  18  mov eax, esi
;;  1a  ret

;; code waiting
;;   0  lea eax, [rdi + 0x10]
;;   3  mov ecx, dword ptr [r15 + rax]
;;   7  sub ecx, dword ptr [r15 + rax + 8]
;;   c  mov eax, ecx
;;   e  ret

;; code stores
;;   0  lea eax, [rdi + 4]
;;   3  mov dword ptr [r15 + rax], esi
;;   7  mov dword ptr [r15 + rax + 4], esi
;;   c  mov dword ptr [r15 + rax + 8], esi
;;  11  mov ecx, dword ptr [r15 + rdi + 0xc]
;;  16  add ecx, dword ptr [r15 + rdi + 8]
;;  1b  add ecx, dword ptr [r15 + rdi + 4]
;;  20  mov eax, ecx
;;  22  ret

;; code integers
;;   0  lea eax, [rdi + 0x10]
;;   3  movzx ecx, byte ptr [r15 + rax]
;;   8  movzx edx, byte ptr [r15 + rax + 4]
;;   e  add ecx, edx
;;  10  movzx edx, byte ptr [r15 + rax + 8]
;;  16  add edx, 2
;;  19  imul ecx, edx
;;  1c  mov eax, ecx
;;  1e  ret

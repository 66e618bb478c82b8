;; Loads become memory operands of what uses them, unless something stands between that may change the value or trap.
;; flags: --cpu=x86-64-v3
;; show: folds over_store over_grow over_trap narrow floats
;; run: folds 8 5 => 5
;; run: over_store 16 => 0
;; run: over_grow => 1
;; run: over_trap 65536 0 => trap: out of bounds memory access
;; run: over_trap 0 0 => trap: integer divide by zero
;; run: dropped 65536 => trap: out of bounds memory access
;; run: over_branch 65536 1 => trap: out of bounds memory access
;; run: over_global 65536 => trap: out of bounds memory access
;; run: at_end 65528 -3 => 3
;; run: at_end 65529 -3 => trap: out of bounds memory access
;; run: negated_at_end 65532 => -0
(module (memory 1 2) (global $g (mut i32) (i32.const 0))
  (func $folds (export "folds") (param i32 i32) (result i32)
    local.get 1
    local.get 0
    i32.load offset=4
    i32.add)
  (func $over_store (export "over_store") (param i32) (result i32)
    local.get 0
    i32.load
    local.get 0
    i32.const 1
    i32.store
    local.get 0
    i32.const 0
    i32.store)
  ;; no instruction reads more than the value, which is the last one in the memory
  (func (export "at_end") (param i32 f64) (result f64)
    local.get 1
    local.get 0
    f64.load
    f64.copysign)
  (func (export "negated_at_end") (param i32) (result f32)
    local.get 0
    f32.load
    f32.neg)
  (func $over_grow (export "over_grow") (result i32)
    i32.const 0
    i32.load
    i32.const 1
    memory.grow
    i32.add)
  (func $over_trap (export "over_trap") (param i32 i32) (result i32)
    local.get 0
    i32.load
    i32.const 7
    local.get 1
    i32.div_s
    i32.add)
  (func $narrow (export "narrow") (param i32 i64) (result i64)
    local.get 1
    local.get 0
    i64.load32_u
    i64.add
    local.get 0
    i64.load
    i64.xor)
  (func $floats (export "floats") (param i32 f64) (result f64)
    local.get 1
    local.get 0
    f64.load
    f64.add
    local.get 0
    f64.load offset=8
    f64.copysign)
  (func $dropped (export "dropped") (param i32)
    local.get 0
    i32.load
    drop)
  (func $over_branch (export "over_branch") (param i32 i32) (result i32)
    i32.const 3
    block
      local.get 0
      i32.load
      local.get 1
      br_if 0
      drop
    end)
  (func $over_global (export "over_global") (param i32) (result i32)
    local.get 0
    i32.load
    i32.const 1
    global.set $g))

;; code folds
;;   0  add esi, dword ptr [r15 + rdi + 4]
;;   5  mov eax, esi
;;   7  ret

;; code over_store
;;   0  mov eax, dword ptr [r15 + rdi]
;;   4  mov dword ptr [r15 + rdi], 1
;;   c  mov dword ptr [r15 + rdi], 0
;;  14  ret

;; code over_grow
;;   0  sub rbp, 0x10
;;   4  mov eax, dword ptr [r15]
;;   7  mov dword ptr [rbp], eax
;;   a  mov edi, 1
;;   f  xor esi, esi
;;  11  call {alka_helper_memory_grow}
;;  16  mov eax, eax
;;  18  add eax, dword ptr [rbp]
;;  1b  add rbp, 0x10
;;  1f  ret

;; code over_trap
;;   0  mov edi, dword ptr [r15 + rdi]
;;   4  mov eax, 7
;;   9  test esi, esi
;;   b  je +0x17
;;  11  cdq
;;  12  idiv esi
;;  14  add eax, edi
;;  16  ret
;;  17  ud2

;; code narrow
;;   0  mov eax, dword ptr [r15 + rdi]
;;   4  add rax, rsi
;;   7  xor rax, qword ptr [r15 + rdi]
;;   b  ret

;; code floats
;;   0  movaps xmm3, xmm0
;;   3  addsd xmm3, qword ptr [r15 + rdi]
;;   9  movsd xmm0, qword ptr [r15 + rdi + 8]
;;  10  andps xmm0, xmmword ptr [rip + rodata]
;;  17  andps xmm3, xmmword ptr [rip + rodata]
;;  1e  orps xmm3, xmm0
;;  21  movaps xmm0, xmm3
;;  24  ret

;; Calls: arguments in parallel, in the frame when registers are used up; what lives across a call; tables.
;; flags: --cpu=x86-64-v3
;; show: swap many across indirect
;; run: swap 3 10 => 7
;; run: many 1 => 55
;; run: across 5 => 120
;; run: floats 2 => 9
;; run: indirect 0 6 => 12
;; run: indirect 1 6 => 36
;; run: indirect 2 6 => trap: indirect call type mismatch
;; run: indirect 3 6 => trap: uninitialized element
;; run: indirect 4 6 => trap: undefined element
;; run: indirect 4294967295 6 => trap: undefined element
;; run: endless 0 => trap: call stack exhausted
;; run: endless_wide 0 => trap: call stack exhausted
;; run: leaf_reads_zero => 0
(module
  (type $unary (func (param i32) (result i32)))
  (table 4 4 funcref)
  (elem (i32.const 0) $double $square $nothing)
  (func $difference (param i32 i32) (result i32) local.get 1 local.get 0 i32.sub)
  (func $swap (export "swap") (param i32 i32) (result i32)
    i32.const 0
    local.get 1
    local.get 0
    call $difference
    call $difference
    drop
    local.get 0
    local.get 1
    call $difference)
  (func $ten (param i32 i64 i32 i32 i32 i32 i32 i64 f32 i32) (result i32)
    local.get 0
    local.get 1 i32.wrap_i64 i32.add
    local.get 2 i32.add
    local.get 3 i32.add
    local.get 4 i32.add
    local.get 5 i32.add
    local.get 6 i32.add
    local.get 7 i32.wrap_i64 i32.add
    local.get 8 i32.trunc_f32_s i32.add
    local.get 9 i32.add)
  (func $many (export "many") (param i32) (result i32)
    local.get 0
    i64.const 2
    i32.const 3
    i32.const 4
    i32.const 5
    i32.const 6
    i32.const 7
    i64.const 8
    f32.const 9
    i32.const 10
    call $ten)
  (func $across (export "across") (param i32) (result i32)
    local.get 0
    i32.eqz
    if (result i32)
      i32.const 1
    else
      local.get 0
      local.get 0
      i32.const 1
      i32.sub
      call $across
      i32.mul
    end)
  (func $half (param f64) (result f64) local.get 0 f64.const 0.5 f64.mul)
  (func $floats (export "floats") (param f64) (result f64) (local f64)
    local.get 0
    f64.const 4
    f64.mul
    local.set 1
    local.get 0
    call $half
    local.get 1
    f64.add)
  (func $double (param i32) (result i32) local.get 0 i32.const 1 i32.shl)
  (func $square (param i32) (result i32) local.get 0 local.get 0 i32.mul)
  (func $nothing)
  (func $indirect (export "indirect") (param i32 i32) (result i32)
    local.get 1
    local.get 0
    call_indirect (type $unary))
  (func $endless (export "endless") (param i32) (result i32)
    local.get 0 call $endless i32.const 1 i32.add)
  (func $endless_wide (export "endless_wide") (param f64) (result f64) (local f64 f64 f64 f64)
    local.get 0 f64.const 1 f64.add local.tee 1
    f64.const 2 f64.add local.tee 2
    f64.const 3 f64.add local.tee 3
    call $endless_wide
    local.get 1 f64.add local.get 2 f64.add local.get 3 f64.add)
  (func $leaf_reads_zero (export "leaf_reads_zero") (result i32) (local i32 i32)
    local.get 0 local.get 1 i32.add))

;; code swap
;;   0  sub rbp, 0x30
;;   4  mov dword ptr [rbp], edi
;;   7  mov dword ptr [rbp + 8], esi
;;   a  mov edi, dword ptr [rbp + 8]
;;   d  mov esi, dword ptr [rbp]
;;  10  call 0
;;  15  mov esi, eax
;;  17  xor edi, edi
;;  19  call 0
;;  1e  mov edi, dword ptr [rbp]
;;  21  mov esi, dword ptr [rbp + 8]
;;  24  call 0
;;  29  add rbp, 0x30
;;  2d  ret

;; code many
;;   0  sub rbp, 0x50
;;   4  mov eax, 7
;;   9  mov dword ptr [rbp - 0x20], eax
;;   c  mov eax, 8
;;  11  mov qword ptr [rbp - 0x18], rax
;;  15  mov eax, 0xa
;;  1a  mov dword ptr [rbp - 0x10], eax
;;  1d  mov esi, 2
;;  22  mov edx, 3
;;  27  mov ecx, 4
;;  2c  mov r8d, 5
;;  32  mov r9d, 6
;;  38  movss xmm0, dword ptr [rip + rodata]
;;  40  call -0x60
;;  45  add rbp, 0x50
;;  49  ret

;; code across
;;   0  sub rbp, 0x20
;;   4  test edi, edi
;;   6  jne +0x16
;;   c  mov eax, 1
;;  11  jmp +0x25
;;  16  mov dword ptr [rbp], edi
;;  19  add edi, -1
;;  1c  call +0x0
;;  21  imul eax, dword ptr [rbp]
;;  25  add rbp, 0x20
;;  29  ret

;; code indirect
;;   0  nop dword ptr [rax]
;;   4  mov eax, edi
;;   6  mov edi, esi
;;   8  cmp eax, 4
;;   b  jae +0x35
;;  11  shl rax, 5
;;  15  mov r11, qword ptr [r15 - 0x90]
;;  1c  add r11, rax
;;  1f  cmp dword ptr [r11 + 0x18], 0 {type 0}
;;  27  jne +0x37
;;  2d  call qword ptr [r11]
;;  30  nop dword ptr [rax]
;;  34  ret
;;  35  ud2
;;  37  cmp qword ptr [r11 + 0x10], 0
;;  3c  jne +0x40
;;  3e  ud2
;;  40  ud2

;; Division leaves rax and rdx to nobody; shifts without BMI2 want rcx. Homes and pending operands survive both.
;; flags: --cpu=x86-64-v1
;; show: quotient remainder shifted pressed
;; run: quotient -7 2 => -3
;; run: quotient 7 0 => trap: integer divide by zero
;; run: quotient -2147483648 -1 => trap: integer overflow
;; run: remainder -7 2 => -1
;; run: remainder -2147483648 -1 => 0
;; run: remainder 5 0 => trap: integer divide by zero
;; run: unsigned -1 2 => 2147483647
;; run: unsigned 1 0 => trap: integer divide by zero
;; run: wide -9223372036854775808 -1 => trap: integer overflow
;; run: wide_rest -9223372036854775808 -1 => 0
;; run: shifted 1 33 => 2
;; run: pressed 100 7 3 2 => 61
;; run: constants -100 => -197
;; run: constants 2147483647 => -140609029
;; run: constants_u -1 => 1200087776
;; run: constants_u 1000003 => 279423
(module
  (func $quotient (export "quotient") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.div_s)
  (func $remainder (export "remainder") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.rem_s)
  (func $unsigned (export "unsigned") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.div_u)
  (func $wide (export "wide") (param i64 i64) (result i64)
    local.get 0 local.get 1 i64.div_s)
  (func $wide_rest (export "wide_rest") (param i64 i64) (result i64)
    local.get 0 local.get 1 i64.rem_s)
  (func $shifted (export "shifted") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.shl)
  (func $pressed (export "pressed") (param i32 i32 i32 i32) (result i32)
    local.get 0 local.get 1 i32.add
    local.get 0 local.get 1 i32.div_u
    local.get 1 local.get 2 i32.rem_u
    local.get 2 local.get 3 i32.shl
    local.get 0 local.get 3 i32.shr_s
    local.get 0 local.get 0 i32.rem_s
    i32.add i32.add i32.sub i32.xor i32.add)
  (func $constants (export "constants") (param i32) (result i32)
    local.get 0 i32.const 7 i32.div_s
    local.get 0 i32.const -3 i32.div_s i32.add
    local.get 0 i32.const 8 i32.div_s i32.add
    local.get 0 i32.const 1 i32.div_s i32.add
    local.get 0 i32.const -1 i32.div_s i32.sub
    local.get 0 i32.const 10 i32.rem_s i32.add
    local.get 0 i32.const 16 i32.rem_s i32.add
    local.get 0 i32.const -2147483648 i32.div_s i32.add)
  (func $constants_u (export "constants_u") (param i32) (result i32)
    local.get 0 i32.const 7 i32.div_u
    local.get 0 i32.const 10 i32.rem_u i32.add
    local.get 0 i32.const 8 i32.div_u i32.add
    local.get 0 i32.const 641 i32.div_u i32.add
    local.get 0 i32.const -2 i32.div_u i32.add
    local.get 0 i32.const 16 i32.rem_u i32.add
    local.get 0 i32.const 100 i32.div_u i32.add))

;; code quotient
;;   0  mov eax, edi
;;   2  test esi, esi
;;   4  je +0xe
;;   a  cdq
;;   b  idiv esi
;;   d  ret
;;   e  ud2

;; code remainder
;;   0  mov eax, edi
;;   2  xor edx, edx
;;   4  cmp esi, -1
;;   7  je +0xc
;;   9  cdq
;;   a  idiv esi
;;   c  mov eax, edx
;;   e  ret

;; code shifted
;;   0  mov ecx, esi
;;   2  shl edi, cl
;;   4  mov eax, edi
;;   6  ret

;; code pressed
;;   0  mov r8d, edx
;;   3  mov r9d, ecx
;;   6  mov eax, edi
;;   8  xor edx, edx
;;   a  div esi
;;   c  mov rcx, rax
;;   f  mov eax, esi
;;  11  xor edx, edx
;;  13  div r8d
;;  16  mov rax, rcx
;;  19  mov ecx, r9d
;;  1c  shl r8d, cl
;;  1f  mov ecx, r9d
;;  22  mov r9d, edi
;;  25  sar r9d, cl
;;  28  mov rcx, rax
;;  2b  mov eax, edi
;;  2d  mov r10, rdx
;;  30  xor edx, edx
;;  32  cmp edi, -1
;;  35  je +0x3a
;;  37  cdq
;;  38  idiv edi
;;  3a  add edx, r9d
;;  3d  add edx, r8d
;;  40  sub r10d, edx
;;  43  xor ecx, r10d
;;  46  lea eax, [rdi + rsi]
;;  49  add eax, ecx
;;  4b  ret

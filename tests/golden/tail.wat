;; Tail calls: the frame is gone before the jump, so that ten million of them take no stack, also between functions that
;; pass different numbers of arguments on the data stack.
;; enable: tail-call
;; show: countdown through_table spread gather keep_reg
;; run: countdown 10000000 0 => 10000000
;; run: spread_from 10000000 => 330000022
;; run: through_table 10000000 0 => 10000000
;; run: bad_table 3 => trap: indirect call type mismatch
;; run: null_table 3 => trap: uninitialized element
;; run: no_table 3 => trap: undefined element
;; run: rotate 1 2 3 4 5 6 7 8 9 10 => 2 3 4 5 6 7 8 9 10 1
;; run: mixed 3 => 41.5
;; run: late 5 => trap: out of bounds memory access
;; run: keep_reg 4 => 24
(module
  (memory 1)
  (type $two (func (param i32 i32) (result i32)))
  (table 4 funcref)
  (elem (i32.const 0) $through_table $one)
  (func $one (param i32) (result i32) (local.get 0))

  (func $countdown (export "countdown") (param $n i32) (param $sum i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (local.get $sum))))
    (return_call $countdown (i32.sub (local.get $n) (i32.const 1)) (i32.add (local.get $sum) (i32.const 1))))

  (func $through_table (export "through_table") (param $n i32) (param $sum i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (local.get $sum))))
    (return_call_indirect (type $two) (i32.sub (local.get $n) (i32.const 1))
      (i32.add (local.get $sum) (i32.const 1)) (i32.const 0)))
  (func (export "bad_table") (param i32) (result i32)
    (return_call_indirect (type $two) (local.get 0) (local.get 0) (i32.const 1)))
  (func (export "null_table") (param i32) (result i32)
    (return_call_indirect (type $two) (local.get 0) (local.get 0) (i32.const 2)))
  (func (export "no_table") (param i32) (result i32)
    (return_call_indirect (type $two) (local.get 0) (local.get 0) (i32.const 4)))

  ;; Two arguments become eleven become two.
  (func (export "spread_from") (param i32) (result i64)
    (return_call $spread (local.get 0) (i64.const 22)))
  (func $spread (export "spread") (param $n i32) (param $sum i64) (result i64)
    (if (i32.eqz (local.get $n)) (then (return (local.get $sum))))
    (return_call $gather (local.get $n) (local.get $sum) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)
      (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8) (i64.const -3)))
  (func $gather (param $n i32) (param $sum i64) (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (return_call $spread (i32.sub (local.get $n) (i32.const 1))
      (i64.add (local.get $sum) (i64.add (i64.add (i64.add (local.get 2) (local.get 3)) (i64.add (local.get 4) (local.get 5)))
        (i64.add (i64.add (local.get 6) (local.get 7)) (i64.add (i64.add (local.get 8) (local.get 9)) (local.get 10)))))))

  ;; Every stack argument comes from the place of another one.
  (func (export "rotate") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (return_call $all (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)
      (local.get 7) (local.get 8) (local.get 9) (local.get 0)))
  (func $all (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)
    (local.get 7) (local.get 8) (local.get 9))

  ;; Floats on the stack too, under values that nobody wants any more.
  (func (export "mixed") (param i32) (result f64)
    (local.get 0) (i64.const 9)
    (return_call $floats (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5) (f64.const 6)
      (f64.const 7) (f64.const 8) (f64.const 1.5) (local.get 0) (f64.const 1)))
  (func $floats (param f64 f64 f64 f64 f64 f64 f64 f64 f64 i32 f64) (result f64)
    (f64.add (f64.add (local.get 8) (local.get 10))
      (f64.add (f64.convert_i32_s (local.get 9)) (f64.add (local.get 0) (f64.add (local.get 1) (f64.add (local.get 2)
        (f64.add (local.get 3) (f64.add (local.get 4) (f64.add (local.get 5) (f64.add (local.get 6) (local.get 7))))))))))
    (return_call $minus))
  (func $minus (param f64) (result f64) (local.get 0))

  ;; A load that nobody reads traps all the same.
  (func (export "late") (param i32) (result i32)
    (i32.load (i32.const 65534))
    (return_call $one (local.get 0)))

  ;; Callee-saved registers go back before the jump.
  (func $keep_reg (export "keep_reg") (param $n i32) (result i32)
    (if (i32.lt_s (local.get $n) (i32.const 2)) (then (return (i32.const 1))))
    (return_call $times (local.get $n) (call $keep_reg (i32.sub (local.get $n) (i32.const 1)))))
  (func $times (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1))))

;; code countdown
;;   0  test edi, edi
;;   2  jne +0xb
;;   8  mov eax, esi
;;   a  ret
;;   b  add edi, -1
;;   e  add esi, 1
;;  11  jmp +0x0

;; code through_table
;;   0  test edi, edi
;;   2  jne +0xb
;;   8  mov eax, esi
;;   a  ret
;;   b  add edi, -1
;;   e  add esi, 1
;;  11  xor eax, eax
;;  13  cmp rax, qword ptr [r15 - 0x98]
;;  1a  jae +0x3f
;;  20  shl rax, 5
;;  24  mov r11, qword ptr [r15 - 0xa0]
;;  2b  add r11, rax
;;  2e  cmp dword ptr [r11 + 0x18], 0 {type 0}
;;  36  jne +0x41
;;  3c  jmp qword ptr [r11]
;;  3f  ud2
;;  41  cmp qword ptr [r11 + 0x10], 0
;;  46  jne +0x4a
;;  48  ud2
;;  4a  ud2

;; code spread
;;   0  test edi, edi
;;   2  jne +0xc
;;   8  mov rax, rsi
;;   b  ret
;;   c  mov eax, 5
;;  11  mov qword ptr [rbp - 0x90], rax
;;  18  mov eax, 6
;;  1d  mov qword ptr [rbp - 0x88], rax
;;  24  mov eax, 7
;;  29  mov qword ptr [rbp - 0x80], rax
;;  2d  mov eax, 8
;;  32  mov qword ptr [rbp - 0x78], rax
;;  36  mov rax, -3
;;  3d  mov qword ptr [rbp - 0x70], rax
;;  41  mov edx, 1
;;  46  mov ecx, 2
;;  4b  mov r8d, 3
;;  51  mov r9d, 4
;;  57  mov r10, qword ptr [rbp - 0x68]
;;  5b  mov qword ptr [rbp - 8], r10
;;  5f  mov r10, qword ptr [rbp - 0x70]
;;  63  mov qword ptr [rbp - 0x10], r10
;;  67  mov r10, qword ptr [rbp - 0x78]
;;  6b  mov qword ptr [rbp - 0x18], r10
;;  6f  mov r10, qword ptr [rbp - 0x80]
;;  73  mov qword ptr [rbp - 0x20], r10
;;  77  mov r10, qword ptr [rbp - 0x88]
;;  7e  mov qword ptr [rbp - 0x28], r10
;;  82  mov r10, qword ptr [rbp - 0x90]
;;  89  mov qword ptr [rbp - 0x30], r10
;;  8d  jmp +0xa0

;; code gather
;;   0  mov r10, r8
;;   3  mov r11, r9
;;   6  mov r8, rdx
;;   9  mov r9, rcx
;;   c  add r8, r9
;;   f  add r10, r11
;;  12  add r8, r10
;;  15  mov rax, qword ptr [rbp - 0x28]
;;  19  add rax, qword ptr [rbp - 0x30]
;;  1d  mov rcx, qword ptr [rbp - 0x18]
;;  21  add rcx, qword ptr [rbp - 0x20]
;;  25  add rcx, qword ptr [rbp - 0x10]
;;  29  add rax, rcx
;;  2c  add rax, r8
;;  2f  add rax, rsi
;;  32  add edi, -1
;;  35  mov rsi, rax
;;  38  jmp -0xa0

;; code keep_reg
;;   0  sub rbp, 0x20
;;   4  cmp edi, 2
;;   7  jge +0x17
;;   d  mov eax, 1
;;  12  jmp +0x30
;;  17  mov dword ptr [rbp], edi
;;  1a  add edi, -1
;;  1d  call +0x0
;;  22  mov esi, eax
;;  24  mov edi, dword ptr [rbp]
;;  27  add rbp, 0x20
;;  2b  jmp +0x40
;;  30  add rbp, 0x20
;;  34  ret

;; A result that arithmetic goes on with until a local is set is made in that local's home at once,
;; unless something on the way still reads what is there.
;; flags: --cpu=x86-64-v3
;; show: chain crossed read_on_the_way pending choose_constant choose_update
;; run: chain 3 5 => 1610612736
;; run: crossed 7 9 => 458759
;; run: read_on_the_way 6 3 => 23
;; run: pending 6 3 => 66
;; run: choose_constant 5 0 => 1
;; run: choose_constant 0 0 => 0
;; run: choose_update 3 100 => 10
;; run: choose_update 0 7 => 7
(module
  (func $chain (export "chain") (param $x i32) (param $y i32) (result i32)
    (loop $again
      (local.set $x
        (i32.rotl (i32.xor (local.get $x) (local.get $y)) (i32.const 28)))
      (br_if $again (i32.lt_u (local.get $x) (i32.const 256))))
    local.get $x)
  (func $crossed (export "crossed") (param $x i32) (param $y i32) (result i32) (local $n i32)
    ;; $n ← (x << 16 | x) ^ 0: two operands of which one is a local that stays
    (local.set $n
      (i32.or (i32.shl (local.get $x) (i32.const 16)) (local.get $x)))
    (loop $again
      (local.set $y
        (i32.sub (i32.xor (local.get $y) (i32.const 1)) (i32.const 1)))
      (br_if $again (i32.gt_u (local.get $y) (i32.const 6))))
    local.get $n)
  (func $read_on_the_way (export "read_on_the_way") (param $x i32) (param $y i32) (result i32)
    ;; the local that is set is read again before that: its old value must still be there
    (loop $again
      (local.set $x
        (i32.add (i32.mul (i32.xor (local.get $y) (i32.const 1)) (i32.const 1))
                 (i32.shr_u (local.get $x) (i32.const 0))))
      (local.set $x (i32.xor (i32.and (i32.xor (local.get $x) (local.get $y)) (i32.const 255))
                             (i32.mul (local.get $x) (i32.const 0))))
      (local.set $x (i32.add (i32.shl (local.get $x) (i32.const 0)) (local.get $x)))
      (local.set $x (i32.sub (i32.xor (local.get $y) (i32.const 1)) (local.get $x)))
      (local.set $y (i32.sub (local.get $y) (i32.const 1)))
      (br_if $again (i32.gt_u (local.get $y) (i32.const 100))))
    (local.set $x (i32.sub (i32.xor (local.get $y) (i32.const 1)) (local.get $x)))
    local.get $x)
  (func $pending (export "pending") (param $x i32) (param $y i32) (result i32)
    ;; a read that waits on the operand stack keeps the old value
    local.get $x
    (loop $once
      (local.set $y (i32.add (local.get $y) (i32.const 1))))
    local.get $x
    (local.set $x (i32.rotl (i32.xor (local.get $x) (i32.const 5)) (i32.const 4)))
    i32.add
    local.get $x
    i32.add
    local.get $y
    i32.add
    i32.const 2
    i32.add)
  (func $choose_constant (export "choose_constant") (param $x i32) (param $y i32) (result i32)
    (local.set $y (select (local.get $x) (i32.const 1) (i32.lt_u (local.get $x) (i32.const 1))))
    (i32.add (local.get $y) (i32.mul (local.get $x) (i32.const 0))))
  (func $choose_update (export "choose_update") (param $n i32) (param $x i32) (result i32)
    (loop $again
      (local.set $x (select (local.get $x) (i32.const 10) (i32.eqz (local.get $n))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))
    local.get $x))

;; code chain
;;   0  xor edi, esi
;;   2  rol edi, 0x1c
;;   5  cmp edi, 0x100
;;   b  jb 0
;;   d  mov eax, edi
;;   f  ret

;; code crossed
;;   0  mov eax, edi
;;   2  shl eax, 0x10
;;   5  or eax, edi
;;   7  mov edi, eax
;;   9  nop dword ptr [rax]
;;  10  xor esi, 1
;;  13  add esi, -1
;;  16  cmp esi, 6
;;  19  ja +0x10
;;  1b  mov eax, edi
;;  1d  ret

;; code read_on_the_way
;;   0  mov eax, esi
;;   2  xor eax, 1
;;   5  imul eax, eax, 1
;;   8  add edi, eax
;;   a  mov eax, edi
;;   c  xor eax, esi
;;   e  and eax, 0xff
;;  14  imul edi, edi, 0
;;  17  xor eax, edi
;;  19  mov edi, eax
;;  1b  add edi, edi
;;  1d  mov eax, esi
;;  1f  xor eax, 1
;;  22  sub eax, edi
;;  24  mov edi, eax
;;  26  add esi, -1
;;  29  cmp esi, 0x64
;;  2c  ja +0x0
;;  2e  xor esi, 1
;;  31  sub esi, edi
;;  33  mov eax, esi
;;  35  ret

;; code pending
;;   0  mov dword ptr [rbp - 0x20], edi
;;   3  nop word ptr [rax + rax]
;;   c  nop dword ptr [rax]
;;  10  add esi, 1
;;  13  mov r8d, edi
;;  16  xor r8d, 5
;;  1a  rol r8d, 4
;;  1e  add edi, dword ptr [rbp - 0x20]
;;  21  add edi, r8d
;;  24  add esi, edi
;;  26  lea eax, [rsi + 2]
;;  29  ret

;; code choose_constant
;;   0  cmp edi, 1
;;   3  mov esi, 1
;;   8  cmovb esi, edi
;;   b  imul edi, edi, 0
;;   e  add esi, edi
;;  10  mov eax, esi
;;  12  ret

;; code choose_update
;;   0  test edi, edi
;;   2  mov eax, 0xa
;;   7  cmovne esi, eax
;;   a  add edi, -1
;;   d  test edi, edi
;;   f  jg +0x0
;;  11  mov eax, esi
;;  13  ret

;; Vectors: where 16 bytes lie, loads that must read all of them, patterns of shuffles, counts of shifts.
;; flags: --cpu=x86-64-v3
;; least: x86-64-v2
;; show: axpy pair
;; run: spilled 3 => 1956
;; run: many 1 => 4951
;; run: mixed => 765
;; run: swapped => 4294967298
;; run: through 5 => 66
;; run: through 0 => 38
;; run: arms 0 => 1
;; run: arms 1 => 2
;; run: arms 2 => 4
;; run: arms 9 => 4
;; run: half 65520 => 0
;; run: half 65521 => trap: out of bounds memory access
;; run: lost 65521 => trap: out of bounds memory access
;; run: lost 65520 => 9
;; run: lane_end 65535 => 7
;; run: lane_end 65536 => trap: out of bounds memory access
;; run: global => 30
;; run: unset => 0
;; run: windows => 67372044
;; run: unpacked => 336336410
;; run: shifts 9 => 1
;; run: shifts 65 => 1
;; run: chosen 1 => 11
;; run: chosen 0 => 134678021
(module
  (type $pair (func (param v128 v128) (result v128 v128)))
  (memory 1 1)
  (data (i32.const 32) "\01\02\03\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f\10")
  (global $g (mut v128) (v128.const i32x4 1 2 3 4))
  (table funcref (elem $pair))
  (func $axpy (export "axpy") (param $x i32) (param $y i32) (param $a f32)
    (v128.store (local.get $y)
      (f32x4.add (v128.load (local.get $y))
        (f32x4.mul (f32x4.splat (local.get $a)) (v128.load (local.get $x))))))
  (func $pair (type $pair)
    (local.get 1) (local.get 0))
  (func $sum (param v128) (result i32)
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get 0)) (i32x4.extract_lane 1 (local.get 0)))
      (i32.add (i32x4.extract_lane 2 (local.get 0)) (i32x4.extract_lane 3 (local.get 0)))))
  ;; More live at a call than there are registers, and on the operand stack below it.
  (func $spilled (export "spilled") (param i32) (result i32)
    (local v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128)
    (local.set 1 (i32x4.splat (local.get 0)))
    (local.set 2 (i32x4.add (local.get 1) (local.get 1)))
    (local.set 3 (i32x4.add (local.get 2) (local.get 1)))
    (local.set 4 (i32x4.add (local.get 3) (local.get 1)))
    (local.set 5 (i32x4.add (local.get 4) (local.get 1)))
    (local.set 6 (i32x4.add (local.get 5) (local.get 1)))
    (local.set 7 (i32x4.add (local.get 6) (local.get 1)))
    (local.set 8 (i32x4.add (local.get 7) (local.get 1)))
    (local.set 9 (i32x4.add (local.get 8) (local.get 1)))
    (local.set 10 (i32x4.add (local.get 9) (local.get 1)))
    (local.set 11 (i32x4.add (local.get 10) (local.get 1)))
    (local.set 12 (i32x4.add (local.get 11) (local.get 1)))
    (local.set 13 (i32x4.add (local.get 12) (local.get 1)))
    (local.set 14 (i32x4.add (local.get 13) (local.get 1)))
    (local.set 15 (i32x4.add (local.get 14) (local.get 1)))
    (local.set 16 (i32x4.add (local.get 15) (local.get 1)))
    (local.set 17 (i32x4.add (local.get 16) (local.get 1)))
    (call $sum
      (i32x4.add (i32x4.mul (local.get 1) (local.get 2))
        (i32x4.splat (i32.add (call $sum (local.get 17)) (call $sum (local.get 16))))))
    (call $sum
      (i32x4.add (i32x4.add (local.get 15) (local.get 1))
        (i32x4.add (i32x4.add (local.get 2) (local.get 3)) (local.get 4))))
    (i32.add))
  ;; Ten vectors: two of them in the caller's frame.
  (func $ten (param v128 v128 v128 v128 v128 v128 v128 v128 v128 v128) (result i32)
    (i32.add
      (i32x4.extract_lane 3 (local.get 8))
      (i32.mul (i32.const 50) (i32x4.extract_lane 1 (i32x4.sub (local.get 9) (local.get 0))))))
  (func $many (export "many") (param i32) (result i32)
    (call $ten
      (i32x4.splat (local.get 0)) (v128.const i64x2 0 0) (v128.const i64x2 1 1) (v128.const i64x2 2 2)
      (v128.const i64x2 3 3) (v128.const i64x2 4 4) (v128.const i64x2 5 5) (v128.const i64x2 6 6)
      (v128.const i32x4 0 0 0 1) (v128.const i32x4 0 100 0 0)))
  ;; Integers and vectors side by side in the caller's frame: results, too.
  (func $interleaved
    (param i32 i32 i32 i32 i32 i32 i32) (param v128 v128 v128 v128 v128 v128 v128 v128 v128) (param i64)
    (result i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 v128 v128 v128 i64)
    (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)
    (i32.add (local.get 6) (i32.const 1))
    (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11) (local.get 12) (local.get 13)
    (local.get 14)
    (i64x2.add (local.get 15) (v128.const i64x2 1 2))
    (i64.add (local.get 16) (i64.const 3)))
  (func $mixed (export "mixed") (result i64) (local i64 v128 i32)
    (call $interleaved
      (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 700)
      (v128.const i64x2 1 1) (v128.const i64x2 2 2) (v128.const i64x2 3 3) (v128.const i64x2 4 4)
      (v128.const i64x2 5 5) (v128.const i64x2 6 6) (v128.const i64x2 7 7) (v128.const i64x2 8 8)
      (v128.const i64x2 10 20) (i64.const 28))
    (local.set 0)
    (local.set 1)
    (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop)
    (local.set 0 (i64.add (local.get 0) (i64.add (i64x2.extract_lane 0 (local.get 1)) (i64x2.extract_lane 1 (local.get 1)))))
    (local.set 2)
    (local.set 0 (i64.add (local.get 0) (i64.extend_i32_u (local.get 2))))
    (drop) (drop) (drop) (drop) (drop) (drop)
    (local.get 0))
  ;; Through a table, two results that change places.
  (func $swapped (export "swapped") (result i64) (local v128)
    (call_indirect (type $pair) (v128.const i64x2 0 0x100000002) (v128.const i64x2 1 7) (i32.const 0))
    (local.set 0)
    (drop)
    (i64x2.extract_lane 1 (local.get 0)))
  ;; Parameters and results of blocks, and a branch with values out of the middle.
  (func $through (export "through") (param i32) (result i32)
    (v128.const i32x4 9 9 9 9)
    (i32x4.splat (local.get 0))
    (v128.const i32x4 1 2 3 4)
    (block (param v128 v128) (result v128 v128)
      (br_if 0 (local.get 0))
      (drop)
      (drop)
      (v128.const i32x4 0 0 0 0)
      (v128.const i32x4 0 1 0 1))
    (i32x4.add)
    (i32x4.add)
    (call $sum))
  (func $arms (export "arms") (param i32) (result i32)
    (block $a (result v128)
      (block $b (result v128)
        (block $c (result v128)
          (v128.const i32x4 0 1 2 4)
          (br_table $a $b $c (local.get 0)))
        (return (i32x4.extract_lane 3)))
      (return (i32x4.extract_lane 2)))
    (i32x4.extract_lane 1))
  ;; The widening needs eight bytes; the load reads sixteen.
  (func $half (export "half") (param i32) (result i32)
    (i16x8.extract_lane_s 0 (i16x8.extend_low_i8x16_s (v128.load (local.get 0)))))
  ;; The shuffle needs one operand; the other one is loaded nevertheless.
  (func $lost (export "lost") (param i32) (result i32)
    (i8x16.extract_lane_u 3
      (i8x16.shuffle 16 17 18 18 20 21 22 23 24 25 26 27 28 29 30 31
        (v128.load (local.get 0)) (v128.const i8x16 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22))))
  ;; A lane is as wide as its access.
  (func $lane_end (export "lane_end") (param i32) (result i32)
    (v128.store8_lane 5 (local.get 0) (v128.const i8x16 0 1 2 3 4 7 6 7 8 9 10 11 12 13 14 15))
    (i8x16.extract_lane_u 9 (v128.load8_lane 9 (local.get 0) (v128.const i64x2 0 0))))
  (func $global (export "global") (result i32)
    (global.set $g (i32x4.add (global.get $g) (v128.const i32x4 5 5 5 5)))
    (call $sum (global.get $g)))
  (func $unset (export "unset") (result i32) (local v128)
    (drop (call $sum (v128.const i32x4 1 1 1 1)))
    (call $sum (local.get 0)))
  ;; palignr; the constants are no operands of a folding compiler.
  (func $windows (export "windows") (result i32)
    (i32x4.extract_lane 0
      (i8x16.shuffle 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21
        (v128.load (i32.const 32)) (v128.load (i32.const 32))))
    (i32x4.extract_lane 3
      (i8x16.shuffle 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29
        (v128.load (i32.const 32)) (v128.load (i32.const 32))))
    (i32.xor))
  (func $unpacked (export "unpacked") (result i32)
    (i32x4.extract_lane 1
      (i8x16.shuffle 16 17 0 1 18 19 2 3 20 21 4 5 22 23 6 7
        (v128.load (i32.const 32)) (v128.const i8x16 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36)))
    (i32x4.extract_lane 2
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
        (v128.load (i32.const 32)) (v128.const i64x2 0 0)))
    (i32.xor))
  ;; Counts are taken modulo the width, known or not.
  (func $shifts (export "shifts") (param i32) (result i32)
    (v128.load (i32.const 32))
    (local.get 0)
    (i8x16.shl)
    (i8x16.eq (i8x16.shl (v128.load (i32.const 32)) (i32.const 9)))
    (i8x16.all_true)
    (i8x16.eq
      (i8x16.shr_s (v128.const i64x2 0x8081828384858687 0x7f7e7d7c7b7a7978) (local.get 0))
      (i8x16.shr_s (v128.const i64x2 0x8081828384858687 0x7f7e7d7c7b7a7978) (i32.const 1)))
    (i8x16.all_true)
    (i32.and)
    (i64x2.eq
      (i64x2.shr_s (v128.const i64x2 -8 8) (i32.and (local.get 0) (i32.const 65)))
      (v128.const i64x2 -4 4))
    (v128.any_true)
    (i32.and))
  (func $chosen (export "chosen") (param i32) (result i32)
    (i32x4.extract_lane 1
      (select (v128.const i32x4 1 11 1 1) (v128.load offset=16 (i32.const 16)) (local.get 0)))))

;; code axpy
;;   0  movaps xmm3, xmm0
;;   3  pshufd xmm3, xmm3, 0
;;   8  vmulps xmm3, xmm3, xmmword ptr [r15 + rdi]
;;   e  vaddps xmm3, xmm3, xmmword ptr [r15 + rsi]
;;  14  movups xmmword ptr [r15 + rsi], xmm3
;;  19  ret

;; code pair
;;   0  movaps xmm3, xmm0
;;   3  movaps xmm4, xmm1
;;   6  movups xmmword ptr [rbp - 0x20], xmm4
;;   a  movups xmmword ptr [rbp - 0x10], xmm3
;;   e  movups xmm0, xmmword ptr [rbp - 0x20]
;;  12  movups xmm1, xmmword ptr [rbp - 0x10]
;;  16  ret

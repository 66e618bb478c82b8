;; Relaxed vectors do what the deterministic profile says: sums of products are rounded twice, dot products are of signed
;; bytes and saturate, out of range is as in the operation without `relaxed`.
;; The assembler still calls the dot products by the name without `relaxed`.
;; enable: relaxed-simd
;; least: x86-64-v2
;; flags: --cpu=x86-64-v3
;; show: madd nmadd dot dot_add
;; run: rounded_twice => 0
;; run: negated 3 4 5 => -7
;; run: saturates => 32767
;; run: signed => -256
;; run: sums => 504
;; run: out_of_range => 0
;; run: too_large => 2147483647
;; run: select_bits => 255
(module
  (func $madd (export "madd") (param v128 v128 v128) (result v128)
    local.get 0
    local.get 1
    local.get 2
    f32x4.relaxed_madd)
  (func $nmadd (export "nmadd") (param v128 v128 v128) (result v128)
    local.get 0
    local.get 1
    local.get 2
    f64x2.relaxed_nmadd)
  (func $dot (export "dot") (param v128 v128) (result v128)
    local.get 0
    local.get 1
    i16x8.dot_i8x16_i7x16_s)
  (func $dot_add (export "dot_add") (param v128 v128 v128) (result v128)
    local.get 0
    local.get 1
    local.get 2
    i32x4.dot_i8x16_i7x16_add_s)
  ;; (1 + 2^-23)^2 - (1 + 2^-22): 0 if the product is rounded, 2^-46 if not
  (func (export "rounded_twice") (result i32)
    i32.const 0x3f800001
    i32x4.splat
    i32.const 0x3f800001
    i32x4.splat
    i32.const 0xbf800002
    i32x4.splat
    call $madd
    i32x4.extract_lane 3)
  (func (export "negated") (param f64 f64 f64) (result f64)
    local.get 0
    f64x2.splat
    local.get 1
    f64x2.splat
    local.get 2
    f64x2.splat
    call $nmadd
    f64x2.extract_lane 1)
  (func (export "saturates") (result i32)
    i32.const -128
    i8x16.splat
    i32.const -128
    i8x16.splat
    call $dot
    i16x8.extract_lane_s 5)
  (func (export "signed") (result i32)
    i32.const 1
    i8x16.splat
    i32.const -128
    i8x16.splat
    call $dot
    i16x8.extract_lane_s 7)
  (func (export "sums") (result i32)
    i32.const 1
    i8x16.splat
    i32.const 1
    i8x16.splat
    i32.const 500
    i32x4.splat
    call $dot_add
    i32x4.extract_lane 2)
  (func (export "out_of_range") (result i32)
    i32.const 7
    i8x16.splat
    i32.const 16
    i8x16.splat
    i8x16.relaxed_swizzle
    i8x16.extract_lane_u 9)
  (func (export "too_large") (result i32)
    f32.const 1e30
    f32x4.splat
    i32x4.relaxed_trunc_f32x4_s
    i32x4.extract_lane 1)
  (func (export "select_bits") (result i32)
    i32.const 15
    i8x16.splat
    i32.const 0xf0
    i8x16.splat
    i32.const 0x0f
    i8x16.splat
    i8x16.relaxed_laneselect
    i8x16.extract_lane_u 0))

;; code madd
;;   0  movaps xmm3, xmm0
;;   3  movaps xmm4, xmm1
;;   6  movaps xmm5, xmm2
;;   9  vmulps xmm3, xmm3, xmm4
;;   d  vaddps xmm3, xmm3, xmm5
;;  11  movaps xmm0, xmm3
;;  14  ret

;; code nmadd
;;   0  movaps xmm3, xmm0
;;   3  movaps xmm4, xmm1
;;   6  movaps xmm5, xmm2
;;   9  xorps xmm3, xmmword ptr [rip + rodata]
;;  10  vmulpd xmm3, xmm3, xmm4
;;  14  vaddpd xmm3, xmm3, xmm5
;;  18  movaps xmm0, xmm3
;;  1b  ret

;; code dot
;;   0  movaps xmm3, xmm0
;;   3  movaps xmm4, xmm1
;;   6  movups xmmword ptr [rbp - 0x10], xmm4
;;   a  pmovsxbw xmm0, xmm3
;;   f  pmovsxbw xmm1, qword ptr [rbp - 0x10]
;;  15  pmaddwd xmm0, xmm1
;;  19  pshufd xmm3, xmm3, 0xee
;;  1e  pmovsxbw xmm3, xmm3
;;  23  pmovsxbw xmm1, qword ptr [rbp - 8]
;;  29  pmaddwd xmm3, xmm1
;;  2d  packssdw xmm0, xmm3
;;  31  movaps xmm3, xmm0
;;  34  movaps xmm0, xmm3
;;  37  ret

;; code dot_add
;;   0  movaps xmm3, xmm0
;;   3  movaps xmm4, xmm1
;;   6  movaps xmm5, xmm2
;;   9  movups xmmword ptr [rbp - 0x10], xmm5
;;   d  movups xmmword ptr [rbp - 0x20], xmm4
;;  11  pmovsxbw xmm0, xmm3
;;  16  pmovsxbw xmm1, qword ptr [rbp - 0x20]
;;  1c  pmaddwd xmm0, xmm1
;;  20  pshufd xmm3, xmm3, 0xee
;;  25  pmovsxbw xmm3, xmm3
;;  2a  pmovsxbw xmm1, qword ptr [rbp - 0x18]
;;  30  pmaddwd xmm3, xmm1
;;  34  packssdw xmm0, xmm3
;;  38  movaps xmm3, xmm0
;;  3b  pmaddwd xmm3, xmmword ptr [rip + rodata]
;;  43  paddd xmm3, xmmword ptr [rbp - 0x10]
;;  48  movaps xmm0, xmm3
;;  4b  ret

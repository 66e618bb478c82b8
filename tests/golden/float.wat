;; Floats: NaN, signed zero, rounding, and what fits an integer and what does not.
;; flags: --cpu=x86-64-v2
;; show: least magnitude from_u64 to_i32
;; run: least 0 -0 => -0
;; run: least -0 0 => -0
;; run: least nan 1 => nan:0x8000000000000
;; run: least 1 2 => 1
;; run: most 0 -0 => 0
;; run: most -0 -0 => -0
;; run: magnitude -3.5 => 3.5
;; run: signed 3 -0 => -3
;; run: from_u64 9007199791611905 => 9007199791611904
;; run: from_u64 18446744073709551615 => 1.8446744073709552e+19
;; run: to_f32 16777217 => 16777216
;; run: to_f32 9007199791611905 => 9.0072e+15
;; run: to_i32 -2147483648.9 => -2147483648
;; run: to_i32 2147483648 => trap: integer overflow
;; run: to_i32 nan => trap: invalid conversion to integer
;; run: to_u32 -0.9 => 0
;; run: to_u32 4294967295.9 => -1
;; run: to_u32 -1 => trap: integer overflow
;; run: to_i64 -9223372036854775808 => -9223372036854775808
;; run: to_i64 9223372036854775808 => trap: integer overflow
;; run: to_u64 18446744073709549568 => -2048
;; run: to_u64 18446744073709551616 => trap: integer overflow
;; run: sat_i32 nan => 0
;; run: sat_i32 1e10 => 2147483647
;; run: sat_i32 -1e10 => -2147483648
;; run: sat_u64 -5 => 0
;; run: sat_u64 1e30 => -1
;; run: nearest 2.5 => 2
;; run: nearest -0.5 => -0
;; run: ceiling -0.7 => -0
;; run: floored -0.3 => -1
;; run: cut -1.9 => -1
;; run: cut 1e300 => 1e+300
(module
  (func $least (export "least") (param f64 f64) (result f64) local.get 0 local.get 1 f64.min)
  (func $most (export "most") (param f32 f32) (result f32) local.get 0 local.get 1 f32.max)
  (func $magnitude (export "magnitude") (param f64) (result f64) local.get 0 f64.abs)
  (func $signed (export "signed") (param f64 f64) (result f64) local.get 0 local.get 1 f64.copysign)
  (func $from_u64 (export "from_u64") (param i64) (result f64) local.get 0 f64.convert_i64_u)
  (func $to_f32 (export "to_f32") (param i64) (result f32) local.get 0 f32.convert_i64_s)
  (func $to_i32 (export "to_i32") (param f64) (result i32) local.get 0 i32.trunc_f64_s)
  (func $to_u32 (export "to_u32") (param f64) (result i32) local.get 0 i32.trunc_f64_u)
  (func $to_i64 (export "to_i64") (param f64) (result i64) local.get 0 i64.trunc_f64_s)
  (func $to_u64 (export "to_u64") (param f64) (result i64) local.get 0 i64.trunc_f64_u)
  (func $sat_i32 (export "sat_i32") (param f64) (result i32) local.get 0 i32.trunc_sat_f64_s)
  (func $sat_u64 (export "sat_u64") (param f64) (result i64) local.get 0 i64.trunc_sat_f64_u)
  (func $nearest (export "nearest") (param f32) (result f32) local.get 0 f32.nearest)
  (func $ceiling (export "ceiling") (param f64) (result f64) local.get 0 f64.ceil)
  (func $floored (export "floored") (param f32) (result f32) local.get 0 f32.floor)
  (func $cut (export "cut") (param f64) (result f64) local.get 0 f64.trunc))

;; code least
;;   0  movaps xmm3, xmm0
;;   3  movaps xmm4, xmm1
;;   6  ucomisd xmm3, xmm4
;;   a  je +0x18
;;  10  minsd xmm3, xmm4
;;  14  movaps xmm0, xmm3
;;  17  ret
;;  18  jp +0x22
;;  1a  orps xmm3, xmm4
;;  1d  jmp +0x14
;;  22  addsd xmm3, xmm4
;;  26  jmp +0x14

;; code magnitude
;;   0  movaps xmm3, xmm0
;;   3  andps xmm3, xmmword ptr [rip + rodata]
;;   a  movaps xmm0, xmm3
;;   d  ret

;; code from_u64
;;   0  xorps xmm0, xmm0
;;   3  test rdi, rdi
;;   6  js +0xf
;;   8  cvtsi2sd xmm0, rdi
;;   d  jmp +0x24
;;   f  mov eax, edi
;;  11  shr rdi, 1
;;  15  and eax, 1
;;  18  or rdi, rax
;;  1b  cvtsi2sd xmm0, rdi
;;  20  addsd xmm0, xmm0
;;  24  ret

;; code to_i32
;;   0  movaps xmm3, xmm0
;;   3  cvttsd2si eax, xmm3
;;   7  cmp eax, 1
;;   a  jo +0x11
;;  10  ret
;;  11  ucomisd xmm3, qword ptr [rip + rodata]
;;  19  jbe +0x2a
;;  1b  ucomisd xmm3, qword ptr [rip + rodata]
;;  23  ja +0x2a
;;  25  jmp +0x10
;;  2a  ucomisd xmm3, xmm3
;;  2e  jnp +0x32
;;  30  ud2
;;  32  ud2

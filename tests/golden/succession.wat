;; A value of a local that takes the register of the one before, which is read for the last time on the way.
;; flags: --cpu=x86-64-v3
;; show: difference
;; run: difference 5 3 2 => 13
(module
  ;; the result is made in the second operand's register, which is where it is wanted
  (func $difference (export "difference") (param f64 f64 f64) (result f64) (local f64)
    (local.set 3 (f64.mul (local.get 2) (f64.const 1)))
    (local.set 3 (f64.sub (f64.mul (local.get 0) (local.get 1)) (local.get 3)))
    (f64.mul (local.get 3) (f64.div (local.get 3) (local.get 3)))))

;; code difference
;;   0  movaps xmm3, xmm2
;;   3  movaps xmm4, xmm0
;;   6  movaps xmm5, xmm1
;;   9  mulsd xmm3, qword ptr [rip + rodata]
;;  11  mulsd xmm4, xmm5
;;  15  vsubsd xmm3, xmm4, xmm3
;;  19  vdivsd xmm0, xmm3, xmm3
;;  1d  mulsd xmm0, xmm3
;;  21  ret
